"""
What the pages of other allocations would earn for new queries, from all that the log knows of their documents.

A single search of a new query tells next to nothing of the pages that other arms would have made: most of their
documents were not on its page. But what one search of a query does not show, others do: they draw other arms, and
chance brings other documents onto the page. So each query is taken as a whole. Every arm's ranks of its documents are
known from whichever search asked that arm (see `EvidenceCollector`), and so is the union under any allocation, as far
as its documents ever were ranked; the ranking model puts it into order, by the features that the allocation would have
given, and without having been trained on this query; and each document on that page is expected to earn its attraction
where it is examined. That is the direct method of off-policy evaluation (Dudík, Langford and Li, "Doubly robust policy
evaluation and learning", ICML 2011, section 2) with a posterior for each document instead of a model of all.

The mean over queries, each counted once, is compared with the page of the baseline in the union's order, which is what
people get without learning, with that in the model's order, and with that of the best allocation. An allocation is
measured on the queries for which every arm was drawn as deep as in it and as in the baseline: for others its page, or
what it is compared with, is not known. So allocations with an arm beside the baseline are not measured before it was
drawn for enough queries. Clicks are those of a search of a query that is clicked at all.

What this leaves out: documents that were never logged, so that the others stand higher in these unions than they did;
that scores are normalised within what an arm draws, and that the ranker leaves what is below its first candidates in
the union's order; that the margin is an estimate, too; that the best of many allocations by chance looks a little
better than it is, so that others seem to be a little more behind; and that of many that are tested some pass by chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.fusion import EXACT_DIGITS
from ltrr_haystack.policy.experts import experts_of
from ltrr_haystack.policy.gains import AllocationGains, Gain
from ltrr_haystack.policy.union import reaches
from ltrr_haystack.ranking.features import SEARCHED, FeatureSchema, arm_features
from ltrr_haystack.ranking.gate import PLACES, Scorer, by_union
from ltrr_haystack.ranking.judged_queries import JudgedQuery
from ltrr_haystack.types import ActionSet, Allocation

MOST_QUERIES = 300
"""
On how many queries allocations are measured; of more, so many are drawn: half of them from all, half from those that
tell of most allocations, since few may tell of an arm beside the baseline.
"""

_Numbers = NDArray[np.float64]


def allocation_gains(
    queries: Sequence[JudgedQuery],
    schema: FeatureSchema,
    actions: ActionSet,
    fusion: Mapping[str, tuple[float, float]],
    curve: ExaminationCurve,
    scorer: Scorer = by_union,
    *,
    page: int = PLACES,
    ranker: int = 0,
    min_queries: int = 2,
    seed: int = 0,
) -> AllocationGains | None:
    """
    Measure the allocations that are compared for new queries (see `experts_of`).

    :param queries: Queries with what is known of their documents.
    :param schema: The features of these documents.
    :param actions: What there is to choose from.
    :param fusion: Arm → its weight and the constant k in reciprocal rank fusion.
    :param curve: The probability that a place is examined.
    :param scorer: Scores by the ranking model, or by one like it that was not trained on the query.
    :param page: How many documents a page has.
    :param ranker: The ranking model's version, to be noted.
    :param min_queries: What fewer queries tell of is not measured; at least 2.
    :param seed: Seed of the draw of queries.
    :returns: The gain of each that enough queries tell of; `None` where there is none, or nothing is expected of the
        baseline's page.
    """
    experts, least = experts_of(actions), max(min_queries, 2)
    queries = [query for query in queries if reaches(query.drawn, experts.baseline)]
    if len(queries) < least:
        return None
    known = np.array([[reaches(query.drawn, searched) for searched in experts.searched] for query in queries])
    if len(queries) > MOST_QUERIES:
        drawn = np.random.default_rng(seed).permutation(len(queries))
        half = MOST_QUERIES // 2
        telling = drawn[half:][np.argsort(-known[drawn[half:]].sum(axis=1), kind="stable")]
        rows = np.sort(np.concatenate([drawn[:half], telling[: MOST_QUERIES - half]]))
        queries, known = [queries[row] for row in rows], known[rows]
    unions = _Unions(schema, actions, fusion)
    earned, ranked, today, unordered = np.empty((len(queries), len(experts.keys))), *np.empty((3, len(queries)))
    looks = curve.over(np.arange(1, page + 1))
    for row, query in enumerate(queries):
        everywhere = _earned(unions.under(query, experts.searched), scorer, len(query.places), looks)
        earned[row] = np.where(known[row], everywhere, np.nan)
        baseline = unions.under(query, [experts.baseline])
        ranked[row] = _earned(baseline, scorer, len(query.places), looks)[0]
        today[row] = _earned(baseline, by_union, len(query.places), looks)[0]
        candidates = baseline.attractions[np.isfinite(baseline.places)]
        unordered[row] = candidates.mean() * looks[: len(candidates)].sum() if len(candidates) else 0.0
    told_by = known.sum(axis=0)
    if not today.any() or told_by.max() < least:
        return None
    clicks, errors = _mean_and_error(earned - today[:, None], least)
    best = earned[:, [int(np.where(told_by < least, -np.inf, clicks).argmax())]]
    columns = (
        clicks,
        errors,
        -experts.extra_costs,
        *_mean_and_error(ranked[:, None] - earned, least),
        *_mean_and_error(best - earned, least),
    )
    return AllocationGains(
        experts.baseline_key,
        {
            key: replace(Gain(*of), queries=queries_of)
            for key, of, queries_of in zip(experts.keys, np.transpose(columns).tolist(), told_by.tolist(), strict=True)
            if queries_of >= least
        },
        float(today.mean()),
        actions.cost(experts.baseline),
        len(queries),
        ranker,
        float(unordered.mean()),
        scorer is not by_union,
    )


def _mean_and_error(values: _Numbers, least: int) -> tuple[_Numbers, _Numbers]:
    """The mean of each column's numbers, and its standard error; 0 and 0 where it has fewer than `least`."""
    is_number = np.isfinite(values)
    count = is_number.sum(axis=0)
    mean = np.where(is_number, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(is_number, (values - mean) ** 2, 0.0).sum(axis=0)
    error = np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1))
    return np.where(count < least, 0.0, mean), np.where(count < least, 0.0, error)


def _earned(unions: JudgedQuery, scorer: Scorer, documents: int, looks: _Numbers) -> _Numbers:
    """What the page of each allocation is expected to earn; `unions` has so many documents for each of them."""
    scores = np.where(np.isfinite(unions.places), scorer(unions), -np.inf).reshape(-1, documents)
    order = np.argsort(-scores, axis=1, kind="stable")[:, : len(looks)]
    found = np.isfinite(np.take_along_axis(scores, order, axis=1))
    worth = np.take_along_axis(unions.attractions.reshape(-1, documents), order, axis=1)
    total: _Numbers = np.where(found, worth, 0.0) @ looks[: order.shape[1]]
    return total.round(EXACT_DIGITS)  # so that a page that is the baseline's gains nothing, and not nearly nothing


class _Unions:
    """Makes the unions of allocations, as far as the documents of a query are known."""

    def __init__(self, schema: FeatureSchema, actions: ActionSet, fusion: Mapping[str, tuple[float, float]]) -> None:
        known = [name for name in actions.names if name in fusion and name not in actions.memory_arms]
        self._arms = known
        self._weights, self._constants = np.array([fusion[name] for name in known]).reshape(-1, 2).T
        self._features = [[schema.columns[name] for name in arm_features(arm)] for arm in known]
        self._searched = schema.columns[SEARCHED]

    def under(self, query: JudgedQuery, allocations: Sequence[Allocation]) -> JudgedQuery:
        """The query's documents once for each allocation, with the places and features that it would give them."""
        depths = np.array([[allocation.get(arm, 0) for arm in self._arms] for allocation in allocations], dtype=float)
        with np.errstate(divide="ignore"):
            ranks = np.array([np.rint(1 / query.features[:, of[1]]) for of in self._features])
        ranks = ranks.reshape(len(self._arms), len(query.places)).T
        found = np.nan_to_num(ranks, nan=np.inf) <= depths[:, None, :]
        parts = np.where(found, self._weights / (self._constants + np.nan_to_num(ranks)), 0.0)
        fused = np.where(found.any(axis=2), parts.sum(axis=2), -1.0).round(EXACT_DIGITS)
        places = np.full(fused.shape, np.inf)
        np.put_along_axis(places, np.argsort(-fused, axis=1, kind="stable"), np.arange(1.0, fused.shape[1] + 1), axis=1)
        places[fused < 0] = np.inf
        features = np.repeat(query.features[None], len(depths), axis=0)
        features[:, :, self._searched] = np.maximum(fused, 0.0)
        for column, (present, *others) in enumerate(self._features):
            kept = found[:, :, column]
            features[:, :, others] = np.where(kept[:, :, None], features[:, :, others], np.nan)
            ran = np.where(depths[:, column] > 0, 0.0, np.nan)
            features[:, :, present] = np.where(kept, 1.0, ran[:, None])
        return replace(
            query,
            features=features.reshape(-1, features.shape[2]),
            places=places.ravel(),
            attractions=np.tile(query.attractions, len(depths)),
            grades=np.tile(query.grades, len(depths)),
            shown=np.tile(query.shown, len(depths)),
        )
