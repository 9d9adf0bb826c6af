"""
What to play for queries that nobody searched before: only what has been shown to be worth more there.

Most searches repeat a query, so a gate that looks at all searches says little of new queries. They have gates of their
own. Two compete, each against the baseline: the contextual model, and the best whole allocation (see `Leader`). The one
that gains more of those past their gates is played; as long as there is none, the baseline is.

The leader is judged by all settled decisions, each looked at as if its query were new: without its history, and without
what memory brought. The model is judged by queries that really were new, as it knows the others by heart: what it does
well for a query that it has learned from says nothing of one that it has not.

What other pages would have earned is in part an expectation (see `ExpectedRewards`): rewards of the baseline's pages
alone would speak for the baseline.
"""

from collections.abc import Mapping
from typing import Any, Self

from ltrr_haystack.policy.features import searched_before
from ltrr_haystack.policy.leader import Leader
from ltrr_haystack.policy.safe_start import SafeStartEstimate, SafeStartGate
from ltrr_haystack.policy.snapshot import snapshot_errors
from ltrr_haystack.types import Allocation, SettledDecision

CONTEXTUAL, LEADER = "contextual", "leader"


class NewQueries:
    """
    Holds the leader, and the two gates.

    :ivar leader: The best whole allocation.
    """

    def __init__(self, least: int, threshold: float) -> None:
        """
        Begin with closed gates.

        :param least: As in `SafeStartGate`.
        :param threshold: As in `SafeStartGate`.
        """
        self.leader = Leader()
        self._gates = {name: SafeStartGate(least, threshold) for name in (CONTEXTUAL, LEADER)}

    @property
    def held_back(self) -> bool:
        """Whether neither of the two has been shown to be worth more than the baseline."""
        return not any(gate.is_open for gate in self._gates.values())

    @property
    def ahead(self) -> str:
        """Which of the two is played, or would be: `contextual` or `leader`."""
        return max(self._gates, key=self._standing)

    def observe(self, settled: SettledDecision, contextual: Allocation) -> None:
        """
        Take note of a settled decision.

        :param settled: The decision and what came of it.
        :param contextual: What the contextual model would have played for the query if it were new; the model must not
            have learned from this decision.
        """
        actions, valued = settled.decision.actions, self.leader.valued(settled)
        if settled.decision.preferred:
            choices = {LEADER: self.leader.best(actions)}
            if not settled.decision.features.history:
                choices[CONTEXTUAL] = contextual
            baseline = actions.without_memory(actions.baseline)
            for name, choice in choices.items():
                self._gates[name].compare(settled, actions.without_memory(choice), baseline, valued)
        # The n-th search of a query counts 1 / √n, so that the common ones do not decide alone.
        self.leader.observe(settled, (1 + searched_before(settled.decision.features)) ** -0.5, valued)

    def estimates(self) -> Mapping[str, SafeStartEstimate]:
        """
        Say how the two compare with the baseline.

        :returns: `contextual` and `leader` → the estimate.
        """
        return {name: gate.estimate() for name, gate in self._gates.items()}

    def to_dict(self) -> dict[str, Any]:
        """
        Give what was noted.

        :returns: Plain JSON types.
        """
        gates = {name: gate.to_dict() for name, gate in self._gates.items()}
        return {"leader": self.leader.to_dict(), "gates": gates}

    @classmethod
    def from_dict(cls, least: int, threshold: float, state: Mapping[str, Any]) -> Self:
        """
        Make one that has noted what another has.

        :param least: As in the constructor.
        :param threshold: As in the constructor.
        :param state: What `to_dict` gave.
        :returns: The new one.
        :raises SnapshotError: If the state is of another make.
        """
        made = cls(least, threshold)
        with snapshot_errors():
            made.leader = Leader.from_dict(state["leader"])
            made._gates = {
                name: SafeStartGate.from_dict(least, threshold, state["gates"][name]) for name in made._gates
            }
        return made

    def _standing(self, name: str) -> tuple[bool, float]:
        """Past the gate or not, and the gain for one query; where it agrees with the baseline, that is 0."""
        estimate = self._gates[name].estimate()
        return estimate.is_open, (estimate.gain or 0.0) * (1 - estimate.agreement)
