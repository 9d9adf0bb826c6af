"""Replays one system under one seed, and judges what it answered."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ltrr_haystack.evaluation.datasets import Query
from ltrr_haystack.evaluation.people import People, Search
from ltrr_haystack.evaluation.readers import habits_of, page_reader
from ltrr_haystack.evaluation.replay.answers import PipelineAnswer
from ltrr_haystack.evaluation.replay.catalogue import Catalogue
from ltrr_haystack.evaluation.replay.fixed import ARM, BEST_ARM, answers, depths_of
from ltrr_haystack.evaluation.replay.outcomes import FROZEN, SPLITS, Outcomes, Part, Split, joined
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.relevance import ToJudge, judged
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.stream import Stream
from ltrr_haystack.evaluation.replay.systems import PipelineSystem
from ltrr_haystack.evaluation.replay.tuning import best_arm, tuned_weights
from ltrr_haystack.evaluation.replay.variants import Variant
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import Allocation

Tell = Callable[[int], None]
"""Told how many searches are done."""

TELL_EVERY = 50
FORECAST_EVERY = 5
"""Every so many searches the probability of the preferred allocation is computed; it takes a while."""


def people_of(
    precomputed: PrecomputedPipeline, settings: Settings, seed: int
) -> tuple[People, dict[Split, list[Query]]]:
    """
    Give the people of a seed, and what the systems that they met are judged on in the end.

    :param precomputed: The pipeline, with the data set.
    :param settings: How they search and click.
    :param seed: The seed.
    :returns: The people, who type no held-out query; and `seen`, the queries that they will have typed in the end,
        `paraphrased`, the same in other words, where there are any, and `heldout`.
    :raises ConfigurationError: If no query that was typed has a paraphrase, or the arms were not asked for it.
    """
    seen, held_out = precomputed.split(seed, settings.held_out)
    reader = page_reader(
        settings.click_model,
        noise=settings.click_noise,
        highest_grade=precomputed.data.highest_grade,
        habits=habits_of(settings.click_model, seed),
    )
    people = People(
        replace(precomputed.data, queries=seen),
        seed=seed,
        model=reader,
        exponent=settings.exponent,
        drift_at=settings.half_way if settings.drift else None,
    )
    stream = {search.query.id for search in people.stream(settings.impressions)}
    typed = [query for query in seen if query.id in stream]
    return people, {"seen": typed, "paraphrased": precomputed.paraphrased(typed, seed), "heldout": held_out}


def meet(
    people: People, system: PipelineSystem, catalogue: Catalogue, settings: Settings, tell: Tell | None = None
) -> tuple[list[tuple[Query, PipelineAnswer]], dict[str, Any]]:
    """
    Let people meet a system, search by search, while it learns.

    :param people: The people.
    :param system: The system.
    :param catalogue: What its arms find at each time.
    :param settings: How people search, and when the system learns.
    :param tell: Told how many searches are done.
    :returns: Each query with its answer, in order, and what else there is to know of the stream.
    """
    stream = Stream(people, system, settings)
    answered: list[tuple[Query, PipelineAnswer]] = []
    for search in people.stream(settings.impressions):
        system.find_in(catalogue.at(search.index))
        answer = system.search(search)
        answered.append((search.query, answer))
        stream.click(search, answer)
        stream.learn(done := search.index + 1)
        if tell is not None and (done % TELL_EVERY == 0 or done == settings.impressions):
            tell(done)
    return answered, {
        "trainings": stream.trainings,
        "examined": stream.examined,
        "rejected_events": stream.rejected,
        "policy_version": answered[-1][1].decision.policy_version,
        "ranker_version": answered[-1][1].ranker_version,
        "late_events": system.store.counts().late_events,
    }


def replay_learning(
    precomputed: PrecomputedPipeline,
    settings: Settings,
    name: str,
    variant: Variant,
    seed: int,
    *,
    file: Path,
    fingerprint: str,
    tell: Tell | None = None,
) -> Part:
    """
    Let people meet a learning system, then judge what it has become.

    :param precomputed: The pipeline.
    :param settings: What to replay.
    :param name: The system's name.
    :param variant: Which parts of it learn.
    :param seed: The seed.
    :param file: Where its store is made; it is removed in the end.
    :param fingerprint: The part's mark.
    :param tell: Told how far it has come.
    :returns: The part.
    """
    people, queries = people_of(precomputed, settings, seed)
    catalogue = Catalogue.of(precomputed, settings, seed)
    system = PipelineSystem(precomputed, variant, file, seed=seed, top_k=settings.top_k)
    try:
        started = time.perf_counter()
        stream, notes = meet(people, system, catalogue, settings, tell)
        seconds = time.perf_counter() - started
        learned_examination = system.learned_examination()
        frozen = system.frozen()
        splits: dict[str, Outcomes] = {
            "stream": joined([_outcomes(there, met) for there, met in catalogue.stretches(stream)]),
            **{split: frozen_outcomes(precomputed, frozen, queries[split], settings.impressions) for split in FROZEN},
        }
    finally:
        system.close()
    notes["learned_examination"] = learned_examination
    notes["safe_start"] = all(held_back for split in FROZEN for held_back in splits[split].safe_start)
    notes["readers"] = asdict(habits_of(settings.click_model, seed))
    return Part(fingerprint, seed, name, splits, {**notes, "impressions_per_s": settings.impressions / seconds})


def frozen_outcomes(
    precomputed: PrecomputedPipeline, frozen: Callable[[Search], PipelineAnswer], queries: Sequence[Query], after: int
) -> Outcomes:
    """
    Judge what a system would serve if nothing were explored, logged or learned from now on.

    :param precomputed: The pipeline.
    :param frozen: What answers a search.
    :param queries: The queries.
    :param after: How many searches there were before.
    :returns: What is known of its answers.
    """
    answered = [
        (query, frozen(Search(after + number, query, "a person", f"frozen-{number}")))
        for number, query in enumerate(queries)
    ]
    return _outcomes(precomputed, answered, frozen=True)


def replay_fixed(
    precomputed: PrecomputedPipeline,
    settings: Settings,
    name: str,
    depths: Mapping[Split, Allocation],
    seed: int,
    *,
    fingerprint: str,
    weights: Mapping[str, float] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Part:
    """
    Let people meet a system that learns nothing.

    :param precomputed: The pipeline.
    :param settings: What to replay.
    :param name: The system's name.
    :param depths: Split → arm → depth.
    :param seed: The seed.
    :param fingerprint: The part's mark.
    :param weights: Arm → its weight in the fusion; all alike if left out.
    :param notes: What else is to be known of it.
    :returns: The part.
    """
    people, queries = people_of(precomputed, settings, seed)
    typed = [search.query for search in people.stream(settings.impressions)]
    stream = [
        _fixed_outcomes(there, name, depths["stream"], met, settings.top_k, weights)
        for there, met in Catalogue.of(precomputed, settings, seed).stretches(typed)
    ]
    splits: dict[str, Outcomes] = {
        "stream": replace(joined(stream), pages=[]),
        **{
            split: _fixed_outcomes(precomputed, name, depths[split], queries[split], settings.top_k, weights)
            for split in FROZEN
        },
    }
    return Part(fingerprint, seed, name, splits, dict(notes or {}))


def replay_chosen(
    precomputed: PrecomputedPipeline, settings: Settings, name: str, seed: int, *, fingerprint: str
) -> Part:
    """
    Choose what an engineer would choose on the stream's clicks, and let people meet it.

    :param precomputed: The pipeline.
    :param settings: What to replay.
    :param name: `best_arm` or `rrf_tuned`.
    :param seed: The seed.
    :param fingerprint: The part's mark.
    :returns: The part; its notes say what was chosen.
    """
    people, _ = people_of(precomputed, settings, seed)
    catalogue = Catalogue.of(precomputed, settings, seed)
    weights: dict[str, float] | None = None
    if name == BEST_ARM:
        arm, clicks = best_arm(people, catalogue, settings)
        depths, notes = depths_of(precomputed, f"{ARM}{arm}"), {"chosen": arm, "clicks": clicks}
    else:
        weights = tuned_weights(people, catalogue, settings)
        depths = {arm: depth if weights[arm] > 0 else 0 for arm, depth in precomputed.full_depths.items()}
        notes = {"chosen": weights}
    of_splits: dict[Split, Allocation] = dict.fromkeys(SPLITS, depths)
    return replay_fixed(
        precomputed, settings, name, of_splits, seed, fingerprint=fingerprint, weights=weights, notes=notes
    )


def _fixed_outcomes(
    precomputed: PrecomputedPipeline,
    name: str,
    depths: Allocation,
    queries: Sequence[Query],
    top_k: int,
    weights: Mapping[str, float] | None,
) -> Outcomes:
    distinct = {query.id: query for query in queries}
    shown = answers(precomputed, name, depths, distinct.values(), top_k, weights=weights)
    scores = judged(
        [ToJudge(query, answer.page, answer.candidates) for query, answer in shown.items()], precomputed.data.qrels
    )
    place = {query: number for number, query in enumerate(shown)}
    return Outcomes(
        queries=[query.id for query in queries],
        kinds=[query.kind for query in queries],
        scores={metric: [of[place[query.id]] for query in queries] for metric, of in scores.items()},
        depths={arm: [depth] * len(queries) for arm, depth in depths.items()},
        pages=[list(shown[query.id].page) for query in queries],
    )


def _outcomes(
    precomputed: PrecomputedPipeline, met: Sequence[tuple[Query, PipelineAnswer]], *, frozen: bool = False
) -> Outcomes:
    to_judge = [ToJudge(query.id, answer.shown, answer.candidates) for query, answer in met]
    arms = met[0][1].allocation
    forecasts = [] if frozen else [_forecast(answer) for _, answer in met[::FORECAST_EVERY]]
    return Outcomes(
        queries=[query.id for query, _ in met],
        kinds=[query.kind for query, _ in met],
        scores=judged(to_judge, precomputed.data.qrels),
        depths={arm: [answer.allocation.get(arm, 0) for _, answer in met] for arm in arms},
        seconds=[round(answer.seconds, 6) for _, answer in met],
        pages=[list(answer.shown) for _, answer in met] if frozen else [],
        safe_start=[answer.decision.safe_start for _, answer in met],
        forecast=[probability for probability, _ in forecasts],
        preferred=[played for _, played in forecasts],
    )


def _forecast(answer: PipelineAnswer) -> tuple[float, bool]:
    decision = answer.decision
    preferred = {arm.name: decision.preferred.get(arm.name, 0) for arm in decision.actions.arms}
    return JointDistribution.of(decision).probability(preferred), dict(decision.allocation) == preferred
