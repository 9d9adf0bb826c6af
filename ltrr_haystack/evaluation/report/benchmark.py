"""The report of a benchmark: whether the goals were met, the tables, the curves, and how it was measured."""

from collections.abc import Mapping
from pathlib import Path

from ltrr_haystack.evaluation.interchange.files import replacing
from ltrr_haystack.evaluation.replay.curves import curves
from ltrr_haystack.evaluation.replay.figures import ARM_CALLS, Figures
from ltrr_haystack.evaluation.replay.files import COLUMNS, NOTE, TITLES, result_cells
from ltrr_haystack.evaluation.replay.fixed import BEST_ARM, RRF_FULL, RRF_TUNED
from ltrr_haystack.evaluation.replay.goals import Goal, Verdict, goals, judged_on
from ltrr_haystack.evaluation.replay.outcomes import FROZEN, Split
from ltrr_haystack.evaluation.replay.variants import OURS
from ltrr_haystack.evaluation.report.benchmark_curves import arm_shares, quality, reliability, saved, seen_and_held_out
from ltrr_haystack.evaluation.report.benchmark_method import method, notes
from ltrr_haystack.evaluation.report.page import render
from ltrr_haystack.evaluation.report.values import Finding, Grid, ReportPage, Section, Severity

FROZEN_FIRST: tuple[Split, ...] = (*FROZEN, "stream")
SEVERITIES: Mapping[Verdict, Severity] = {"met": "good", "undecided": "watch", "missed": "bad"}


def benchmark_report(figures: Figures, out: Path) -> ReportPage:
    """
    Write the report of a benchmark as one HTML file, which needs nothing else to be read.

    ### Usage example

    ```python
    from pathlib import Path
    from ltrr_haystack.evaluation.datasets import load_beir
    from ltrr_haystack.evaluation.replay import Settings, benchmark
    from ltrr_haystack.evaluation.report.benchmark import benchmark_report

    figures = benchmark(
        load_beir("music"), Path("out"), pipelines=Path("pipelines"), home=Path(".ltrr"),
        settings=Settings(impressions=50, seeds=(0,)),
    )
    benchmark_report(figures, Path("out/report.html"))
    ```

    :param figures: The benchmark's figures.
    :param out: The file.
    :returns: What the report says, before it became a page.
    :raises ConfigurationError: If the file cannot be written.
    """
    page = benchmark_page(figures)
    with replacing(out) as file:
        file.write(render(page))
    return page


def benchmark_page(figures: Figures) -> ReportPage:
    """
    Say what there is to say of a benchmark.

    :param figures: The benchmark's figures.
    :returns: The report as plain values.
    """
    reached = goals(figures)
    drawn = curves(figures)
    settings = figures.replay.settings
    seeds = f"{len(settings.seeds)} seed{'s' if len(settings.seeds) > 1 else ''}"
    subtitle = f"{settings.impressions:,} searches of simulated people before each system, {seeds}. {_counted(reached)}"
    sections = (
        _goals(reached, judged_on(figures)),
        _results(figures),
        quality(figures, drawn),
        seen_and_held_out(figures),
        saved(figures, drawn),
        arm_shares(figures, drawn),
        reliability(drawn),
        method(figures),
        notes(figures, drawn),
    )
    return ReportPage(
        f"Benchmark: {figures.replay.precomputed.data.name}", subtitle, _tiles(figures, reached), sections
    )


def _tiles(figures: Figures, reached: list[Goal]) -> dict[str, str]:
    rows = {(row.system, row.split): row for row in figures.rows}
    gains = {split: rows[OURS, split].against_full.difference.mean for split in FROZEN}
    calls, of = (rows[system, "heldout"].means[ARM_CALLS].mean for system in (OURS, RRF_FULL))
    (candidates,) = (goal.figure for goal in reached if goal.interval is None)
    return {
        "goals met": f"{sum(goal.met for goal in reached)} of {len(reached)}",
        "nDCG@10 over rrf_full, seen": f"{gains['seen']:+.3f}",
        "nDCG@10 over rrf_full, paraphrased": f"{gains['paraphrased']:+.3f}",
        "nDCG@10 over rrf_full, held out": f"{gains['heldout']:+.3f}",
        "candidates against rrf_full, held out": f"{candidates:.0%}",
        "arm calls against rrf_full, held out": f"{calls / of:.0%}",
        "searches a second": f"{figures.impressions_per_s:.0f}",
    }


def _goals(reached: list[Goal], judged: str) -> Section:
    return Section(
        "goals",
        "Were the goals met?",
        f"{OURS}, frozen at the end, against {RRF_FULL}, reciprocal rank fusion of all arms at full depth, and against "
        f"what an engineer would choose who looks at the clicks: {RRF_TUNED}, with fitted weights, and {BEST_ARM}. "
        f"{judged}",
        findings=tuple(_finding(goal) for goal in reached),
    )


def _finding(goal: Goal) -> Finding:
    if goal.interval is not None:
        text = (
            f"Wanted: {goal.wanted}. {OURS} has {goal.ours:.3f}, {goal.other} {goal.theirs:.3f}; 95 % interval of the "
            f"difference {goal.interval.low:+.3f} to {goal.interval.high:+.3f}."
        )
        if goal.verdict == "undecided":
            text += " The interval allows both."
        figure = f"{goal.figure:+.3f}"
    else:
        text = f"Wanted: {goal.wanted}. {OURS} has {goal.ours:.2f} a search, {goal.other} {goal.theirs:.2f}."
        if goal.without_memory is not None:
            text += f" Without memory arms it is {goal.without_memory:.1%}."
        figure = f"{goal.figure:.1%}"
    return Finding(SEVERITIES[goal.verdict], f"{goal.name}: {figure}", text, goal.verdict.capitalize())


def _counted(reached: list[Goal]) -> str:
    met, undecided = (sum(goal.verdict == verdict for goal in reached) for verdict in ("met", "undecided"))
    if met == len(reached):
        return f"All {met} goals are met."
    return f"{met} of {len(reached)} goals are met" + (f", {undecided} undecided." if undecided else ".")


def _results(figures: Figures) -> Section:
    grids = (
        Grid(TITLES[split], COLUMNS, tuple(result_cells(row) for row in figures.rows if row.split == split))
        for split in FROZEN_FIRST
    )
    return Section("results", "Results", NOTE, grids=tuple(grids))
