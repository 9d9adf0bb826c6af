"""The gate: a ranking model goes live only if held-out sessions say that it is better than the union's own order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import examination
from ltrr_haystack.ranking.examples import Example, stacked
from ltrr_haystack.ranking.features import FUSED
from ltrr_haystack.ranking.model import RankingModel
from ltrr_haystack.types import Travelling

MAX_WEIGHT = 10.0
"""Most that a reward is weighted up for a position that is seldom examined; bounds the variance."""

REPLICATES = 2000

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate(Travelling):
    """
    A mean with its interval.

    :param mean: The mean over all held-out decisions.
    :param low: Lower bound of the 95 % interval.
    :param high: Upper bound of the 95 % interval.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict(Travelling):
    """
    What the gate says of a model.

    :param passed: Whether the model may go live.
    :param reason: Why, in a sentence.
    :param decisions: Held-out decisions with a reward.
    :param sessions: Their sessions.
    :param fallback: Debiased DCG of the union's own order, or `None` where too little was held out.
    :param model: Debiased DCG of the model's order.
    :param difference: Model less fallback, paired by decision.
    """

    passed: bool
    reason: str
    decisions: int
    sessions: int
    fallback: Estimate | None = None
    model: Estimate | None = None
    difference: Estimate | None = None


def debiased_dcg(scores: Scores, rewards: Scores, ordinals: NDArray[np.int32]) -> float:
    """
    Estimate the DCG of an order from rewards that were collected in another one.

    A reward counts the more, the less likely the position it was shown at is examined (inverse propensity weighting:
    Joachims, Swaminathan and Schnabel, "Unbiased learning-to-rank with biased feedback", WSDM 2017; for DCG, Agarwal
    et al., "A general framework for counterfactual learning-to-rank", SIGIR 2019).

    :param scores: Score of each impression in the order to judge; equal scores keep the order shown.
    :param rewards: Reward of each impression.
    :param ordinals: Position at which each impression was shown.
    :returns: The sum of rewards / examination(ordinal) / log2(1 + rank).
    """
    ranks = np.empty(len(scores))
    ranks[np.lexsort((ordinals, -scores))] = np.arange(1, len(scores) + 1)
    weights = np.array([min(1.0 / examination(int(ordinal)), MAX_WEIGHT) for ordinal in ordinals])
    return float(np.sum(rewards * weights / np.log2(1.0 + ranks)))


def judge(model: RankingModel, held_out: Sequence[Example], *, min_decisions: int, seed: int) -> Verdict:
    """
    Compare a model's order of the documents shown with the union's own order of them.

    :param model: The model.
    :param held_out: Decisions of sessions that it was not trained on.
    :param min_decisions: With fewer held-out decisions no model passes.
    :param seed: Seed of the bootstrap.
    :returns: The verdict: passed if the whole 95 % interval of the difference is above 0.
    """
    column = model.schema.columns[FUSED]
    fallback, learned = [], []
    for example, scores in zip(held_out, _scores(model, held_out), strict=True):
        fused = np.nan_to_num(example.features[:, column], nan=-np.inf)
        fallback.append(debiased_dcg(fused, example.rewards, example.ordinals))
        learned.append(debiased_dcg(scores, example.rewards, example.ordinals))
    return verdict(fallback, learned, [example.session for example in held_out], min_decisions=min_decisions, seed=seed)


def verdict(
    fallback: Sequence[float], learned: Sequence[float], sessions: Sequence[str], *, min_decisions: int, seed: int
) -> Verdict:
    """
    Say from paired figures whether a model is better than the fallback.

    The interval is a percentile bootstrap over sessions, since the decisions of one session are not independent
    (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13).

    :param fallback: Debiased DCG of the fallback, by decision.
    :param learned: Debiased DCG of the model, by decision.
    :param sessions: Session of each decision.
    :param min_decisions: With fewer decisions no model passes.
    :param seed: Seed of the bootstrap.
    :returns: The verdict.
    """
    decisions, distinct = len(sessions), len(set(sessions))
    if decisions < min_decisions:
        reason = f"too few held-out decisions with a reward to tell: {decisions}, at least {min_decisions} are needed"
        return Verdict(False, reason, decisions, distinct)
    values = np.column_stack([fallback, learned, np.subtract(learned, fallback)])
    of_fallback, of_model, difference = _bootstrapped(values, sessions, seed)
    passed = difference.low > 0.0
    interval = f"{difference.mean:+.4f} (95 % interval {difference.low:+.4f} to {difference.high:+.4f})"
    held = "better than" if passed else "not shown to be better than"
    reason = f"{held} the union's own order on {decisions} held-out decisions: debiased DCG {interval}"
    return Verdict(passed, reason, decisions, distinct, of_fallback, of_model, difference)


def _scores(model: RankingModel, examples: Sequence[Example]) -> list[Scores]:
    if not examples:
        return []
    features, _, _, groups = stacked(examples)
    return np.split(model.scores(features), np.cumsum(groups)[:-1])


def _bootstrapped(values: NDArray[np.float64], sessions: Sequence[str], seed: int) -> list[Estimate]:
    _, cluster = np.unique(np.array(sessions), return_inverse=True)
    clusters = int(cluster.max()) + 1
    counts = np.bincount(cluster, minlength=clusters)
    sums = np.column_stack([np.bincount(cluster, column, minlength=clusters) for column in values.T])
    generator = np.random.default_rng(seed)
    means = np.empty((REPLICATES, values.shape[1]))
    for replicate in range(REPLICATES):
        drawn = generator.integers(clusters, size=clusters)
        means[replicate] = sums[drawn].sum(axis=0) / counts[drawn].sum()
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return [Estimate(float(m), float(a), float(b)) for m, a, b in zip(values.mean(axis=0), low, high, strict=True)]
