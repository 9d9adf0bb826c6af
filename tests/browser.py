"""The real browser: Debian's Chromium driven by Playwright, pages whose errors fail the test, and axe."""

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
SERIOUS = ("serious", "critical")


def find_chromium() -> str | None:
    """The path of the machine's Chromium; `None` if there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """
    Start Chromium, without its sandbox: it has none for root, and it sees our own pages alone.

    As long as it runs, this thread counts as one with a running event loop: no coroutine can be tested beside it.
    """
    path = find_chromium()
    if path is None:
        pytest.skip(f"needs Chromium, no {' or '.join(NAMES)} is on the PATH; install it: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """
    Opens pages in a context of its own, without cookies or stored keys of others, and notes what goes wrong in them.

    :param browser: The browser.
    """

    browser: Browser
    troubles: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)
    _expected: list[re.Pattern[str]] = field(default_factory=list)

    def page(self, *, phone: bool = False, dark: bool = False, **context: Any) -> Page:
        """
        Open an empty page in a context of its own.

        :param phone: Whether the screen is a phone's: 390 × 844, with touch.
        :param dark: Whether the visitor prefers dark pages.
        :param context: Further options of `Browser.new_context`.
        """
        look = {**(PHONE if phone else DESKTOP), "color_scheme": "dark" if dark else "light", "locale": "en-GB"}
        opened = self.browser.new_context(**{**look, **context})
        self._contexts.append(opened)
        opened.on("console", self._said)
        opened.on("weberror", lambda error: self.troubles.append(f"page error: {error.error}"))
        opened.on("dialog", self._asked)
        return opened.new_page()

    def expect(self, pattern: str) -> None:
        """Let console errors pass that have a match of this regular expression, such as `status of 401`."""
        self._expected.append(re.compile(pattern))

    def leave(self) -> None:
        """
        Close all pages.

        :raises AssertionError: If a page wrote errors to the console, among them violations of the
            Content-Security-Policy, failed, or opened a dialog.
        """
        for context in self._contexts:
            context.close()
        assert not self.troubles, "the pages had errors: " + "; ".join(self.troubles)

    def _said(self, message: ConsoleMessage) -> None:
        text = f"{message.text} ({message.location.get('url', '')})"
        if message.type == "error" and not any(each.search(text) for each in self._expected):
            self.troubles.append(f"console: {text}")

    def _asked(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()


def axe(page: Page, impacts: Iterable[str] = SERIOUS) -> list[str]:
    """
    Check a page's accessibility.

    :param page: The page, as it is now.
    :param impacts: Which findings count.
    :returns: The findings, each with its rule, its impact, what it is about and the elements; empty if all is well.
    """
    violations = Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: "
        + ", ".join(" ".join(map(str, node["target"])) for node in each["nodes"])
        for each in violations
        if each["impact"] in set(impacts)
    ]
