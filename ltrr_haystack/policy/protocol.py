"""What every policy can do."""

from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.gains import AllocationGains
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import ActionSet, Features, SettledDecision


@runtime_checkable
class WeighsAllocations(Protocol):
    """A policy that takes up what allocations are worth, beside what it learns from decisions."""

    def take_up(self, gains: AllocationGains | None) -> None:
        """
        Take up what was measured.

        :param gains: The active gains; `None` where there are none.
        """


@runtime_checkable
class Policy(Protocol):
    """
    Decides how deep each arm of a query draws, and learns from what came of it.

    A policy is configured by its constructor's arguments, which `to_dict` gives back, and knows what it has learned,
    which `to_bytes` gives back. The two are kept apart: the pipeline's YAML has the one, the store's snapshots the
    other. `distribution` may be called from many threads while another thread learns.
    """

    @property
    def name(self) -> str:
        """The policy's name, as decisions log it."""

    @property
    def explores(self) -> bool:
        """Whether every feasible allocation has a probability above 0, so that any other policy can be judged."""

    def distribution(self, actions: ActionSet, features: Features) -> JointDistribution:
        """
        Say how likely each allocation shall be for a query.

        :param actions: What there is to choose from.
        :param features: What is known of the query.
        :returns: The distribution to draw from; `held_back` says whether the safe start holds the policy back for it.
        """

    def learn(self, settled: SettledDecision, curve: ExaminationCurve = UNION) -> Mapping[str, float]:
        """
        Learn from a decision whose reward wait is over. The same decisions in the same order give the same state.

        :param settled: The decision with its rewards.
        :param curve: The probability that a place of the page is examined.
        :returns: Arm that ran → its credit at the depth it drew.
        """

    def to_bytes(self) -> bytes:
        """
        Give what the policy has learned.

        :returns: A self-describing snapshot with a checksum.
        """

    def restored(self, payload: bytes) -> Self:
        """
        Make a policy of the same settings that knows what a snapshot knows.

        :param payload: What `to_bytes` gave.
        :returns: A new policy.
        :raises SnapshotError: If the snapshot is damaged or was made with other settings.
        """

    def card(self) -> dict[str, Any]:
        """
        Say what a person should know of the policy as it stands.

        :returns: Plain JSON types: its name, and how it compares with the baseline where it can tell, reward and cost
            apart; in words under `verdict`.
        """

    def to_dict(self) -> dict[str, Any]:
        """
        Give the settings.

        :returns: A dictionary from which `from_dict` makes a policy that has learned nothing.
        """

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make a policy from its settings.

        :param data: What `to_dict` gave.
        :returns: The policy.
        """
