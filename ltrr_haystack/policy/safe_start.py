"""
The gate of the safe start: it opens when the policy is significantly better than the baseline.

Better means a higher value, which is reward less cost. The estimate gives the two parts separately, so that a policy
that only saves cost is not taken for one that finds more (see `verdict`).

The values are estimated off-policy from settled decisions. Where every arm drew at least as deep as under an
allocation y, the logged ranks give the union under y, and so its value

    V(y) = Σ rewards that would have been left under y − cost(y)

Weighted by inverse propensity (Horvitz & Thompson 1952), the paired difference

    d = 1[X ≥ max(y, b)] / P(X ≥ max(y, b)) · (V(y) − V(b))

between what the policy preferred, y, and the baseline, b, is an unbiased estimate, given that people's behaviour
towards a document does not depend on candidates further down. Both values come from the same decision, so d varies
little. Where the budget does not allow both to be drawn at once, each value is estimated separately. The gate keeps
mean and variance of d, discounting older decisions exponentially, and tests it against zero with a prior loss: one
pseudo-observation that lost a whole reward. Without it, a saving that is the same each time would be significant before
a loss could have occurred. The prior loss has the weight of the rarest pair so far, which is what one loss that was not
observed would have weighed.

The reward part of d is tracked in the same way. The cost of both allocations is known for every decision, whatever was
drawn, and needs no weighting.

The test is repeated after every decision, so a policy exactly as good as the baseline passes it in about one run of
eight within a thousand decisions; nothing is lost by that, and a policy that turns out worse is held back again.
Searches of one query count as independent decisions, although they are correlated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.credit import ValueFn, reward_of, rewards_left
from ltrr_haystack.policy.experts import experts_of
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.moments import Moments
from ltrr_haystack.policy.union import reaches
from ltrr_haystack.types import ActionSet, Allocation, SettledDecision

LEAST_SUPPORT = 0.01
"""Below this P(X ≥ y) a decision is not used: one in a hundred would count, and outweigh all others."""

PRIOR_LOSS = 1.0
"""Loss of the one pseudo-observation with which the test begins, in units of reward."""

LEAST_REWARDED = 10
"""
Without rewarded decisions the gate stays as it is: costs hardly vary, and would soon be significant by themselves.
"""


@dataclass(frozen=True, slots=True)
class SafeStartEstimate:
    """
    How a policy compares with the baseline, as far as the settled decisions tell.

    :param is_open: Whether the policy is past its safe start.
    :param settled: Settled decisions in which the policy had a preference.
    :param agreement: Share of them in which it preferred the baseline itself.
    :param compared: Those of the others in which a page to be compared is known.
    :param rewarded: Those of the compared ones that brought a reward.
    :param gain: Mean difference in value per decision between what the policy preferred and the baseline, over those
        that were compared; `None` if there is none.
    :param standard_error: Standard error of the gain; `None` with less than two.
    :param z: The gain in standard errors with the prior loss counted in, by which the gate decides.
    :param reward_gain: The same difference in reward alone; `None` if there is none.
    :param reward_standard_error: Standard error of the reward gain; `None` with less than two.
    :param reward_interval: Where the reward gain may lie, with the same prior loss and as many standard errors to each
        side as the gate asks for; `None` as long as too little was compared for the gate to decide.
    :param baseline_reward: What the baseline's pages earn per decision, over the same decisions.
    :param cost_saved: How much less the preferred allocation costs than the baseline per decision, over the same
        decisions, in units of reward. It is exact; with reward gain it adds up to the gain, apart from sampling error.
    :param baseline_cost: What the baseline costs per decision, over the same decisions.
    """

    is_open: bool
    settled: int
    agreement: float
    compared: int
    rewarded: int
    gain: float | None
    standard_error: float | None
    z: float
    reward_gain: float | None = None
    reward_standard_error: float | None = None
    reward_interval: tuple[float, float] | None = None
    baseline_reward: float = 0.0
    cost_saved: float = 0.0
    baseline_cost: float = 0.0

    @property
    def cost_saved_share(self) -> float | None:
        """The cost saved as a share of the baseline's cost; `None` if that costs nothing."""
        return self.cost_saved / self.baseline_cost if self.baseline_cost > 0 else None


class SafeStartGate:
    """
    Opens when settled decisions show that the policy is better than the baseline, and closes when they show it worse.

    Where the policy prefers the baseline itself, the difference is 0 by definition. Such a decision counts as agreement
    and is not part of the test: zeros lower mean and standard error alike, and would only discount the informative
    decisions. A policy that always agrees never opens the gate, and loses nothing by it.
    """

    def __init__(self, least: int, threshold: float) -> None:
        """
        Create a closed gate.

        :param least: How many differences are needed before it opens or closes.
        :param threshold: The z at which it opens; it closes at the negative.
        """
        self._least = least
        self._threshold = threshold
        self._begin("")

    def _begin(self, against: str) -> None:
        """Close, and forget what was compared with another baseline than the one of this key."""
        self._against = against
        self._is_open = False
        self._settled = 0
        self._agreed = 0
        self._compared = 0
        self._rewarded = 0
        self._rarest = 1.0
        self._value = Moments()
        self._reward = Moments()
        self._baseline_reward = Moments()
        self._cost_saved = Moments()
        self._baseline_cost = Moments()

    @property
    def is_open(self) -> bool:
        """Whether the policy is past its safe start, with the baseline of the last decision."""
        return self._is_open

    def is_open_for(self, actions: ActionSet) -> bool:
        """
        Tell whether the policy is past its safe start with a baseline.

        :param actions: What there is to choose from.
        :returns: Whether it is; not with another baseline than the policy was compared with.
        """
        return self._is_open and self._against in ("", experts_of(actions).baseline_key)

    def observe(self, settled: SettledDecision, curve: ExaminationCurve = UNION) -> None:
        """
        Update the gate with a settled decision.

        :param settled: The decision with its rewards. One without a logged preference changes nothing.
        :param curve: The probability that a place is examined.
        """
        decision = settled.decision
        if decision.preferred:
            self.compare(
                settled, decision.preferred, decision.actions.baseline, partial(rewards_left, settled, curve=curve)
            )

    def compare(self, settled: SettledDecision, preferred: Allocation, baseline: Allocation, value_fn: ValueFn) -> None:
        """
        Update the gate with the difference between two allocations. With another baseline than before it begins anew.

        :param settled: The decision with its rewards.
        :param preferred: What the policy would have played.
        :param baseline: What it is compared with.
        :param value_fn: Gives the reward that the decision would have earned under other allocations. The difference is
            an unbiased estimate only if this is.
        """
        if self._against != (against := experts_of(settled.decision.actions).baseline_key):
            self._begin(against)
        self._settled += 1
        if _equal(preferred, baseline):
            self._agreed += 1
            return
        difference = _difference(settled, preferred, baseline, value_fn)
        if difference is None:
            return
        if difference.tells:
            self._compared += 1
            self._rewarded += any(reward_of(settled, impression) for impression in settled.impressions)
        self._rarest = max(self._rarest, difference.factor)
        self._value.add(difference.value)
        self._reward.add(difference.reward)
        self._baseline_reward.add(difference.baseline_reward)
        actions = settled.decision.actions
        self._cost_saved.add(actions.cost(baseline) - actions.cost(preferred))
        self._baseline_cost.add(actions.cost(baseline))
        self._decide()

    def estimate(self) -> SafeStartEstimate:
        """
        Estimate how the policy compares with the baseline.

        :returns: The estimate.
        """
        return SafeStartEstimate(
            is_open=self._is_open,
            settled=self._settled,
            agreement=self._agreed / self._settled if self._settled else 0.0,
            compared=self._compared,
            rewarded=self._rewarded,
            gain=self._value.mean if self._value.weight else None,
            standard_error=self._value.standard_error(),
            z=self._z(),
            reward_gain=self._reward.mean if self._reward.weight else None,
            reward_standard_error=self._reward.standard_error(),
            reward_interval=self._reward_interval() if self._has_enough() else None,
            baseline_reward=self._baseline_reward.mean,
            cost_saved=self._cost_saved.mean,
            baseline_cost=self._baseline_cost.mean,
        )

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the gate's state.

        :returns: Plain JSON types.
        """
        plain = {key: getattr(self, f"_{key}") for key in _PLAIN}
        return {**plain, **{key: getattr(self, f"_{key}").to_dict() for key in _SERIES}}

    @classmethod
    def from_dict(cls, least: int, threshold: float, state: Mapping[str, Any]) -> Self:
        """
        Restore a gate from its state.

        :param least: As in the constructor.
        :param threshold: As in the constructor.
        :param state: What `to_dict` gave.
        :returns: The gate.
        :raises SnapshotError: If the state is incompatible: another version wrote it.
        """
        missing = [key for key in (*_PLAIN, *_SERIES) if key not in state]
        if missing:
            raise SnapshotError(f"the state of the safe start lacks {', '.join(missing)}: another version wrote it")
        gate = cls(least, threshold)
        for key in _PLAIN:
            setattr(gate, f"_{key}", state[key])
        for key in _SERIES:
            setattr(gate, f"_{key}", Moments.from_dict(state[key]))
        return gate

    def _z(self) -> float:
        mean, error = self._value.with_one_more(-PRIOR_LOSS * self._rarest)
        return mean / error if error > 0 else 0.0

    def _reward_interval(self) -> tuple[float, float]:
        mean, error = self._reward.with_one_more(-PRIOR_LOSS * self._rarest)
        return mean - self._threshold * error, mean + self._threshold * error

    def _has_enough(self) -> bool:
        return self._compared >= self._least and self._rewarded >= LEAST_REWARDED

    def _decide(self) -> None:
        if not self._has_enough():
            return
        if self._is_open:
            self._is_open = self._z() > -self._threshold
        else:
            self._is_open = self._z() >= self._threshold


@dataclass(frozen=True, slots=True)
class _Difference:
    """The weighted differences of one decision, their weight, and whether the pages were known at all."""

    value: float
    reward: float
    baseline_reward: float
    factor: float
    tells: bool


def _difference(
    settled: SettledDecision, preferred: Allocation, baseline: Allocation, value_fn: ValueFn
) -> _Difference | None:
    decision = settled.decision
    joint, drawn, actions = JointDistribution.of(decision), decision.allocation, decision.actions
    targets = (preferred, baseline)
    both = {arm: max(preferred.get(arm, 0), baseline.get(arm, 0)) for arm in actions.names}
    probability = joint.at_least(both)
    if probability >= LEAST_SUPPORT:
        tells = reaches(drawn, both)
        earned = value_fn(targets) if tells else [0.0, 0.0]
        values = _less_cost(actions, earned, targets) if tells else [0.0, 0.0]
        reward, value = earned[0] - earned[1], values[0] - values[1]
        return _Difference(value / probability, reward / probability, earned[1] / probability, 1 / probability, tells)
    probabilities = joint.at_least(preferred), joint.at_least(baseline)
    if min(probabilities) < LEAST_SUPPORT:
        return None
    known = [reaches(drawn, target) for target in targets]
    rewards, values = [0.0, 0.0], [0.0, 0.0]
    for place, (target, probability) in enumerate(zip(targets, probabilities, strict=True)):
        if known[place]:
            earned = value_fn([target])
            rewards[place] = earned[0] / probability
            values[place] = _less_cost(actions, earned, [target])[0] / probability
    return _Difference(values[0] - values[1], rewards[0] - rewards[1], rewards[1], 1 / min(probabilities), any(known))


def _less_cost(actions: ActionSet, earned: Sequence[float], targets: Sequence[Allocation]) -> list[float]:
    return [reward - actions.cost(target) for reward, target in zip(earned, targets, strict=True)]


def _equal(one: Allocation, other: Allocation) -> bool:
    return all(one.get(arm, 0) == other.get(arm, 0) for arm in {*one, *other})


_PLAIN = ("against", "is_open", "settled", "agreed", "compared", "rewarded", "rarest")
_SERIES = ("value", "reward", "baseline_reward", "cost_saved", "baseline_cost")
