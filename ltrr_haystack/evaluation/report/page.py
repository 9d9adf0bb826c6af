"""
A report as one HTML file that needs nothing else, and no script.

The page's own policy (`Content-Security-Policy`) lets it load nothing and run nothing: whatever came from the log could
not run even if it were not escaped. On a narrow screen all sections but the first ones are folded.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from ltrr_haystack.evaluation.report.markup import contents
from ltrr_haystack.evaluation.report.svg import element, text
from ltrr_haystack.evaluation.report.values import ReportPage, Section

UNFOLDED = 2
"""Sections that are open on a narrow screen, too."""


def render(page: ReportPage) -> str:
    """
    Write a report as HTML.

    :param page: The report.
    :returns: The whole file.
    """
    tiles = [
        element("div", element("span", text(name)), element("b", text(value)), class_="tile")
        for name, value in page.tiles.items()
    ]
    links = [element("a", text(section.title), href=f"#{section.key}") for section in page.sections]
    style = charts_style()
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(style)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="robots" content="noindex">',
            element("title", text(page.title)),
            f"<style>{style}</style>",
            "</head>",
            '<body class="report">',
            "<main>",
            element("h1", text(page.title)),
            *([_verdict(page)] if page.verdict else []),
            element("p", text(page.subtitle), class_="dim"),
            element("div", *tiles, class_="tiles"),
            element("nav", *links, aria_label="Sections"),
            *(_section(section, unfolded=place < UNFOLDED) for place, section in enumerate(page.sections)),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


@cache
def charts_style() -> str:
    """
    Read the style of sections and charts, which the dashboard is served with, too.

    :returns: CSS.
    """
    return files("ltrr_haystack").joinpath("server", "pages", "static", "charts.css").read_text(encoding="utf-8")


def _verdict(page: ReportPage) -> str:
    following = element("p", element("b", "What to do next: "), text(page.following)) if page.following else ""
    return element("div", element("p", text(page.verdict), class_="said"), following, class_="verdict")


def _policy(style: str) -> str:
    allowed = b64encode(sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"


def _section(section: Section, *, unfolded: bool) -> str:
    summary = element("summary", element("h2", text(section.title)))
    details = element("details", summary, contents(section), open="" if unfolded else None, class_="fold")
    return element("section", details, id=section.key)
