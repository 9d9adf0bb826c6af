"""What a policy, the memory and the readings learn from some settled decisions, nothing of it kept yet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ltrr_haystack.feedback.examination import UNION
from ltrr_haystack.learning.amounts import Amounts
from ltrr_haystack.learning.clients import ANONYMOUS, ClientCounts, ClientLimits, clients_of
from ltrr_haystack.learning.curves import Curves
from ltrr_haystack.learning.readings import add_readings
from ltrr_haystack.policy.credit import at_drawn_depth, leave_one_out
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.store.records import MODELS, QUERY
from ltrr_haystack.types import SettledDecision


class NotLearnableError(Exception):
    """
    A decision cannot be learned from; the cause says why. The policy may have learned half of it.

    :ivar place: The decision's place in the order of settlement.
    """

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


@dataclass(slots=True)
class Step:
    """
    What some settled decisions add, beside what the policy has learned.

    :param amounts: To memory, history and readings.
    :param clients: To the counts of clients.
    :param counted: Place in the order of settlement → what that decision counts for, where it does not count for all.
    :param counted_rewards: (place in the order of settlement, object id) → what counts of that impression's rewards,
        where it is not their sum.
    :param anonymous: How many of these decisions bear nothing that tells who made them.
    """

    amounts: Amounts
    clients: ClientCounts
    counted: dict[int, int]
    counted_rewards: dict[tuple[int, str], float]
    anonymous: int = 0


def learn_step(
    store: LTRRStore, limits: ClientLimits, policy: Policy, curves: Curves, decisions: Sequence[SettledDecision]
) -> Step:
    """
    Let a policy learn from settled decisions, as far as they count.

    :param store: Where the counts of clients are read from.
    :param limits: What one client can add.
    :param policy: What learns.
    :param curves: The examination curves by which the pages were ordered.
    :param decisions: The decisions, in the order of settlement.
    :returns: What they add besides.
    :raises NotLearnableError: If one of them cannot be learned from.
    """
    clients = ClientCounts(store, limits, [(settled.decision, settled.rewards) for settled in decisions])
    step = Step(Amounts(), clients, {}, {})
    for settled in decisions:
        try:
            counted, curve = clients.count(settled), curves.of(settled.page_version)
            other_pages = curve if curve.learned else UNION
            if counted.bits & MODELS:
                credit = policy.learn(counted.settled, other_pages)
            else:
                credit = at_drawn_depth(leave_one_out(counted.settled, curve=other_pages), settled.decision.allocation)
            if counted.bits & QUERY:
                kept = {object_id: counted.settled.rewards.get(object_id, 0.0) for object_id in settled.rewards}
                step.amounts.add_decision(replace(settled, capped=kept), credit, curve)
                add_readings(step.amounts, counted.settled, curve, clients)
        except Exception as error:
            raise NotLearnableError(settled.seq) from error
        for object_id, reward in settled.rewards.items():
            if (amount := counted.settled.rewards.get(object_id, 0.0)) != reward:
                step.counted_rewards[settled.seq, object_id] = amount
        if counted.bits != QUERY | MODELS:
            step.counted[settled.seq] = counted.bits
            step.anonymous += clients_of(settled.decision) == (ANONYMOUS,)
    return step
