"""
What the log says of the documents of each query: what a ranking model is trained and judged on.

For each query, every document that was shown for it, or ranked and logged without being shown, has an expected
attraction: what was seen of it, drawn towards the click rate of its place in the union by as much as the page model
says. So a document that was never looked at is worth what documents of its place are worth on average.

A wrong examination curve must not make another order seem better. If it is too steep, whatever stands low is held to be
better than it is, and a page turned upside down seems an improvement. So looks are counted by a curve that is flatter
than the learned one by twice its standard deviation, and the click rates of low places are lowered as if they had been
learned by it: an error then speaks for the order that is served.

Training takes another value of the same evidence, reward per look, drawn towards 0 by as many looks as the page model's
prior is worth: a document that nobody chose is no example of what people want, wherever it stands. So a click at a low
place counts for more than one at the first, as far as the flatter curve tells, and a document that was passed over a
hundred times differs from one that was passed over once. Pages as they were shown tell neither. Each query is one
example, which weighs as much as it had searches with a reward, up to `MOST_SEARCHES`: whoever searches for what nobody
else does has no more say for it.
"""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import clicks_of
from ltrr_haystack.ranking.features import PLACE, SEARCHED, FeatureSchema, Matrix
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.page_order import expected_attraction
from ltrr_haystack.ranking.place_prior_fitting import LAST_PLACE
from ltrr_haystack.types import Impression, SettledDecision, normal_form_of

MOST_DOCUMENTS = 200
"""Most documents of one query, the first that were logged."""

MOST_QUERIES = 10_000
"""Most queries of which anything is kept: those whose keys have the smallest digests, so no click decides which."""

MOST_SEARCHES = 50
"""From so many searches with a reward on a query weighs the same, so that the most frequent ones are not all."""

MAX_REWARD = 5.0
"""Rewards are clipped to this, so that one purchase does not drown out every click."""

DEVIATIONS = 2.0
"""By how many standard deviations the curve is flattened."""


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """
    The documents of a query, as if it had never been searched before.

    :param query_key: The key of the query's evidence.
    :param features: One row per document: what its searches together tell (see `EvidenceCollector`).
    :param places: The place of each in the order of the union without memory, from 1; the best that was logged.
        Infinite for what an allocation does not find (see `allocation_pages.Unions`).
    :param attractions: The expected attraction of each, 0 to 1.
    :param clicks: How often each was clicked in the first, third, fifth … search of the query; a click of which a part
        counts is that part.
    :param looks: How often each was looked at in these, counted by the flatter curve (see `cautious`).
    :param attractions_elsewhere: The expected attraction of each by the second, fourth, sixth … search alone: what an
        order by `clicks` and `looks` is judged by, since what chance made of these would speak for it.
    :param grades: Reward per look of each, 0 to `MAX_REWARD`, drawn towards 0: what training takes for its relevance.
    :param shown: Whether each was shown.
    :param weight: How much the query counts in training: its searches with a reward, up to `MOST_SEARCHES`.
    :param searches: How often it was searched.
    :param drawn: Arm → the deepest that it was drawn for the query, where it answered.
    """

    query_key: str
    features: Matrix = field(repr=False)
    places: NDArray[np.number]
    attractions: NDArray[np.float64]
    clicks: NDArray[np.float64] = field(repr=False)
    looks: NDArray[np.float64] = field(repr=False)
    attractions_elsewhere: NDArray[np.float64] = field(repr=False)
    grades: NDArray[np.float64]
    shown: NDArray[np.bool_]
    weight: int = 1
    searches: int = 1
    drawn: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def normal_form(self) -> str:
        """The query without its filters. With other filters it is no other query: its words and documents are known."""
        return normal_form_of(self.query_key)


def cautious(model: PageModel) -> PageModel:
    """
    Flatten the curve of a page model, and lower the click rates of its calibrated prior accordingly.

    A click rate is clicks over looks: where the flatter curve counts more looks, the rate is lower by as much. Each
    place is taken to have been shown at its own position, so those below the page, of which least is known, are lowered
    most.

    :param model: The page model.
    :returns: One by which low places are worth as little as the uncertainty of the curve allows.
    """
    curve = model.curve.flatter(DEVIATIONS)
    places = np.arange(1.0, LAST_PLACE + 1)
    lowered = model.calibrated.expected(places) * np.minimum(model.curve.over(places) / curve.over(places), 1.0)
    calibrated = replace(model.calibrated, rates=tuple(np.minimum.accumulate(lowered).tolist()))
    return replace(model, curve=curve, calibrated=calibrated)


class EvidenceCollector:
    """
    Gathers what is seen of documents, decision by decision.

    Searches of one query ask different arms, and each tells of a document what its arms know. Together they tell its
    rank in every arm that ever brought it, and the highest score that it had in a union; what else they tell twice is
    taken from the first.

    What it keeps is bounded by `MOST_QUERIES` and `MOST_DOCUMENTS`.

    :param schema: The features wanted.
    :param model: The page model.
    """

    def __init__(self, schema: FeatureSchema, model: PageModel) -> None:
        self._schema = schema
        self._model = cautious(model)
        self._rising = np.array([_is_rising(name) for name in schema.names], dtype=bool)
        self._queries: dict[str, _Searched] = {}
        self._largest: list[tuple[int, str]] = []

    def add(self, settled: SettledDecision) -> None:
        """
        Take a decision in; documents that only a memory arm brought are left out.

        :param settled: The decision with its rewards.
        """
        query = self._kept(settled.decision.evidence_key)
        if query is None:
            return
        documents, earned = query.documents, settled.counted_rewards
        half = query.searches % 2
        query.searches += 1
        query.rewarded += any(reward > 0 for reward in earned.values())
        query.drawn |= Counter({each.arm: each.depth for each in settled.reports if each.error is None})
        shown = [each.object_id for each in settled.impressions]
        look_of = dict(zip(shown, self._model.curve.looks_at(settled).tolist(), strict=True))
        click_of = dict(zip(shown, clicks_of(settled).tolist(), strict=True))
        for each in searched_ones(settled, (*settled.impressions, *settled.unshown)):
            place = each.features.get(PLACE)
            if place is None or not 1.0 <= place < math.inf:
                continue
            row = self._schema.matrix([each.features])[0].astype(np.float32)
            seen = documents.get(each.object_id)
            if seen is None:
                if len(documents) >= MOST_DOCUMENTS:
                    continue
                seen = documents[each.object_id] = _Seen(row, int(place))
            else:
                first = np.where(np.isnan(seen.features), row, seen.features)
                seen.features = np.where(self._rising, np.fmax(seen.features, row), first)
            seen.place = min(seen.place, int(place))
            if each.ordinal:
                seen.looks[half] += look_of[each.object_id]
                seen.clicks[half] += click_of[each.object_id]
                seen.rewards += clipped(earned.get(each.object_id, 0.0))
                seen.shown = True

    def queries(self) -> tuple[JudgedQuery, ...]:
        """
        Give what was gathered.

        :returns: The queries with at least two documents, of which one was clicked.
        """
        return tuple(
            self._judged(key, query)
            for key, query in self._queries.items()
            if len(query.documents) > 1 and any(any(each.clicks) for each in query.documents.values())
        )

    def _kept(self, key: str) -> "_Searched | None":
        """What is kept of a query, or `None` if it is not in the sample; one that has left it never comes back."""
        if key not in self._queries:
            digest = int.from_bytes(blake2b(key.encode(errors="replace"), digest_size=8).digest(), "big")
            if len(self._queries) < MOST_QUERIES:
                heapq.heappush(self._largest, (-digest, key))
            elif -digest <= self._largest[0][0]:
                return None
            else:
                _, largest = heapq.heapreplace(self._largest, (-digest, key))
                del self._queries[largest]
            self._queries[key] = _Searched()
        return self._queries[key]

    def _judged(self, key: str, query: "_Searched") -> JudgedQuery:
        seen = list(query.documents.values())
        places = np.array([each.place for each in seen], dtype=np.int32)
        halves_of_clicks, halves_of_looks = (
            np.array([each.clicks for each in seen]),
            np.array([each.looks for each in seen]),
        )
        clicks, looks = halves_of_clicks.sum(axis=1), halves_of_looks.sum(axis=1)
        prior = self._model.calibrated
        features = np.array([each.features for each in seen], dtype=np.float64)
        rewards = np.array([each.rewards for each in seen])
        return JudgedQuery(
            key,
            features,
            places,
            expected_attraction(prior.posteriors(places, clicks, looks)),
            halves_of_clicks[:, 0],
            halves_of_looks[:, 0],
            expected_attraction(prior.posteriors(places, halves_of_clicks[:, 1], halves_of_looks[:, 1])),
            np.minimum(rewards / (looks + prior.looks), MAX_REWARD),
            np.array([each.shown for each in seen]),
            min(query.rewarded, MOST_SEARCHES),
            query.searches,
            dict(query.drawn),
        )


@dataclass(slots=True)
class _Seen:
    features: NDArray[np.float32]
    place: int
    looks: list[float] = field(default_factory=lambda: [0.0, 0.0])
    clicks: list[float] = field(default_factory=lambda: [0.0, 0.0])
    rewards: float = 0.0
    shown: bool = False


@dataclass(slots=True)
class _Searched:
    """What is gathered of a query: its documents, its searches, those with a reward, and how deep each arm drew."""

    documents: dict[str, _Seen] = field(default_factory=dict)
    searches: int = 0
    rewarded: int = 0
    drawn: Counter[str] = field(default_factory=Counter)


def searched_ones(settled: SettledDecision, impressions: Iterable[Impression]) -> list[Impression]:
    """
    Leave out what only a memory arm brought: a new query would not have shown it.

    :param settled: The decision.
    :param impressions: Documents of its union.
    :returns: Those that another arm brought, too.
    """
    memory = frozenset(settled.decision.actions.memory_arms)
    return [each for each in impressions if not memory.issuperset(each.arms)]


def clipped(reward: float) -> float:
    """
    Bound a reward, so that one of them does not drown out the others.

    :param reward: The reward.
    :returns: It within 0 … `MAX_REWARD`.
    """
    return min(max(reward, 0.0), MAX_REWARD)


def _is_rising(name: str) -> bool:
    """Whether the largest value that was logged is the one to keep: an arm that drew deeper brought more."""
    return name == SEARCHED or (name.startswith("arm.") and name.endswith(".present"))
