"""The section on the page model: how far people look, and what a place of the model's order is worth."""

import math

from ltrr_haystack.errors import LTRRError
from ltrr_haystack.evaluation.report.values import (
    Curve,
    CurveChart,
    Finding,
    Grid,
    Point,
    ReportFigure,
    Section,
    decimal,
    moment,
    percent,
)
from ltrr_haystack.feedback.examination import PRIOR, ExaminationCurve
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import DEFAULT_LOOKS, PlacePrior
from ltrr_haystack.store import PAGE, LTRRStore

FIRST_PLACES = 10
"""Places of the model's order whose click rates are listed."""

LITTLE_KNOWN = 0.5
"""The log says little of a position where more of the prior's uncertainty than this is left."""

_Z = 1.959964


def looks(store: LTRRStore) -> Section:
    """
    What the active page model says.

    :param store: The store with the snapshots.
    :returns: The section.
    """
    try:
        snapshot = store.snapshot(PAGE)
        model = PageModel() if snapshot is None else PageModel.from_bytes(snapshot.payload)
    except LTRRError as error:
        return _section(findings=(Finding("bad", "The active page model cannot be read", str(error)),))
    if snapshot is None:
        return _section(findings=(_nothing_learned(model),))
    made = f"page model {snapshot.version}, made {moment(snapshot.created_at)} UTC"
    facts = Grid(
        "",
        ("", ""),
        (
            ("learned by", made),
            ("looks that it was learned from", f"{model.looks:,.0f}"),
            ("a document's place in the model's order is worth", _worth(model.ordering)),
            ("steepness η of the curve, ± standard deviation", f"{model.curve.eta:.2f} ± {model.curve.deviation:.2f}"),
        ),
    )
    if not model.curve.learned:
        return _section(grids=(facts, _click_rates(model)), findings=(_no_curve(model.curve),))
    return _section(
        (_chart(model.curve),), (facts, _positions(model.curve), _click_rates(model)), (_certainty(model.curve),)
    )


def _section(
    charts: tuple[CurveChart, ...] = (), grids: tuple[Grid, ...] = (), findings: tuple[Finding, ...] = ()
) -> Section:
    return Section(
        "looks",
        "How far do people look?",
        "How likely each position of the page is examined, relative to the first one.",
        charts,
        grids,
        findings,
        more="How likely a position of the page is examined, relative to the first one. It is learned from documents "
        "that were shown at different positions for the same query, and tells how much it counts against a document "
        "that it was passed over: less below a document that was clicked, since many people stop there. What a "
        "document is worth before anything was seen of it for a query is the click rate of its place in the ranking "
        "model's order; it counts like so many looks. After as many looks of its own, a document is placed half by "
        "that rate and half by what was seen.",
    )


def _nothing_learned(default: PageModel) -> Finding:
    return Finding(
        "watch",
        "Nothing was learned yet",
        f"There is no page model. Until there is one, position k is taken to be examined with probability "
        f"1 / k^{default.curve.eta:g}, give or take {default.curve.deviation:g} in the exponent, and a place of the "
        f"model's order to be worth {default.ordering.looks:g} looks. A server learns both when it trains its ranker.",
    )


def _no_curve(curve: ExaminationCurve) -> Finding:
    return Finding(
        "watch",
        "No curve was learned yet",
        "Too few documents were shown at different positions for the same query. Position k is taken to be examined "
        f"with probability 1 / k^{curve.eta:g}, give or take {curve.deviation:g} in the exponent.",
    )


def _certainty(curve: ExaminationCurve) -> Finding:
    last = len(curve.learned)
    doubtful = [k for k in range(2, last + 1) if _left(curve, k) > LITTLE_KNOWN]
    beyond = f"Beyond position {last} the curve goes on like 1 / position^{curve.eta:.2f}."
    if not doubtful:
        return Finding("good", f"The log tells how positions 2 to {last} are examined", beyond)
    return Finding(
        "watch",
        f"Uncertain at {_listed(doubtful)}",
        f"More than {percent(LITTLE_KNOWN, 0)} of the uncertainty that there was before the log was read is left "
        f"there: too few documents were seen both there and elsewhere. {beyond}",
    )


def _left(curve: ExaminationCurve, position: int) -> float:
    """How much of the prior's uncertainty, in logarithms, is left at a position."""
    before = PRIOR.deviation * math.log(position)
    return curve.deviations[position - 1] / curve.learned[position - 1] / before


def _listed(positions: list[int]) -> str:
    """Positions as ranges: `position 2`, or `positions 2 and 6 to 10`."""
    ranges: list[list[int]] = []
    for position in positions:
        if ranges and ranges[-1][-1] == position - 1:
            ranges[-1].append(position)
        else:
            ranges.append([position])
    texts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in ranges]
    listed = " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]
    return f"position{'s' if len(positions) > 1 else ''} {listed}"


def _chart(curve: ExaminationCurve) -> CurveChart:
    points = tuple(Point(k, k, None, _estimate(curve, k)) for k in range(1, len(curve.learned) + 1))
    return CurveChart(
        "Examination of each position, relative to the first", (Curve("examined", points),), over="position"
    )


def _estimate(curve: ExaminationCurve, position: int) -> ReportFigure:
    """A probability with its interval, which is symmetric in logarithms, as the deviations were found."""
    value, deviation = curve.learned[position - 1], curve.deviations[position - 1]
    reach = math.exp(_Z * deviation / value)
    return ReportFigure(value, value / reach, max(value, min(1.0, value * reach)))


def _positions(curve: ExaminationCurve) -> Grid:
    rows = []
    for k, (value, deviation) in enumerate(zip(curve.learned, curve.deviations, strict=True), start=1):
        left = percent(_left(curve, k), 0) if k > 1 else "it is the unit"
        rows.append((str(k), decimal(value), decimal(deviation), left, *_by_clicks(curve, k)))
    columns: tuple[str, ...] = ("position", "examined", "standard deviation", "uncertainty left of the prior's")
    if curve.before_click:
        columns += ("nothing above it clicked", "something above it clicked")
    return Grid("Examination by position", columns, tuple(rows))


def _by_clicks(curve: ExaminationCurve, position: int) -> tuple[str, ...]:
    """How likely a position is examined before and after a click above it, where that was learned."""
    if not curve.before_click:
        return ()
    after = decimal(curve.after_click[position - 1]) if position > 1 else "–"
    return decimal(curve.before_click[position - 1]), after


def _click_rates(model: PageModel) -> Grid:
    places = range(1, FIRST_PLACES + 1)
    rates = zip(places, *[prior.expected(places).tolist() for prior in (model.ordering, model.calibrated)], strict=True)
    return Grid(
        "What is examined and was not seen before for the query, by its place in the model's order",
        (
            "place",
            "click rate by one law for all places, which orders pages",
            "as seen at this place: calibrated",
        ),
        tuple((str(place), percent(law), percent(seen)) for place, law, seen in rates),
    )


def _worth(prior: PlacePrior) -> str:
    text = f"{prior.looks:.1f} looks"
    if prior.looks == DEFAULT_LOOKS:
        return f"{text}, the default: too little was seen twice for the same query to tell"
    return text
