"""How a benchmark was measured, and what else is to be known of it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import ltrr_haystack
from ltrr_haystack.evaluation.people import STAY
from ltrr_haystack.evaluation.replay.figures import Figures
from ltrr_haystack.evaluation.replay.files import chosen, examinations, readers
from ltrr_haystack.evaluation.replay.fixed import ARM, BEST_ARM, ORACLE, RRF_EQUAL, RRF_FULL, RRF_TUNED
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.statistics import FLIPS, REPLICATES
from ltrr_haystack.evaluation.replay.variants import OURS
from ltrr_haystack.evaluation.report.benchmark_curves import Curves, safe_start
from ltrr_haystack.evaluation.report.values import Grid, Section

READERS = {
    "position": "each position is examined or not, the less often the lower it is, whatever is clicked elsewhere "
    "(position-based model)",
    "cascade": "the page is read from the top until something attracts; at most one click (cascade model)",
    "dependent": "the page is read from the top, and after each click the person goes on or is content (dependent "
    "click model)",
    "mixed": "each search is read by the position-based, the cascade or the dependent click model, each as often as "
    "the others",
    "hard": "each search is read by one of the three models; clicks also come out of trust in what stands high, people "
    "stop before the page ends, and how they read is drawn for each seed (see the readers)",
}

SYSTEMS = {
    OURS: "the pipeline as it learns",
    "ours-bandit": "plays the baseline's allocation with memory added to it; memory and ranker learn",
    "ours-memory": "without memory arms and memory features",
    "ours-ranker": "in the union's own order; no ranker is trained",
    "ours-exploration": "with nothing of the page left to chance",
    "ours-text": "without features of the candidates' texts",
    "config:<name>": "another pipeline that was to be compared",
    RRF_FULL: "reciprocal rank fusion of all arms but the memory at full depth, by Haystack's DocumentJoiner",
    RRF_EQUAL: "the same with as many candidates as ours asked for",
    RRF_TUNED: "the same as rrf_full with a weight for each arm, fitted to the clicks of the stream's people on the "
    "pages of rrf_full (a click at place k counts k-fold, and what was not shown does not count); on the stream it is "
    "judged with hindsight",
    BEST_ARM: "the arm whose pages, with the candidates of all, the stream's people click most; on the stream with "
    "hindsight",
    f"{ARM}<name>": "one arm alone, with the candidates of all",
    ORACLE: "the best order there can be of the union at full depth",
}


def method(figures: Figures) -> Section:
    """
    How it was measured.

    :param figures: The benchmark's figures.
    :returns: The section.
    """
    replay = figures.replay
    return Section(
        "method",
        "How it was measured",
        "",
        grids=(
            Grid("", ("", ""), tuple(_told(replay.precomputed, replay.settings))),
            Grid(
                "Readers",
                ("seed", "habits"),
                tuple(readers(replay.settings)),
                folded=True,
            ),
            Grid("Systems", ("system", "what it is"), tuple(SYSTEMS.items())),
            Grid(
                "Arms",
                ("pipeline", "arm", "kind", "depths", "baseline"),
                tuple(row for name, precomputed in replay.compared.items() for row in _arms(name, precomputed)),
            ),
            Grid(
                "All settings",
                ("setting", "value"),
                tuple((name, json.dumps(value)) for name, value in replay.settings.to_dict().items()),
                folded=True,
            ),
        ),
    )


def notes(figures: Figures, drawn: Curves) -> Section:
    """
    Trainings, safe start, versions and speed.

    :param figures: The benchmark's figures.
    :param drawn: Its curves.
    :returns: The section.
    """
    parts = [part for system in figures.replay.learning for part in figures.replay.parts[system]]
    end = ("system", "seed", "safe start", "policy", "ranker", "late events", "rejected events", "searches a second")
    return Section(
        "notes",
        "Notes",
        f"ltrr-haystack {ltrr_haystack.__version__}. {OURS} took {figures.impressions_per_s:.0f} searches a second in "
        "one process, learning included; arms answered from what they found before, so their own time is not in it.",
        safe_start(drawn),
        (
            Grid(
                "At the end of the stream",
                end,
                tuple((part.system, str(part.seed), *_state(part.notes)) for part in parts),
            ),
            Grid("Chosen on the stream's clicks", ("system", "seed", "choice"), tuple(chosen(figures))),
            Grid(
                "How likely each place is examined, relative to the first: in truth, and as it was learned",
                (OURS, *(str(place) for place in range(1, figures.replay.settings.top_k + 1))),
                tuple(examinations(figures)),
            ),
            Grid(
                "How often each place was examined in truth, while people searched",
                ("system", "seed", *(str(place) for place in range(1, figures.replay.settings.top_k + 1))),
                tuple(
                    (part.system, str(part.seed), *(f"{share:.3f}" for share in part.notes["examined"]))
                    for part in parts
                    if "examined" in part.notes
                ),
                folded=True,
            ),
            Grid(
                "Time of a search while people searched, in milliseconds",
                ("system", "mean", "median", "95th percentile"),
                tuple(
                    (row.system, *(f"{seconds * 1000:.1f}" for seconds in row.latency))
                    for row in figures.rows
                    if row.split == "stream" and row.latency is not None
                ),
            ),
            Grid(
                "Trainings of the ranker",
                ("system", "seed", "after searches", "gate", "why"),
                tuple(
                    (part.system, str(part.seed), *_training(training))
                    for part in parts
                    for training in part.notes.get("trainings", ())
                ),
                folded=True,
            ),
        ),
    )


def _told(precomputed: PrecomputedPipeline, settings: Settings) -> Iterator[tuple[str, str]]:
    data = precomputed.data
    yield (
        "data",
        f"{data.name}: {len(data.documents):,} documents, {len(data.answerable()):,} queries that something answers, "
        f"grades up to {data.highest_grade}",
    )
    yield (
        "people",
        f"type queries by a Zipf law with exponent {settings.exponent:g}, and go on with another search with "
        f"probability {STAY:g}. The same people, with the same moods and mistakes, meet every system.",
    )
    yield (
        "click model",
        f"{settings.click_model}: {READERS.get(settings.click_model, 'as the replay has it')}. The better a document "
        "answers, the more likely it is clicked once it is examined.",
    )
    yield "noise", f"{settings.click_noise:.1%} of the examined documents that answer nothing are clicked all the same."
    yield (
        "delay",
        f"A click arrives after {settings.delay:g} searches of others on average, exponentially distributed; a "
        f"decision is settled after {settings.reward_wait:,} searches, and later clicks are late.",
    )
    yield (
        "learning",
        f"every {settings.learn_every:,} searches; the ranker is trained at "
        f"{', '.join(f'{share:.0%}' for share in settings.train_at) or 'no point'} of the stream.",
    )
    yield (
        "held out",
        f"{settings.held_out:.0%} of the queries are typed by nobody before the end. Queries of one normal form stay "
        "together.",
    )
    yield (
        "paraphrased",
        "The queries that people had typed, each misspelt, reordered or inflected so that it is none of the queries; "
        "it keeps its judgements, and is left out where that cannot be done.",
    )
    yield "drift", "Half way other queries become popular." if settings.drift else "What is popular stays so."
    if settings.late_documents:
        yield "documents", f"{settings.late_documents:.0%} of them are not there before half way."
    yield (
        "seeds",
        f"{', '.join(map(str, settings.seeds))}. Each is other people, another draw of the held-out queries, and "
        "other choices of the router.",
    )
    yield (
        "metrics",
        f"of pages of {settings.top_k}, by ir-measures: nDCG@10 with linear gains, what is not judged taken for "
        "irrelevant; for RR@10 and the recall of the candidates a grade above 0 is relevant. Regret is the nDCG@10 "
        "that the oracle has more. judged_nDCG@10 is that of the page and the candidates after it without what is not "
        "judged (condensed lists, Sakai 2007), until ten are left; a ranker's order beyond its page is not known, so "
        "there the candidates follow in the union's order. Without judgements of grade 0 it says little.",
    )
    yield (
        "cost",
        "Candidates are the depths that arms were asked for, arm calls the arms that ran; a memory arm counts like "
        "any other.",
    )
    yield (
        "intervals",
        f"95 %, percentiles of {REPLICATES:,} draws of a bootstrap over queries and seeds, drawn independently of each "
        "other (Owen 2007, the pigeonhole bootstrap). With one seed they say nothing of what another seed would give.",
    )
    yield (
        "p",
        f"how often a paired randomisation test that swaps the two systems query by query, {FLIPS:,} times, gives a "
        "difference as large (Smucker, Allan and Carterette 2007). Not corrected for the number of systems.",
    )


def _arms(pipeline: str, precomputed: PrecomputedPipeline) -> Iterator[tuple[str, ...]]:
    for arm, settings in precomputed.arms.items():
        levels = ", ".join(map(str, settings["levels"]))
        yield pipeline, arm, str(settings.get("kind", "")), levels, str(precomputed.baseline.get(arm, 0))


def _state(of: Mapping[str, Any]) -> Iterator[str]:
    held_back = of.get("safe_start")
    yield "–" if held_back is None else "held back" if held_back else "let loose"
    for version in ("policy_version", "ranker_version"):
        yield f"version {of[version]}" if version in of else "–"
    for count in ("late_events", "rejected_events", "impressions_per_s"):
        yield f"{of[count]:,.0f}" if count in of else "–"


def _training(of: Mapping[str, Any]) -> tuple[str, ...]:
    gate = ("passed, active" if of["active"] else "passed") if of["passed"] else "not passed"
    return f"{of['at']:,}", gate, str(of["reason"])
