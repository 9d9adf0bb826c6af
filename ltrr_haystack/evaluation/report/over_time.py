"""Sections that follow the log: what people get, what it costs, what is remembered."""

import math
from collections.abc import Hashable
from itertools import pairwise

from ltrr_haystack.evaluation.report.blocks import Block, curve
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.values import (
    CurveChart,
    Grid,
    ReportFigure,
    Section,
    decimal,
    mean_of,
    percent,
    share_of,
)


def learning(reading: Reading) -> Section:
    """
    The learning curve.

    :param reading: The sums over the log.
    :returns: The section.
    """
    blocks = reading.blocks.blocks()
    charts = (
        CurveChart(
            "Click rate: searches with at least one click",
            (curve("click rate", blocks, lambda block: share_of(block["clicked"], block.searches)),),
        ),
        CurveChart(
            "Reward per search",
            (curve("reward", blocks, lambda block: mean_of(block["reward"], block["reward²"], block.searches)),),
            percent=False,
        ),
        CurveChart(
            "Reward less the cost of the arms, per search",
            (curve("reward less cost", blocks, lambda block: mean_of(block["net"], block["net²"], block.searches)),),
            percent=False,
        ),
        CurveChart(
            "How far the policy is let loose",
            (
                curve("held back by the safe start", blocks, lambda block: _share(block, "safe start")),
                curve("prefers the baseline", blocks, lambda block: share_of(block["agreed"], block["preferring"])),
            ),
        ),
    )
    return Section(
        "learning",
        "Do people click more as the search learns?",
        "Each point is a block of searches in the order of the log, the shade its 95 % interval.",
        charts,
        (_thirds(reading),),
        more="Each point is a block of searches in the order of the log, the shade its 95 % interval. A search counts "
        "as clicked if anything earned a reward above 0. A rise may also come from easier queries: the off-policy "
        "estimates below compare policies on the same queries.",
    )


def savings(reading: Reading) -> Section:
    """
    Candidates and arm calls saved against the baseline.

    :param reading: The sums over the log.
    :returns: The section.
    """
    blocks = reading.blocks.blocks()
    chart = CurveChart(
        "Saved against the baseline",
        (
            curve("candidates", blocks, lambda block: saved(block, "candidates")),
            curve("arm calls", blocks, lambda block: saved(block, "calls")),
        ),
    )
    total = reading.blocks.total()
    rows = tuple(
        (
            name,
            decimal(total[key] / total.searches if total.searches else float("nan"), 2),
            decimal(total[f"baseline {key}"] / total.searches if total.searches else float("nan"), 2),
            against_baseline(saved(total, key).value),
        )
        for name, key in (("candidates", "candidates"), ("arm calls", "calls"))
    )
    return Section(
        "savings",
        "How much work does it save?",
        "Candidates and arm calls that were not asked for, where the baseline would have.",
        (chart,),
        (Grid("Per search", ("", "asked for", "baseline", "difference"), rows),),
        more="Candidates are the depths that the arms were asked for, the baseline's are those of the pipeline as it "
        "is without learning. Below 0, more was asked for than the baseline would have.",
    )


def memory(reading: Reading) -> Section:
    """
    How much of what is searched for is remembered.

    :param reading: The sums over the log.
    :returns: The section.
    """
    blocks = reading.blocks.blocks()
    curves = [curve("query remembered", blocks, lambda block: _share(block, "remembered"))]
    if reading.blocks.total()["memory asked"]:
        curves.append(
            curve(
                "memory brought candidates",
                blocks,
                lambda block: share_of(block["memory found"], block["memory asked"]),
            )
        )
    return Section(
        "memory",
        "How much of what people search for is remembered?",
        "The share of the searches for a query that had been learned from before.",
        (CurveChart("Memory coverage", tuple(curves)),),
        more="The share of the searches whose query key had been learned from before they were decided; and, where an "
        "arm of the kind memory was asked, the share in which it brought anything.",
    )


def saved(block: Block, key: str) -> ReportFigure:
    """
    The share saved against the baseline.

    :param block: Sums over some searches.
    :param key: `candidates` or `calls`.
    :returns: The share, without an interval: it is counted, not estimated.
    """
    baseline = block[f"baseline {key}"]
    return ReportFigure(1 - block[key] / baseline if baseline else float("nan"))


def against_baseline(saving: float) -> str:
    """
    Write a share saved, or what is asked for beyond the baseline, in words.

    :param saving: The share saved; negative where more was asked for.
    :returns: Such as `31 % fewer`; a dash for what is not known.
    """
    if not math.isfinite(saving):
        return "–"
    return f"{percent(abs(saving), 0).replace('%', ' %')} {'more' if saving < 0 else 'fewer'}"


def _share(block: Block, key: Hashable) -> ReportFigure:
    return share_of(block[key], block.searches)


def _thirds(reading: Reading) -> Grid:
    rows = []
    for name, block in zip(("first third", "second third", "last third"), _in_three(reading), strict=False):
        clicked = share_of(block["clicked"], block.searches)
        reward = mean_of(block["reward"], block["reward²"], block.searches)
        rows.append((name, f"{block.searches:,}", _with_interval(clicked, share=True), _with_interval(reward)))
    return Grid("By thirds of the log", ("", "searches", "click rate", "reward per search"), tuple(rows))


def _in_three(reading: Reading) -> list[Block]:
    blocks = reading.blocks.blocks()
    if len(blocks) < 3:
        return blocks
    cuts = [round(len(blocks) * third / 3) for third in range(4)]
    thirds = []
    for start, end in pairwise(cuts):
        third = Block(blocks[start].first, blocks[start].last, blocks[start].until, dict(blocks[start].sums))
        for block in blocks[start + 1 : end]:
            third.add(block)
        thirds.append(third)
    return thirds


def _with_interval(estimate: ReportFigure, *, share: bool = False) -> str:
    write = percent if share else decimal
    if estimate.low is None or estimate.high is None:
        return write(estimate.value)
    return f"{write(estimate.value)} ({write(estimate.low)} to {write(estimate.high)})"
