"""The policy that does what the pipeline did before: one allocation for every query."""

from collections.abc import Mapping
from typing import Any, Self

from haystack import default_from_dict, default_to_dict

from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.actions import check_allocation
from ltrr_haystack.policy.credit import at_drawn_depth, leave_one_out
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.snapshot import check_settings, pack, unpack
from ltrr_haystack.types import ActionSet, Features, SettledDecision


class StaticPolicy:
    """
    Plays one allocation with certainty: the baseline, or a given one. It learns nothing and explores nothing, so that
    its log cannot judge any other policy.

    ### Usage example

    ```python
    from ltrr_haystack.policy.static import StaticPolicy

    today = StaticPolicy()
    only_keywords = StaticPolicy({"bm25": 30})
    ```
    """

    name = "static"
    explores = False

    def __init__(self, allocation: dict[str, int] | None = None) -> None:
        """
        Make a policy.

        :param allocation: Arm → depth, arms that are left out do not run; by default the baseline.
        """
        self.allocation = allocation

    def distribution(self, actions: ActionSet, features: Features) -> JointDistribution:  # noqa: ARG002
        """
        Put all probability on the allocation.

        :param actions: What there is to choose from.
        :param features: What is known of the query; makes no difference here.
        :returns: The distribution.
        :raises ConfigurationError: If the allocation cannot be played.
        """
        if self.allocation is None:
            return JointDistribution(actions, {}, 1.0, 0.0, actions.baseline)
        check_allocation(actions, self.allocation, "the static policy's allocation")
        depths = {arm.name: self.allocation.get(arm.name, 0) for arm in actions.arms}
        certain = {arm.name: tuple(float(level == depths[arm.name]) for level in arm.levels) for arm in actions.arms}
        return JointDistribution(actions, certain, 0.0, 0.0, depths)

    def learn(self, settled: SettledDecision, curve: ExaminationCurve = UNION) -> Mapping[str, float]:
        """
        Credit the arms; nothing else is learned.

        :param settled: The decision with its rewards.
        :param curve: The probability that a place of the page is examined.
        :returns: Arm that ran → its credit at the depth it drew.
        """
        return at_drawn_depth(leave_one_out(settled, curve=curve), settled.decision.allocation)

    def to_bytes(self) -> bytes:
        """
        Give the snapshot of a policy that learns nothing.

        :returns: A self-describing snapshot with a checksum.
        """
        return pack({"policy": self.name, "settings": self._settings()})

    def restored(self, payload: bytes) -> Self:
        """
        Make a policy of the same settings.

        :param payload: What `to_bytes` gave.
        :returns: A new policy.
        :raises SnapshotError: If the snapshot is damaged or was made with other settings.
        """
        header, _ = unpack(payload, self.name)
        check_settings(header, self._settings())
        return type(self)(self.allocation)

    def card(self) -> dict[str, Any]:
        """
        Say what a person should know of the policy.

        :returns: Its name.
        """
        return {"policy": self.name}

    def to_dict(self) -> dict[str, Any]:
        """
        Give the settings.

        :returns: A dictionary from which `from_dict` makes an equal policy.
        """
        return default_to_dict(self, **self._settings())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make a policy from its settings.

        :param data: What `to_dict` gave.
        :returns: The policy.
        """
        return default_from_dict(cls, data)

    def __repr__(self) -> str:
        return f"StaticPolicy({self.allocation})"

    def _settings(self) -> dict[str, Any]:
        return {"allocation": self.allocation}
