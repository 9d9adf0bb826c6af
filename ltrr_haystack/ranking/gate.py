"""
The gate: a ranking model goes live only if chance says that it orders pages of unseen queries better.

It is judged where the order of a page was explored, and there by the exploration's own randomness alone (see
`exploration`). Two orders of the same documents are compared by the difference of their DCG, Σ attraction ·
discount(rank among these documents), which is paired by page. The discounts of both orders add up to the same, so
whatever all documents of a page have in common, such as a mean reward, cancels.

Every query counts once, by the mean over all its searches with exploration, those without a reward included; queries
are independent of each other, searches of one query are not. The bound of the mean over queries is Student's.

The test is repeated at each training, and a model no better than the union must not pass at any of them. So look i is
at level α_i = α · 6 / (π² i²), which add up to α over all looks (a union bound; Howard, Ramdas, McAuliffe and Sekhon,
"Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49, 2021, section 3.1 spend a
level over epochs in this way).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.ranking.exploration import ExploredPage
from ltrr_haystack.ranking.model import start_scores

ALPHA = 0.025
"""Probability that one no better than the union passes at any look: that of one side of a 95 % interval."""

MARGIN_SHARE = 0.1
"""How much of the live model's advantage over the union another model may lack."""

LEAST_MARGIN = 0.005
"""How much debiased DCG per search it may lack in any case."""

Scores = NDArray[np.float64]
Scorer = Callable[[ExploredPage], Scores]
"""Gives each document of a page its score; higher is better."""


@dataclass(frozen=True, slots=True)
class MeanScore(FrozenValue):
    """
    A mean over queries with its interval.

    :param mean: The mean.
    :param low: Lower bound, at the level of the look; the mean is below it with no more than this probability.
    :param high: Upper bound, at the same level.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict(FrozenValue):
    """
    What the gate says of a model.

    :param passed: Whether the model may go live.
    :param reason: Why, in a sentence.
    :param decisions: Searches whose order was explored.
    :param rewarded: Those of them in which what was explored brought a reward.
    :param queries: The different queries of the rewarded ones.
    :param look: How many tests there were by now, this one included; 0 where there was too little to test.
    :param level: The level of this look; 0.0 where there was none.
    :param union: Debiased DCG of the union's own order per search; `None` where there was too little to test.
    :param model: Debiased DCG of the model's order per search.
    :param difference: Model less union, paired by query.
    :param beside_live: Model less the live model, paired by query; `None` where none is live.
    :param margin: How much less than the live model it may have been worth.
    """

    passed: bool
    reason: str
    decisions: int = 0
    rewarded: int = 0
    queries: int = 0
    look: int = 0
    level: float = 0.0
    union: MeanScore | None = None
    model: MeanScore | None = None
    difference: MeanScore | None = None
    beside_live: MeanScore | None = None
    margin: float = 0.0


def level_of(look: int, alpha: float = ALPHA) -> float:
    """
    Give the level of one of many looks.

    :param look: Number of the look, from 1.
    :param alpha: The level of all looks together.
    :returns: α · 6 / (π² · look²).
    """
    return alpha * 6.0 / (math.pi * look) ** 2


def by_union(page: ExploredPage) -> Scores:
    """
    Score documents by the order of the union without memory.

    :param page: The documents.
    :returns: The score that a model starts from.
    """
    return start_scores(page.places)


def debiased_dcg(scores: Scores, page: ExploredPage) -> float:
    """
    Estimate the DCG of an order of the explored documents of a page.

    :param scores: Score of each document in the order to judge; where they are equal, the union's place decides.
    :param page: The documents with the estimates of their attractions.
    :returns: The sum of attraction / log2(1 + rank).
    """
    ranks = np.empty(len(scores))
    ranks[np.lexsort((page.places, -scores))] = np.arange(1, len(scores) + 1)
    return float((page.attractions / np.log2(1.0 + ranks)).sum())


def judge(
    pages: Sequence[ExploredPage],
    searches: Mapping[str, int],
    learned: Scorer,
    live: Scorer | None = None,
    *,
    min_queries: int,
    look: int = 1,
) -> Verdict:
    """
    Judge a model on queries that it was not trained on.

    It passes if it is better than the union's own order, and not worse than the live model by more than a margin: a
    tenth of what that one is better than the union. The live model may have been trained on these queries, which is in
    its favour.

    :param pages: Explored pages that brought a reward.
    :param searches: Query key → its searches with exploration, those without a reward included.
    :param learned: Scores by the model, or by one like it that was not trained on the page's query.
    :param live: Scores by the live model, if there is one.
    :param min_queries: With fewer different queries among the pages there is no test.
    :param look: Number of the test, from 1.
    :returns: The verdict.
    """
    rewarded = {page.query_key for page in pages}
    decisions = sum(searches.values())
    if len(rewarded) < max(min_queries, 2):
        reason = _too_little(decisions, len(pages), len(rewarded), max(min_queries, 2))
        return Verdict(False, reason, decisions, len(pages), len(rewarded))
    means = _means_of_queries(pages, searches, [by_union, learned] if live is None else [by_union, learned, live])
    level = level_of(look)
    union, model = _bounded(means[:, 0], level), _bounded(means[:, 1], level)
    difference = _bounded(means[:, 1] - means[:, 0], level)
    better = difference.low > 0.0
    beside, margin = None, 0.0
    if live is not None:
        beside = _bounded(means[:, 1] - means[:, 2], level)
        margin = max(LEAST_MARGIN, MARGIN_SHARE * float((means[:, 2] - means[:, 0]).mean()))
    not_worse = beside is None or beside.low > -margin
    held = "better than" if better else "not shown to be better than"
    parts = [
        f"{held} the union's own order on {len(means)} queries that it had not seen: "
        f"debiased DCG {_interval(difference)}"
    ]
    if beside is not None:
        held = "not worse than the live model" if not_worse else "it may be worse than the live model"
        parts.append(f"{held}: {_interval(beside)}, of which -{margin:.4f} is allowed")
    return Verdict(
        better and not_worse,
        f"{'; '.join(parts)} (look {look}, level {level:.2g})",
        decisions=decisions,
        rewarded=len(pages),
        queries=len(rewarded),
        look=look,
        level=level,
        union=union,
        model=model,
        difference=difference,
        beside_live=beside,
        margin=margin,
    )


def _too_little(decisions: int, rewarded: int, queries: int, needed: int) -> str:
    if not decisions:
        return (
            "there is no search whose order was explored by chance, so there is nothing to compare orders by: let "
            "LTRRanker explore"
        )
    return (
        f"too few searches with exploration brought a reward: {rewarded} of {decisions}, by {queries} different "
        f"queries; at least {needed} queries are needed"
    )


def _means_of_queries(
    pages: Sequence[ExploredPage], searches: Mapping[str, int], scorers: Sequence[Scorer]
) -> NDArray[np.float64]:
    """One row per query, one column per order: the mean over all its searches."""
    rows = {key: row for row, key in enumerate(sorted(searches))}
    sums = np.zeros((len(rows), len(scorers)))
    for page in pages:
        sums[rows[page.query_key]] += [debiased_dcg(score(page), page) for score in scorers]
    means: NDArray[np.float64] = sums / np.array([searches[key] for key in rows], dtype=np.float64)[:, None]
    return means


def _bounded(values: NDArray[np.float64], level: float) -> MeanScore:
    from scipy.special import stdtrit

    mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = float(stdtrit(len(values) - 1, 1.0 - level)) * error
    return MeanScore(mean, mean - reach, mean + reach)


def _interval(difference: MeanScore) -> str:
    return f"{difference.mean:+.4f} (from {difference.low:+.4f} to {difference.high:+.4f})"
