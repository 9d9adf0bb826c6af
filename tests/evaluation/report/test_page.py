import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from ltrr_haystack.errors import MissingExtraError
from ltrr_haystack.evaluation.report import page as module
from ltrr_haystack.evaluation.report import render
from ltrr_haystack.evaluation.report.values import (
    Curve,
    CurveChart,
    Finding,
    Grid,
    IntervalChart,
    Point,
    ReportFigure,
    ReportPage,
    Section,
)

HOSTILE = "</script></td><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Parsed(HTMLParser):
    """What a browser would see: elements with their attributes, scripts, and the text outside of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.scripts = []
        self.text = []
        self._within = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._within.append(tag)
            if tag == "script":
                self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        if self._within and tag == self._within[-1]:
            self._within.pop()

    def handle_data(self, data):
        if self._within[-1:] == ["script"]:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif not self._within:
            self.text.append(data)

    def tags(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


def a_page(text="text", chart="curve"):
    curve = Curve(chart, (Point(1, 10, 1.7e9, ReportFigure(0.5, 0.4, 0.6)),))
    section = Section(
        "one",
        text,
        text,
        charts=(CurveChart(text, (curve,)), IntervalChart(text, {chart: ReportFigure(0.1)})),
        grids=(Grid(text, (text, ""), ((text, text),)), Grid("empty", ("a",), ())),
        findings=(Finding("bad", text, text),),
    )
    return ReportPage(text, text, {text: text}, (section, Section("two", "two", "")))


@pytest.fixture
def small(monkeypatch):
    """Without Plotly's five megabytes."""
    monkeypatch.setattr(module, "plotly_script", lambda: "var Plotly = {};")


def test_every_section_and_chart_is_there(small):
    parsed = Parsed(render(a_page()))
    assert [attributes["id"] for attributes in parsed.tags("section")] == ["one", "two"]
    plots = [attributes["id"] for attributes in parsed.tags("div") if attributes.get("class") == "plot"]
    figures = json.loads(next(text for attributes, text in parsed.scripts if attributes.get("id") == "figures"))
    assert plots == list(figures) == ["chart-one-0", "chart-one-1"]
    assert [attributes["href"] for attributes in parsed.tags("a")] == ["#one", "#two"]
    assert "Wrong: text" in parsed.text
    assert "None." in parsed.text


def test_it_needs_nothing_from_elsewhere(small):
    html = render(a_page())
    parsed = Parsed(html)
    assert {tag for tag, _ in parsed.elements} & {"link", "img", "iframe", "object", "embed", "base", "form"} == set()
    assert [attributes for _, attributes in parsed.elements if "src" in attributes] == []
    assert all(attributes["href"].startswith("#") for _, attributes in parsed.elements if "href" in attributes)
    assert re.findall(r"https?://|url\(|@import", html) == []


def test_the_real_program_is_in_it_whole():
    parsed = Parsed(render(a_page()))
    program = parsed.scripts[1][1]
    assert len(program) > 1_000_000
    assert "newPlot" in program
    assert len(parsed.scripts) == 3


def test_no_script_runs_but_its_own_two(small):
    parsed = Parsed(render(a_page(HOSTILE)))
    policy = next(a["content"] for a in parsed.tags("meta") if a.get("http-equiv") == "Content-Security-Policy")
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    runs = [text for attributes, text in parsed.scripts if "type" not in attributes]
    assert {b64encode(sha256(text.encode()).digest()).decode() for text in runs} == allowed
    assert len(runs) == 2
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


def test_hostile_text_stays_text(small):
    plain, hostile = Parsed(render(a_page())), Parsed(render(a_page(HOSTILE, HOSTILE)))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert [sorted(attributes) for _, attributes in hostile.elements] == [
        sorted(attributes) for _, attributes in plain.elements
    ]
    assert sum(HOSTILE in text for text in hostile.text) == sum("text" in text for text in plain.text) + 1
    figures = hostile.scripts[0][1]
    assert "<" not in figures
    assert json.loads(figures)


def test_wide_tables_become_lists_on_a_narrow_screen(small):
    wide = ReportPage("t", "s", {}, (Section("a", "a", "", grids=(Grid("g", ("x",) * 5, (("1",) * 5,)),)),))
    narrow = ReportPage("t", "s", {}, (Section("a", "a", "", grids=(Grid("g", ("x",) * 4, (("1",) * 4,)),)),))
    assert "table wide" in {a.get("class") for a in Parsed(render(wide)).tags("div")}
    assert "table wide" not in {a.get("class") for a in Parsed(render(narrow)).tags("div")}


def test_columns_in_which_there_is_nothing_are_left_out(small):
    timed, bare = (Point(1, 10, until, ReportFigure(0.5)) for until in (1.7e9, None))

    def columns(*points):
        chart = CurveChart("c", (Curve("a", points),))
        elements = Parsed(render(ReportPage("t", "s", {}, (Section("a", "a", "", charts=(chart,)),))))
        return [attributes["data-label"] for attributes in elements.tags("td") if "data-label" in attributes]

    assert columns(timed) == ["searches", "until (UTC)", "figure"]
    assert columns(bare) == ["searches", "figure"]


def test_the_figures_of_a_chart_that_is_not_over_searches_say_what_it_is_over(small):
    chart = CurveChart("c", (Curve("a", (Point(3, 3, None, ReportFigure(0.5)),)),), over="position")
    elements = Parsed(render(ReportPage("t", "s", {}, (Section("a", "a", "", charts=(chart,)),))))
    labels = [attributes["data-label"] for attributes in elements.tags("td") if "data-label" in attributes]
    assert labels == ["position", "figure"]
    assert "3" in elements.text


def test_folded_tables_are_closed_and_tables_without_title_have_no_heading(small):
    folded, bare = Grid("folded", ("x",), (("1",),), folded=True), Grid("", ("x",), (("1",),))
    parsed = Parsed(render(ReportPage("t", "s", {}, (Section("a", "a", "", grids=(folded, bare)),))))
    assert parsed.tags("details") == [{}]
    assert parsed.tags("h3") == []
    assert "folded" in parsed.text


def test_a_finding_may_have_a_word_of_its_own(small):
    found = Finding("bad", "title", "text", "Missed <b>")
    page = ReportPage("t", "s", {}, (Section("a", "a", "", findings=(found,)),))
    assert "Missed <b>: title" in Parsed(render(page)).text


def test_without_plotly_it_says_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"ltrr-haystack\[evaluation\]"):
        render(a_page())
