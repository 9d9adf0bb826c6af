import pytest
from plotly.graph_objects import Figure

from ltrr_haystack.evaluation.report.charts import COLOURS, figure
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


def curve_of(name, *values, interval=0.1):
    return Curve(
        name,
        tuple(
            Point(10 * place + 1, 10 * place + 10, 1.7e9, ReportFigure(value, value - interval, value + interval))
            for place, value in enumerate(values)
        ),
    )


CHARTS = [
    CurveChart("one", (curve_of("a", 0.2, 0.4),)),
    CurveChart("many", tuple(curve_of(f"arm{n}", 0.1, -0.3) for n in range(10)), percent=False),
    CurveChart("nothing", ()),
    ReliabilityChart("levels", (Bin(10, 0.2, share_of(3, 10), 0.8),)),
    IntervalChart("policies", {"as it was": ReportFigure(0.5, 0.4, 0.6), "baseline": ReportFigure(0.3)}),
    GroupChart(
        "splits",
        {"seen": {"a": ReportFigure(0.5, 0.4, 0.7), "b": ReportFigure(0.3)}, "held out": {"a": ReportFigure(0.2)}},
    ),
    GroupChart("no splits", {}),
]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
def test_plotly_accepts_every_chart(chart):
    made = figure(chart)
    assert len(Figure(made).data) == len(made["data"])


def test_one_curve_has_a_band_around_it():
    low, high, line = figure(CHARTS[0])["data"]
    assert (low["y"], high["y"]) == ([pytest.approx(0.1), pytest.approx(0.3)], [pytest.approx(0.3), 0.5])
    assert (line["x"], line["y"]) == ([10, 20], [0.2, 0.4])
    assert line["text"][0] == "20.0% (10.0% to 30.0%)<br>searches 1 to 10<br>until 2023-11-14 22:13 UTC"


def test_a_curve_may_be_over_something_else_than_searches():
    points = tuple(Point(k, k, None, ReportFigure(1 / k)) for k in (1, 2))
    made = figure(CurveChart("looks", (Curve("examined", points),), over="position"))
    assert made["layout"]["xaxis"]["title"] == {"text": "position"}
    assert made["data"][-1]["text"] == ["100.0%<br>position 1", "50.0%<br>position 2"]


def test_many_curves_have_colours_and_dashes_of_their_own():
    lines = figure(CHARTS[1])["data"]
    looks = {(line["line"]["color"], line["line"]["dash"]) for line in lines}
    assert len(looks) == 10 > len(COLOURS)


def test_shares_start_at_zero_unless_one_lies_below():
    assert figure(CHARTS[0])["layout"]["yaxis"]["rangemode"] == "tozero"
    assert "rangemode" not in figure(CHARTS[1])["layout"]["yaxis"]


def test_points_of_reliability_have_their_intervals():
    _, points = figure(CHARTS[3])["data"]
    assert (points["x"], points["y"]) == ([0.2], [0.3])
    assert points["error_y"]["array"][0] == pytest.approx(share_of(3, 10).high - 0.3)
    assert points["error_y"]["arrayminus"][0] == pytest.approx(0.3 - share_of(3, 10).low)


def test_names_from_the_log_are_escaped():
    hostile = '<a href="https://example.org">x</a>'
    curves = figure(CurveChart("c", (curve_of(hostile, 0.2), curve_of("b", 0.2))))
    intervals = figure(IntervalChart("i", {hostile: ReportFigure(0.5)}))
    groups = figure(GroupChart("g", {hostile: {hostile: ReportFigure(0.5)}}))
    drawn = figure(ReliabilityChart("r", (Bin(10, 0.2, share_of(3, 10), 0.8),), unit=hostile))
    escaped = '&lt;a href="https://example.org"&gt;x&lt;/a&gt;'
    assert curves["data"][0]["name"] == escaped
    assert intervals["data"][0]["y"] == groups["data"][0]["y"] == [escaped]
    assert groups["data"][0]["name"] == drawn["data"][1]["name"] == escaped
    assert escaped in drawn["data"][1]["text"][0]


def test_groups_are_lines_of_their_own_with_intervals():
    seen, held_out = figure(CHARTS[5])["data"]
    assert (seen["name"], seen["x"], seen["y"]) == ("seen", [0.5, 0.3], ["a", "b"])
    assert seen["error_x"]["array"] == [pytest.approx(0.2), 0.0]
    assert seen["error_x"]["arrayminus"] == [pytest.approx(0.1), 0.0]
    assert seen["text"] == ["0.500 (0.400 to 0.700)", "0.300"]
    assert (held_out["x"], held_out["y"]) == ([0.2], ["a"])
    assert seen["marker"]["color"] != held_out["marker"]["color"]
    assert seen["marker"]["symbol"] != held_out["marker"]["symbol"]


def test_points_without_a_time_tell_none():
    curve = Curve("a", (Point(1, 10, None, ReportFigure(0.5)),))
    assert figure(CurveChart("c", (curve,)))["data"][-1]["text"] == ["50.0%<br>searches 1 to 10"]


def test_a_curve_may_say_how_it_looks():
    curves = (Curve("a", (), look=2), Curve("b", ()), Curve("c", (), look=9))
    first, second, third = figure(CurveChart("c", curves))["data"]
    assert [line["line"]["color"] for line in (first, second, third)] == [COLOURS[2], COLOURS[1], COLOURS[1]]
    assert [line["line"]["dash"] for line in (first, second, third)] == ["solid", "solid", "dash"]
