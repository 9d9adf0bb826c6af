"""
The gate of the safe start: it opens when what the policy prefers is shown to be better than the baseline.

Each settled decision says something of both, by dominance replay: where every arm drew at least as deep as under an
allocation y, the union under y is known, as the ranks tell which documents would have been there and in which order,
and so is its value

    V(y) = Σ rewards that would have been left under y − cost(y)

Weighted by how likely that was (Horvitz & Thompson 1952), the paired difference

    d = 1[X ≥ max(y, b)] / P(X ≥ max(y, b)) · (V(y) − V(b))

between what the policy preferred, y, and the baseline, b, is an unbiased estimate, given that people's behaviour
towards a document does not depend on candidates further down. The pair shares its people, so d varies little. Where the
budget does not let both be drawn at once, each value is estimated by itself. The gate keeps mean and variance of d,
older decisions forgotten exponentially, and tests it against zero, beginning with the doubt of one decision whose whole
reward was lost: without it, a saving that is the same each time would look certain before a loss could have been seen.
The doubt weighs as much as the rarest pair that was looked for, since that is what one unseen loss would have weighed.

The test is looked at after every decision, so a policy that is exactly as good as the baseline gets past it in about
one run of eight within a thousand decisions; it loses nothing by that, and one that turns out worse is held back again.
Searches of one query count as so many decisions, though they tell less than as many of different queries.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.credit import reward_of, rewards_left
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.union import reaches
from ltrr_haystack.types import ActionSet, Allocation, SettledDecision

Valued = Callable[[Sequence[Allocation]], list[float]]
"""Says what a decision would have earned under allocations that draw no arm deeper than it was drawn."""

HALF_LIFE = 2000.0
"""After how many differences an earlier one weighs half."""

DECAY = 0.5 ** (1 / HALF_LIFE)
"""What is left of an earlier one's weight with each that comes."""

LEAST_SUPPORT = 0.01
"""Below this P(X ≥ y) a decision is not used: the one in a hundred that counted would outweigh all others."""

DOUBT = 1.0
"""What the one doubted decision loses, in units of reward."""

LEAST_REWARDED = 10
"""Without some rewarded decisions the gate stays as it is: costs alone, which hardly vary, would soon look certain."""


@dataclass(frozen=True, slots=True)
class SafeStartEstimate:
    """
    How a policy compares with the baseline, as far as the settled decisions tell.

    :param is_open: Whether the policy has been let loose.
    :param settled: Settled decisions in which the policy had a preference.
    :param agreement: Share of them in which it preferred the baseline itself.
    :param compared: Those of the others in which a page that was to be compared is known.
    :param rewarded: Those of the compared ones that brought a reward.
    :param gain: Mean difference in value per decision between what the policy preferred and the baseline, over those
        that were compared; `None` if there is none.
    :param standard_error: Standard error of the gain; `None` with less than two.
    :param z: The gain in standard errors with the doubt of one lost reward counted in, by which the gate decides.
    """

    is_open: bool
    settled: int
    agreement: float
    compared: int
    rewarded: int
    gain: float | None
    standard_error: float | None
    z: float


class SafeStartGate:
    """
    Watches settled decisions, opens when the policy is shown to be better than the baseline, and closes if it turns.

    Where the policy prefers the baseline itself, the difference is 0 by definition. It is counted as agreement and kept
    out of the test: adding zeros lowers mean and standard error alike and would only push what tells something out of
    memory. A policy that always agrees thus never opens the gate, and loses nothing by it.
    """

    def __init__(self, least: int, threshold: float) -> None:
        """
        Make a closed gate.

        :param least: How many differences it must have seen before it opens or closes.
        :param threshold: The z at which it opens; it closes at the negative.
        """
        self._least = least
        self._threshold = threshold
        self._is_open = False
        self._settled = 0
        self._agreed = 0
        self._compared = 0
        self._rewarded = 0
        self._rarest = 1.0
        self._weight = 0.0
        self._squared_weight = 0.0
        self._mean = 0.0
        self._squares = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the policy may be let loose."""
        return self._is_open

    def observe(self, settled: SettledDecision) -> None:
        """
        Take note of a settled decision.

        :param settled: The decision and what came of it. One without a logged preference tells nothing.
        """
        decision = settled.decision
        if decision.preferred:
            self.compare(settled, decision.preferred, decision.actions.baseline, partial(rewards_left, settled))

    def compare(self, settled: SettledDecision, preferred: Allocation, baseline: Allocation, valued: Valued) -> None:
        """
        Take note of what a settled decision says of two allocations.

        :param settled: The decision and what came of it.
        :param preferred: What the policy would have played.
        :param baseline: What it is compared with.
        :param valued: Says what the decision would have earned under other allocations. The difference is an unbiased
            estimate only if that is.
        """
        self._settled += 1
        if _same(preferred, baseline):
            self._agreed += 1
            return
        seen = _difference(settled, preferred, baseline, valued)
        if seen is None:
            return
        if seen.tells:
            self._compared += 1
            self._rewarded += any(reward_of(settled, impression) for impression in settled.impressions)
        self._rarest = max(self._rarest, seen.factor)
        self._add(seen.difference)
        self._decide()

    def estimate(self) -> SafeStartEstimate:
        """
        Say how the policy compares with the baseline.

        :returns: The estimate.
        """
        return SafeStartEstimate(
            is_open=self._is_open,
            settled=self._settled,
            agreement=self._agreed / self._settled if self._settled else 0.0,
            compared=self._compared,
            rewarded=self._rewarded,
            gain=self._mean if self._weight else None,
            standard_error=self._standard_error(),
            z=self._z(),
        )

    def to_dict(self) -> dict[str, float]:
        """
        Give the gate's state.

        :returns: Plain JSON types.
        """
        return {key: getattr(self, f"_{key}") for key in _STATE}

    @classmethod
    def from_dict(cls, least: int, threshold: float, state: Mapping[str, float]) -> Self:
        """
        Make a gate that has seen what another has.

        :param least: As in the constructor.
        :param threshold: As in the constructor.
        :param state: What `to_dict` gave.
        :returns: The gate.
        :raises SnapshotError: If the state is of another make.
        """
        missing = [key for key in _STATE if key not in state]
        if missing:
            raise SnapshotError(f"the state of the safe start lacks {', '.join(missing)}: another version wrote it")
        gate = cls(least, threshold)
        for key in _STATE:
            setattr(gate, f"_{key}", state[key])
        return gate

    def _add(self, difference: float) -> None:
        """Incremental mean and variance under decaying weights (West 1979; Finch 2009)."""
        self._weight = self._weight * DECAY + 1
        self._squared_weight = self._squared_weight * DECAY**2 + 1
        before = difference - self._mean
        self._mean += before / self._weight
        self._squares = self._squares * DECAY + before * (difference - self._mean)

    def _standard_error(self) -> float | None:
        if self._weight <= 1:
            return None
        size = self._weight**2 / self._squared_weight
        return math.sqrt(self._squares / self._weight / (size - 1))

    def _z(self) -> float:
        weight, doubt = self._weight + 1, DOUBT * self._rarest
        mean = (self._weight * self._mean - doubt) / weight
        squares = self._squares + self._weight / weight * (self._mean + doubt) ** 2
        size = weight**2 / (self._squared_weight + 1)
        return mean / math.sqrt(squares / weight / (size - 1)) if squares > 0 else 0.0

    def _decide(self) -> None:
        if self._compared < self._least or self._rewarded < LEAST_REWARDED:
            return
        if self._is_open:
            self._is_open = self._z() > -self._threshold
        else:
            self._is_open = self._z() >= self._threshold


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a decision says: the weighted difference, its weight, and whether the pages were known at all."""

    difference: float
    factor: float
    tells: bool


def _difference(settled: SettledDecision, preferred: Allocation, baseline: Allocation, valued: Valued) -> _Seen | None:
    decision = settled.decision
    joint, drawn = JointDistribution.of(decision), decision.allocation
    both = {arm: max(preferred.get(arm, 0), baseline.get(arm, 0)) for arm in decision.actions.names}
    chance = joint.at_least(both)
    if chance >= LEAST_SUPPORT:
        tells = reaches(drawn, both)
        values = _values(decision.actions, [preferred, baseline], valued) if tells else [0.0, 0.0]
        difference = values[0] - values[1]
        return _Seen(difference / chance, 1 / chance, tells)
    chances = joint.at_least(preferred), joint.at_least(baseline)
    if min(chances) < LEAST_SUPPORT:
        return None
    known = [reaches(drawn, target) for target in (preferred, baseline)]
    values = [
        _values(decision.actions, [target], valued)[0] / chance if is_known else 0.0
        for target, chance, is_known in zip((preferred, baseline), chances, known, strict=True)
    ]
    return _Seen(values[0] - values[1], 1 / min(chances), any(known))


def _values(actions: ActionSet, targets: Sequence[Allocation], valued: Valued) -> list[float]:
    """The value of the union under other allocations that draw no arm deeper."""
    return [earned - actions.cost(target) for earned, target in zip(valued(targets), targets, strict=True)]


def _same(one: Allocation, other: Allocation) -> bool:
    return all(one.get(arm, 0) == other.get(arm, 0) for arm in {*one, *other})


_STATE = (
    "is_open",
    "settled",
    "agreed",
    "compared",
    "rewarded",
    "rarest",
    "weight",
    "squared_weight",
    "mean",
    "squares",
)
