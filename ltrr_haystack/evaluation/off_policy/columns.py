"""What the estimators need of a log, gathered in one pass: a column for the log itself, and some for each target."""

import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.evaluation.off_policy.decisions import LoggedDecision
from ltrr_haystack.evaluation.off_policy.intervals import Column
from ltrr_haystack.evaluation.off_policy.positions import Kept, Replayed, looks_to
from ltrr_haystack.evaluation.off_policy.reward_model import Terms
from ltrr_haystack.evaluation.off_policy.targets import Target
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import ActionSet, Allocation, Features

Rows = NDArray[np.bool_]


@dataclass
class LogColumns:
    """
    What was logged.

    :ivar rewards: Reward of each decision.
    :ivar costs: What its allocation cost.
    :ivar candidates: How many candidates it asked for.
    :ivar calls: How many arms ran.
    :ivar features: What the policy saw.
    :ivar drawn: What was drawn.
    :ivar replayed: Replays of another draw from each decision's own distribution.
    :ivar ends: How many documents each page had, and what those of its last quarter brought.
    :ivar slices: Dimension → what each decision is in it.
    """

    rewards: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    candidates: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    features: list[Features] = field(default_factory=list)
    drawn: list[Terms] = field(default_factory=list)
    replayed: Replayed = field(default_factory=Replayed)
    ends: list[tuple[int, float]] = field(default_factory=list)
    slices: dict[str, list[str]] = field(default_factory=dict)

    def add(self, logged: LoggedDecision) -> None:
        """
        Take in a decision.

        :param logged: The decision.
        """
        allocation = logged.decision.allocation
        self.rewards.append(logged.reward)
        self.costs.append(logged.cost)
        self.candidates.append(float(sum(allocation.values())))
        self.calls.append(float(_calls(allocation)))
        self.features.append(logged.decision.features)
        self.drawn.append(_reached(logged.decision.actions, allocation))
        _replay(self.replayed, logged, logged.joint.sample(random.Random(f"{logged.decision.query_id}/again")))
        shown = len(logged.page)
        self.ends.append((shown, sum(reward for reward, _ in logged.page[_last_quarter(shown) :])))
        for dimension, kind in logged.slices.items():
            self.slices.setdefault(dimension, []).append(kind)

    @property
    def full(self) -> int:
        """How many documents a full page has."""
        return max((shown for shown, _ in self.ends), default=0)

    def reward_per_look(self, eta: float) -> float:
        """
        Say what a look at the last quarter of a full page brings: documents below the page will hardly bring more.

        :param eta: How steeply people's looks thin out.
        :returns: Rewards over looks, at least 0.
        """
        looks = looks_to(self.full, eta)
        rewards = [reward for shown, reward in self.ends if shown == self.full]
        seen = len(rewards) * float(looks[self.full] - looks[_last_quarter(self.full)])
        return max(sum(rewards) / seen, 0.0) if seen > 0 else 0.0

    def value(self) -> Column:
        """
        Reckon the value of each decision.

        :returns: Rewards less cost.
        """
        return np.subtract(self.rewards, self.costs)


@dataclass
class TargetColumns:
    """
    What a target would have done in each decision, and what the log knows of that.

    :ivar weights: π(choice) / propensity; `nan` where the target may choose what could not have been chosen.
    :ivar squares: What the square of that weight is expected to be. Of a target that draws at random one draw stands
        for all: the mean of π(x) / μ(x) over x drawn from π is that of its square over x drawn from μ.
    :ivar replayed: Replays of the target's allocation; where it draws at random, of one draw.
    :ivar replayed_squares: What the square of a replay's weight is expected to be.
    :ivar replay_costs: What the replayed allocation costs.
    :ivar plans: What the target would have drawn.
    :ivar costs: What that is expected to cost.
    :ivar candidates: How many candidates it is expected to ask for.
    :ivar calls: How many arms are expected to run.
    """

    weights: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)
    replayed: Replayed = field(default_factory=Replayed)
    replayed_squares: list[float] = field(default_factory=list)
    replay_costs: list[float] = field(default_factory=list)
    plans: list[Terms] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    candidates: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)

    def add(self, logged: LoggedDecision, target: Target) -> None:
        """
        Ask the target about a decision.

        :param logged: The decision.
        :param target: The target.
        """
        distribution = target.distribution(logged.decision)
        if isinstance(distribution, JointDistribution):
            self._add_drawn(logged, distribution)
        else:
            self._add_certain(logged, distribution)

    def _add_certain(self, logged: LoggedDecision, wanted: Allocation) -> None:
        decision = logged.decision
        known = _is_known(decision.actions, wanted)
        chance = logged.joint.probability(wanted) if known else 0.0
        made = _same(decision.allocation, wanted)
        self.weights.append(float(made) / chance if chance > 0 else np.nan)
        self.squares.append(1 / chance if chance > 0 else np.nan)
        self._add_replay(logged, wanted, is_covered=known)
        self.plans.append(_reached(decision.actions, wanted))
        self.costs.append(decision.actions.cost(wanted))
        self.candidates.append(float(sum(wanted.values())))
        self.calls.append(float(_calls(wanted)))

    def _add_drawn(self, logged: LoggedDecision, target: JointDistribution) -> None:
        decision = logged.decision
        covered = covers(logged.joint, target)
        chosen = target.probability(decision.allocation) if _is_known(target.actions, decision.allocation) else 0.0
        self.weights.append(chosen / decision.propensity if covered else np.nan)
        wanted = target.sample(random.Random(decision.query_id))
        self.squares.append(target.probability(wanted) / logged.joint.probability(wanted) if covered else np.nan)
        self._add_replay(logged, wanted, is_covered=covered or _reaches_all(logged.joint, target))
        tails = _tails(target)
        self.plans.append(_expected(decision.actions, target, tails))
        shares = _shares(tails)
        arms = {arm.name: arm for arm in decision.actions.arms}
        self.costs.append(sum(chance * arms[arm].cost(depth) for (arm, depth), chance in shares.items() if arm in arms))
        self.candidates.append(sum(chance * depth for (_, depth), chance in shares.items()))
        self.calls.append(sum(shares.values()))

    def _add_replay(self, logged: LoggedDecision, wanted: Allocation, *, is_covered: bool) -> None:
        chance = _replay(self.replayed, logged, wanted, is_covered=is_covered)
        self.replayed_squares.append(1 / chance if chance > 0 else np.nan)
        self.replay_costs.append(logged.decision.actions.cost(wanted))


def _replay(replayed: Replayed, logged: LoggedDecision, wanted: Allocation, *, is_covered: bool = True) -> float:
    """Replay an allocation; gives P(drawn ≥ allocation), 0 where it cannot be replayed."""
    decision = logged.decision
    chance = logged.joint.at_least(wanted) if is_covered and _is_known(decision.actions, wanted) else 0.0
    reached = all(decision.allocation.get(arm, 0) >= depth for arm, depth in wanted.items())
    replayed.weights.append(float(reached) / chance if chance > 0 else np.nan)
    replayed.kept.append(logged.kept(wanted) if reached else Kept())
    return chance


def covers(logged: JointDistribution, target: JointDistribution) -> bool:
    """
    Say whether every allocation that the target plays could have been logged.

    :param logged: The distribution that a decision was drawn from.
    :param target: The target's distribution in its place.
    :returns: Whether it is certain that weights are finite and their mean is expected to be 1.
    """
    points = (
        (target.actions.baseline, target.baseline_share),
        (target.actions.baseline_with_memory, target.memory_share),
    )
    if any(share > 0 and not _plays(logged, point) for point, share in points):
        return False
    if target.baseline_share + target.memory_share >= 1:
        return True
    everywhere = logged.baseline_share + logged.memory_share < 1 and logged.floor > 0
    return everywhere and _fits(logged.actions, target.actions)


def _plays(logged: JointDistribution, allocation: Allocation) -> bool:
    return _is_known(logged.actions, allocation) and logged.probability(allocation) > 0


def _fits(logged: ActionSet, target: ActionSet) -> bool:
    """Whether what is feasible for the target was feasible: the same arms or fewer, levels and bounds alike."""
    if logged is target:
        return True
    wanted = {arm.name: set(arm.levels) for arm in target.arms}
    levels = {arm.name: set(arm.levels) for arm in logged.arms}
    return (
        logged.min_candidates <= target.min_candidates
        and target.budget <= logged.budget
        and wanted.keys() <= levels.keys()
        and all(wanted.get(arm, {0}) <= there for arm, there in levels.items())
    )


def _reaches_all(logged: JointDistribution, target: JointDistribution) -> bool:
    """Whether the deepest that the target may draw in any arm can be reached in all of them at once."""
    deepest = {arm.name: max(arm.levels[-1], target.actions.baseline.get(arm.name, 0)) for arm in target.actions.arms}
    return _is_known(logged.actions, deepest) and logged.at_least(deepest) > 0


def _is_known(actions: ActionSet, allocation: Allocation) -> bool:
    """Whether all arms that run are among those of an action set."""
    return all(depth == 0 or arm in actions.names for arm, depth in allocation.items())


def _same(one: Allocation, other: Allocation) -> bool:
    return all(one.get(arm, 0) == other.get(arm, 0) for arm in {*one, *other})


def _last_quarter(shown: int) -> int:
    return shown - max(shown // 4, 1) if shown else 0


def _calls(allocation: Allocation) -> int:
    return sum(depth > 0 for depth in allocation.values())


def _reached(actions: ActionSet, allocation: Allocation) -> Terms:
    return {
        (arm.name, level): float(allocation.get(arm.name, 0) >= level)
        for arm in actions.arms
        for level in arm.levels
        if level > 0
    }


def _tails(target: JointDistribution) -> Terms:
    """(Arm, depth above 0) → probability of drawing at least as deep."""
    depths = {arm.name: {*arm.levels, target.actions.baseline.get(arm.name, 0)} - {0} for arm in target.actions.arms}
    return {(arm, depth): target.at_least({arm: depth}) for arm, there in depths.items() for depth in sorted(there)}


def _expected(actions: ActionSet, target: JointDistribution, tails: Terms) -> Terms:
    terms: dict[tuple[str, int], float] = {}
    for arm in actions.arms:
        known = arm.name in target.actions.names
        for level in arm.levels:
            if level > 0:
                tail = tails.get((arm.name, level))
                terms[arm.name, level] = (
                    (target.at_least({arm.name: level}) if known else 0.0) if tail is None else tail
                )
    return terms


def _shares(tails: Terms) -> Terms:
    """(Arm, depth above 0) → probability of drawing just that deep."""
    shares: dict[tuple[str, int], float] = {}
    for (arm, depth), chance in reversed(list(tails.items())):
        deeper = sum(share for (other, _), share in shares.items() if other == arm)
        shares[arm, depth] = chance - deeper
    return shares
