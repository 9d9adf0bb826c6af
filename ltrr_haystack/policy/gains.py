"""
What allocations are worth, as measured on the whole log (see `ranking.allocation_gains`), and which of them may be
played: for queries that nobody searched before, and with memory beside them for those that were searched often.

An allocation may be played if its pages are shown to earn as much as those of the pipeline as it is without learning,
and as the baseline's candidates in the order of the ranking model: if the 95 % interval of what is lost ends below a
margin (a test of non-inferiority: Piaggio, Elbourne, Pocock, Evans and Altman, "Reporting of noninferiority and
equivalence randomized trials", JAMA 308, 2012). The margin is a share of what the baseline's order earns more than the
same candidates in random order: people who click by mistake make all pages earn more, and must not make a larger loss
acceptable. Nor may it be shown to earn less than the best allocation by more than that; to be shown to be as good is
not asked for there, since on a few dozen queries the highest of hundreds of estimates is so by chance.

Of these allocations the one that is worth most is played, in clicks less costs. No saving makes up for a loss beyond
the margin: nobody's first search gets worse than that to save a call.

Nor do the next ones. For a query that was searched before, the model chooses among allocations that may be played (see
`Preference.bounded`): among those for new queries at first, and once it was searched as often as all but the least
searched quarter of the queries that were measured, among those whose pages with memory are as good as the baseline's
with memory. Where memory fills the pages, these are nearly all. Where people look at few places, it does not: one arm
with memory leaves low places to documents that nobody wants, and since few click there, a model that weighs clicks
against costs alone would play it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.policy.experts import Experts
from ltrr_haystack.policy.safe_start import SafeStartEstimate

MOST_LOST = 0.03
"""Share of what the baseline's order is worth that an allocation may lose."""

DEVIATIONS = 1.96
"""To how many standard errors the 95 % interval of a mean reaches."""

FORMAT = "ltrr-allocations/4"


@dataclass(frozen=True, slots=True)
class Gain(FrozenValue):
    """
    What an allocation's pages earn more than those of today.

    :param clicks: Expected clicks per search more than on the baseline's page in the union's order.
    :param error: Standard error of that over queries.
    :param saved: What it costs less than the baseline, in units of reward.
    :param behind_model: Expected clicks per search fewer than on the pages of the baseline's candidates in the order of
        the ranking model.
    :param behind_model_error: Standard error of that over queries.
    :param behind_best: Expected clicks per search fewer than on the pages of the best allocation; 0 where hardly any
        query tells of both.
    :param behind_best_error: Standard error of that over queries.
    :param queries: How many queries tell of the allocation.
    """

    clicks: float
    error: float
    saved: float
    behind_model: float = 0.0
    behind_model_error: float = 0.0
    behind_best: float = 0.0
    behind_best_error: float = 0.0
    queries: int = 0


@dataclass(frozen=True, slots=True)
class AllocationGains(FrozenValue):
    """
    The gains of the allocations that are compared as a whole.

    :param against: Key of the baseline (see `expert_key`).
    :param of: Key of an allocation → its gain.
    :param baseline: Expected clicks per search on the baseline's page in the union's order.
    :param baseline_cost: What the baseline costs, in units of reward.
    :param queries: How many queries tell of the baseline.
    :param ranker: Version of the ranking model whose pages were measured; 0 where there was none.
    :param unordered: Expected clicks per search on a page of the baseline's candidates in random order.
    :param reordered: Whether that model ordered the pages; otherwise they are in the union's order, as where a live
        model cannot rank.
    :param repeated: The same for queries that were searched before, with memory at its deepest beside every allocation
        and pages in the order of posterior means; `None` where too few tell. There the baseline's page is with memory
        in each comparison, no cost is memory's, and random order is that of what the baseline finds without it.
    :param least_searched: How often a query must have been searched for the gains to be its own; three quarters of the
        measured ones were searched as often or more. 0 for new queries.
    """

    against: str
    of: Mapping[str, Gain] = field(repr=False)
    baseline: float
    baseline_cost: float
    queries: int
    ranker: int = 0
    unordered: float = 0.0
    reordered: bool = False
    repeated: "AllocationGains | None" = None
    least_searched: int = 0

    @property
    def margin(self) -> float:
        """Expected clicks per search that an allocation may lose, at least 0."""
        return MOST_LOST * max(self.baseline - self.unordered, 0.0)

    def may_play(self, key: str) -> bool:
        """
        Tell whether an allocation is shown to be as good as the baseline, and not shown to be worse than the best.

        :param key: The allocation's key.
        :returns: Whether the 95 % intervals of what it loses against today's page, and against the baseline's
            candidates in the model's order, end at `margin` or below, and that of what it loses against the best does
            not begin above it; never where it was not measured.
        """
        gain = self.of.get(key)
        return (
            gain is not None
            and gain.clicks - DEVIATIONS * gain.error >= -self.margin
            and gain.behind_model + DEVIATIONS * gain.behind_model_error <= self.margin
            and gain.behind_best - DEVIATIONS * gain.behind_best_error <= self.margin
        )

    def playable(self, experts: Experts) -> NDArray[np.bool_]:
        """
        Tell which allocations may be played.

        :param experts: The allocations that are compared.
        :returns: For each whether it may be; for none if the baseline in the union's own order is all that may.
        """
        opens = self.opens
        return np.array([opens and self.may_play(key) for key in experts.keys])

    @property
    def opens(self) -> bool:
        """
        Whether any may be played.

        The baseline in the union's own order does not count: it is what the others are compared with.
        """
        return any(self.may_play(key) for key in self.of if self.reordered or key != self.against)

    def estimate(self, reward_per_click: float) -> SafeStartEstimate:
        """
        Say how the best of those that may be played compares with the baseline, as a gate does.

        :param reward_per_click: What a click is worth on average, in units of reward.
        :returns: The estimate, with queries in place of decisions and costs as they were when gains were measured; of
            the best of all where none may be played.
        """
        may_play = [gain for key, gain in self.of.items() if self.may_play(key)] if self.opens else []
        best = max(may_play or self.of.values(), key=lambda gain: reward_per_click * gain.clicks + gain.saved)
        reward, error = reward_per_click * best.clicks, reward_per_click * best.error
        return SafeStartEstimate(
            is_open=bool(may_play),
            settled=self.queries,
            agreement=0.0,
            compared=best.queries,
            rewarded=best.queries,
            gain=reward + best.saved,
            standard_error=error,
            z=(reward + best.saved) / error if error > 0 else 0.0,
            reward_gain=reward,
            reward_standard_error=error,
            reward_interval=(reward - DEVIATIONS * error, reward + DEVIATIONS * error),
            baseline_reward=reward_per_click * self.baseline,
            cost_saved=best.saved,
            baseline_cost=self.baseline_cost,
        )

    def to_bytes(self) -> bytes:
        """
        Write the gains as a snapshot.

        :returns: JSON with the format.
        """
        return json.dumps({"format": FORMAT, "gains": self.to_dict()}).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """
        Read what `to_bytes` wrote.

        :param payload: The bytes.
        :returns: The gains.
        :raises SnapshotError: If they are none, or of another format.
        """
        try:
            data = json.loads(payload)
            found, content = data["format"], data["gains"]
            if found == FORMAT:
                return cls.from_dict(content)
        except (ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"these {len(payload)} bytes are no gains of allocations: {error}") from error
        raise SnapshotError(f"the gains of allocations have format '{found}', this version reads '{FORMAT}'")
