"""What the estimators need of a log, gathered in one pass: a column for the log itself, and some for each target."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from ltrr_haystack.evaluation.joints import Depths, Joints, depths_of
from ltrr_haystack.evaluation.off_policy.intervals import Column
from ltrr_haystack.evaluation.off_policy.pages import Page, Rows
from ltrr_haystack.evaluation.off_policy.positions import Replayed
from ltrr_haystack.evaluation.off_policy.targets import Target
from ltrr_haystack.evaluation.off_policy.terms import Term, Terms
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import ActionSet, Allocation, Features


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
    :ivar shown: How many documents each page had.
    :ivar ends: What those of its last quarter brought.
    :ivar slices: Dimension → what each decision is in it.
    """

    rewards: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    candidates: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    features: list[Features] = field(default_factory=list)
    drawn: Terms = field(default_factory=Terms)
    replayed: Replayed = field(default_factory=Replayed)
    shown: list[int] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    slices: dict[str, list[str]] = field(default_factory=dict)

    def add(self, page: Page) -> None:
        """
        Take in some decisions.

        :param page: The decisions.
        """
        self.rewards += page.rewards.sum(axis=1).tolist()
        self.costs += _costs(page.actions, page.drawn).tolist()
        self.candidates += page.drawn.sum(axis=1).astype(float).tolist()
        self.calls += (page.drawn > 0).sum(axis=1).astype(float).tolist()
        self.features += [each.decision.features for each in page.logged]
        self.drawn.add(len(page), _reached(page.actions, page.drawn))
        again = [each.joint.sample(random.Random(f"{each.decision.query_id}/again")) for each in page.logged]
        _replay(self.replayed, page, depths_of(again, page.actions), np.ones(len(page), dtype=bool))
        self.shown += page.shown.tolist()
        last = np.arange(page.rewards.shape[1]) >= _last_quarter(page.shown)[:, None]
        self.ends += (page.rewards * last).sum(axis=1).tolist()
        for each in page.logged:
            for dimension, kind in each.slices.items():
                self.slices.setdefault(dimension, []).append(kind)

    @property
    def full(self) -> int:
        """How many documents a full page has."""
        return max(self.shown, default=0)

    def reward_per_look(self, curve: ExaminationCurve) -> float:
        """
        Say what a look at the last quarter of a full page brings: documents below the page will hardly bring more.

        :param curve: How people look down the page.
        :returns: Rewards over looks, at least 0.
        """
        full = self.full
        looks = curve.cumulative(full)
        is_full = np.array(self.shown) == full
        seen = int(is_full.sum()) * float(looks[full] - looks[_last_quarter(np.array(full))])
        return max(float(np.array(self.ends)[is_full].sum()) / seen, 0.0) if seen > 0 else 0.0

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
    plans: Terms = field(default_factory=Terms)
    costs: list[float] = field(default_factory=list)
    candidates: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)

    def add(self, page: Page, target: Target) -> None:
        """
        Ask the target about some decisions.

        :param page: The decisions.
        :param target: The target.
        """
        for part, distributions in _alike(page, [target.distribution(each.decision) for each in page.logged]):
            joints = [each for each in distributions if isinstance(each, JointDistribution)]
            if joints:
                self._add_drawn(part, joints)
            else:
                self._add_certain(part, [each for each in distributions if not isinstance(each, JointDistribution)])

    def _add_certain(self, page: Page, wanted: Sequence[Allocation]) -> None:
        depths, known = depths_of(wanted, page.actions), _known(page.actions, wanted)
        chance = np.where(known, page.joints.probability(depths), 0.0)
        made = known & (page.drawn == depths).all(axis=1)
        self.weights += _over(made, chance).tolist()
        self.squares += _over(np.ones(len(page)), chance).tolist()
        self._add_replay(page, depths, known)
        self.plans.add(len(page), _reached(page.actions, depths))
        self.costs += _costs(page.actions, depths).tolist()
        self.candidates += [float(sum(each.values())) for each in wanted]
        self.calls += [float(sum(depth > 0 for depth in each.values())) for each in wanted]

    def _add_drawn(self, page: Page, targets: Sequence[JointDistribution]) -> None:
        joints = Joints(targets)
        pairs = list(zip(page.logged, targets, strict=True))
        covered = np.array([covers(each.joint, target) for each, target in pairs])
        drawn = [each.decision.allocation for each in page.logged]
        chosen = np.where(_known(joints.actions, drawn), joints.probability(depths_of(drawn, joints.actions)), 0.0)
        propensities = np.array([each.decision.propensity for each in page.logged])
        self.weights += np.where(covered, chosen / propensities, np.nan).tolist()
        wanted = [target.sample(random.Random(each.decision.query_id)) for each, target in pairs]
        depths = depths_of(wanted, page.actions)
        likely = np.where(covered, page.joints.probability(depths), 0.0)
        self.squares += _over(joints.probability(depths_of(wanted, joints.actions)), likely).tolist()
        within = [here or _reaches_all(each.joint, of) for here, (each, of) in zip(covered, pairs, strict=True)]
        self._add_replay(page, depths, np.array(within) & _known(page.actions, wanted))
        self.plans.add(
            len(page),
            {
                (arm.name, level): _tail(joints.levels.get(arm.name, {}), level, len(page))
                for arm in page.actions.arms
                for level in arm.levels
                if level > 0
            },
        )
        arms = {arm.name: arm for arm in page.actions.arms}
        shares = [(arm, depth, share) for arm, of in joints.levels.items() for depth, share in of.items() if depth > 0]
        self.costs += _sum([share * arms[arm].cost(depth) for arm, depth, share in shares if arm in arms], page)
        self.candidates += _sum([share * depth for _, depth, share in shares], page)
        self.calls += _sum([share for _, _, share in shares], page)

    def _add_replay(self, page: Page, depths: Depths, replayable: Rows) -> None:
        chance = _replay(self.replayed, page, depths, replayable)
        self.replayed_squares += _over(np.ones(len(page)), chance).tolist()
        self.replay_costs += _costs(page.actions, depths).tolist()


def _replay(replayed: Replayed, page: Page, depths: Depths, replayable: Rows) -> Column:
    """Replay allocations; gives P(drawn ≥ allocation), 0 where it cannot be replayed."""
    chance = np.where(replayable, page.joints.at_least(depths), 0.0)
    reached = replayable & (page.drawn >= depths).all(axis=1)
    replayed.add(_over(reached, chance), page.kept(depths, reached))
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


def _alike(
    page: Page, distributions: Sequence[JointDistribution | Allocation]
) -> Iterator[tuple[Page, Sequence[JointDistribution | Allocation]]]:
    """Parts of a page in which all allocations are certain, or all are drawn from the same to choose from."""
    pairs = zip(page.logged, distributions, strict=True)
    for _, part in groupby(pairs, lambda pair: pair[1].actions if isinstance(pair[1], JointDistribution) else None):
        logged, alike = zip(*part, strict=True)
        yield (page if len(logged) == len(page) else Page(logged)), alike


def _is_known(actions: ActionSet, allocation: Allocation) -> bool:
    """Whether all arms that run are among those of an action set."""
    return bool(_known(actions, [allocation])[0])


def _known(actions: ActionSet, allocations: Sequence[Allocation]) -> Rows:
    names = frozenset(actions.names)
    return np.array([all(depth == 0 or arm in names for arm, depth in each.items()) for each in allocations])


def _over(parts: Column | Rows, chance: Column) -> Column:
    """Parts over chances; `nan` where there was no chance."""
    likely = chance > 0
    return np.where(likely, parts / np.where(likely, chance, 1.0), np.nan)


def _last_quarter(shown: Depths) -> Depths:
    """The first place, from 0, of the last quarter of a page."""
    return shown - np.where(shown > 0, np.maximum(shown // 4, 1), 0)


def _costs(actions: ActionSet, depths: Depths) -> Column:
    calls, candidates = np.array([(arm.cost_per_call, arm.cost_per_candidate) for arm in actions.arms]).T
    costs: Column = np.where(depths > 0, calls + depths * candidates, 0.0).sum(axis=1)
    return costs


def _reached(actions: ActionSet, depths: Depths) -> Mapping[Term, Column]:
    return {
        (arm.name, level): (depths[:, column] >= level).astype(float)
        for column, arm in enumerate(actions.arms)
        for level in arm.levels
        if level > 0
    }


def _tail(levels: Mapping[int, Column], level: int, size: int) -> Column:
    """The probability of drawing at least as deep."""
    tail: Column = sum((share for depth, share in levels.items() if depth >= level), start=np.zeros(size))
    return tail


def _sum(parts: Sequence[Column], page: Page) -> list[float]:
    total: list[float] = sum(parts, start=np.zeros(len(page))).tolist()
    return total
