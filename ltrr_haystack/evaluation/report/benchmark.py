"""The report of a benchmark: whether the goals were met, the tables, the curves, and how it was measured."""

from pathlib import Path

from ltrr_haystack.evaluation.interchange.files import replacing
from ltrr_haystack.evaluation.replay.curves import curves
from ltrr_haystack.evaluation.replay.figures import Figures
from ltrr_haystack.evaluation.replay.files import COLUMNS, NOTE, TITLES, result_cells
from ltrr_haystack.evaluation.replay.fixed import RRF_FULL
from ltrr_haystack.evaluation.replay.goals import Goal, goals, judged_on
from ltrr_haystack.evaluation.replay.outcomes import Split
from ltrr_haystack.evaluation.replay.variants import OURS
from ltrr_haystack.evaluation.report.benchmark_curves import arm_shares, quality, reliability, saved, seen_and_held_out
from ltrr_haystack.evaluation.report.benchmark_method import method, notes
from ltrr_haystack.evaluation.report.page import plotly_script, render
from ltrr_haystack.evaluation.report.values import Finding, Grid, ReportPage, Section

FROZEN_FIRST: tuple[Split, ...] = ("seen", "heldout", "stream")


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
    :raises MissingExtraError: If Plotly is not installed.
    :raises ConfigurationError: If the file cannot be written.
    """
    plotly_script()
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
    met = sum(goal.met for goal in reached)
    subtitle = (
        f"{settings.impressions:,} searches of simulated people before each system, {seeds}. "
        f"{'All' if met == len(reached) else f'{met} of'} {len(reached)} goals are met."
    )
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
    seen, held_out, candidates, arm_calls = reached
    return {
        "goals met": f"{sum(goal.met for goal in reached)} of {len(reached)}",
        "nDCG@10 over rrf_full, seen": f"{seen.figure:+.3f}",
        "nDCG@10 over rrf_full, held out": f"{held_out.figure:+.3f}",
        "candidates against rrf_full, held out": f"{candidates.figure:.0%}",
        "arm calls against rrf_full, held out": f"{arm_calls.figure:.0%}",
        "searches a second": f"{figures.impressions_per_s:.0f}",
    }


def _goals(reached: list[Goal], judged: str) -> Section:
    return Section(
        "goals",
        "Were the goals met?",
        f"{OURS}, frozen at the end, against {RRF_FULL}, reciprocal rank fusion of all arms at full depth. Goals are "
        f"judged on means; where an interval also allows the other verdict, it is said. {judged}",
        findings=tuple(_finding(goal) for goal in reached),
    )


def _finding(goal: Goal) -> Finding:
    if goal.interval is not None:
        text = (
            f"Wanted: {goal.wanted}. {OURS} has {goal.ours:.3f}, {RRF_FULL} {goal.full:.3f}; 95 % interval of the "
            f"difference {goal.interval.low:+.3f} to {goal.interval.high:+.3f}. "
        )
        text += (
            "The whole interval says so." if goal.certain else f"The interval allows that it was {_other(goal)}, too."
        )
        return _judged(goal, f"{goal.figure:+.3f}", text)
    text = f"Wanted: {goal.wanted}. {OURS} has {goal.ours:.2f} a search, {RRF_FULL} {goal.full:.2f}."
    if goal.without_memory is not None:
        text += f" Without memory arms it is {goal.without_memory:.1%}."
    return _judged(goal, f"{goal.figure:.1%}", text)


def _judged(goal: Goal, figure: str, text: str) -> Finding:
    return Finding("good" if goal.met else "bad", f"{goal.name}: {figure}", text, goal.verdict.capitalize())


def _other(goal: Goal) -> str:
    return "missed" if goal.met else "met"


def _results(figures: Figures) -> Section:
    grids = (
        Grid(TITLES[split], COLUMNS, tuple(result_cells(row) for row in figures.rows if row.split == split))
        for split in FROZEN_FIRST
    )
    return Section("results", "Results", NOTE, grids=tuple(grids))
