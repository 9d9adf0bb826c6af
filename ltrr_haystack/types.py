"""
The values that travel between the components of a learned pipeline.

They are frozen: a component reads what it is handed and hands on new values. All of them go to JSON and back
(`to_dict`, `from_dict`), so that whatever a pipeline decided can be logged, shipped and judged elsewhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer

from ltrr_haystack.frozen_value import FrozenValue, SerialisableDocument

Allocation = Mapping[str, int]
"""Arm → depth for one query; 0 means that the arm does not run."""

Mode = Literal["baseline", "apprentice", "live"]
QueryType = Literal["navigational", "topical", "broad", "question"]

MEMORY = "memory"
"""Kind of the arms that bring what people chose before."""


def _filters_text(filters: Mapping[str, Any]) -> str:
    return json.dumps(filters, sort_keys=True, default=str)


LoggedFilters = Annotated[
    Mapping[str, Any] | None,
    PlainSerializer(lambda filters: None if filters is None else json.loads(_filters_text(filters))),
]
"""Haystack filters; what in them has no JSON form, such as a date, is logged as its text."""


def evidence_key(normal_form: str, filters: Mapping[str, Any] | None = None) -> str:
    """
    Give the key under which evidence for a query is kept.

    Whoever filters a search chooses what it can show. What people do with such a page therefore is evidence for the
    query with these filters, and not for the query alone.

    :param normal_form: The query's normal form.
    :param filters: The search's Haystack filters, if there are any.
    :returns: The normal form itself for an unfiltered search; for a filtered one followed by a tab, which no normal
        form holds, and a digest of the filters.
    """
    if not filters:
        return normal_form
    return f"{normal_form}\t{blake2b(_filters_text(filters).encode(errors='replace'), digest_size=8).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Interpretation(FrozenValue):
    """
    One reading of a query.

    :param slots: Field → value, as the catalogue's metadata names them.
    :param leftover: The text that no slot took.
    :param probability: How likely this reading is, 0 to 1.
    """

    slots: Mapping[str, str]
    leftover: str
    probability: float


@dataclass(frozen=True, slots=True)
class Understanding(FrozenValue):
    """
    What QueryUnderstanding says of a query.

    :param query: The query as it was typed, without control characters.
    :param normal_form: The key under which the query is remembered: equal for queries that mean the same letters.
    :param tokens: The words of the normal form.
    :param language: ISO 639-1 code, or `und` where it cannot be told.
    :param query_type: Navigational (one thing is sought), topical, broad, or a question.
    :param has_digits: Whether a digit occurs.
    :param weekday: Day of the search, 0 for Monday to 6 for Sunday.
    :param day_part: `night`, `morning`, `afternoon` or `evening`.
    :param intents: Intent → probability.
    :param interpretations: The likeliest readings, best first.
    :param weekend: Whether the day is of the weekend, by the country where one is configured.
    :param holiday: Name of the public holiday, where a country is configured and the day is one.
    """

    query: str
    normal_form: str
    tokens: tuple[str, ...] = ()
    language: str = "und"
    query_type: QueryType = "topical"
    has_digits: bool = False
    weekday: int = 0
    day_part: str = "morning"
    intents: Mapping[str, float] = field(default_factory=dict)
    interpretations: tuple[Interpretation, ...] = ()
    weekend: bool = False
    holiday: str | None = None


@dataclass(frozen=True, slots=True)
class Arm(FrozenValue):
    """
    One named retrieval strategy as the router may use it.

    :param name: The arm's name in the pipeline.
    :param kind: What sort of retrieval it is (`lexical`, `dense`, `sparse`, `structured`, `memory`, `personal` …);
        arms of one kind share what is learned about the kind.
    :param levels: The depths to choose from, ascending. An arm whose levels leave out 0 always runs.
    :param cost_per_call: What running the arm costs, in units of reward.
    :param cost_per_candidate: What each candidate asked for costs, in units of reward.
    """

    name: str
    kind: str
    levels: tuple[int, ...]
    cost_per_call: float = 0.0
    cost_per_candidate: float = 0.0

    def cost(self, depth: int) -> float:
        """
        What the arm costs at a depth.

        :param depth: How many candidates it may draw; 0 costs nothing.
        :returns: The cost in units of reward.
        """
        return self.cost_per_call + depth * self.cost_per_candidate if depth > 0 else 0.0


@dataclass(frozen=True, slots=True)
class ActionSet(FrozenValue):
    """
    What a router may choose from: its arms with their levels, the budget, and what it would do without a model.

    :param arms: The arms, in the order of the configuration.
    :param budget: Most candidates that one query may draw, over all arms.
    :param baseline: The allocation of the pipeline as it is without learning. A depth of 0 is allowed here even for
        an arm that otherwise always runs.
    :param min_candidates: Fewest candidates that one query draws, over all arms.
    """

    arms: tuple[Arm, ...]
    budget: int
    baseline: Allocation
    min_candidates: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The arms' names, in order."""
        return tuple(arm.name for arm in self.arms)

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change whenever arms, levels, costs, bounds or baseline do."""
        return blake2b(self.to_json().encode(), digest_size=6).hexdigest()

    @property
    def memory_arms(self) -> tuple[str, ...]:
        """The arms that bring what people chose before, in order."""
        return tuple([arm.name for arm in self.arms if arm.kind == MEMORY])

    @property
    def baseline_with_memory(self) -> Allocation:
        """
        The baseline, and memory arms as deep as the budget lets them draw beside it.

        It shows what memory adds to the pipeline as it is without learning.
        """
        allocation = {name: self.baseline.get(name, 0) for name in self.names}
        left = self.budget - sum(allocation.values())
        for arm in self.arms:
            if arm.kind == MEMORY and allocation[arm.name] == 0:
                allocation[arm.name] = max((level for level in arm.levels if level <= left), default=0)
                left -= allocation[arm.name]
        return allocation

    def without_memory(self, allocation: Allocation) -> Allocation:
        """
        Give what an allocation searches for a query that nobody searched before.

        :param allocation: Arm → depth; arms that are not named do not run.
        :returns: Arm → depth for every arm, memory arms at 0.
        """
        memories = self.memory_arms
        return {name: 0 if name in memories else allocation.get(name, 0) for name in self.names}

    def cost(self, allocation: Allocation) -> float:
        """
        What an allocation costs.

        :param allocation: Arm → depth; arms that are not named do not run.
        :returns: The cost in units of reward.
        """
        return sum(arm.cost(allocation.get(arm.name, 0)) for arm in self.arms)


@dataclass(frozen=True, slots=True)
class Features(FrozenValue):
    """
    What a policy sees of a query before it decides; logged as it was seen, so that learning sees the same.

    :param query: Query and user: a text value is a category, a number a magnitude.
    :param time: Time of the search, in the same form.
    :param history: Arm → what is known of the arm for this query key.
    """

    query: Mapping[str, str | float] = field(default_factory=dict)
    time: Mapping[str, str | float] = field(default_factory=dict)
    history: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def is_new_query(self) -> bool:
        """
        Whether no arm has a history for this query key: no earlier search of it has been learned from.

        A ranker asks another question: whether the memory index has evidence about the candidates (see
        `ranking.models.Situation`).
        """
        return not self.history


@dataclass(frozen=True, slots=True)
class Decision(FrozenValue):
    """
    An allocation with all that is needed to judge it, or another in its place, later.

    :param query_id: The search's id; feedback refers to it.
    :param decided_at: Seconds since 1970, UTC.
    :param understanding: What was understood of the query.
    :param actions: What there was to choose from.
    :param allocation: What was chosen: arm → depth, arms that do not run included with 0.
    :param propensity: Probability with which this allocation was chosen, in (0, 1].
    :param mode: The router's mode.
    :param policy: The policy's name.
    :param policy_version: Version of the snapshot that decided; 0 before the first.
    :param features: What the policy saw.
    :param marginals: Arm → probability of each of its levels before budget, floor and baseline share are applied.
    :param baseline_share: Probability with which the baseline was played outright.
    :param memory_share: Probability with which the baseline was played with memory added to it.
    :param floor: Share of the rest that is spread evenly over all feasible allocations.
    :param preferred: What the policy holds to be best for this query.
    :param safe_start: Whether the policy was still, or again, held back by the safe start.
    :param user_id: Who searched, if known.
    :param session_id: The session, if known.
    :param client_id: The browser or program that the search comes from, if known.
    :param client_address: A digest of the network address that the search comes from, where the server takes it.
    :param filters: The Haystack filters of the search, if there were any.
    """

    query_id: str
    decided_at: float
    understanding: Understanding
    actions: ActionSet
    allocation: Allocation
    propensity: float
    mode: Mode
    policy: str
    policy_version: int = 0
    features: Features = field(default_factory=Features, repr=False)
    marginals: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)
    baseline_share: float = 0.0
    floor: float = 0.0
    preferred: Allocation = field(default_factory=dict)
    safe_start: bool = False
    user_id: str | None = None
    session_id: str | None = None
    client_id: str | None = None
    client_address: str | None = None
    memory_share: float = 0.0
    filters: LoggedFilters = None

    @property
    def evidence_key(self) -> str:
        """The key under which evidence of this search is kept."""
        return evidence_key(self.understanding.normal_form, self.filters)


@dataclass(frozen=True, slots=True)
class ArmRequest(FrozenValue):
    """
    What the router asks of one arm.

    :param query: The query text as the arm should search it.
    :param depth: How many candidates the arm may draw, at least 1.
    :param filters: Haystack filters, or `None`.
    :param understanding: What was understood of the query, for retrievers that can use it.
    """

    query: str
    depth: int
    filters: Mapping[str, Any] | None = None
    understanding: Understanding | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ArmResult(FrozenValue):
    """
    What one arm brought back.

    :param arm: The arm's name.
    :param documents: At most the requested depth, best first; empty where `error` says why.
    :param seconds: Wall-clock time of the retriever.
    :param error: `None`, or why there are no documents: `timeout`, or the exception's type and message.
    :param left_out: How many documents it found that could not be carried on.
    """

    arm: str
    documents: tuple[SerialisableDocument, ...] = field(repr=False)
    seconds: float
    error: str | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ArmReport(FrozenValue):
    """
    How one arm fared in one search.

    :param arm: The arm's name.
    :param depth: How many candidates it was asked for.
    :param returned: How many it brought.
    :param seconds: Wall-clock time of the retriever.
    :param top_score: Raw score of its first document, if it has one.
    :param error: `None`, or why it brought nothing.
    :param found: For each rank of the arm the place of that document in the union, from 1; empty where it is not known.
    :param weight: The arm's weight in the union's own order.
    :param rrf_k: To a document at its rank r the arm adds scale · weight / (rrf_k + r).
    :param scales: For each rank of the arm its scale, 0 to 1; empty where all are 1.
    :param left_out: How many documents it found that could not be carried on.
    :param fallback: Whether it was asked because the arms that the decision drew brought nothing.
    """

    arm: str
    depth: int
    returned: int
    seconds: float
    top_score: float | None = None
    error: str | None = None
    found: tuple[int, ...] = field(default=(), repr=False)
    weight: float = 1.0
    rrf_k: float = 60.0
    scales: tuple[float, ...] = field(default=(), repr=False)
    left_out: int = 0
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class Provenance(FrozenValue):
    """
    Where an arm had a candidate.

    :param rank: Position in the arm's result, from 1.
    :param score: The arm's own score, if it gave one.
    :param normalised: The score scaled to 0 … 1 within the arm's result for this query.
    """

    rank: int
    score: float | None
    normalised: float


@dataclass(frozen=True, slots=True)
class Candidate(FrozenValue):
    """
    A document with its provenance.

    :param object_id: What the document is known by in feedback and memory.
    :param document: The document, as the arm that ranked it highest brought it.
    :param arms: Arm → where that arm had it; at least one.
    :param score: Score of the order that the candidate stands in.
    :param place: Its place in the union's own order, from 1; 0 where it is not known.
    :param model_place: Its place in the order of the ranking model, from 1; 0 where it is not known.
    """

    object_id: str
    document: SerialisableDocument = field(repr=False)
    arms: Mapping[str, Provenance]
    score: float
    place: int = 0
    model_place: int = 0


@dataclass(frozen=True, slots=True)
class CandidateSet(FrozenValue):
    """
    The union of what the arms brought for one decision.

    :param decision: The decision that asked for it.
    :param candidates: Each document once, best first.
    :param reports: How each arm that was asked fared.
    """

    decision: Decision
    candidates: tuple[Candidate, ...] = field(repr=False)
    reports: tuple[ArmReport, ...] = ()

    @property
    def missing(self) -> Mapping[str, str]:
        """Arm → why it brought nothing, for the arms that failed."""
        return {report.arm: report.error for report in self.reports if report.error is not None}


@dataclass(frozen=True, slots=True)
class Impression(FrozenValue):
    """
    A candidate with its position on the page and the ranking features it had.

    :param object_id: What the document is known by.
    :param ordinal: Position on the page, from 1; 0 for a candidate that was not shown.
    :param score: The score that put it there.
    :param arms: Arm → where that arm had it.
    :param features: Ranking feature → value; what has no value is left out.
    :param place: The candidate's place in the union's own order, from 1. A policy refuses to learn from one without it.
    :param model_place: Its place in the order of the ranking model, from 1; 0 where it is not known.
    :param propensity: The probability with which it was put at its position; 1 where no chance had a part in it.
    :param page_propensity: The probability with which it was on the page at all.
    """

    object_id: str
    ordinal: int
    score: float
    arms: Mapping[str, Provenance]
    features: Mapping[str, float] = field(default_factory=dict, repr=False)
    place: int = 0
    model_place: int = 0
    propensity: float = 1.0
    page_propensity: float = 1.0


@dataclass(frozen=True, slots=True)
class Ranking(FrozenValue):
    """
    The candidates to be shown, in their final order.

    :param decision: The decision behind them.
    :param candidates: Best first, with the ranker's scores.
    :param features: For each candidate its ranking features; what has no value is left out.
    :param reports: How each arm that was asked fared.
    :param ranker_version: Version of the ranking model; 0 for the union's own order.
    :param page_version: Version of the page model, by whose examination curve the page's evidence is counted; 0 for the
        default one.
    :param propensities: For each candidate the probability of its place, and that of being on the page at all; empty
        where no place was drawn by chance.
    :param unshown: Some of the candidates that were ranked and are not shown, for training.
    :param unshown_features: For each of them its ranking features.
    :param model_places: For each of the union's first documents, those that were ranked, its place in the order of the
        ranking model, from 1; empty where the page is in the union's order.
    :param expected: For each of these documents its expected click rate, by which the page was ordered.
    """

    decision: Decision
    candidates: tuple[Candidate, ...] = field(repr=False)
    features: tuple[Mapping[str, float], ...] = field(repr=False)
    reports: tuple[ArmReport, ...] = ()
    ranker_version: int = 0
    page_version: int = 0
    propensities: tuple[tuple[float, float], ...] = field(default=(), repr=False)
    unshown: tuple[Candidate, ...] = field(default=(), repr=False)
    unshown_features: tuple[Mapping[str, float], ...] = field(default=(), repr=False)
    model_places: tuple[int, ...] = field(default=(), repr=False)
    expected: tuple[float, ...] = field(default=(), repr=False)

    def impressions(self) -> tuple[Impression, ...]:
        """
        What the person gets to see.

        :returns: One impression for each candidate, in order.
        """
        chances = self.propensities or ((1.0, 1.0),) * len(self.candidates)
        rows = zip(self.candidates, self.features, chances, strict=True)
        return tuple(_impression(ordinal, *row) for ordinal, row in enumerate(rows, start=1))


@dataclass(frozen=True, slots=True)
class SettledDecision(FrozenValue):
    """
    A decision whose reward wait is over, with what came of it: what everything is learned from.

    :param seq: Its place in the order of settlement, from 1.
    :param decision: The decision.
    :param impressions: What was shown, by position.
    :param rewards: Object id → sum of the rewards of its events; objects without events are left out.
    :param reports: How each arm that was asked fared.
    :param ranker_version: Version of the model that ordered the page; 0 for the union's own order.
    :param counted: Whether it counts for the models that are trained, policy and ranker. Searches of one client beyond
        its share do not.
    :param capped: Object id → what counts of its rewards for learning, where that is not their sum.
    :param page_version: Version of the page model that ordered the page; 0 for the default one.
    :param unshown: Some of the candidates that were ranked and not shown.
    :param model_places: For each of the union's first documents its place in the order of the ranking model; empty
        where the page is in the union's order.
    :param expected: For each of these documents its expected click rate, by which the page was ordered.
    """

    seq: int
    decision: Decision
    impressions: tuple[Impression, ...] = field(repr=False)
    rewards: Mapping[str, float]
    reports: tuple[ArmReport, ...] = ()
    ranker_version: int = 0
    counted: bool = True
    capped: Mapping[str, float] = field(default_factory=dict)
    page_version: int = 0
    unshown: tuple[Impression, ...] = field(default=(), repr=False)
    model_places: tuple[int, ...] = field(default=(), repr=False)
    expected: tuple[float, ...] = field(default=(), repr=False)

    @property
    def counted_rewards(self) -> Mapping[str, float]:
        """Object id → what counts of its rewards for learning."""
        return {**self.rewards, **self.capped}


def _impression(
    ordinal: int,
    candidate: Candidate,
    features: Mapping[str, float],
    propensities: tuple[float, float] = (1.0, 1.0),
) -> Impression:
    return Impression(
        candidate.object_id,
        ordinal,
        candidate.score,
        candidate.arms,
        features,
        candidate.place,
        candidate.model_place,
        *propensities,
    )
