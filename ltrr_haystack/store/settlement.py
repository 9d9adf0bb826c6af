"""
Settlement: when a decision's reward window closes, and what is then to be learned.

Decisions are settled strictly in the order of the log. A decision and the events that came before its settlement never
change afterwards, so whoever reads them, and whenever, learns the same.
"""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, bindparam, func, or_, select, update

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store.records import LateReward, Watermark
from ltrr_haystack.store.tables import decisions, events, impressions, is_late, learner
from ltrr_haystack.types import ArmReport, Decision, Impression, SettledDecision

_REPORTS = TypeAdapter(tuple[ArmReport, ...])

_WATERMARK = select(learner.c.settled, learner.c.learned, learner.c.late)
_SET_SETTLED = update(learner).values(settled=bindparam("seq"))
_OPEN = (
    select(decisions.c.seq, decisions.c.decided_at)
    .where(decisions.c.seq > bindparam("settled"))
    .order_by(decisions.c.seq)
    .limit(bindparam("count"))
)
_DECISIONS = (
    select(decisions.c.seq, decisions.c.payload, decisions.c.reports, decisions.c.ranker_version)
    .where(decisions.c.seq > bindparam("after"), decisions.c.seq <= select(learner.c.settled).scalar_subquery())
    .order_by(decisions.c.seq)
    .limit(bindparam("count"))
)
_IMPRESSIONS = (
    select(impressions.c.decision_seq, impressions.c.payload)
    .where(impressions.c.decision_seq.between(bindparam("first"), bindparam("last")))
    .order_by(impressions.c.decision_seq, impressions.c.ordinal)
)
_REWARDS = (
    select(events.c.decision_seq, events.c.object_id, events.c.reward)
    .where(
        events.c.decision_seq.between(bindparam("first"), bindparam("last")),
        events.c.object_id.is_not(None),
        or_(events.c.late == 0, events.c.late == bindparam("include_late")),
    )
    .order_by(events.c.seq)
)

shown_at = (
    select(func.min(impressions.c.ordinal))
    .where(impressions.c.decision_seq == events.c.decision_seq, impressions.c.object_id == events.c.object_id)
    .correlate(events)
    .scalar_subquery()
)
"""The position at which an event's object was shown; null if it was not."""

_LATE = (
    select(
        events.c.seq,
        events.c.decision_seq,
        decisions.c.query_key,
        events.c.object_id,
        shown_at.label("ordinal"),
        events.c.reward,
    )
    .join(decisions, decisions.c.seq == events.c.decision_seq)
    .where(is_late, events.c.seq > bindparam("after"), shown_at.is_not(None))
    .order_by(events.c.seq)
    .limit(bindparam("count"))
)


def watermark(connection: Connection) -> Watermark:
    """
    Tell how far learning has come.

    :param connection: The database.
    :returns: The watermark.
    """
    return Watermark(*connection.execute(_WATERMARK).one())


def due(connection: Connection, before: float, limit: int) -> int:
    """
    Find the last decision that can be settled now.

    :param connection: The database.
    :param before: Decisions made after this time are not due.
    :param limit: Most decisions to settle.
    :returns: Its seq; that of the last settled one if none is due.
    """
    settled = watermark(connection).settled
    rows = connection.execute(_OPEN, {"settled": settled, "count": limit})
    return max((row.seq for row in takewhile(lambda row: row.decided_at <= before, rows)), default=settled)


def settle(connection: Connection, before: float, limit: int) -> int:
    """
    Close the reward windows that are due.

    :param connection: In a write transaction.
    :param before: Decisions made after this time stay open.
    :param limit: Most decisions to settle.
    :returns: Seq of the last settled decision.
    """
    seq = due(connection, before, limit)
    connection.execute(_SET_SETTLED, {"seq": seq})
    return seq


def settled(connection: Connection, after: int, limit: int, *, include_late: bool) -> list[SettledDecision]:
    """
    Read settled decisions with what came of them.

    :param connection: The database.
    :param after: Seq after which to begin.
    :param limit: Most decisions to read.
    :param include_late: Whether the rewards of late events are added.
    :returns: The decisions in the order of the log.
    :raises StoreError: If a row was written by a version whose values cannot be read any more.
    """
    rows = connection.execute(_DECISIONS, {"after": after, "count": limit}).all()
    if not rows:
        return []
    span = {"first": rows[0].seq, "last": rows[-1].seq}
    shown: dict[int, list[Any]] = {row.seq: [] for row in rows}
    rewards: dict[int, dict[str, float]] = {row.seq: {} for row in rows}
    for row in connection.execute(_IMPRESSIONS, span):
        shown[row.decision_seq].append(row)
    for seq, object_id, reward in connection.execute(_REWARDS, {**span, "include_late": int(include_late)}):
        rewards[seq][object_id] = rewards[seq].get(object_id, 0.0) + reward
    return [_settled_decision(row, shown[row.seq], rewards[row.seq]) for row in rows]


def late_rewards(connection: Connection, after: int, limit: int) -> list[LateReward]:
    """
    Read late events of decisions that were learned from.

    :param connection: The database.
    :param after: Seq of the event after which to begin.
    :param limit: Most events to read.
    :returns: The rewards in the order of the log, up to the first whose decision is yet to be learned from; events of
        objects that were not shown are left out.
    """
    learned = watermark(connection).learned
    rows = connection.execute(_LATE, {"after": after, "count": limit})
    return [
        LateReward(row.seq, row.query_key, row.object_id, row.ordinal, row.reward)
        for row in takewhile(lambda row: row.decision_seq <= learned, rows)
    ]


def _settled_decision(row: Any, shown: list[Any], rewards: Mapping[str, float]) -> SettledDecision:
    try:
        return SettledDecision(
            seq=row.seq,
            decision=Decision.from_json(row.payload),
            impressions=tuple(Impression.from_json(impression.payload) for impression in shown),
            rewards=rewards,
            reports=_REPORTS.validate_json(row.reports),
            ranker_version=row.ranker_version,
        )
    except ValidationError as error:
        msg = f"Decision {row.seq} of the log cannot be read by this version of ltrr-haystack: {error}"
        raise StoreError(msg) from error
