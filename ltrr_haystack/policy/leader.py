"""
The best whole allocation for new queries, whatever they ask: follow the leader.

Where every arm drew at least as deep as in the baseline, the ranks tell what each shallower allocation would have
shown. So allocations are experts whose gain is known whether they were played or not, and the one that has gained most
so far is played next (Hannan 1957; Kalai & Vempala 2005, Efficient Algorithms for Online Decision Problems). Their
perturbation is left out: it is needed against an adversary, and queries come by chance.

It knows nothing of the query, and that is its strength where few different queries were searched: what a contextual
model makes of the features of seventy queries is mostly noise. Nor can it be caught where every single change of an arm
is for the worse, since it compares whole allocations. What is long ago is forgotten as the gate forgets it.

What it compares are means over the decisions that tell. For an allocation within the baseline those are decisions in
which the baseline was played; one that goes beyond it is known only where a policy chose to draw so deep, and one that
does not fit into the budget together with the baseline is never known. The gate, which weighs by probability, has the
last word.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.policy.credit import reward_of, rewards_left
from ltrr_haystack.policy.expected import ExpectedRewards
from ltrr_haystack.policy.experts import Experts, expert_key, experts_of
from ltrr_haystack.policy.moments import DECAY
from ltrr_haystack.policy.safe_start import Valued
from ltrr_haystack.policy.union import MOST_KEPT, UnionOrder, reaches
from ltrr_haystack.types import ActionSet, Allocation, SettledDecision

DOUBT = 1.0
"""What every expert but the baseline is taken to have lost once, in units of reward."""

_Numbers = NDArray[np.float64]


class Leader:
    """Keeps what each allocation has gained over the baseline on queries looked at as if they were new."""

    def __init__(self) -> None:
        """Begin with the baseline in the lead."""
        self._against = ""
        self._noted: dict[str, tuple[float, float]] = {}
        self._expected = ExpectedRewards()

    def valued(self, settled: SettledDecision) -> Valued:
        """
        Look at a decision as if its query were new.

        What was shown is worth what it earned, in relation to how much its position is looked at, and what would have
        been shown in its place half of what is to be expected of it. Where the union was not logged, what was shown
        and is still found counts.

        :param settled: The decision and what came of it.
        :returns: Says what the decision would have earned under other allocations; memory arms are to be at 0.
        """
        union = UnionOrder(settled)
        if not union.is_logged:
            return lambda searched: rewards_left(settled, searched)
        ordinals, rewards = _page(settled)
        worth = self._expected.of(union)
        worth[union.rows] = rewards * np.minimum(MOST_KEPT, 1 / union.curve.over(ordinals))

        def earned(searched: Sequence[Allocation]) -> list[float]:
            values: list[float] = union.earned(searched, worth).tolist()
            return values

        return earned

    def observe(self, settled: SettledDecision, weight: float, valued: Valued | None = None) -> None:
        """
        Take note of what each allocation would have gained, where it is known, and of what documents earned.

        Gains over another baseline than before tell nothing of this one: it begins anew then.

        :param settled: The decision and what came of it.
        :param weight: How much it counts, more than 0.
        :param valued: What `valued` says of the decision, if it was asked before.
        """
        baseline = experts_of(settled.decision.actions).baseline
        if not reaches(settled.decision.allocation, baseline):
            return
        self._note(settled, weight, valued or self.valued(settled))
        union = UnionOrder(settled)
        if union.is_logged:
            self._expected.observe(union, *_page(settled), weight)

    def pretend(self, settled: SettledDecision, weight: float) -> None:
        """
        Take note of what each allocation would have gained, but nothing of what people do.

        :param settled: A decision that nobody made, and what would have come of it.
        :param weight: How much it counts, more than 0.
        """
        if reaches(settled.decision.allocation, experts_of(settled.decision.actions).baseline):
            self._note(settled, weight, self.valued(settled))

    def best(self, actions: ActionSet) -> Allocation:
        """
        Give the allocation in the lead.

        :param actions: What there is to choose from.
        :returns: Arm → depth.
        """
        experts = experts_of(actions)
        return experts.allocations[int(np.argmax(self._gains(experts)))]

    def values(self, actions: ActionSet) -> list[list[float]]:
        """
        Say what each arm's levels are worth beside the other arms as the leader has them.

        :param actions: What there is to choose from.
        :returns: For each arm, in order, what the leader with this arm at each of its levels gains over the baseline
            for one query, in units of reward and less the cost; where that is no expert, the least gain of all.
        """
        experts = experts_of(actions)
        gains = self._gains(experts)
        best = experts.allocations[int(np.argmax(gains))]
        gain_of = dict(zip(experts.keys, gains.tolist(), strict=True))
        least = min(gain_of.values())
        return [
            [
                gain_of.get(expert_key(actions.without_memory({**best, arm.name: level})), least)
                - (arm.cost(level) if arm.name in actions.memory_arms else 0.0)
                for level in arm.levels
            ]
            for arm in actions.arms
        ]

    def to_dict(self) -> dict[str, Any]:
        """
        Give what was noted.

        :returns: Plain JSON types.
        """
        experts = {key: list(of) for key, of in self._noted.items()}
        return {"against": self._against, "experts": experts, "expected": self._expected.to_dict()}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """
        Make one that has noted what another has.

        :param state: What `to_dict` gave.
        :returns: The leader.
        :raises SnapshotError: If the state is of another make.
        """
        made = cls()
        made._against = state["against"]
        made._noted = {key: (gain, weight) for key, (gain, weight) in state["experts"].items()}
        made._expected = ExpectedRewards.from_dict(state["expected"])
        return made

    def _note(self, settled: SettledDecision, weight: float, valued: Valued) -> None:
        drawn, experts = settled.decision.allocation, experts_of(settled.decision.actions)
        if (against := expert_key(experts.baseline)) != self._against:
            self._against, self._noted = against, {}
        known = [place for place, searched in enumerate(experts.searched) if reaches(drawn, searched)]
        base, *rewards = valued([experts.baseline, *(experts.searched[place] for place in known)])
        noted = {key: (gain * DECAY, weights * DECAY) for key, (gain, weights) in self._noted.items()}
        for place, reward in zip(known, rewards, strict=True):
            gain, weights = noted.get(experts.keys[place], (0.0, 0.0))
            noted[experts.keys[place]] = gain + weight * (reward - base), weights + weight
        self._noted = noted

    def _gains(self, experts: Experts) -> _Numbers:
        """What each expert gains over the baseline for one query, with `DOUBT` and less the cost."""
        noted = self._noted if self._against == expert_key(experts.baseline) else {}
        gained, weights = np.array([noted.get(key, (0.0, 0.0)) for key in experts.keys]).T
        gains: _Numbers = (gained - DOUBT) / (weights + 1) - experts.extra_costs
        gains[experts.is_baseline] = 0.0
        return gains


def _page(settled: SettledDecision) -> tuple[_Numbers, _Numbers]:
    """For each impression its position, and what it earned."""
    ordinals = [impression.ordinal for impression in settled.impressions]
    rewards = [reward_of(settled, impression) for impression in settled.impressions]
    return np.array(ordinals, dtype=np.float64), np.array(rewards, dtype=np.float64)
