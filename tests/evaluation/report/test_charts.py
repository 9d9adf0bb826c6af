import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.evaluation.report.charts import draw
from ltrr_haystack.evaluation.report.values import (
    Bin,
    Curve,
    CurveChart,
    GroupChart,
    IntervalChart,
    Point,
    ReliabilityChart,
    ReportFigure,
    share_of,
)

HOSTILE = "</title></svg><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x00\x1b\ud800"


def curve_of(name, *values, look=None, interval=0.1):
    points = (
        Point(10 * place + 1, 10 * place + 10, 1.7e9, ReportFigure(value, value - interval, value + interval))
        for place, value in enumerate(values)
    )
    return Curve(name, tuple(points), look)


class Drawn:
    """A chart as an XML parser sees it."""

    def __init__(self, chart):
        self.root = ElementTree.fromstring(draw(chart))  # noqa: S314 (it is ours)
        self.svg = self.root.find("svg")

    def of(self, kind):
        return [each for each in self.svg.iter() if kind in each.get("class", "").split()]

    def texts(self, kind):
        return [each.text for each in self.of(kind)]

    @property
    def titles(self):
        return [each.text for each in self.svg.iter("title")]

    @property
    def legend(self):
        return [each.text for each in self.root.iter("span")]


def places(line):
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


class TestCurves:
    def test_lie_where_their_figures_are_with_a_band_around_a_single_one(self):
        """From 52 to 446 for searches 0 to 20, from 198 up to 12 for 0 % to 50 %."""
        drawn = Drawn(CurveChart("c", (curve_of("a", 0.2, 0.4),)))
        (line,), (band,) = drawn.of("line"), drawn.of("band")
        assert places(line) == [
            (249.0, pytest.approx(198 - 0.4 * 186, abs=0.06)),
            (446.0, pytest.approx(49.2, abs=0.06)),
        ]
        assert [round((198 - y) / 186 * 0.5, 2) for _, y in places(band)] == [0.3, 0.5, 0.3, 0.1]

    def test_say_at_each_point_what_it_is(self):
        drawn = Drawn(CurveChart("c", (curve_of("a", 0.2),)))
        assert drawn.titles == ["a: 20.0% (10.0% to 30.0%)\nsearches 1 to 10\nuntil 2023-11-14 22:13 UTC"]
        over = CurveChart("c", (Curve("a", (Point(3, 3, None, ReportFigure(0.5)),)),), over="position", percent=False)
        assert Drawn(over).titles == ["a: 0.500\nposition 3"]

    def test_differ_in_colour_dash_and_mark(self):
        curves = tuple(curve_of(f"arm{n}", 0.1 * n, 0.1) for n in range(16))
        lines = Drawn(CurveChart("c", curves)).of("line")
        assert len({line.get("class").replace(" under", "") for line in lines}) == 16

    def test_may_say_how_they_look(self):
        drawn = Drawn(CurveChart("c", (curve_of("a", 0.1, look=2), curve_of("b", 0.3))))
        assert [line.get("class") for line in drawn.of("line")] == ["line k2 d2", "line k1 d1"]

    def test_the_lower_one_of_two_that_coincide_is_broader_and_both_are_named(self):
        drawn = Drawn(CurveChart("c", (curve_of("a", 0.1, 0.2), curve_of("b", 0.1, 0.2), curve_of("c", 0.3, 0.4))))
        assert ["under" in line.get("class").split() for line in drawn.of("line")] == [True, False, False]
        assert drawn.legend == ["a (same as b)", "b (same as a)", "c"]

    def test_that_coincide_for_a_stretch_show_both_there(self):
        drawn = Drawn(CurveChart("c", (curve_of("a", 0.1, 0.2, 0.5), curve_of("b", 0.1, 0.2, 0.3))))
        assert ["under" in line.get("class").split() for line in drawn.of("line")] == [True, False]
        assert drawn.legend == ["a", "b"]

    def test_that_only_cross_are_as_broad_as_any(self):
        assert Drawn(CurveChart("c", (curve_of("a", 0.1, 0.2, 0.3), curve_of("b", 0.3, 0.2, 0.1)))).of("under") == []


class TestReliability:
    def test_points_have_their_intervals_and_the_diagonal(self):
        drawn = Drawn(ReliabilityChart("levels", (Bin(10, 0.2, share_of(3, 10), 0.8),)))
        (mark,), (whisker,), (_,) = drawn.of("mark"), drawn.of("whisker"), drawn.of("expected")
        assert (float(mark.get("cx")), float(mark.get("cy"))) == (130.8, 142.2)
        assert [float(whisker.get(end)) for end in ("y1", "y2")] == [
            pytest.approx(198 - 186 * end, abs=0.06) for end in (share_of(3, 10).low, share_of(3, 10).high)
        ]
        assert drawn.titles == ["10 levels: logged 20.00%, drawn 30.00%"]


class TestRows:
    def test_each_name_has_its_figure_and_interval(self):
        drawn = Drawn(IntervalChart("i", {"as it was": ReportFigure(0.5, 0.4, 0.6), "baseline": ReportFigure(0.3)}))
        assert drawn.texts("name") == ["as it was", "baseline"]
        assert (
            drawn.titles[1::2] == ["baseline", "baseline: 0.300"] or "as it was: 0.500 (0.400 to 0.600)" in drawn.titles
        )
        assert len(drawn.of("mark")) == 2
        assert len(drawn.of("whisker")) == 3

    def test_groups_differ_in_colour_and_mark_and_stand_in_the_legend(self):
        groups = {
            "seen": {"a": ReportFigure(0.5, 0.4, 0.7), "b": ReportFigure(0.3)},
            "held out": {"a": ReportFigure(0.2)},
        }
        drawn = Drawn(GroupChart("g", groups))
        assert drawn.legend == ["seen", "held out"]
        assert [(mark.tag, mark.get("class")) for mark in drawn.of("mark")] == [
            ("circle", "mark k0"), ("polygon", "mark k1"), ("circle", "mark k0"),
        ]  # fmt: skip
        assert "held out, a: 0.200" in drawn.titles

    def test_long_names_are_cut_and_whole_in_the_tooltip(self):
        drawn = Drawn(IntervalChart("i", {"x" * 100: ReportFigure(0.5)}))
        assert drawn.texts("name") == ["x" * 57 + "…"]
        assert drawn.titles[0] == "x" * 100


FIGURES = st.builds(ReportFigure, st.floats(), st.none() | st.floats(), st.none() | st.floats())
NAMES = st.text(max_size=20) | st.just(HOSTILE)
POINTS = st.builds(Point, st.integers(1, 10**6), st.integers(1, 10**6), st.none() | st.floats(), FIGURES)
CURVES = st.builds(Curve, NAMES, st.lists(POINTS, max_size=5).map(tuple), st.none() | st.integers(0, 40))
CHARTS = st.one_of(
    st.builds(CurveChart, NAMES, st.lists(CURVES, max_size=4).map(tuple), st.booleans(), NAMES),
    st.builds(
        ReliabilityChart,
        NAMES,
        st.lists(st.builds(Bin, st.integers(0, 99), st.floats(), FIGURES, st.floats()), max_size=4).map(tuple),
        NAMES,
    ),
    st.builds(IntervalChart, NAMES, st.dictionaries(NAMES, FIGURES, max_size=4)),
    st.builds(GroupChart, NAMES, st.dictionaries(NAMES, st.dictionaries(NAMES, FIGURES, max_size=3), max_size=3)),
)
ELEMENTS = {
    "figure", "svg", "line", "polyline", "polygon", "circle", "text", "title", "ul", "li", "span",
}  # fmt: skip


@given(CHARTS)
def test_whatever_the_figures_and_names_the_markup_holds(chart):
    drawn = Drawn(chart)
    assert {each.tag for each in drawn.root.iter()} <= ELEMENTS
    assert drawn.svg.get("role") == "img"
    assert drawn.svg.get("aria-label")
    numbers = [
        number
        for each in drawn.svg.iter()
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "points")
        for number in re.split("[ ,]", each.get(name, "0"))
        if number
    ]
    assert all(-20 <= float(number) <= 2000 for number in numbers)
