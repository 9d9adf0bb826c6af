"""What a router decided for one search, and what it saw when it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.types.actions import ActionSet, Allocation
from ltrr_haystack.types.understanding import LoggedFilters, Understanding, evidence_key

Mode = Literal["baseline", "apprentice", "live"]


@dataclass(frozen=True, slots=True)
class Features(FrozenValue):
    """
    What a policy sees of a query before it decides; logged as it was seen, so that learning sees the same.

    :param query: Query and user: a text value is a category, a number a magnitude.
    :param time: Time of the search, in the same form.
    :param history: Arm → what is known of the arm for this query key.
    """

    query: Mapping[str, str | float] = field(default_factory=dict)
    time: Mapping[str, str | float] = field(default_factory=dict)
    history: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def is_new_query(self) -> bool:
        """Whether no arm has a history for this query key: no earlier search of it has been learned from."""
        return not self.history


@dataclass(frozen=True, slots=True)
class Decision(FrozenValue):
    """
    An allocation with all that is needed to judge it, or another in its place, later.

    :param query_id: The search's id; feedback refers to it.
    :param decided_at: Seconds since 1970, UTC.
    :param understanding: What was understood of the query.
    :param actions: What there was to choose from.
    :param allocation: What was chosen: arm → depth, arms that do not run included with 0.
    :param propensity: Probability with which this allocation was chosen, in (0, 1].
    :param mode: The router's mode.
    :param policy: The policy's name.
    :param policy_version: Version of the snapshot that decided; 0 before the first.
    :param features: What the policy saw.
    :param marginals: Arm → probability of each of its levels before budget, floor and baseline share are applied.
    :param baseline_share: Probability with which the baseline was played outright.
    :param memory_share: Probability with which the baseline was played with memory added to it.
    :param floor: Share of the rest that is spread evenly over all feasible allocations.
    :param preferred: What the policy holds to be best for this query.
    :param safe_start: Whether the policy was still, or again, held back by the safe start.
    :param user_id: Who searched, if known.
    :param session_id: The session, if known.
    :param client_id: The browser or program that the search comes from, if known.
    :param client_address: A digest of the network address that the search comes from, where the server takes it.
    :param filters: The Haystack filters of the search, if there were any.
    """

    query_id: str
    decided_at: float
    understanding: Understanding
    actions: ActionSet
    allocation: Allocation
    propensity: float
    mode: Mode
    policy: str
    policy_version: int = 0
    features: Features = field(default_factory=Features, repr=False)
    marginals: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)
    baseline_share: float = 0.0
    floor: float = 0.0
    preferred: Allocation = field(default_factory=dict)
    safe_start: bool = False
    user_id: str | None = None
    session_id: str | None = None
    client_id: str | None = None
    client_address: str | None = None
    memory_share: float = 0.0
    filters: LoggedFilters = None

    @property
    def evidence_key(self) -> str:
        """The key under which evidence of this search is kept."""
        return evidence_key(self.understanding.normal_form, self.filters)
