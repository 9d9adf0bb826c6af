"""Sections on the arms: when they run, and how they fare."""

from functools import partial

from ltrr_haystack.evaluation.report.blocks import Block, curve
from ltrr_haystack.evaluation.report.reading import ArmRuns, Reading
from ltrr_haystack.evaluation.report.values import CurveChart, Grid, ReportFigure, Section, decimal, percent

BLOCKS = 12
"""Query types are rarer than searches: their curves have fewer points."""


def arms(reading: Reading) -> Section:
    """
    Which arms run for which kind of query, and how they fare.

    :param reading: The sums over the log.
    :returns: The section.
    """
    blocks = reading.blocks.blocks(BLOCKS)
    total = reading.blocks.total()
    kinds = reading.query_types
    charts = tuple(
        CurveChart(
            f"{kind}: {total['type', kind]:,.0f} searches",
            tuple(curve(arm, blocks, partial(_ran, kind=kind, arm=arm)) for arm in reading.arms),
        )
        for kind in kinds
    )
    rows = tuple(
        (kind, f"{total['type', kind]:,.0f}", *(percent(_ran(total, kind, arm).value) for arm in reading.arms))
        for kind in kinds
    )
    return Section(
        "arms",
        "Which arms run for which kind of query?",
        "The share of the searches of each query type in which an arm ran, and how the arms fared.",
        charts,
        (
            Grid("Share of searches in which an arm ran", ("query type", "searches", *reading.arms), rows),
            Grid(
                "How the arms fared",
                ("arm", "asked", "failed", "empty", "mean depth", "mean returned", "mean ms"),
                tuple(_fared(arm, runs) for arm, runs in reading.arms.items()),
            ),
        ),
        more="The share of the searches of each query type in which an arm ran.",
    )


def _ran(block: Block, kind: str, arm: str) -> ReportFigure:
    searches = block["type", kind]
    return ReportFigure(block["ran", kind, arm] / searches if searches else float("nan"))


def _fared(arm: str, runs: ArmRuns) -> tuple[str, ...]:
    failed = sum(runs.failed.values())
    why = ", ".join(f"{reason} {count:,}" for reason, count in runs.failed.most_common(3))
    asked = runs.asked or float("nan")
    return (
        arm,
        f"{runs.asked:,}",
        f"{percent(failed / asked)} ({why})" if failed else "0",
        percent(runs.empty / asked),
        decimal(runs.depth / asked, 1),
        decimal(runs.returned / asked, 1),
        decimal(1000 * runs.seconds / asked, 1),
    )
