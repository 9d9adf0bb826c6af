"""Writes what a replay came to: summary, tables, curves and TREC runs."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ltrr_haystack.evaluation.interchange.trec import trec_id
from ltrr_haystack.evaluation.readers import HARD, habits_of
from ltrr_haystack.evaluation.replay.curves import curves
from ltrr_haystack.evaluation.replay.figures import ARM_CALLS, CANDIDATES, NDCG, QUALITY, Figures, Row
from ltrr_haystack.evaluation.replay.fixed import BEST_ARM, RRF_TUNED
from ltrr_haystack.evaluation.replay.goals import Goal, goals, judged_on
from ltrr_haystack.evaluation.replay.outcomes import FROZEN, SPLITS
from ltrr_haystack.evaluation.replay.running import Replay
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.statistics import Interval
from ltrr_haystack.evaluation.replay.variants import OURS

TITLES = {
    "stream": "While people searched (exploration included)",
    "seen": "Frozen at the end, queries that people had typed",
    "paraphrased": "Frozen at the end, the same queries in other words",
    "heldout": "Frozen at the end, held-out queries",
}

NOTE = (
    "In brackets 95 % intervals of a bootstrap over queries and seeds; p of a paired randomisation test against "
    "rrf_full in nDCG@10, not corrected for the number of systems. Candidates are what the arms were asked for, "
    "and a memory arm counts as an arm call like any other. judged_nDCG@10 is that of the page and the candidates "
    "after it without the documents that nobody judged, until ten are left; what a ranker would put below its page is "
    "not known, so there the candidates follow in the union's order. The time is the median of a search without the "
    "retrievers' own, whose results were kept."
)
COLUMNS = (
    "system",
    *QUALITY,
    "candidates",
    "arm calls",
    "regret",
    "nDCG@10 less rrf_full",
    "p",
    "judged_nDCG@10 less rrf_full",
    "ms",
)


def write_files(figures: Figures, out: Path) -> None:
    """
    Write everything beside the parts.

    :param figures: The replay's figures.
    :param out: The folder: `summary.json`, `table.md`, `results.csv`, `by_seed.csv`, `comparisons.csv`, `curves.json`,
        and in `trec` the runs of the frozen systems with the judgements.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "summary.json").write_text(json.dumps(figures.summary(), indent=2) + "\n", encoding="utf-8")
    (out / "curves.json").write_text(json.dumps(curves(figures)) + "\n", encoding="utf-8")
    (out / "table.md").write_text(markdown(figures), encoding="utf-8")
    _write_csv(out / "results.csv", map(_flat, figures.rows))
    _write_csv(out / "by_seed.csv", figures.by_seed())
    _write_csv(
        out / "comparisons.csv",
        (
            {
                "system": system,
                "other": other,
                "split": split,
                "metric": metric,
                "difference": comparison.difference.mean,
                "low": comparison.difference.low,
                "high": comparison.difference.high,
                "p": comparison.p,
            }
            for system, other, split, metric, comparison in figures.comparisons()
        ),
    )
    _write_trec(figures.replay, out / "trec")


def markdown(figures: Figures) -> str:
    """
    Give the figures as Markdown.

    :param figures: The replay's figures.
    :returns: A table for each split, what a reader has to know, and which goals were met and missed.
    """
    replay = figures.replay
    settings = replay.settings
    lines = [
        f"# {replay.precomputed.data.name}: {settings.impressions:,} searches, "
        f"{len(settings.seeds)} seed{'s' if len(settings.seeds) > 1 else ''}",
        "",
        f"Click model: {settings.click_model}, noise {settings.click_noise:g}; clicks arrive after {settings.delay:g} "
        f"searches on average, decisions are settled after {settings.reward_wait}; {settings.held_out:.0%} of the "
        f"queries are held out. {figures.impressions_per_s:.0f} searches a second in one process.",
        "",
    ]
    if settings.click_model == HARD:
        lines += [f"Readers: {'; '.join(f'seed {seed}: {habits}' for seed, habits in readers(settings))}.", ""]
    for split in SPLITS:
        lines += [f"## {TITLES[split]}", "", *_table([row for row in figures.rows if row.split == split]), ""]
    lines += [NOTE, "", *(f"{system}, seed {seed}: {choice}." for system, seed, choice in chosen(figures)), ""]
    if looks := list(examinations(figures)):
        places = [str(place) for place in range(1, settings.top_k + 1)]
        lines += ["## How likely each place is examined", "", *_rows(("system, seed", *places), looks), ""]
    lines += ["## Goals", "", *_rows(("goal", "figure", "wanted", ""), map(_goal_cells, goals(figures)))]
    lines += ["", judged_on(figures)]
    return "\n".join(lines) + "\n"


def result_cells(row: Row) -> tuple[str, ...]:
    """
    Write a row for people.

    :param row: The row.
    :returns: One text for each of `COLUMNS`.
    """
    ndcg = row.means[NDCG]
    return (
        row.system,
        f"{ndcg.mean:.3f} [{ndcg.low:.3f}, {ndcg.high:.3f}]",
        *(f"{row.means[name].mean:.3f}" for name in QUALITY if name != NDCG),
        f"{row.means[CANDIDATES].mean:.1f}",
        f"{row.means[ARM_CALLS].mean:.2f}",
        f"{row.regret:.3f}",
        _signed(row.against_full.difference),
        f"{row.against_full.p:.4f}",
        _signed(row.judged_against_full.difference),
        "–" if row.latency is None else f"{row.latency[1] * 1000:.1f}",
    )


def readers(settings: Settings) -> list[tuple[str, str]]:
    """
    Say how the people of each seed read.

    :param settings: What was replayed.
    :returns: Seed, and the habits with their values.
    """
    return [
        (str(seed), ", ".join(f"{name} {value:g}" for name, value in asdict(habits).items()))
        for seed in settings.seeds
        for habits in [habits_of(settings.click_model, seed)]
    ]


def chosen(figures: Figures) -> list[tuple[str, str, str]]:
    """
    Say what `best_arm` and `rrf_tuned` came to be.

    :param figures: The replay's figures.
    :returns: System, seed, and the arm, or arm and weight of each.
    """
    return [
        (system, str(part.seed), choice if isinstance(choice, str) else _weights(choice))
        for system in (BEST_ARM, RRF_TUNED)
        for part in figures.replay.parts[system]
        if (choice := part.notes.get("chosen")) is not None
    ]


def examinations(figures: Figures) -> Iterator[tuple[str, ...]]:
    """
    Compare how likely places were examined in truth with what `ours` learned of it, both relative to the first place.

    :param figures: The replay's figures.
    :returns: For each seed a row of the truth and one of what was learned, with its standard deviation.
    """
    for part in figures.replay.parts[OURS]:
        truth, learned = part.notes.get("examined"), part.notes.get("learned_examination")
        if truth and truth[0] and learned:
            yield f"truth, seed {part.seed}", *(f"{share / truth[0]:.2f}" for share in truth)
            cells = [f"{share:.2f} ± {deviation:.2f}" for share, deviation in learned]
            yield f"learned, seed {part.seed}", *cells, *["–"] * (len(truth) - len(cells))


def _weights(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{arm} {weight:g}" for arm, weight in weights.items())


def _signed(difference: Interval) -> str:
    return f"{difference.mean:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"


def _table(rows: Iterable[Row]) -> list[str]:
    cells = (result_cells(row) for row in rows)
    return _rows(COLUMNS, ((f"**{name}**" if name == OURS else name, *others) for name, *others in cells))


def _goal_cells(goal: Goal) -> tuple[str, ...]:
    return goal.name, goal.found, goal.wanted, goal.verdict if goal.met else f"**{goal.verdict}**"


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def _flat(row: Row) -> dict[str, Any]:
    mean, median, p95 = row.latency or (None, None, None)
    flat: dict[str, Any] = {"system": row.system, "split": row.split}
    for name, interval in row.means.items():
        flat |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return {
        **flat,
        "regret": row.regret,
        "candidates_without_memory": row.without_memory[0],
        "arm_calls_without_memory": row.without_memory[1],
        "seconds_mean": mean,
        "seconds_median": median,
        "seconds_p95": p95,
        "difference_to_rrf_full": row.against_full.difference.mean,
        "difference_low": row.against_full.difference.low,
        "difference_high": row.against_full.difference.high,
        "p": row.against_full.p,
        "judged_difference_to_rrf_full": row.judged_against_full.difference.mean,
        "judged_difference_low": row.judged_against_full.difference.low,
        "judged_difference_high": row.judged_against_full.difference.high,
    }


def _write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    listed = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)


def _write_trec(replay: Replay, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for earlier in folder.glob("*.run"):
        earlier.unlink()
    with (folder / "qrels.txt").open("w", encoding="utf-8") as file:
        for query, grades in replay.precomputed.data.qrels.items():
            file.writelines(f"{trec_id(query)} 0 {trec_id(document)} {grade}\n" for document, grade in grades.items())
    for system, parts in replay.parts.items():
        for part in parts:
            for split in FROZEN:
                outcomes = part.splits[split]
                name = f"{system.replace(':', '_')}-{split}-{part.seed}.run"
                with (folder / name).open("w", encoding="utf-8") as file:
                    for query, page in zip(outcomes.queries, outcomes.pages, strict=True):
                        file.writelines(
                            f"{trec_id(query)} Q0 {trec_id(document)} {rank} {1 / rank:.6f} {system}\n"
                            for rank, document in enumerate(page, start=1)
                        )
