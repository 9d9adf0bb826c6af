"""
What to play for queries that nobody searched before: only what has been shown to be better there.

Most searches repeat a query, so a gate that looks at all searches says little of new queries. They have gates of their
own. Each settled decision is looked at as if its query were new: without its history, and without what memory brought.
Two compete, each against the baseline: the contextual model, and the best whole allocation (see `Leader`). Of those
past their gates the one that gains more is played; as long as there is none, the baseline is. What other pages would
have earned is in part an expectation (see `ExpectedRewards`): rewards of the baseline's pages alone would speak for it.
"""

from collections.abc import Mapping
from typing import Any, Self

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.features import searched_before
from ltrr_haystack.policy.leader import Leader, without_memory
from ltrr_haystack.policy.safe_start import SafeStartEstimate, SafeStartGate
from ltrr_haystack.types import ActionSet, Allocation, SettledDecision

CONTEXTUAL, LEADER = "contextual", "leader"


class NewQueries:
    """Holds the leader, and the two gates."""

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
        """Whether neither of the two has been shown to be better than the baseline."""
        return not any(gate.is_open for gate in self._gates.values())

    @property
    def ahead(self) -> str:
        """Which of the two is played, or would be: `contextual` or `leader`."""
        return max(self._gates, key=self._standing)

    def observe(self, settled: SettledDecision, contextual: Allocation) -> None:
        """
        Take note of a settled decision, as if its query were new.

        :param settled: The decision and what came of it.
        :param contextual: What the contextual model would have played for the query.
        """
        decision = settled.decision
        if decision.preferred:
            baseline = without_memory(decision.actions, decision.actions.baseline)
            for name, choice in {CONTEXTUAL: contextual, LEADER: self.leader.best(decision.actions)}.items():
                searched = without_memory(decision.actions, choice)
                self._gates[name].compare(settled, searched, baseline, self.leader.rewards)
        # The n-th search of a query counts 1 / √n, so that the common ones do not decide alone.
        self.leader.observe(settled, (1 + searched_before(decision.features)) ** -0.5)

    def values(self, actions: ActionSet, contextual: list[list[float]]) -> list[list[float]]:
        """
        Give the values by which a new query's arms are chosen.

        :param actions: What there is to choose from.
        :param contextual: What the contextual model predicts: for each arm the value of each level.
        :returns: These, or the leader's.
        """
        return contextual if self.ahead == CONTEXTUAL else self.leader.values(actions)

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
        try:
            made.leader = Leader.from_dict(state["leader"])
            made._gates = {
                name: SafeStartGate.from_dict(least, threshold, state["gates"][name]) for name in made._gates
            }
        except KeyError as error:
            raise SnapshotError(f"the state of new queries lacks {error}: another version wrote it") from error
        return made

    def _standing(self, name: str) -> tuple[bool, float]:
        estimate = self._gates[name].estimate()
        return estimate.is_open, estimate.gain if estimate.gain is not None else 0.0
