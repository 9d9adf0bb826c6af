"""
Settlement: when a decision's reward window closes, and what is then to be learned.

Each decision is settled by its own time, so a clock that jumped ahead for one search holds up that search alone. The
order in which decisions are settled is written down and never changes, nor do a decision and the events that came
before its settlement; so whoever reads them, and whenever, learns the same.
"""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, func, or_, select, update

from ltrr_haystack.store import definitions
from ltrr_haystack.store.orderings import ReadOrdering
from ltrr_haystack.store.records import MODELS, LateBatch, LateReward, SettledBatch, Watermark
from ltrr_haystack.store.searches import fingerprints, read_decision, read_search
from ltrr_haystack.store.tables import counted_rewards, decisions, events, is_late, is_open, learner, pages
from ltrr_haystack.types import Decision, SettledDecision

LONGEST_FAULT = 500
"""Characters of the reason why a decision was set aside."""

_WATERMARK = select(learner.c.settled, learner.c.learned, learner.c.late)
_is_due = is_open & (decisions.c.decided_at <= bindparam("before"))
_ANY_DUE = select(exists().where(_is_due))
_numbered = (
    select(decisions.c.seq, func.row_number().over(order_by=decisions.c.seq).label("place"))
    .where(_is_due)
    .order_by(decisions.c.seq)
    .limit(bindparam("count"))
    .subquery()
)
_SETTLE = (
    update(decisions)
    .where(decisions.c.seq == _numbered.c.seq)
    .values(settled_no=select(learner.c.settled).scalar_subquery() + _numbered.c.place)
)
_FIRST_SINCE = (
    select(decisions.c.settled_no)
    .where(decisions.c.decided_at >= bindparam("moment"), decisions.c.settled_no.is_not(None))
    .order_by(decisions.c.decided_at)
    .limit(1)
)
_MOVE_SETTLED = update(learner).values(settled=learner.c.settled + bindparam("number"))
_DECISIONS = (
    select(decisions, pages.c.payload.label("page"), pages.c.ordering)
    .outerjoin(pages, pages.c.decision_seq == decisions.c.seq)
    .where(decisions.c.settled_no > bindparam("after"))
    .order_by(decisions.c.settled_no)
    .limit(bindparam("count"))
)
_seqs = select(decisions.c.seq).where(decisions.c.settled_no.between(bindparam("first"), bindparam("last")))
_REWARDS = (
    select(events.c.decision_seq, events.c.object_id, events.c.reward)
    .where(
        events.c.decision_seq.in_(_seqs),
        events.c.object_id.is_not(None),
        or_(events.c.late == 0, events.c.seq <= bindparam("late_until")),
    )
    .order_by(events.c.seq)
)
_COUNTED_REWARDS = select(counted_rewards).where(
    counted_rewards.c.settled_no.between(bindparam("first"), bindparam("last"))
)

_earlier = events.alias("earlier")
_rewarded_before = (
    select(func.coalesce(func.sum(_earlier.c.reward), 0.0))
    .where(
        _earlier.c.decision_seq == events.c.decision_seq,
        _earlier.c.object_id == events.c.object_id,
        or_(_earlier.c.late == 0, _earlier.c.seq < events.c.seq),
    )
    .correlate(events)
    .scalar_subquery()
)
_LATE = (
    select(
        decisions,
        pages.c.payload.label("page"),
        pages.c.ordering,
        events.c.seq.label("event_seq"),
        events.c.object_id,
        events.c.ordinal,
        events.c.reward,
        func.coalesce(counted_rewards.c.amount, _rewarded_before).label("before"),
    )
    .join(decisions, decisions.c.seq == events.c.decision_seq)
    .outerjoin(pages, pages.c.decision_seq == decisions.c.seq)
    .outerjoin(
        counted_rewards,
        and_(counted_rewards.c.settled_no == decisions.c.settled_no, counted_rewards.c.object_id == events.c.object_id),
    )
    .where(is_late, events.c.seq > bindparam("after"), events.c.ordinal.is_not(None), decisions.c.fault.is_(None))
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


def settled_before(connection: Connection, moment: float) -> int:
    """
    Find where a part of the log begins; the index over decision times is enough for it.

    :param connection: The database.
    :param moment: Seconds since 1970, UTC.
    :returns: The place in the order of settlement before the first settled decision of that time or later; that of the
        last one if there is none.
    """
    found = connection.execute(_FIRST_SINCE, {"moment": moment}).scalar()
    return watermark(connection).settled if found is None else int(found) - 1


def any_due(connection: Connection, before: float) -> bool:
    """
    Tell whether a decision can be settled now.

    :param connection: The database.
    :param before: Decisions made after this time are not due.
    :returns: Whether there is one.
    """
    return bool(connection.execute(_ANY_DUE, {"before": before}).scalar_one())


def settle(connection: Connection, before: float, limit: int) -> int:
    """
    Close the reward windows that are due, in the order of the log.

    :param connection: In a write transaction.
    :param before: Decisions made after this time stay open.
    :param limit: Most decisions to settle.
    :returns: How many decisions are settled now, all in all.
    """
    number = connection.execute(_SETTLE, {"before": before, "count": limit}).rowcount
    connection.execute(_MOVE_SETTLED, {"number": number})
    return watermark(connection).settled


def settled_batch(connection: Connection, after: int, limit: int, late_until: int = 0) -> SettledBatch:
    """
    Read settled decisions with what came of them.

    :param connection: The database.
    :param after: Place in the order of settlement after which to begin.
    :param limit: Most decisions to read.
    :param late_until: Seq of the last late event whose reward is added.
    :returns: The decisions in the order of settlement, and those that cannot be read.
    """
    rows = connection.execute(_DECISIONS, {"after": after, "count": limit}).all()
    if not rows:
        return SettledBatch((), {}, after)
    span = {"first": rows[0].settled_no, "last": rows[-1].settled_no}
    known = definitions.read(connection, fingerprints(rows))
    rewards: dict[int, list[Any]] = {row.seq: [] for row in rows}
    for reward in connection.execute(_REWARDS, {**span, "late_until": late_until}):
        rewards[reward.decision_seq].append(reward)
    counted: dict[int, dict[str, float]] = {}
    for settled_no, object_id, amount in connection.execute(_COUNTED_REWARDS, span):
        counted.setdefault(settled_no, {})[object_id] = amount
    read: list[SettledDecision] = []
    faults: dict[int, str] = {}
    for row in rows:
        outcome = _settled_decision(row, known, rewards[row.seq], counted.get(row.settled_no, {}))
        if isinstance(outcome, str):
            faults[row.settled_no] = outcome
        else:
            read.append(outcome)
    return SettledBatch(tuple(read), faults, rows[-1].settled_no)


def settled(connection: Connection, after: int, limit: int, late_until: int) -> list[SettledDecision]:
    """
    Read settled decisions with what came of them, those left out that cannot be read.

    :param connection: The database.
    :param after: Place in the order of settlement after which to begin.
    :param limit: Most decisions to read.
    :param late_until: Seq of the last late event whose reward is added.
    :returns: The decisions in the order of settlement; none only if there are no more that can be read.
    """
    while True:
        batch = settled_batch(connection, after, limit, late_until)
        if batch.decisions or batch.last == after:
            return list(batch.decisions)
        after = batch.last


def learned(connection: Connection, after: int, limit: int) -> list[SettledDecision]:
    """
    Read decisions that a learner has been through, those left out that cannot be read.

    :param connection: The database.
    :param after: Place in the order of settlement after which to begin.
    :param limit: Most decisions to read.
    :returns: The decisions in the order of settlement, with the late rewards that were learned from.
    """
    reached = watermark(connection)
    while after < reached.learned:
        batch = settled_batch(connection, after, min(limit, reached.learned - after), reached.late)
        if batch.decisions or batch.last == after:
            return list(batch.decisions)
        after = batch.last
    return []


def late_rewards(connection: Connection, after: int, limit: int) -> LateBatch:
    """
    Read late events of decisions that were learned from.

    :param connection: The database.
    :param after: Seq of the event after which to begin.
    :param limit: Most events to read.
    :returns: The rewards in the order of the log, up to the first whose decision is yet to be learned from; events of
        objects that were not shown, and of decisions that cannot be read, are left out.
    """
    learned = watermark(connection).learned
    rows = connection.execute(_LATE, {"after": after, "count": limit})
    ready = list(takewhile(lambda row: row.settled_no is not None and row.settled_no <= learned, rows))
    known = definitions.read(connection, fingerprints(ready))
    rewards = [reward for row in ready if (reward := _late_reward(row, known)) is not None]
    return LateBatch(tuple(rewards), ready[-1].event_seq if ready else after)


def _late_reward(row: Any, known: Mapping[bytes, str]) -> LateReward | None:
    try:
        decision = read_decision(row, known)
        page = _page_of_readings(row, known, decision)
        return LateReward(
            seq=row.event_seq,
            decision=decision,
            object_id=row.object_id,
            ordinal=row.ordinal,
            reward=float(row.reward),
            before=float(row.before),
            place=row.settled_no,
            counted=row.counted,
            impressions=() if page is None else page.impressions,
            page_version=0 if page is None else page.page_version,
        )
    except (ValueError, TypeError, LookupError):
        return None


def _page_of_readings(row: Any, known: Mapping[bytes, str], decision: Decision) -> ReadOrdering | None:
    """The page of a search whose readings it may say something of; `None` where it cannot be read."""
    if not decision.understanding.interpretations:
        return None
    try:
        return read_search(row, known).ordering
    except (ValueError, TypeError, LookupError):
        return None


def _settled_decision(
    row: Any, known: Mapping[bytes, str], rewarded: list[Any], capped: Mapping[str, float]
) -> SettledDecision | str:
    """The decision, or why it cannot be read."""
    if row.fault is not None:
        return str(row.fault)
    try:
        search = read_search(row, known)
        return SettledDecision(
            seq=row.settled_no,
            decision=search.decision,
            impressions=search.ordering.impressions,
            rewards=_summed(rewarded),
            reports=search.reports,
            ranker_version=row.ranker_version,
            counted=bool(row.counted & MODELS),
            capped=capped,
            page_version=search.ordering.page_version,
            unshown=search.ordering.unshown,
            model_places=search.ordering.model_places,
            expected=search.ordering.expected,
        )
    except (ValueError, TypeError, LookupError) as error:
        return f"it cannot be read: {' '.join(str(error).split())}"[:LONGEST_FAULT]


def _summed(rewarded: list[Any]) -> Mapping[str, float]:
    rewards: dict[str, float] = {}
    for _, object_id, reward in rewarded:
        rewards[object_id] = rewards.get(object_id, 0.0) + float(reward)
    return rewards
