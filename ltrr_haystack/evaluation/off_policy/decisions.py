"""The decision log as an evaluation reads it: one settled decision after another, with what it came to."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.counting import counted
from ltrr_haystack.policy.credit import reward_of
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import Allocation, Decision, SettledDecision

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


class DecisionLog:
    """
    Goes through settled decisions, and counts what cannot be used.

    Those beyond their client's share are left out, and of rewards that is taken which counts for learning.

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.evaluation.off_policy.decisions import DecisionLog
    from ltrr_haystack.store import read_log

    log = DecisionLog(read_log(LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))))
    for logged in log:
        print(logged.reward - logged.cost)
    print(log.read, log.beyond, log.skipped)
    ```

    :ivar read: How many settled decisions were read.
    :ivar beyond: How many of them are beyond their client's share.
    :ivar skipped: Reason → how many of the others were left out for it.
    :ivar modes: The router's mode → how many of those that are left were made in it.
    """

    def __init__(self, settled: Iterable[SettledDecision]) -> None:
        """
        Make a reader; nothing is read yet.

        :param settled: The decisions, in the order of the log.
        """
        self._settled = settled
        self.read = 0
        self.beyond = 0
        self.skipped: dict[str, int] = {}
        self.modes: dict[str, int] = {}
        self._sessions: dict[str, str | None] = {}

    def __iter__(self) -> Iterator[LoggedDecision]:
        """
        Go through the log in its order, once.

        :returns: The decisions that can be used.
        """
        for settled in self._settled:
            self.read += 1
            each = counted(settled)
            if each is None:
                self.beyond += 1
                continue
            joint = _checked(each.decision)
            kind = self._user(each.decision)
            if isinstance(joint, str):
                self.skipped[joint] = self.skipped.get(joint, 0) + 1
                continue
            self.modes[each.decision.mode] = self.modes.get(each.decision.mode, 0) + 1
            understanding = each.decision.understanding
            slices = {"query_type": understanding.query_type, "language": understanding.language, "user": kind}
            yield LoggedDecision(each.seq, each.decision, joint, _page(each), slices)

    def _user(self, decision: Decision) -> str:
        """A user returns who searched before in another session."""
        if not decision.user_id:
            return "unknown"
        first = self._sessions.setdefault(decision.user_id, decision.session_id or decision.query_id)
        return "new" if first in (decision.session_id, decision.query_id) else "returning"


def _checked(decision: Decision) -> JointDistribution | str:
    if not 0 < decision.propensity <= 1 + TOLERANCE:
        return NO_PROPENSITY
    try:
        joint = JointDistribution.of(decision)
        propensity = joint.probability(decision.allocation)
    except ConfigurationError:
        return NOT_REBUILT
    same = math.isclose(propensity, decision.propensity, rel_tol=TOLERANCE, abs_tol=0.0)
    return joint if same else OTHER_PROPENSITY


def _page(settled: SettledDecision) -> tuple[tuple[float, Allocation], ...]:
    return tuple(
        (
            reward_of(settled, impression),
            {arm: provenance.rank for arm, provenance in impression.arms.items()},
        )
        for impression in settled.impressions
    )
