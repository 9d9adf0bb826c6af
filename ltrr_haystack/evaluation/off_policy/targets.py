"""The policies that a log is asked about."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ltrr_haystack.errors import InvalidInputError, SnapshotError, StoreError
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.routers import load_router
from ltrr_haystack.store import POLICY, LTRRStore, Snapshot
from ltrr_haystack.types import ActionSet, Allocation, Decision

MOST_SAID = 1000
"""Decisions of which is remembered what a policy said of them."""

FORMS = (
    "baseline, static:bm25=50,dense=10, snapshot:12, snapshot:12:greedy, config:search.yml, config:search.yml:greedy"
)


class Target(Protocol):
    """Says for every logged decision what it would have done in its place."""

    @property
    def name(self) -> str:
        """What the target is called in tables."""

    @property
    def learned(self) -> int:
        """Seq of the last logged decision that it was trained on; 0 if it was trained on none."""

    def distribution(self, decision: Decision) -> JointDistribution | Allocation:
        """
        Say how likely each allocation would have been, from what the logged policy saw.

        :param decision: The logged decision.
        :returns: The distribution, or the one allocation that is certain.
        """


class StaticTarget:
    """The same allocation for every query."""

    learned = 0

    def __init__(self, allocation: Mapping[str, int], name: str | None = None) -> None:
        """
        Make a target.

        :param allocation: Arm → depth; arms that are left out do not run. A depth need not be among an arm's levels:
            the replay can answer for it all the same.
        :param name: What to call it; the allocation if left out.
        :raises InvalidInputError: If no arm runs, or a depth is negative.
        """
        if not allocation or min(allocation.values()) < 0 or not any(allocation.values()):
            raise InvalidInputError(
                f"a static allocation needs depths of 0 or more, one of them above 0; got {dict(allocation)}"
            )
        self.allocation = dict(allocation)
        self.name = name or "static:" + ",".join(f"{arm}={depth}" for arm, depth in allocation.items())

    def distribution(self, decision: Decision) -> Allocation:  # noqa: ARG002
        """
        Give the allocation.

        :param decision: The logged decision; makes no difference here.
        :returns: The allocation.
        """
        return self.allocation


class BaselineTarget:
    """The baseline of the router that made the decision: the pipeline as it is without learning."""

    name = "baseline"
    learned = 0

    def distribution(self, decision: Decision) -> Allocation:
        """
        Give the baseline.

        :param decision: The logged decision.
        :returns: Its baseline.
        """
        return decision.actions.baseline


class PolicyTarget:
    """A policy as it would decide now: drawing as it does when it is live, or always playing what it prefers."""

    def __init__(
        self,
        policy: Policy,
        name: str,
        *,
        greedy: bool = False,
        actions: ActionSet | None = None,
        learned: int = 0,
    ) -> None:
        """
        Make a target.

        :param policy: The policy with what it has learned.
        :param name: What to call it.
        :param greedy: Whether it always plays what it prefers.
        :param actions: What it chooses from; what there was to choose from at each decision if left out.
        :param learned: Seq of the last logged decision that it was trained on.
        """
        self.policy = policy
        self.name = name
        self.greedy = greedy
        self.actions = actions
        self.learned = learned
        self._said: dict[str, tuple[Decision, JointDistribution]] = {}

    def greedily(self, name: str) -> "PolicyTarget":
        """
        Give the same policy as one that always plays what it prefers; of a decision the two ask it once.

        :param name: What to call it.
        :returns: Another target.
        """
        other = PolicyTarget(self.policy, name, greedy=True, actions=self.actions, learned=self.learned)
        other._said = self._said
        return other

    def distribution(self, decision: Decision) -> JointDistribution | Allocation:
        """
        Ask the policy, with the features that were logged.

        :param decision: The logged decision.
        :returns: Its distribution, or what it prefers if it is greedy or never explores.
        """
        known, joint = self._said.get(decision.query_id, (None, None))
        if joint is None or known is not decision:
            joint = self.policy.distribution(self.actions or decision.actions, decision.features)
            self._said[decision.query_id] = decision, joint
            if len(self._said) > MOST_SAID:
                del self._said[next(iter(self._said))]
        return joint.preferred if self.greedy or not self.policy.explores else joint


def parse_target(spec: str, store: LTRRStore, *, pipelines: Path | None = None) -> Target:
    """
    Read which policy is meant.

    `baseline` is the router's; `static:bm25=50,dense=10` one allocation for every query; `snapshot:12` a stored policy,
    drawing as it does when it is live, and `snapshot:12:greedy` always playing what it prefers; `config:search.yml` the
    policy of that pipeline, over its arms and under its budget, with the active snapshot where it fits.

    :param spec: The policy.
    :param store: Where snapshots are read from.
    :param pipelines: The search pipeline, or a folder with one, whose policy settings belong to the snapshots; a
        `VWPolicy` with its defaults if left out.
    :returns: The target.
    :raises InvalidInputError: If the text names no policy.
    :raises ConfigurationError: If a pipeline cannot be loaded, or has not one BanditRouter.
    :raises StoreError: If there is no such snapshot.
    :raises SnapshotError: If the snapshot is damaged or was made with other settings.
    """
    kind, _, rest = spec.partition(":")
    if spec == "baseline":
        return BaselineTarget()
    if kind == "static":
        return StaticTarget(_allocation(spec, rest), spec)
    greedy = rest.endswith(":greedy")
    rest = rest.removesuffix(":greedy")
    if kind == "snapshot":
        if not rest.isdecimal() or int(rest) < 1:
            raise InvalidInputError(f"'{spec}' names no snapshot; write it as snapshot:12 or snapshot:12:greedy")
        target = snapshot_target(int(rest), store, pipelines=pipelines)
        return target.greedily(spec) if greedy else target
    if kind == "config" and rest:
        return _config_target(spec, store, Path(rest), greedy)
    raise InvalidInputError(f"'{spec}' names no policy; write it in one of these forms: {FORMS}")


def snapshot_target(version: int, store: LTRRStore, *, pipelines: Path | None = None) -> PolicyTarget:
    """
    Load a stored policy.

    :param version: Its version.
    :param store: Where snapshots are read from.
    :param pipelines: As for `parse_target`.
    :returns: The policy, drawing as it does when it is live.
    :raises ConfigurationError: If the pipeline cannot be loaded, or has not one BanditRouter.
    :raises StoreError: If there is no such snapshot.
    :raises SnapshotError: If the snapshot is damaged or was made with other settings.
    """
    settings = None if pipelines is None else load_router(pipelines).policy
    snapshot = store.snapshot(POLICY, version)
    if snapshot is None:
        there = ", ".join(str(info.version) for info in store.snapshots(POLICY)) or "none"
        raise StoreError(f"there is no policy snapshot {version}; there are {there}")
    policy = (settings or VWPolicy()).restored(snapshot.payload)
    return PolicyTarget(policy, f"snapshot:{version}", learned=_learned(snapshot))


def _allocation(spec: str, text: str) -> dict[str, int]:
    allocation: dict[str, int] = {}
    for part in text.split(","):
        arm, _, depth = part.strip().partition("=")
        if not arm or not depth.isdecimal() or arm in allocation:
            raise InvalidInputError(f"'{spec}' is no allocation; write it as static:bm25=50,dense=10")
        allocation[arm] = int(depth)
    return allocation


def _config_target(spec: str, store: LTRRStore, path: Path, greedy: bool) -> Target:
    router = load_router(path)
    policy, learned = router.policy or VWPolicy(), 0
    snapshot = store.snapshot(POLICY)
    if snapshot is not None:
        try:
            policy, learned = policy.restored(snapshot.payload), _learned(snapshot)
        except SnapshotError:
            spec = f"{spec} (unlearned)"
    return PolicyTarget(policy, spec, greedy=greedy, actions=router.actions, learned=learned)


def _learned(snapshot: Snapshot) -> int:
    learned = snapshot.card.get("learned", 0)
    return learned if isinstance(learned, int) else 0
