"""The gate: a ranking model goes live only if queries that it has not seen say that it is better than the union."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import PAGE
from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.ranking.examples import Example

MAX_WEIGHT = 10.0
"""Most that a reward is weighted up for a position that is seldom examined; bounds the variance."""

REPLICATES = 2000

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeanScore(FrozenValue):
    """
    A mean with its interval.

    :param mean: The mean over all queries.
    :param low: Lower bound of the 95 % interval.
    :param high: Upper bound of the 95 % interval.
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
    :param decisions: Decisions with a reward.
    :param queries: Their different queries.
    :param fallback: Debiased DCG of the union's own order per search, or `None` where there were too few queries.
    :param model: Debiased DCG of the model's order per search.
    :param difference: Model less fallback, paired by query.
    """

    passed: bool
    reason: str
    decisions: int
    queries: int
    fallback: MeanScore | None = None
    model: MeanScore | None = None
    difference: MeanScore | None = None


def debiased_dcg(scores: Scores, ties: Scores, rewards: Scores, ordinals: NDArray[np.int32]) -> float:
    """
    Estimate the DCG of an order from rewards that were collected in another one.

    A reward counts the more, the less likely the position it was shown at is examined (inverse propensity weighting:
    Joachims, Swaminathan and Schnabel, "Unbiased learning-to-rank with biased feedback", WSDM 2017; for DCG, Agarwal
    et al., "A general framework for counterfactual learning-to-rank", SIGIR 2019).

    :param scores: Score of each impression in the order to judge.
    :param ties: What decides between equal scores; what is equal here, too, keeps the order shown.
    :param rewards: Reward of each impression.
    :param ordinals: Position at which each impression was shown.
    :returns: The sum of rewards / examination(ordinal) / log2(1 + rank).
    """
    ranks = np.empty(len(scores))
    ranks[np.lexsort((ordinals, -ties, -scores))] = np.arange(1, len(scores) + 1)
    weights = np.array([min(1.0 / PAGE.at(int(ordinal)), MAX_WEIGHT) for ordinal in ordinals])
    return float(np.sum(rewards * weights / np.log2(1.0 + ranks)))


def judge(
    examples: Sequence[Example], fallback: Sequence[Scores], learned: Sequence[Scores], *, min_queries: int, seed: int
) -> Verdict:
    """
    Compare a model's order of the documents shown with the union's own order of them.

    What the model scores alike stays in the union's own order, as the ranker serves it. In the order shown it would be
    credited with what another model knew that had ordered the page.

    Each query counts once, however often it was typed: what is asked is whether the model helps with queries that it
    has not seen. A query's figure is the mean over all its searches, those without a reward included. Over the rewarded
    ones alone a query whose documents were shown low would count for more, since its rewards are few and each is
    weighted up, and any other order would seem better than the one shown.

    The interval is a percentile bootstrap over queries (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993,
    chapter 13).

    :param examples: Pages of queries that the scoring model was not trained on.
    :param fallback: For each page the union's own scores.
    :param learned: For each page the model's scores.
    :param min_queries: With fewer queries no model passes.
    :param seed: Seed of the bootstrap.
    :returns: The verdict: passed if the whole 95 % interval of the difference is above 0.
    """
    keys = {key: place for place, key in enumerate(sorted({example.query_key for example in examples}))}
    if len(keys) < min_queries:
        reason = f"too few queries with a reward to tell: {len(keys)}, at least {min_queries} are needed"
        return Verdict(False, reason, len(examples), len(keys))
    pages = np.array(
        [
            [debiased_dcg(scores, by_union, example.rewards, example.ordinals) for scores in (by_union, by_model)]
            for example, by_union, by_model in zip(examples, fallback, learned, strict=True)
        ]
    )
    values = np.column_stack([pages, pages[:, 1] - pages[:, 0]])
    query = np.array([keys[example.query_key] for example in examples])
    sums = np.column_stack([np.bincount(query, column) for column in values.T])
    searches = np.bincount(query, [example.searches for example in examples])
    of_fallback, of_model, difference = _bootstrapped(sums / searches[:, None], seed)
    passed = difference.low > 0.0
    interval = f"{difference.mean:+.4f} (95 % interval {difference.low:+.4f} to {difference.high:+.4f})"
    held = "better than" if passed else "not shown to be better than"
    reason = f"{held} the union's own order on {len(keys)} queries that it had not seen: debiased DCG {interval}"
    return Verdict(passed, reason, len(examples), len(keys), of_fallback, of_model, difference)


def _bootstrapped(values: NDArray[np.float64], seed: int) -> list[MeanScore]:
    """Columns of one row per query."""
    generator, shares = np.random.default_rng(seed), np.full(len(values), 1 / len(values))
    means = [generator.multinomial(len(values), shares) @ values / len(values) for _ in range(REPLICATES)]
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return [MeanScore(float(m), float(a), float(b)) for m, a, b in zip(values.mean(axis=0), low, high, strict=True)]
