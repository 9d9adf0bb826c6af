import pytest
from plotly.graph_objects import Figure

from ltrr_haystack.evaluation.report.charts import COLOURS, figure
from ltrr_haystack.evaluation.report.values import (
    Bin,
    Curve,
    CurveChart,
    Estimate,
    IntervalChart,
    Point,
    ReliabilityChart,
    share_of,
)


def curve_of(name, *values, interval=0.1):
    return Curve(
        name,
        tuple(
            Point(10 * place + 1, 10 * place + 10, 1.7e9, Estimate(value, value - interval, value + interval))
            for place, value in enumerate(values)
        ),
    )


CHARTS = [
    CurveChart("one", (curve_of("a", 0.2, 0.4),)),
    CurveChart("many", tuple(curve_of(f"arm{n}", 0.1, -0.3) for n in range(10)), percent=False),
    CurveChart("nothing", ()),
    ReliabilityChart("levels", (Bin(10, 0.2, share_of(3, 10), 0.8),)),
    IntervalChart("policies", {"as it was": Estimate(0.5, 0.4, 0.6), "baseline": Estimate(0.3)}),
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
    intervals = figure(IntervalChart("i", {hostile: Estimate(0.5)}))

    escaped = '&lt;a href="https://example.org"&gt;x&lt;/a&gt;'
    assert curves["data"][0]["name"] == escaped
    assert intervals["data"][0]["y"] == [escaped]
