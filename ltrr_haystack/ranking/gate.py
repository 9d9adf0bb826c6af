"""
The gate: a ranking model goes live only if it is not worse than what is live, on queries that it has not seen.

Two orders of the documents of a query are compared by the expected value of their first ten places, Σ attraction ·
discount(rank) with the discount of DCG, 1 / log2(1 + rank) (Järvelin and Kekäläinen, "Cumulated gain-based evaluation
of IR techniques", ACM TOIS 20, 2002). What the log says of the documents' attractions is told in `judged_queries`; it
speaks for the order that is served, so a model that is as good may well seem a little worse.

Every query counts once, however often and with whichever filters it was typed: queries are independent of each other,
searches of one query are not. The bounds of the mean over queries are Student's. A model passes if the lower bound is
above -margin, a share of the value of the order that it is compared with (a test of non-inferiority: Piaggio,
Elbourne, Pocock, Evans and Altman, "Reporting of noninferiority and equivalence randomized trials", JAMA 308, 2012). It
is compared with the union's own order each time, too, so that a series of models, each a little worse than the one
before, does not pass.

The margin is wide since the comparison is biased against the model: what it brings up has mostly never been shown, and
counts as an average document of its place. On the logs of three benchmarks, models that were better than the union by
.02 to .15 nDCG were judged between 1 % better and 3 % worse, and models of shuffled labels 28 % worse. The margin was
chosen on these.

All searches of a query count, not only those with places drawn by chance: whatever was seen of its documents, as far
as their places were looked at (see `judged_queries`). A document that was never shown has the click rate of its place
in the union.

The test is repeated at each training, and a model that is worse by more than the margin must not pass at any of them.
So look i is at level α_i = α · 6 / (π² i²), which add up to α over all looks (a union bound; Howard, Ramdas, McAuliffe
and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49, 2021, section
3.1 spend a level over epochs in this way).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.ranking.judged_queries import JudgedQuery
from ltrr_haystack.ranking.model import start_scores

ALPHA = 0.05
"""Probability that a model that is worse by the margin passes at any look."""

MARGIN = 0.07
"""How much less than the order it is compared with a model may be worth, as a share."""

PLACES = 10
"""Places whose value is compared."""

UNIONS_ORDER, LIVE_MODEL = "union's own order", "live model"
"""What a model is compared with."""

Scores = NDArray[np.float64]
Scorer = Callable[[JudgedQuery], Scores]
"""Gives each document of a query its score; higher is better."""


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
class OrderComparison(FrozenValue):
    """
    A model beside another order.

    :param name: The other order: `UNIONS_ORDER` or `LIVE_MODEL`.
    :param other: Expected value of the other order's first places.
    :param difference: The model's less the other's, paired by query.
    :param margin: How much less the model may be worth.
    """

    name: str
    other: MeanScore
    difference: MeanScore
    margin: float

    @property
    def not_worse(self) -> bool:
        """Whether the model is shown not to be worse by more than the margin."""
        return self.difference.low > -self.margin

    @property
    def told(self) -> str:
        """The comparison in words."""
        held = "not worse than" if self.not_worse else "not shown not to be worse than"
        interval = f"{self.difference.mean:+.3f} (from {self.difference.low:+.3f} to {self.difference.high:+.3f})"
        return f"{held} the {self.name}: {interval} of {self.other.mean:.3f}, of which -{self.margin:.3f} is allowed"


@dataclass(frozen=True, slots=True)
class Verdict(FrozenValue):
    """
    What the gate says of a model.

    :param passed: Whether the model may go live.
    :param reason: Why, in a sentence.
    :param queries: The different queries that it was judged on.
    :param look: How many tests there were by now, this one included; 0 where there was too little to test.
    :param level: The level of this look; 0.0 where there was none.
    :param model: Expected value of the model's first places; `None` where there was too little to test.
    :param comparisons: The model beside the union's own order, and beside the live model if there is one.
    """

    passed: bool
    reason: str
    queries: int = 0
    look: int = 0
    level: float = 0.0
    model: MeanScore | None = None
    comparisons: tuple[OrderComparison, ...] = ()


def level_of(look: int, alpha: float = ALPHA) -> float:
    """
    Give the level of one of many looks.

    :param look: Number of the look, from 1.
    :param alpha: The level of all looks together.
    :returns: α · 6 / (π² · look²).
    """
    return alpha * 6.0 / (math.pi * look) ** 2


def bounded_mean(values: NDArray[np.float64], level: float) -> MeanScore:
    """
    Give the mean of values of independent queries with Student's bounds.

    :param values: One value for each query, at least two.
    :param level: Probability with which the mean is below the lower bound, and that with which it is above the upper.
    :returns: The mean and its bounds.
    """
    from scipy.special import stdtrit

    mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = float(stdtrit(len(values) - 1, 1.0 - level)) * error
    return MeanScore(mean, mean - reach, mean + reach)


def by_union(query: JudgedQuery) -> Scores:
    """
    Score documents by the order of the union without memory.

    :param query: The query.
    :returns: The score that a model starts from.
    """
    return start_scores(query.places)


def expected_value(scores: Scores, query: JudgedQuery) -> float:
    """
    Give the expected value of the first places of an order.

    :param scores: Score of each document; where they are equal, the union's place decides.
    :param query: The documents with their expected attractions.
    :returns: The sum of attraction / log2(1 + rank) over the first ten.
    """
    first = np.lexsort((query.places, -scores))[:PLACES]
    return float((query.attractions[first] / np.log2(np.arange(2, len(first) + 2))).sum())


def judge(
    queries: Sequence[JudgedQuery],
    learned: Scorer,
    live: Scorer | None = None,
    *,
    min_queries: int,
    look: int = 1,
) -> Verdict:
    """
    Judge a model on queries that it was not trained on.

    :param queries: The queries with what is known of their documents.
    :param learned: Scores by the model, or by one like it that was not trained on the query.
    :param live: Scores by the live model, if there is one, or by one like it that was not trained on the query.
    :param min_queries: With fewer queries there is no test.
    :param look: Number of the test, from 1.
    :returns: The verdict.
    """
    forms, form_of = np.unique([query.normal_form for query in queries], return_inverse=True)
    if len(forms) < max(min_queries, 2):
        reason = f"too few queries brought a reward: {len(forms)}, at least {max(min_queries, 2)} are needed"
        return Verdict(False, reason, len(forms))

    def values(scorer: Scorer) -> NDArray[np.float64]:
        of_each = [expected_value(scorer(query), query) for query in queries]
        return np.bincount(form_of, weights=of_each) / np.bincount(form_of)

    others = {UNIONS_ORDER: by_union, **({} if live is None else {LIVE_MODEL: live})}
    level = level_of(look)
    own = values(learned)
    comparisons = tuple([_compared(name, own, values(other), level) for name, other in others.items()])
    told = "; ".join([each.told for each in comparisons])
    return Verdict(
        all(each.not_worse for each in comparisons),
        f"on {len(forms)} queries that it had not seen {told} (look {look}, level {level:.2g})",
        queries=len(forms),
        look=look,
        level=level,
        model=bounded_mean(own, level),
        comparisons=comparisons,
    )


def _compared(name: str, own: NDArray[np.float64], other: NDArray[np.float64], level: float) -> OrderComparison:
    return OrderComparison(
        name, bounded_mean(other, level), bounded_mean(own - other, level), MARGIN * float(other.mean())
    )
