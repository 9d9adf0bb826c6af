"""A demo in a process of its own, and the browser that visits it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


@dataclass(frozen=True)
class Demo:
    """
    A demo that is ready.

    :param url: Its URL, without a slash at the end.
    :param ready_at: When it was ready, on the clock of `time.monotonic`.
    """

    url: str
    ready_at: float


@contextmanager
def started_demo(home: Path | None) -> Iterator[Demo]:
    """
    Start `ltrr demo` on a free port.

    :param home: Its home folder; a temporary one if left out, into which the catalogue is embedded first.
    """
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-c", "from ltrr_haystack.cli import app; app()", "demo", "--port", "0"]
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("LTRR_", "HAYHOOKS_"))}
        process = subprocess.Popen(  # noqa: S603 (our own command)
            [*command, "--home", str(home or temporary)], stdout=subprocess.PIPE, text=True, env=variables
        )
        assert process.stdout is not None
        try:
            told = (line.strip() for line in process.stdout)
            url = next((line.split()[0].rstrip("/") for line in told if line.startswith("http://")), None)
            if url is None:
                raise SystemExit("the demo did not start; it says why above")
            yield Demo(url, time.monotonic())
        finally:
            process.terminate()
            process.communicate(timeout=30)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("Chromium is needed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(browser: Browser, **context: Any) -> Iterator[Page]:
    """
    Open an empty page in a context of its own, whose cache is empty, too.

    :param browser: The browser.
    :param context: Options of `Browser.new_context`, beyond a desktop's.
    """
    opened = browser.new_context(**{**DESKTOP, "locale": "en-GB", **context})
    try:
        yield opened.new_page()
    finally:
        opened.close()


def wait_until(page: Page, expression: str, seconds: float = 30.0) -> Any:
    """
    Wait until an expression holds; the pages' policy lets none be evaluated by the page itself.

    :param page: The page.
    :param expression: JavaScript.
    :param seconds: How long at most.
    :returns: What it gives.
    """
    until = time.monotonic() + seconds
    while not (value := page.evaluate(expression)):
        if time.monotonic() > until:
            raise SystemExit(f"the page did not come to this within {seconds:g} s: {expression}")
        page.wait_for_timeout(25)
    return value
