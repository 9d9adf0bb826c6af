"""
Makes the images in docs/images: both pages on a desktop and on a phone, light and dark, from a demo after a tour; and
the tour's curve.

    python benchmarks/screenshots.py --home .ltrr --folder docs/images

Look at them before they are committed.
"""

import argparse
import io
import time
from pathlib import Path
from typing import Any

import httpx
from demo_browser import DESKTOP, PHONE, chromium, new_page, started_demo, wait_until
from PIL import Image
from playwright.sync_api import Browser, Page

LARGEST = 150_000
"""Bytes of one image."""

QUALITIES = (90, 80, 70, 60, 50)


def tour(url: str, seconds: float) -> str:
    """
    Let simulated people search, and wait until they have.

    :param url: The demo.
    :param seconds: How long.
    :returns: A query whose page has changed.
    """
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        client.post("/tour", json={"seconds": seconds}).raise_for_status()
        while (state := client.get("/tour").json())["running"]:
            time.sleep(1)
        if state["changed"] is None:
            raise SystemExit(f"the tour came to nothing: {state['message']}")
        return str(state["changed"]["query"])


def shoot(browser: Browser, url: str, query: str, folder: Path) -> list[Path]:
    """
    Take all images.

    :param browser: The browser.
    :param url: The demo.
    :param query: What is searched for.
    :param folder: Where they go.
    :returns: The files.
    """
    files = []
    for screen, look in (("desktop", DESKTOP), ("phone", PHONE)):
        for scheme in ("light", "dark"):
            for name, path in (("search", f"/?q={query}"), ("learning", "/learning")):
                context: dict[str, Any] = {**look, "color_scheme": scheme, "reduced_motion": "reduce"}
                with new_page(browser, **context) as page:
                    page.goto(url + path, wait_until="networkidle")
                    if name == "search":
                        # What a link asks for is not logged and shows no buttons.
                        page.get_by_role("button", name="Search again").click()
                        page.get_by_role("button", name="Like").first.wait_for()
                    settle(page)
                    files.append(save(page.screenshot(), folder / f"{name}-{screen}-{scheme}.webp"))
    for scheme in ("light", "dark"):
        with new_page(browser, color_scheme=scheme, reduced_motion="reduce") as page:
            page.goto(url, wait_until="networkidle")
            page.locator("#tour circle").first.wait_for()
            files.append(save(page.locator("#tour").screenshot(), folder / f"tour-{scheme}.webp"))
    return files


def settle(page: Page) -> None:
    """
    Wait until a page shows what it has to show.

    :param page: The page.
    """
    wait_until(page, "document.querySelector('main').innerText.trim().length > 200")
    page.evaluate("document.fonts.ready")


def save(png: bytes, file: Path) -> Path:
    """
    Save an image as WebP that is small enough.

    :param png: The image.
    :param file: Where it goes.
    :returns: The file.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in QUALITIES:
        image.save(file, "WEBP", quality=quality, method=6)
        if file.stat().st_size <= LARGEST:
            return file
    raise SystemExit(f"{file} has {file.stat().st_size:,} bytes; at most {LARGEST:,} are wanted")


def main() -> None:
    """Make the images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="home folder of the demo, with its embedded catalogue")
    parser.add_argument("--folder", type=Path, default=Path("docs/images"))
    parser.add_argument("--seconds", type=float, default=120.0, help="how long simulated people search first")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with started_demo(options.home) as demo, chromium() as browser:
        query = tour(demo.url, options.seconds)
        for file in shoot(browser, demo.url, query, options.folder):
            print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
