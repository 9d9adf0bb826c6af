import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

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


def test_every_section_and_chart_is_there():
    parsed = Parsed(render(a_page()))
    assert [attributes["id"] for attributes in parsed.tags("section")] == ["one", "two"]
    assert sum(attributes.get("class") == "plot" for attributes in parsed.tags("div")) == 2
    assert [attributes["aria-label"] for attributes in parsed.tags("svg")] == [
        "text: a curve over searches", "text: 1 figures with their intervals",
    ]  # fmt: skip
    assert [attributes["href"] for attributes in parsed.tags("a")] == ["#one", "#two"]
    assert "Wrong: text" in parsed.text
    assert "None." in parsed.text


def test_it_needs_nothing_from_elsewhere():
    html = render(a_page())
    parsed = Parsed(html)
    assert {tag for tag, _ in parsed.elements} & {"link", "img", "iframe", "object", "embed", "base", "form"} == set()
    assert [attributes for _, attributes in parsed.elements if "src" in attributes] == []
    assert all(attributes["href"].startswith("#") for _, attributes in parsed.elements if "href" in attributes)
    assert re.findall(r"https?://|url\(|@import", html) == []


def test_no_script_is_in_it_and_none_could_run():
    html = render(a_page(HOSTILE))
    parsed = Parsed(html)
    policy = next(a["content"] for a in parsed.tags("meta") if a.get("http-equiv") == "Content-Security-Policy")
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert parsed.scripts == []
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")
    assert b64encode(sha256(style.encode()).digest()).decode() in policy


def test_the_verdict_stands_before_everything_else():
    parsed = Parsed(render(replace(a_page(), verdict="It is worth it.", following="Go on <b>.")))
    told = [text for text in parsed.text if text.strip()]
    assert told[2:5] == ["It is worth it.", "What to do next: ", "Go on <b>."]


def test_only_the_first_sections_are_open_on_a_narrow_screen():
    page = ReportPage("t", "s", {}, tuple(Section(f"s{n}", "t", "") for n in range(4)))
    assert ["open" in attributes for attributes in Parsed(render(page)).tags("details")] == [True, True, False, False]


def test_hostile_text_stays_text():
    plain, hostile = Parsed(render(a_page())), Parsed(render(a_page(HOSTILE, HOSTILE)))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert [sorted(attributes) for _, attributes in hostile.elements] == [
        sorted(attributes) for _, attributes in plain.elements
    ]
    assert sum(HOSTILE in text for text in hostile.text) >= sum(text == "text" for text in plain.text)


def test_wide_tables_become_lists_on_a_narrow_screen():
    wide = ReportPage("t", "s", {}, (Section("a", "a", "", grids=(Grid("g", ("x",) * 5, (("1",) * 5,)),)),))
    narrow = ReportPage("t", "s", {}, (Section("a", "a", "", grids=(Grid("g", ("x",) * 4, (("1",) * 4,)),)),))
    assert "table wide" in {a.get("class") for a in Parsed(render(wide)).tags("div")}
    assert "table wide" not in {a.get("class") for a in Parsed(render(narrow)).tags("div")}


def test_columns_in_which_there_is_nothing_are_left_out():
    timed, bare = (Point(1, 10, until, ReportFigure(0.5)) for until in (1.7e9, None))

    def columns(*points):
        chart = CurveChart("c", (Curve("a", points),))
        elements = Parsed(render(ReportPage("t", "s", {}, (Section("a", "a", "", charts=(chart,)),))))
        return [attributes["data-label"] for attributes in elements.tags("td") if "data-label" in attributes]

    assert columns(timed) == ["searches", "until (UTC)", "figure"]
    assert columns(bare) == ["searches", "figure"]


def test_the_figures_of_a_chart_that_is_not_over_searches_say_what_it_is_over():
    chart = CurveChart("c", (Curve("a", (Point(3, 3, None, ReportFigure(0.5)),)),), over="position")
    elements = Parsed(render(ReportPage("t", "s", {}, (Section("a", "a", "", charts=(chart,)),))))
    labels = [attributes["data-label"] for attributes in elements.tags("td") if "data-label" in attributes]
    assert labels == ["position", "figure"]
    assert "3" in elements.text


def test_folded_tables_are_closed_and_tables_without_title_have_no_heading():
    folded, bare = Grid("folded", ("x",), (("1",),), folded=True), Grid("", ("x",), (("1",),))
    parsed = Parsed(render(ReportPage("t", "s", {}, (Section("a", "a", "", grids=(folded, bare)),))))
    assert [attributes for attributes in parsed.tags("details") if "class" not in attributes] == [{}]
    assert parsed.tags("h3") == []
    assert "folded" in parsed.text


def test_a_finding_may_have_a_word_of_its_own():
    found = Finding("bad", "title", "text", "Missed <b>")
    page = ReportPage("t", "s", {}, (Section("a", "a", "", findings=(found,)),))
    assert "Missed <b>: title" in Parsed(render(page)).text
