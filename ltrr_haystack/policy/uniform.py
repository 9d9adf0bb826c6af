"""The policy that tries everything alike: for gathering a log that can judge any other policy."""

from collections.abc import Mapping
from typing import Any, Self

from haystack import default_from_dict, default_to_dict

from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.credit import at_drawn_depth, leave_one_out
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.snapshot import pack, unpack
from ltrr_haystack.types import ActionSet, Features, SettledDecision


class UniformPolicy:
    """
    Draws each feasible allocation with the same probability. It learns nothing, and people pay for its exploration.

    ### Usage example

    ```python
    from ltrr_haystack.policy.uniform import UniformPolicy

    policy = UniformPolicy()
    ```
    """

    name = "uniform"
    explores = True

    def distribution(self, actions: ActionSet, features: Features) -> JointDistribution:  # noqa: ARG002
        """
        Spread the probability evenly. As it prefers nothing, the baseline is named as preferred.

        :param actions: What there is to choose from.
        :param features: What is known of the query; makes no difference here.
        :returns: The distribution.
        """
        even = {arm.name: (1 / len(arm.levels),) * len(arm.levels) for arm in actions.arms}
        return JointDistribution(actions, even, 0.0, 1.0, actions.baseline)

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
        return pack({"policy": self.name, "settings": {}})

    def restored(self, payload: bytes) -> Self:
        """
        Make a policy of the same settings.

        :param payload: What `to_bytes` gave.
        :returns: A new policy.
        :raises SnapshotError: If the snapshot is damaged or another policy's.
        """
        unpack(payload, self.name)
        return type(self)()

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
        return default_to_dict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make a policy from its settings.

        :param data: What `to_dict` gave.
        :returns: The policy.
        """
        return default_from_dict(cls, data)

    def __repr__(self) -> str:
        return "UniformPolicy()"
