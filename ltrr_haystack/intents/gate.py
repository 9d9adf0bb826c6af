"""
The gate: an intent classifier goes live only if, on queries that it has not seen, it is better than no classifier and
not worse than the one that is live.

Classifiers are compared by their logarithmic loss, which is least for the true probabilities (a proper score: Gneiting
and Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA 102, 2007). Every query counts once,
whatever it was labelled with and however often, so that the differences of queries are independent; their mean has
Student's bounds.

No classifier at all gives every query the categories' shares among the training queries. A classifier has to be better
than that by `GAIN` of its loss, which one of shuffled labels, being as good at best, is not. Of what the live
classifier gains over the shares it may lose `MARGIN`: a test of non-inferiority that preserves a part of the effect
(Piaggio, Elbourne, Pocock, Evans and Altman, "Reporting of noninferiority and equivalence randomized trials", JAMA 308,
2012). A series of classifiers, each a little worse than the one before, can come down by `MARGIN` at each step, but
never to less than `GAIN` above the shares. The test is repeated at each training, and its level is spent over the looks
as that of the ranker's gate (`ranking.gate.level_of`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.intents.fitting import Matrix, log_losses
from ltrr_haystack.ranking.gate import MeanScore, bounded_mean, level_of

GAIN = 0.05
"""By how much of the loss without a classifier it has to be better."""

MARGIN = 0.2
"""How much of what the live classifier gains over the shares it may lose."""

MIN_QUERIES = 10
"""With fewer held-out queries there is no test."""

SHARES, LIVE_CLASSIFIER = "shares of the categories", "live classifier"
"""What a classifier is compared with."""


@dataclass(frozen=True, slots=True)
class LossComparison(FrozenValue):
    """
    A classifier beside another one.

    :param name: The other one: `SHARES` or `LIVE_CLASSIFIER`.
    :param queries: The queries on which both are judged.
    :param loss: Mean logarithmic loss of the other one, in nats.
    :param accuracy: Accuracy of the other one.
    :param difference: The classifier's loss less the other's, paired by query; below 0 it is better.
    :param allowed: What the difference may be at most.
    """

    name: str
    queries: int
    loss: MeanScore
    accuracy: MeanScore
    difference: MeanScore
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether the difference is shown to be no more than is allowed."""
        return self.difference.high <= self.allowed

    @property
    def told(self) -> str:
        """The comparison in words."""
        wanted = "better than" if self.allowed < 0 else "not worse than"
        shown = wanted if self.holds else f"not shown to be {wanted}"
        interval = f"{self.difference.mean:+.3f} (from {self.difference.low:+.3f} to {self.difference.high:+.3f})"
        return f"{shown} the {self.name}: log loss {interval} of {self.loss.mean:.3f}, {self.allowed:+.3f} is allowed"


@dataclass(frozen=True, slots=True)
class IntentVerdict(FrozenValue):
    """
    What the gate says of a classifier.

    :param passed: Whether it may go live.
    :param reason: Why, in a sentence.
    :param queries: The queries that it was judged on.
    :param look: How many tests there were by now, this one included; 0 where there was too little to test.
    :param level: The level of this look; 0.0 where there was none.
    :param loss: Its mean logarithmic loss, in nats; `None` where there was too little to test.
    :param accuracy: Share of the queries that are after the category that it holds to be likeliest.
    :param comparisons: The classifier beside the shares of the categories, and beside the live one if there is one.
    """

    passed: bool
    reason: str
    queries: int = 0
    look: int = 0
    level: float = 0.0
    loss: MeanScore | None = None
    accuracy: MeanScore | None = None
    comparisons: tuple[LossComparison, ...] = ()


def hits(probabilities: Matrix, truth: Matrix) -> NDArray[np.float64]:
    """
    Tell how right the likeliest category is.

    :param probabilities: Queries × categories.
    :param truth: Queries × categories: the share of each query that is after each category.
    :returns: For each query the share of its likeliest category.
    """
    shares: NDArray[np.float64] = truth[np.arange(len(truth)), probabilities.argmax(axis=1)]
    return shares


def judge_intents(
    truth: Matrix,
    own: Matrix,
    shares: NDArray[np.float64],
    live: Matrix | None = None,
    unseen_by_live: NDArray[np.bool_] | None = None,
    *,
    look: int = 1,
) -> IntentVerdict:
    """
    Judge a classifier on queries that it was not trained on.

    :param truth: Queries × categories: the share of each query that is after each category.
    :param own: Queries × categories: the classifier's probabilities.
    :param shares: Share of each category among the training queries.
    :param live: The live classifier's probabilities, if there is one.
    :param unseen_by_live: Which of the queries the live one was not trained on either; all if left out.
    :param look: Number of the test, from 1.
    :returns: The verdict.
    """
    if len(truth) < MIN_QUERIES:
        return IntentVerdict(
            False, f"{len(truth)} queries are held out, at least {MIN_QUERIES} are needed", queries=len(truth)
        )
    level = level_of(look)
    unseen = np.ones(len(truth), dtype=bool) if unseen_by_live is None else unseen_by_live
    without = np.tile(shares, (len(truth), 1))
    allowed = -GAIN * float(log_losses(without, truth).mean())
    comparisons = [_compared(SHARES, truth, own, without, allowed, level)]
    told = []
    if live is not None and unseen.sum() >= MIN_QUERIES:
        gained = float((log_losses(without, truth) - log_losses(live, truth))[unseen].mean())
        allowed = MARGIN * max(gained, 0.0)
        comparisons.append(_compared(LIVE_CLASSIFIER, truth[unseen], own[unseen], live[unseen], allowed, level))
    elif live is not None:
        told.append(
            f"the {LIVE_CLASSIFIER} has seen all but {unseen.sum()} of these queries, at least {MIN_QUERIES} are "
            "needed: train with its seed"
        )
    told = [*(each.told for each in comparisons), *told]
    return IntentVerdict(
        all(each.holds for each in comparisons) and len(told) == len(comparisons),
        f"on {len(truth)} queries that it had not seen {'; '.join(told)} (look {look}, level {level:.2g})",
        queries=len(truth),
        look=look,
        level=level,
        loss=bounded_mean(log_losses(own, truth), level),
        accuracy=bounded_mean(hits(own, truth), level),
        comparisons=tuple(comparisons),
    )


def _compared(name: str, truth: Matrix, own: Matrix, other: Matrix, allowed: float, level: float) -> LossComparison:
    losses, others = log_losses(own, truth), log_losses(other, truth)
    return LossComparison(
        name,
        len(truth),
        bounded_mean(others, level),
        bounded_mean(hits(other, truth), level),
        bounded_mean(losses - others, level),
        allowed,
    )
