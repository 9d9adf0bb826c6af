"""The decision log as an evaluation reads it: one settled decision after another, with what it came to."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.off_policy.positions import Kept
from ltrr_haystack.policy.credit import reward_of
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Allocation, Decision, SettledDecision

BATCH = 500
TOLERANCE = 1e-6

NO_PROPENSITY = "the logged propensity is not a probability above 0"
OTHER_PROPENSITY = "the logged propensity is not the one that its logged distribution gives"
NOT_REBUILT = "the logged distribution cannot be rebuilt"


@dataclass(frozen=True, slots=True)
class LoggedDecision:
    """
    A settled decision with what it came to.

    :param seq: Its place in the log.
    :param decision: The decision.
    :param joint: The distribution that it was drawn from.
    :param page: For each impression, in order, its reward and the rank that each arm gave it.
    :param slices: Dimension → what the decision is in it: `query_type`, `language` and `user`.
    """

    seq: int
    decision: Decision
    joint: JointDistribution = field(repr=False)
    page: tuple[tuple[float, Allocation], ...] = field(repr=False)
    slices: dict[str, str]

    @property
    def reward(self) -> float:
        """The rewards of all that was shown."""
        return sum(reward for reward, _ in self.page)

    @property
    def cost(self) -> float:
        """What the allocation cost."""
        return self.decision.actions.cost(self.decision.allocation)

    def kept(self, allocation: Allocation) -> Kept:
        """
        Say what would still have been on the page under a shallower allocation.

        :param allocation: Arm → depth, in no arm deeper than what was drawn.
        :returns: The rewarded documents that stay, and how many stay in all.
        """
        kept = []
        place = 0
        for ordinal, (reward, ranks) in enumerate(self.page, start=1):
            if any(rank <= allocation.get(arm, 0) for arm, rank in ranks.items()):
                place += 1
                if reward:
                    kept.append((reward, ordinal / place))
        return Kept(tuple(kept), place, len(self.page))


class DecisionLog:
    """
    Reads a store's settled decisions with all their rewards, late ones included, and counts what cannot be used.

    ```python
    log = DecisionLog(store)
    for logged in log:
        print(logged.reward - logged.cost)
    print(log.read, log.skipped)
    ```

    :ivar read: How many settled decisions were read.
    :ivar skipped: Reason → how many of them were left out for it.
    :ivar modes: The router's mode → how many of the others were made in it.
    """

    def __init__(self, store: LTRRStore, *, after: int = 0) -> None:
        """
        Make a reader; nothing is read yet.

        :param store: The store with the log.
        :param after: Seq after which to begin.
        """
        self._store = store
        self._after = after
        self.read = 0
        self.skipped: dict[str, int] = {}
        self.modes: dict[str, int] = {}
        self._sessions: dict[str, str | None] = {}

    def __iter__(self) -> Iterator[LoggedDecision]:
        """
        Go through the log in its order.

        :returns: The decisions that can be used.
        """
        yield from self.usable(self._settled())

    def usable(self, settled: Iterable[SettledDecision]) -> Iterator[LoggedDecision]:
        """
        Go through settled decisions from elsewhere, and count them.

        :param settled: The decisions, in the order of the log.
        :returns: Those that can be used.
        """
        for each in settled:
            self.read += 1
            joint = self._checked(each.decision)
            kind = self._user(each.decision)
            if isinstance(joint, str):
                self.skipped[joint] = self.skipped.get(joint, 0) + 1
                continue
            self.modes[each.decision.mode] = self.modes.get(each.decision.mode, 0) + 1
            understanding = each.decision.understanding
            slices = {"query_type": understanding.query_type, "language": understanding.language, "user": kind}
            yield LoggedDecision(each.seq, each.decision, joint, _page(each), slices)

    def _settled(self) -> Iterator[SettledDecision]:
        after = self._after
        while batch := self._store.settled(after, BATCH, include_late=True):
            yield from batch
            after = batch[-1].seq

    def _checked(self, decision: Decision) -> JointDistribution | str:
        if not 0 < decision.propensity <= 1 + TOLERANCE:
            return NO_PROPENSITY
        try:
            joint = JointDistribution.of(decision)
            propensity = joint.probability(decision.allocation)
        except ConfigurationError:
            return NOT_REBUILT
        same = math.isclose(propensity, decision.propensity, rel_tol=TOLERANCE, abs_tol=0.0)
        return joint if same else OTHER_PROPENSITY

    def _user(self, decision: Decision) -> str:
        """A user returns who searched before in another session."""
        if not decision.user_id:
            return "unknown"
        first = self._sessions.setdefault(decision.user_id, decision.session_id or decision.query_id)
        return "new" if first in (decision.session_id, decision.query_id) else "returning"


def _page(settled: SettledDecision) -> tuple[tuple[float, Allocation], ...]:
    return tuple(
        (
            reward_of(settled, impression),
            {arm: provenance.rank for arm, provenance in impression.arms.items()},
        )
        for impression in settled.impressions
    )
