"""
The safe start of new queries (`Features.is_new_query`): what is played was shown to be better for these, or as good.

Most searches repeat a query, so a gate over all searches says little about new queries. They have two gates of their
own, one for each of two candidates that are compared with the baseline: the contextual model, and the best single
allocation (see `Leader`). Of those past their gates the one with the higher gain is played; otherwise the baseline is.

The leader is evaluated on all settled decisions, each treated as if its query were new: without its history, and
without what memory brought. The model is evaluated on queries that really were new, since it was trained on the others:
on a query that it has learned from its performance would be overestimated.

As soon as gains of allocations were measured on the whole log (`AllocationGains`), they decide: of those that
are shown to be as good as the baseline, and not to be worse than the best, the one that is worth most is played, and
the gates have no say.

The rewards of other pages are in part expectations (see `ExpectedRewards`): rewards of the logged pages alone would
favour the baseline.
"""

from collections.abc import Mapping
from typing import Any, Self

from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.experts import experts_of
from ltrr_haystack.policy.features import searched_before
from ltrr_haystack.policy.gains import AllocationGains
from ltrr_haystack.policy.leader import Leader
from ltrr_haystack.policy.safe_start import SafeStartEstimate, SafeStartGate
from ltrr_haystack.policy.snapshot import snapshot_errors
from ltrr_haystack.types import ActionSet, Allocation, SettledDecision

CONTEXTUAL, LEADER, MEASURED = "contextual", "leader", "measured"


class NewQueries:
    """
    Holds the leader and the two gates.

    :ivar leader: The best whole allocation.
    """

    def __init__(self, least: int, threshold: float) -> None:
        """
        Create closed gates.

        :param least: As in `SafeStartGate`.
        :param threshold: As in `SafeStartGate`.
        """
        self.leader = Leader()
        self._gates = {name: SafeStartGate(least, threshold) for name in (CONTEXTUAL, LEADER)}

    def take_up(self, gains: AllocationGains | None) -> None:
        """
        Take up what was measured on the whole log; from now on it decides instead of the gates.

        :param gains: The active gains; `None` where there are none.
        """
        self.leader.take_up(gains)

    @property
    def held_back(self) -> bool:
        """Whether nothing has been shown to be better than the baseline, or as good."""
        if self.leader.measured is not None:
            return not self.leader.measured.opens
        return not any(gate.is_open for gate in self._gates.values())

    def is_open_for(self, actions: ActionSet) -> bool:
        """
        Tell whether something that can be chosen was shown to be better than the baseline at hand, or as good.

        :param actions: What there is to choose from; the baseline may be another one than was learned with.
        :returns: Whether it was; otherwise the baseline has to be played.
        """
        playable = self.leader.playable(experts_of(actions))
        if playable is not None:
            return bool(playable.any())
        return any(gate.is_open_for(actions) for gate in self._gates.values())

    @property
    def ahead(self) -> str:
        """What is played, or would be: `contextual` or `leader`, or `measured` where allocations were."""
        return MEASURED if self.leader.measured is not None else max(self._gates, key=self._standing)

    def observe(self, settled: SettledDecision, contextual: Allocation, curve: ExaminationCurve = UNION) -> None:
        """
        Update both gates and the leader with a settled decision.

        :param settled: The decision with its rewards.
        :param contextual: What the contextual model would have played for the query if it were new; the model must not
            have learned from this decision.
        :param curve: The probability that a place is examined.
        """
        actions, value_fn = settled.decision.actions, self.leader.value_fn(settled, curve)
        if settled.decision.preferred:
            choices = {LEADER: self.leader.preference(actions).allocation}
            if settled.decision.features.is_new_query:
                choices[CONTEXTUAL] = contextual
            baseline = actions.without_memory(actions.baseline)
            for name, choice in choices.items():
                self._gates[name].compare(settled, actions.without_memory(choice), baseline, value_fn)
        # The n-th search of a query has weight 1 / √n, so that frequent queries do not dominate.
        self.leader.observe(settled, (1 + searched_before(settled.decision.features)) ** -0.5, value_fn, curve)

    def estimates(self) -> Mapping[str, SafeStartEstimate]:
        """
        Estimate how what may be played compares with the baseline.

        :returns: `contextual` and `leader` → the estimate; where allocations were measured, theirs alone,
            under `measured` (see `AllocationGains.estimate`).
        """
        if self.leader.measured is not None:
            return {MEASURED: self.leader.measured.estimate(self.leader.reward_per_click)}
        return {name: gate.estimate() for name, gate in self._gates.items()}

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the state.

        :returns: Plain JSON types.
        """
        gates = {name: gate.to_dict() for name, gate in self._gates.items()}
        return {"leader": self.leader.to_dict(), "gates": gates}

    @classmethod
    def from_dict(cls, least: int, threshold: float, state: Mapping[str, Any]) -> Self:
        """
        Restore the state.

        :param least: As in the constructor.
        :param threshold: As in the constructor.
        :param state: What `to_dict` gave.
        :returns: The new one.
        :raises SnapshotError: If the state is incompatible: another version wrote it.
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
