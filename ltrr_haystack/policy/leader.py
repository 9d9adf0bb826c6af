"""
The best single allocation for all new queries: follow the leader.

Where every arm drew at least as deep as in the baseline, the logged ranks give the page of each shallower allocation.
So allocations are experts with full information, and the one with the highest gain so far is played next (Hannan 1957;
Kalai & Vempala 2005, Efficient Algorithms for Online Decision Problems). Their perturbation is left out: it protects
against an adversary, and queries are not adversarial.

The leader is not contextual. With few different queries that is an advantage: a contextual model fits mostly noise in
the features of seventy queries. Since it compares whole allocations, it is not caught in a local optimum, where every
change of a single arm makes things worse. Older decisions are discounted as in `SafeStartGate`.

Gains are means over the decisions in which an allocation is known. For an allocation within the baseline these are
decisions that played the baseline; a deeper one is known only where a policy drew that deep, and one that does not fit
into the budget together with the baseline is never known. These means are not weighted by propensity; the gate, whose
estimate is, decides whether the leader is played.

All that is the start. What a training of the ranker measured on the whole log (see `AllocationGains`) takes the place
of these gains: a decision by itself hardly tells what the documents are worth that it did not show. The best is
then one of those that may be played.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.credit import ValueFn, page_of
from ltrr_haystack.policy.expected import ExpectedRewards
from ltrr_haystack.policy.experts import Experts, experts_of
from ltrr_haystack.policy.gains import FORMAT, AllocationGains
from ltrr_haystack.policy.model_pages import model_page_value
from ltrr_haystack.policy.moments import DECAY
from ltrr_haystack.policy.preference import REFUSED_LOSS, Preference
from ltrr_haystack.policy.union import MOST_KEPT, UnionOrder, reaches
from ltrr_haystack.types import ActionSet, Allocation, SettledDecision

PRIOR_LOSS = 1.0
"""Loss of the one pseudo-observation with which every expert but the baseline begins, in units of reward."""

_Numbers = NDArray[np.float64]


class Leader:
    """Keeps the gain of each allocation over the baseline, with every query treated as a new one."""

    def __init__(self) -> None:
        """Create a leader whose best allocation is the baseline."""
        self._against = ""
        self._noted: dict[str, tuple[float, float]] = {}
        self._expected = ExpectedRewards()
        self._rewarded = (0.0, 0.0)
        self._measured: AllocationGains | None = None
        self._kept: dict[bool, tuple[AllocationGains, Experts, NDArray[np.bool_]]] = {}

    @property
    def reward_per_click(self) -> float:
        """What a document that was rewarded earned on average, in units of reward; drawn towards 1 as by one click."""
        earned, times = self._rewarded
        return (1.0 + earned) / (1.0 + times)

    @property
    def measured(self) -> AllocationGains | None:
        """What was measured on the whole log, if anything was for the present baseline; it decides then."""
        measured = self._measured
        return measured if measured is not None and measured.against == self._against else None

    def take_up(self, gains: AllocationGains | None) -> None:
        """
        Take up what was measured on the whole log.

        :param gains: The active gains; `None` where there are none.
        """
        self._measured = gains

    def value_fn(self, settled: SettledDecision, curve: ExaminationCurve = UNION) -> ValueFn:
        """
        Evaluate allocations for a decision whose query is treated as new.

        Where the page was ranked, the ranking model's pages are evaluated (see `model_pages`). Otherwise a document
        that was shown counts what it earned, divided by the examination probability of its position, and one that was
        not shown its expected reward (see `ExpectedRewards`).

        :param settled: The decision with its rewards.
        :param curve: The probability that a place is examined.
        :returns: Gives the reward that the decision would have earned under other allocations; memory arms must be at
            0.
        """
        ranked = model_page_value(settled, curve, self.reward_per_click)
        if ranked is not None:
            return ranked
        union = UnionOrder(settled, curve)
        ordinals, rewards = page_of(settled)
        worth = self._expected.of(union)
        worth[union.rows] = rewards * np.minimum(MOST_KEPT, 1 / union.curve.over(ordinals))

        def earned(searched: Sequence[Allocation]) -> list[float]:
            values: list[float] = union.earned(searched, worth).tolist()
            return values

        return earned

    def observe(
        self,
        settled: SettledDecision,
        weight: float,
        value_fn: ValueFn | None = None,
        curve: ExaminationCurve = UNION,
    ) -> None:
        """
        Update the gains of all allocations that are known for a decision, and the expected rewards.

        If the baseline has changed, all gains are reset, since they are relative to it.

        :param settled: The decision with its rewards.
        :param weight: Weight of the decision, more than 0.
        :param value_fn: What `value_fn` returned for the decision, if it was called before.
        :param curve: The probability that a place is examined.
        """
        baseline = experts_of(settled.decision.actions).baseline
        if not reaches(settled.decision.allocation, baseline):
            return
        self._update(settled, weight, value_fn or self.value_fn(settled, curve))
        positive = [reward for reward in page_of(settled)[1].tolist() if reward > 0]
        earned, times = self._rewarded
        self._rewarded = DECAY * earned + weight * sum(positive), DECAY * times + weight * len(positive)
        union = UnionOrder(settled, curve)
        if not union.is_empty:
            self._expected.observe(union, *page_of(settled), weight)

    def observe_simulated(self, settled: SettledDecision, weight: float) -> None:
        """
        Update the gains with a simulated decision, and leave the expected rewards as they are.

        :param settled: The simulated decision with its rewards.
        :param weight: Weight of the decision, more than 0.
        """
        if reaches(settled.decision.allocation, experts_of(settled.decision.actions).baseline):
            self._update(settled, weight, self.value_fn(settled))

    def preference(self, actions: ActionSet) -> Preference:
        """
        Give the best allocation: the one with the highest gain; where gains were measured, among those that may be
        played.

        :param actions: What there is to choose from.
        :returns: The allocation; the value of an arm's level is the gain over the baseline per query, less the cost, of
            the best allocation with it, and a memory arm costs without gaining.
        """
        experts = experts_of(actions)
        return Preference.of_new_query(actions, experts, self._gains(experts))

    def playable(self, experts: Experts) -> NDArray[np.bool_] | None:
        """
        Tell which allocations may be played for new queries.

        :param experts: The allocations that are compared.
        :returns: For each whether it may be; `None` if nothing was measured against their baseline.
        """
        measured = self._measured_for(experts)
        return None if measured is None else self._mask(measured, experts)

    def playable_again(self, experts: Experts, searched: float) -> tuple[NDArray[np.bool_], bool] | None:
        """
        Tell which allocations may be played for a query that was searched before.

        :param experts: The allocations that are compared.
        :param searched: How often it was.
        :returns: For each whether it may be, and whether only with memory at its deepest; as for a new query where it
            was searched less often than those that were measured with memory, or none were. `None` if nothing was
            measured against their baseline.
        """
        measured = self._measured_for(experts)
        if measured is None:
            return None
        again = measured.repeated
        if again is None or round(searched) < again.least_searched:
            return self._mask(measured, experts), False
        return self._mask(again, experts), True

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the state.

        :returns: Plain JSON types.
        """
        experts = {key: list(of) for key, of in self._noted.items()}
        return {
            "against": self._against,
            "experts": experts,
            "expected": self._expected.to_dict(),
            "rewarded": self._rewarded,
            "measured": None if self._measured is None else {"format": FORMAT, "gains": self._measured.to_dict()},
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """
        Restore a leader from its state.

        :param state: What `to_dict` gave.
        :returns: The leader.
        :raises SnapshotError: If the state is incompatible: another version wrote it.
        """
        made = cls()
        made._against = state["against"]
        made._noted = {key: (gain, weight) for key, (gain, weight) in state["experts"].items()}
        made._expected = ExpectedRewards.from_dict(state["expected"])
        earned, times = state.get("rewarded", (0.0, 0.0))
        made._rewarded = float(earned), float(times)
        measured = state.get("measured")
        if measured is not None and measured.get("format") == FORMAT:
            made._measured = AllocationGains.from_dict(measured["gains"])
        return made

    def _update(self, settled: SettledDecision, weight: float, value_fn: ValueFn) -> None:
        drawn, experts = settled.decision.allocation, experts_of(settled.decision.actions)
        if experts.baseline_key != self._against:
            self._against, self._noted = experts.baseline_key, {}
        known = [place for place, searched in enumerate(experts.searched) if reaches(drawn, searched)]
        base, *rewards = value_fn([experts.baseline, *(experts.searched[place] for place in known)])
        noted = {key: (gain * DECAY, weights * DECAY) for key, (gain, weights) in self._noted.items()}
        for place, reward in zip(known, rewards, strict=True):
            gain, weights = noted.get(experts.keys[place], (0.0, 0.0))
            noted[experts.keys[place]] = gain + weight * (reward - base), weights + weight
        self._noted = noted

    def _gains(self, experts: Experts) -> _Numbers:
        """
        The gain of each expert over the baseline per query, less the cost.

        Unless gains were measured, they are those of the decisions so far, with one more that lost `PRIOR_LOSS`.
        """
        measured = self._measured_for(experts)
        if measured is not None:
            return self._measured_gains(measured, experts)
        noted = self._noted if self._against == experts.baseline_key else {}
        gained, weights = np.array([noted.get(key, (0.0, 0.0)) for key in experts.keys]).T
        gains: _Numbers = (gained - PRIOR_LOSS) / (weights + 1) - experts.extra_costs
        gains[experts.is_baseline] = 0.0
        return gains

    def _measured_for(self, experts: Experts) -> AllocationGains | None:
        measured = self._measured
        return measured if measured is not None and measured.against == experts.baseline_key else None

    def _mask(self, of: AllocationGains, experts: Experts) -> NDArray[np.bool_]:
        """Which of the allocations may be played; the last answers are kept, since they change with a training only."""
        with_memory = of.least_searched > 0
        kept = self._kept.get(with_memory)
        if kept is None or kept[0] is not of or kept[1] is not experts:
            kept = self._kept[with_memory] = of, experts, of.playable(experts)
        return kept[2]

    def _measured_gains(self, measured: AllocationGains, experts: Experts) -> _Numbers:
        """What was measured, with `REFUSED_LOSS` less for what may not be played."""
        playable = self._mask(measured, experts)
        if not playable.any():
            return np.where(experts.stand_in, 0.0, -REFUSED_LOSS)
        clicks = np.array([measured.of[key].clicks if key in measured.of else 0.0 for key in experts.keys])
        gains: _Numbers = self.reward_per_click * clicks - experts.extra_costs
        return np.where(playable, gains, gains.min() - REFUSED_LOSS)
