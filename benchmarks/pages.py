"""
What the pages of the server cost: their weight, their first paint, a search from the page beside the API's, and how
long it takes by mouse alone from a demo's start to the first search that has visibly learned.

Weights are those of all files that a first visit loads, as they are and as gzip would send them. First paint is
Chromium's own timing on this machine with an empty cache. Searches of page and API take turns, for the same queries;
both are timed from the request to the end of the response, the page's by Chromium.

    python benchmarks/pages.py --home .ltrr --json pages.json

With `--home`, the catalogue that is embedded there is used, and its store. Without it everything is made anew.
"""

import argparse
import gzip
import json
import statistics
import time
from pathlib import Path
from typing import Any

import httpx
from demo_browser import Demo, chromium, new_page, started_demo, wait_until
from playwright.sync_api import Browser, Page, Request
from rich.console import Console
from rich.table import Table

PAGES = {"search": "/", "learning": "/learning"}
VISITS = 10
SEARCHES = 100
LONGEST_WAIT = 180.0
FILES = ("text/html", "text/css", "text/javascript", "image/svg+xml")

FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
LAST_SEARCH = (
    "performance.getEntriesByType('resource').filter((each) => each.name.endsWith('/search/run')).at(-1)?.duration"
)

FETCH = """async (body) => {
  const headers = {"Content-Type": "application/json"};
  await (await fetch("/search/run", {method: "POST", headers, body: JSON.stringify(body)})).arrayBuffer();
}"""


def weigh(browser: Browser, url: str) -> dict[str, int]:
    """
    Weigh what a first visit loads.

    :param browser: The browser.
    :param url: The page.
    :returns: Bytes as they are (`bytes`) and compressed (`gzip`), and how many files there are.
    """
    bodies: list[bytes] = []

    def keep(request: Request) -> None:
        response = request.response()
        if response is not None and response.headers.get("content-type", "").partition(";")[0] in FILES:
            bodies.append(response.body())

    with new_page(browser) as page:
        page.on("requestfinished", keep)
        page.goto(url, wait_until="networkidle")
    return {
        "files": len(bodies),
        "bytes": sum(map(len, bodies)),
        "gzip": sum(len(gzip.compress(body, 6)) for body in bodies),
    }


def first_paint(browser: Browser, url: str) -> float:
    """
    Time the first paint of something.

    :param browser: The browser.
    :param url: The page.
    :returns: Milliseconds, the median of ten first visits.
    """
    times = []
    for _ in range(VISITS):
        with new_page(browser) as page:
            page.goto(url)
            times.append(float(wait_until(page, FIRST_PAINT)))
    return statistics.median(times)


def until_it_has_learned(browser: Browser, demo: Demo) -> dict[str, Any]:
    """
    Search, like the third result, and search again until it stands higher; with the mouse alone.

    :param browser: The browser.
    :param demo: The demo.
    :returns: Seconds from the demo's readiness to the page on which the result stands higher, and its places.
    """
    with new_page(browser) as page:
        page.goto(demo.url)
        page.locator("#examples button").first.click()
        liked = page.locator("li.result").nth(2)
        liked.wait_for()
        document = liked.get_attribute("data-id")
        liked.get_by_role("button", name="Like: ").click()
        liked.get_by_role("button", name="Liked: ").wait_for()
        until = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < until:
            search_again(page)
            shown = [each.get_attribute("data-id") for each in page.locator("li.result").all()]
            place = shown.index(document) + 1 if document in shown else None
            if place is not None and place < 3:
                return {"seconds": time.monotonic() - demo.ready_at, "was": 3, "is": place}
            time.sleep(0.5)
    return {"seconds": None, "was": 3, "is": None}


def search_again(page: Page) -> None:
    """
    Press the button that searches again, and wait for the page.

    :param page: The search page.
    """
    with page.expect_response("**/search/run") as answered:
        page.get_by_role("button", name="Search again").click()
    answered.value.finished()
    page.wait_for_selector("#results:not([aria-busy]) li.result")


def compare_searches(browser: Browser, url: str) -> dict[str, float]:
    """
    Time searches from the page, typed and sent with Enter, beside those of the API.

    :param browser: The browser.
    :param url: The demo.
    :returns: Median milliseconds of the page, of a bare `fetch` in the same browser, of the API, and of the API with an
        explanation, as the page asks for.
    """
    times: dict[str, list[float]] = {"page": [], "fetch": [], "api": [], "api_explained": []}
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as api, new_page(browser) as page:
        queries = api.get("/search/suggestions").json()["suggestions"]
        page.goto(url, wait_until="networkidle")
        for number in range(SEARCHES):
            query = queries[number % len(queries)]
            page.evaluate("performance.clearResourceTimings()")
            page.locator("#query").fill(query)
            # The page is done when it has said what it shows; nothing of it is under way beside the API's searches.
            with page.expect_response("**/feedback/run") as reported:
                page.locator("#query").press("Enter")
            reported.value.finished()
            times["page"].append(float(wait_until(page, LAST_SEARCH)))
            page.evaluate("performance.clearResourceTimings()")
            page.evaluate(FETCH, {"query": query, "explain": True, "user_id": f"visitor-{number}"})
            times["fetch"].append(float(wait_until(page, LAST_SEARCH)))
            for name, explain in (("api", False), ("api_explained", True)):
                began = time.perf_counter()
                body = {"query": query, "explain": explain, "user_id": f"visitor-{number}"}
                api.post("/search/run", json=body).raise_for_status()
                times[name].append(1000 * (time.perf_counter() - began))
    return {name: statistics.median(each) for name, each in times.items()}


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="home folder of the demo, with its embedded catalogue")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with started_demo(options.home) as demo, chromium() as browser:
        figures["learned"] = until_it_has_learned(browser, demo)
        for name, path in PAGES.items():
            figures[name] = weigh(browser, demo.url + path) | {"first_paint_ms": first_paint(browser, demo.url + path)}
        figures["search_ms"] = compare_searches(browser, demo.url)
    table = Table("what", "figure")
    for name in PAGES:
        page = figures[name]
        table.add_row(
            f"{name}: weight",
            f"{page['bytes'] / 1000:.1f} kB in {page['files']} files, {page['gzip'] / 1000:.1f} kB gzip",
        )
        table.add_row(f"{name}: first contentful paint", f"{page['first_paint_ms']:.0f} ms")
    learned = figures["learned"]
    seconds = "not within the time" if learned["seconds"] is None else f"{learned['seconds']:.1f} s"
    table.add_row(
        "from the demo's readiness to the first learned search", f"{seconds} (place {learned['was']} → {learned['is']})"
    )
    for name, label in (
        ("page", "page"),
        ("fetch", "bare fetch in Chromium"),
        ("api", "API"),
        ("api_explained", "API with explain"),
    ):
        table.add_row(f"search, {label}: median of {SEARCHES}", f"{figures['search_ms'][name]:.1f} ms")
    Console().print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
