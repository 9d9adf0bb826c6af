"""
The examination curve: how likely people are to examine a position. Everything that corrects for position bias uses it.

The position-based model (Craswell, Zoeter, Taylor and Ramsey, "An experimental comparison of click position-bias
models", WSDM 2008): a click needs an examination first, and the examination depends on the position alone. Its
probability relative to the first position is `1 / position ** eta` (Joachims, Swaminathan and Schnabel, "Unbiased
learning-to-rank with biased feedback", WSDM 2017, section 5.1). Where a curve was learned, it also tells how likely a
position is examined before and after something above it was clicked; looks at documents are counted by that, and other
pages are valued by the mean.

| curve | eta | used for | why this eta |
|---|---|---|---|
| the page model's | learned | memory, credit, both gates, evaluation, qrels | `position_bias` reads it from the log |
| `PRIOR` | 0.7 ± 0.35 | memory, gate, evaluation, until it was learned | web and product search: between 0.5 and 1 |
| `UNION` | 0.5 | credit and whole allocations, until it was learned | moves rewards with care |
| `PAGE` | 1.0 | simulated readers, and tuning for them | as Joachims et al. measured it |

There is one curve of how people look, the page model's. Until it is learned, `UNION` moves rewards to places at which
the documents were not seen: a flatter curve moves less, so credit has less variance. Where no curve was learned,
`estimate_curve` finds the steepness for off-policy evaluation by replaying allocations.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.types import SettledDecision

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ExaminationCurve(FrozenValue):
    """
    The probability that a position is examined, relative to the first one.

    Where it was learned (see `position_bias.py`), each of the first positions has a probability of its own. Beyond
    them, and for all positions where nothing was learned, it falls like `1 / position ** eta`.

    ### Usage example

    ```python
    from ltrr_haystack.feedback.examination import ExaminationCurve

    assert ExaminationCurve(eta=1.0).at(4) == 0.25
    assert ExaminationCurve(eta=0.5).at(4) == 0.5
    assert ExaminationCurve(eta=1.0, learned=(1.0, 0.8)).at(2) == 0.8
    assert ExaminationCurve(eta=1.0, learned=(1.0, 0.8)).at(4) == 0.4

    curve = ExaminationCurve(eta=1.0, learned=(1.0, 0.5), before_click=(1.0, 0.75), after_click=(1.0, 0.25))
    assert curve.looks([1, 2], [False, True]).tolist() == [1.0, 0.75]
    assert curve.looks([1, 2], [True, False]).tolist() == [1.0, 0.25]
    ```

    :param eta: How steep the curve is; 0 means that every position is examined alike.
    :param deviation: The standard deviation of `eta` where it was estimated, or is a prior.
    :param learned: Probabilities of the first positions, that of position 1 being 1; empty where none were learned.
    :param deviations: The standard deviation of each of them.
    :param before_click: Probabilities of the same positions as long as nothing above them was clicked; empty where that
        was not learned.
    :param after_click: Those once something above was clicked.
    :raises ValueError: If `eta` is negative, a learned probability is not above 0, or there are not as many of those
        before and after a click as of `learned`.
    """

    eta: float = 1.0
    deviation: float = 0.0
    learned: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    before_click: tuple[float, ...] = ()
    after_click: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.eta < 0:
            raise ValueError(f"eta must not be negative, got {self.eta}")
        if not all(0 < probability < math.inf for probability in self.learned):
            raise ValueError(f"learned must have probabilities above 0, got {self.learned}")
        for name, own in (("before_click", self.before_click), ("after_click", self.after_click)):
            if own and len(own) != len(self.learned):
                raise ValueError(f"{name} must have as many probabilities as learned, {len(self.learned)}, got {own}")
            if not all(0 < probability < math.inf for probability in own):
                raise ValueError(f"{name} must have probabilities above 0, got {own}")
        if bool(self.before_click) != bool(self.after_click):
            raise ValueError("before_click and after_click must be given together")

    def at(self, position: int) -> float:
        """
        Give the probability of one position.

        :param position: Position on the page, from 1.
        :returns: A probability, relative to that of position 1.
        :raises ValueError: If `position` is below 1.
        """
        if position < 1:
            raise ValueError(f"position must be at least 1, since positions count from 1; got {position}")
        if position <= len(self.learned):
            return self.learned[position - 1]
        return self._scale * math.pow(position, -self.eta)

    def over(self, positions: ArrayLike) -> Numbers:
        """
        Give the probabilities of many positions.

        :param positions: Positions, from 1.
        :returns: A probability for each.
        """
        places = np.asarray(positions, dtype=np.float64)
        probabilities: Numbers = self._scale * places**-self.eta
        if self.learned:
            last = len(self.learned)
            own = np.asarray(self.learned)[np.minimum(places, last).astype(np.intp) - 1]
            probabilities = np.where(places <= last, own, probabilities)
        return probabilities

    def looks(self, positions: Sequence[int], clicked: Sequence[bool]) -> Numbers:
        """
        Give how often each document of a page was looked at, by where it stood and what was clicked above it.

        Whether it was clicked itself makes no difference, so that clicks over looks is a document's attraction, in the
        mean.

        :param positions: Position of each document, from 1.
        :param clicked: Whether each was clicked.
        :returns: A probability for each; those of all pages where none were learned for pages with clicks.
        """
        return self.examined(positions, below_click(positions, clicked))

    def looks_at(self, settled: SettledDecision) -> Numbers:
        """
        Give how often each document of a logged page was looked at.

        Whatever was chosen ends a search, whether it counts or not; as far as it does not count, there is no look.

        :param settled: The decision with all its rewards.
        :returns: For each impression the probability of a look, times its `counted_shares`.
        """
        positions = [impression.ordinal for impression in settled.impressions]
        return self.looks(positions, chosen(settled)) * counted_shares(settled)

    def examined(self, positions: ArrayLike, below: ArrayLike) -> Numbers:
        """
        Give the probabilities of positions of any pages, as far as it is known what was clicked on them.

        :param positions: Positions, from 1.
        :param below: For each whether something above it was clicked.
        :returns: A probability for each; those of all pages where none were learned for pages with clicks.
        """
        looks = self.over(positions)
        if self.before_click:
            near = np.minimum(np.asarray(positions), len(self.learned)).astype(np.intp) - 1
            before, after = np.asarray(self.before_click)[near], np.asarray(self.after_click)[near]
            looks = looks * np.where(np.asarray(below, dtype=bool), after, before) / np.asarray(self.learned)[near]
        return looks

    def ratio(self, logged: NDArray[np.int_], other: NDArray[np.int_]) -> Numbers:
        """
        Give how much likelier documents are examined at other positions than at the logged ones.

        :param logged: The positions at which the documents were logged, from 1.
        :param other: The positions to compare with.
        :returns: The probability at the other position over that at the logged one, for each.
        """
        if not self.learned:
            return np.asarray((logged / other) ** self.eta, dtype=np.float64)
        ratios: Numbers = self.over(other) / self.over(logged)
        return ratios

    def cumulative(self, last: int) -> Numbers:
        """
        Sum the probabilities from the top of the page.

        :param last: The last position.
        :returns: The sums over the first 0, 1, … `last` positions.
        """
        return np.concatenate([[0.0], np.cumsum(self.over(np.arange(1.0, last + 1)))])

    def flatter(self, deviations: float) -> "ExaminationCurve":
        """
        Give a curve by which low positions are examined more, as far as the uncertainty allows.

        :param deviations: By how many standard deviations; a steeper curve for a negative number.
        :returns: The curve; its probabilities are at most 1, and at least half of what was learned.
        """
        spread = self.deviations or (0.0,) * len(self.learned)
        learned = [min(1.0, max(one / 2, one + deviations * sd)) for one, sd in zip(self.learned, spread, strict=True)]
        return replace(
            self,
            eta=max(0.0, self.eta - deviations * self.deviation),
            learned=tuple(learned),
            before_click=_raised(self.before_click, self.learned, learned),
            after_click=_raised(self.after_click, self.learned, learned),
        )

    @property
    def _scale(self) -> float:
        """What joins the power law to the last position that was learned."""
        if not self.learned:
            return 1.0
        return self.learned[-1] * math.pow(len(self.learned), self.eta)


def chosen(settled: SettledDecision) -> list[bool]:
    """
    Tell which documents of a logged page were chosen, whether that counts or not.

    :param settled: The decision with all its rewards.
    :returns: For each impression whether it had a positive reward.
    """
    return [settled.rewards.get(impression.object_id, 0.0) > 0 for impression in settled.impressions]


def counted_shares(settled: SettledDecision) -> Numbers:
    """
    Tell how much of each impression of a logged page counts, of which a part may be beyond its client's share.

    Whoever chose a document again did not pass it by: what does not count is neither a success nor a pass. Nor is a
    dislike that does not count.

    :param settled: The decision with all its rewards.
    :returns: For each impression 0 to 1: 1 where nothing was earned or lost; otherwise as much of a click as counts of
        it, and all where it is worth less than a click and counts whole.
    """
    counted = settled.counted_rewards
    earned = [settled.rewards.get(impression.object_id, 0.0) for impression in settled.impressions]
    shares = [
        max(0.0, counted.get(impression.object_id, 0.0) / reward) * max(abs(reward), 1.0) if reward else 1.0
        for reward, impression in zip(earned, settled.impressions, strict=True)
    ]
    rounded: Numbers = np.round(shares, 6)  # what counts is a whole number of small steps (see `Amounts`)
    return np.minimum(rounded, 1.0)


def clicks_of(settled: SettledDecision) -> Numbers:
    """
    Tell how much of a click each document of a logged page had.

    :param settled: The decision with all its rewards.
    :returns: For each impression 0 to 1: 0 for what was not chosen, its `counted_shares` for what was.
    """
    return np.where(chosen(settled), counted_shares(settled), 0.0)


def below_click(positions: Sequence[int], clicked: Sequence[bool]) -> NDArray[np.bool_]:
    """
    Tell which documents of a page stood below one that was clicked.

    :param positions: Position of each document, from 1.
    :param clicked: Whether each was clicked.
    :returns: For each whether one with a smaller position was clicked.
    """
    places = np.asarray(positions, dtype=np.float64)
    below: NDArray[np.bool_] = places > places[np.asarray(clicked, dtype=bool)].min(initial=math.inf)
    return below


def _raised(own: Sequence[float], learned: Sequence[float], raised: Sequence[float]) -> tuple[float, ...]:
    """Probabilities of one state, raised as those of all pages are; at most 1."""
    return tuple([min(1.0, one * high / low) for one, low, high in zip(own, learned, raised, strict=bool(own))])


PAGE = ExaminationCurve(eta=1.0)
UNION = ExaminationCurve(eta=0.5)
PRIOR = ExaminationCurve(eta=0.7, deviation=0.35)

_CANDIDATES = np.linspace(0.0, 2.0, 81)


def estimate_curve(weights: Numbers, replayed: Callable[[float], Numbers], logged: Numbers) -> ExaminationCurve:
    """
    Estimate the curve from replays of the logged policy: with the right `eta` they earn what was logged.

    A replay draws another allocation from the distribution that a decision was drawn from, and moves the documents
    that remain up the page. Agarwal, Zaitsev, Wang, Li, Najork and Joachims, "Estimating position bias without
    intrusive interventions" (WSDM 2019), use the same source of variation: one document at different positions for
    reasons that have nothing to do with it.

    The mean difference between replayed and logged rewards is taken as normal, and so is `eta` a priori (`PRIOR`);
    the result is the posterior over candidates from 0 to 2.

    :param weights: Importance weight of each decision's replay; `nan` where it could not be replayed.
    :param replayed: Gives the reward of each decision's replay for an `eta`.
    :param logged: The logged reward of each decision.
    :returns: Posterior mean and standard deviation; `PRIOR` where nothing could be replayed.
    """
    used = ~np.isnan(weights)
    weights, logged = weights[used], logged[used]
    if len(weights) < 2 or not weights.any():
        return PRIOR
    log_posterior = np.array([_log_posterior(eta, weights, replayed(eta)[used], logged) for eta in _CANDIDATES])
    probabilities = np.exp(log_posterior - log_posterior.max())
    probabilities /= probabilities.sum()
    mean = float(probabilities @ _CANDIDATES)
    return ExaminationCurve(mean, math.sqrt(float(probabilities @ np.square(_CANDIDATES - mean))))


def _log_posterior(eta: float, weights: Numbers, replayed: Numbers, logged: Numbers) -> float:
    mean = float((weights * replayed).sum() / weights.sum())
    differences = mean - logged + weights * (replayed - mean) / weights.mean()
    variance = float(differences.var(ddof=1)) / len(differences)
    distance = float(differences.mean()) ** 2 / variance if variance > 0 else 0.0
    return -0.5 * (distance + ((eta - PRIOR.eta) / PRIOR.deviation) ** 2)
