"""The pages that allocations would make for a query, as far as the log knows its documents."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.fusion import EXACT_DIGITS
from ltrr_haystack.memory.posterior import Prior
from ltrr_haystack.ranking.features import SEARCHED, FeatureSchema, arm_features
from ltrr_haystack.ranking.gate import Scorer
from ltrr_haystack.ranking.judged_queries import JudgedQuery
from ltrr_haystack.ranking.page_order import expected_attraction
from ltrr_haystack.ranking.place_prior import Numbers, PlacePrior
from ltrr_haystack.ranking.place_prior_fitting import LAST_PLACE
from ltrr_haystack.types import MEMORY, ActionSet, Allocation

BY_DEFAULT = Prior()
"""What a memory arm goes by unless it is told otherwise."""


class Unions:
    """
    Makes the unions of allocations.

    Of documents with equal scores those of the first arm stand above, by their ranks there, as `UnionJoiner` has it.

    :param schema: The features of the documents.
    :param actions: What there is to choose from; its arms are taken to stand in the order of the joiner's.
    :param fusion: Arm → its weight and the constant k in reciprocal rank fusion; arms that are not there find nothing.
    """

    def __init__(self, schema: FeatureSchema, actions: ActionSet, fusion: Mapping[str, tuple[float, float]]) -> None:
        known = [name for name in actions.names if name in fusion and name not in actions.memory_arms]
        self._arms = known
        self._weights, self._constants = np.array([fusion[name] for name in known]).reshape(-1, 2).T
        self._features = [[schema.columns[name] for name in arm_features(arm)] for arm in known]
        self._searched = schema.columns[SEARCHED]

    def under(self, query: JudgedQuery, allocations: Sequence[Allocation]) -> JudgedQuery:
        """
        Give the documents of a query once for each allocation, with the places and features that it would give them.

        :param query: The query.
        :param allocations: The allocations.
        :returns: The documents, as many for each allocation, one allocation after the other; the place of what it does
            not find is infinite.
        """
        depths = np.array([[allocation.get(arm, 0) for arm in self._arms] for allocation in allocations], dtype=float)
        with np.errstate(divide="ignore"):
            ranks = np.array([np.rint(1 / query.features[:, of[1]]) for of in self._features])
        ranks = ranks.reshape(len(self._arms), len(query.places)).T
        found = np.nan_to_num(ranks, nan=np.inf) <= depths[:, None, :]
        parts = np.where(found, self._weights / (self._constants + np.nan_to_num(ranks)), 0.0)
        fused = np.where(found.any(axis=2), parts.sum(axis=2), -1.0).round(EXACT_DIGITS)
        in_turn = np.arange(len(self._arms)) * depths.max(initial=0.0) + ranks
        by_arm = np.where(found, in_turn, np.inf).min(axis=2, initial=np.inf)
        places = _places(fused, by_arm)
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
            clicks=np.tile(query.clicks, len(depths)),
            looks=np.tile(query.looks, len(depths)),
            attractions_elsewhere=np.tile(query.attractions_elsewhere, len(depths)),
            grades=np.tile(query.grades, len(depths)),
            shown=np.tile(query.shown, len(depths)),
        )


class Memory:
    """
    Puts pages into the order that they have for a query that was searched before.

    :param actions: What there is to choose from: memory arms bring what was chosen, as deep as they can.
    :param prior: The prior by which pages are ordered.
    """

    def __init__(self, actions: ActionSet, prior: PlacePrior) -> None:
        self._depth = max([arm.levels[-1] for arm in actions.arms if arm.kind == MEMORY], default=0)
        self._prior = prior

    def means(self, scores: Numbers, query: JudgedQuery) -> Numbers:
        """
        Order documents by what was seen of them, as the ranker does.

        :param scores: Allocation × document: the scores of the ranking model, as `scores_of` gives them.
        :param query: The query.
        :returns: Allocation × document: the posterior mean of what the allocation finds or memory brings, -inf for all
            others. What memory alone brings has the place below all that is found, `LAST_PLACE` at most.
        """
        found = np.isfinite(scores)
        below = np.minimum(found.sum(axis=1, keepdims=True) + 1.0, LAST_PLACE)
        places = np.where(found, _places(scores), below)
        posteriors = self._prior.posteriors(places, query.clicks, query.looks)
        means: Numbers = np.where(found | self._brings(query), expected_attraction(posteriors), -np.inf)
        return means

    def _brings(self, query: JudgedQuery) -> NDArray[np.bool_]:
        """Which documents memory arms bring: those that were chosen at least once, the best ones first."""
        seen = zip(query.clicks.tolist(), query.looks.tolist(), strict=True)
        rates = np.array(
            [BY_DEFAULT.posterior_mean(clicks, looks) if clicks >= 1 else -np.inf for clicks, looks in seen]
        )
        brought: NDArray[np.bool_] = np.isfinite(rates)
        brought[np.argsort(-rates, kind="stable")[self._depth :]] = False
        return brought


def scores_of(unions: JudgedQuery, scorer: Scorer, query: JudgedQuery) -> Numbers:
    """
    Score the documents of a query under allocations.

    :param unions: What `Unions` made of the query.
    :param scorer: Scores by a ranking model.
    :param query: The query.
    :returns: Allocation × document: the score, -inf for what the allocation does not find.
    """
    scores: Numbers = np.where(np.isfinite(unions.places), scorer(unions), -np.inf).reshape(-1, len(query.places))
    return scores


def earned_by(scores: Numbers, worth: Numbers, looks: Numbers) -> Numbers:
    """
    Tell what pages are expected to earn.

    :param scores: Allocation × document: what pages are ordered by, -inf for what is not there.
    :param worth: For each document the expected clicks where it is examined.
    :param looks: For each place of a page, how likely it is examined.
    :returns: For each allocation the expected clicks on its page, rounded so that equal pages earn the same.
    """
    order = np.argsort(-scores, axis=1, kind="stable")[:, : len(looks)]
    found = np.isfinite(np.take_along_axis(scores, order, axis=1))
    total: Numbers = np.where(found, worth[order], 0.0) @ looks[: order.shape[1]]
    return total.round(EXACT_DIGITS)


def _places(scores: Numbers, ties: Numbers | None = None) -> Numbers:
    """The place of each document in every row, by falling score and rising `ties`, from 1."""
    places = np.empty(scores.shape)
    ranks = np.broadcast_to(np.arange(1.0, scores.shape[1] + 1), scores.shape)
    keys = (-scores,) if ties is None else (ties, -scores)
    np.put_along_axis(places, np.lexsort(keys, axis=-1), ranks, axis=1)
    return places
