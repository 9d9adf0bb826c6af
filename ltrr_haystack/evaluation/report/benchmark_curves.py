"""The curves of a benchmark, as sections of its report."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ltrr_haystack.evaluation.replay.figures import NDCG, Figures
from ltrr_haystack.evaluation.replay.fixed import ARM, ORACLE, RRF_EQUAL, RRF_FULL
from ltrr_haystack.evaluation.replay.statistics import Interval
from ltrr_haystack.evaluation.replay.variants import OURS
from ltrr_haystack.evaluation.report.values import (
    Bin,
    Curve,
    CurveChart,
    Grid,
    GroupChart,
    Point,
    ReliabilityChart,
    ReportFigure,
    Section,
    decimal,
    percent,
    share_of,
)

Curves = Mapping[str, Any]
"""What `curves` gives."""

MOST_KINDS = 8
EVERY_KIND = "all"


def quality(figures: Figures, drawn: Curves) -> Section:
    """
    How good pages were while people searched.

    :param figures: The benchmark's figures.
    :param drawn: Its curves.
    :returns: The section.
    """
    learning, settings = figures.replay.learning, figures.replay.settings
    text = (
        "While people searched, exploration included; each point is a window of the stream, mean over all seeds. The "
        "same people meet every system, so what all curves have in common comes from the queries of a window, and "
        f"the difference to {RRF_FULL} shows the learning."
    )
    if settings.drift:
        text += " Half way other queries become popular."
    if settings.late_documents:
        text += f" {settings.late_documents:.0%} of the documents come half way."
    return Section(
        "quality",
        "Quality over impressions",
        text,
        (
            _chart(
                f"nDCG@10 of {OURS} and of systems that learn nothing",
                drawn,
                {name: of[NDCG] for name, of in drawn["quality"].items() if name in _landmarks(figures)},
                percent=False,
            ),
            _chart(f"nDCG@10 less {RRF_FULL}", drawn, _of(drawn["gain"], learning), percent=False),
            _chart(
                "Regret: nDCG@10 lost against the oracle, summed up",
                drawn,
                _of(drawn["regret"], [*learning, RRF_FULL]),
                percent=False,
            ),
        ),
    )


def seen_and_held_out(figures: Figures) -> Section:
    """
    What the systems, frozen at the end, make of queries that they had met, of the same in other words, and of others.

    :param figures: The benchmark's figures.
    :returns: The section.
    """
    splits = {"seen": "seen", "paraphrased": "paraphrased", "held out": "heldout"}
    rows = {name: [row for row in figures.rows if row.split == split] for name, split in splits.items()}
    return Section(
        "held-out",
        "Held-out against seen",
        "Frozen at the end: queries that people had typed, the same queries misspelt, reordered or inflected, and "
        "queries that nobody had typed. What is held out are different queries, some harder than others; so compare "
        f"systems on the same queries, or each with {RRF_FULL}. Bars are 95 % intervals; those of a difference are "
        "paired, and narrower.",
        (
            GroupChart(
                "nDCG@10",
                {name: {row.system: _estimate(row.means[NDCG]) for row in of} for name, of in rows.items()},
            ),
            GroupChart(
                f"nDCG@10 less {RRF_FULL}",
                {
                    name: {row.system: _estimate(row.against_full.difference) for row in of if row.system != RRF_FULL}
                    for name, of in rows.items()
                },
            ),
            GroupChart(
                f"nDCG@10 of the judged documents alone, less {RRF_FULL}",
                {
                    name: {
                        row.system: _estimate(row.judged_against_full.difference)
                        for row in of
                        if row.system != RRF_FULL
                    }
                    for name, of in rows.items()
                },
            ),
        ),
    )


def saved(figures: Figures, drawn: Curves) -> Section:
    """
    Candidates and arm calls saved against fusion at full depth.

    :param figures: The benchmark's figures.
    :param drawn: Its curves.
    :returns: The section.
    """
    learning = figures.replay.learning
    return Section(
        "saved",
        "Candidates saved",
        f"Share of {RRF_FULL}'s candidates and arm calls that were not asked for. Below 0, more was asked for: memory "
        "arms come on top.",
        (
            _chart("Candidates saved", drawn, _of(drawn["candidates_saved"], learning)),
            _chart("Arm calls saved", drawn, _of(drawn["arm_calls_saved"], learning)),
        ),
    )


def arm_shares(figures: Figures, drawn: Curves) -> Section:
    """
    Which arms run for which kind of query.

    :param figures: The benchmark's figures.
    :param drawn: Its curves.
    :returns: The section.
    """
    shares = drawn["arm_shares"]
    parts = figures.replay.parts[OURS]
    counted = Counter(kind for part in parts for kind in part.splits["stream"].kinds)
    kinds = [kind for kind, _ in counted.most_common(MOST_KINDS)]
    text = f"The share of the searches in which each arm of {OURS} ran, at whatever depth."
    if len(counted) > len(kinds):
        text += f" The {len(kinds)} most frequent of {len(counted)} kinds of query."
    charts = [_chart(f"{OURS}, all queries", drawn, shares[OURS][EVERY_KIND])]
    charts += [_chart(f"{OURS}, queries of the kind {kind}", drawn, shares[OURS][kind]) for kind in kinds]
    charts += [
        _chart(f"{system}, all queries", drawn, shares[system][EVERY_KIND])
        for system in figures.replay.compared
        if system != OURS
    ]
    return Section("arms", "Arm shares by kind of query", text, tuple(charts))


def reliability(drawn: Curves) -> Section:
    """
    Whether allocations were played as often as they were said to be.

    :param drawn: The benchmark's curves.
    :returns: The section.
    """
    bins = {system: _bins(of) for system, of in drawn["reliability"].items()}
    chosen = {system: of for system, of in bins.items() if any(one.predicted < 1 for one in of)}
    columns = ("logged", "played", "95 % interval", "z", "searches")
    text = (
        "How likely the allocation that the policy preferred was by the logged distribution, against how often it was "
        "played. Points belong on the diagonal; off-policy estimates are right only if they are there."
    )
    certain = [system for system in bins if system not in chosen]
    if certain:
        text += f" Nothing is left to chance in {', '.join(certain)}."
    return Section(
        "reliability",
        "Reliability of propensities",
        text,
        tuple(ReliabilityChart(system, of, unit="searches") for system, of in chosen.items()),
        tuple(
            Grid(f"{system}: figures", columns, tuple(map(_cells, of)), folded=True) for system, of in chosen.items()
        ),
    )


def safe_start(drawn: Curves) -> tuple[CurveChart, ...]:
    """
    How long the safe start held systems back.

    :param drawn: The benchmark's curves.
    :returns: A chart of those that were held back at all; none if there were none.
    """
    held_back = {system: of for system, of in drawn["safe_start"].items() if any(of)}
    return (_chart("Searches held back by the safe start", drawn, held_back),) if held_back else ()


def _landmarks(figures: Figures) -> set[str]:
    means = {row.system: row.means[NDCG].mean for row in figures.rows if row.split == "stream"}
    best = max((system for system in means if system.startswith(ARM)), key=lambda system: means[system])
    return {OURS, RRF_FULL, RRF_EQUAL, best, ORACLE}


def _of(by_system: Mapping[str, Sequence[float]], systems: Iterable[str]) -> dict[str, Sequence[float]]:
    return {system: by_system[system] for system in systems}


def _chart(
    title: str, drawn: Curves, lines: Mapping[str, Sequence[float | None]], *, percent: bool = True
) -> CurveChart:
    """A system looks alike in all charts."""
    ends: list[int] = drawn["x"]
    systems = {system: place for place, system in enumerate(drawn["quality"])}
    looks = systems if lines.keys() <= systems.keys() else {}
    windows = list(pairwise([0, *ends]))
    return CurveChart(
        title,
        tuple(
            Curve(
                name,
                tuple(
                    Point(start + 1, end, None, ReportFigure(value))
                    for (start, end), value in zip(windows, values, strict=True)
                    if value is not None
                ),
                looks.get(name),
            )
            for name, values in lines.items()
        ),
        percent=percent,
    )


def _estimate(interval: Interval) -> ReportFigure:
    return ReportFigure(interval.mean, interval.low, interval.high)


def _bins(bins: Iterable[Mapping[str, float]]) -> tuple[Bin, ...]:
    return tuple(
        Bin(
            count=int(one["searches"]),
            predicted=one["probability"],
            observed=share_of(one["observed"] * one["searches"], one["searches"]),
            z=one["z"],
        )
        for one in bins
    )


def _cells(one: Bin) -> tuple[str, ...]:
    low, high = one.observed.low or 0.0, one.observed.high or 0.0
    interval = f"{percent(low)} to {percent(high)}"
    return percent(one.predicted), percent(one.observed.value), interval, decimal(one.z, 1), f"{one.count:,}"
