"""What the store holds, and how old rows leave it once they have been learned from."""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    ScalarSelect,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    not_,
    select,
)

from ltrr_haystack.store.records import MODELS, QUERY, Counts
from ltrr_haystack.store.tables import counted_rewards, decisions, events, history, is_late, learner, memory, pages

_LEARNED = select(learner.c.learned).scalar_subquery()
_LATE = select(learner.c.late).scalar_subquery()
_waits_for_learning = exists().where(
    events.c.decision_seq == decisions.c.seq,
    is_late,
    events.c.seq > _LATE,
    events.c.ordinal.is_not(None),
    decisions.c.fault.is_(None),
)
_PRUNABLE = (
    select(decisions.c.seq)
    .where(decisions.c.decided_at < bindparam("before"), decisions.c.settled_no <= _LEARNED, not_(_waits_for_learning))
    .order_by(decisions.c.decided_at)
    .limit(bindparam("count"))
)
_seqs: BindParameter[int] = bindparam("seqs", expanding=True)
_PRUNE_EVENTS = delete(events).where(events.c.decision_seq.in_(_seqs))
_PRUNE_PAGES = delete(pages).where(pages.c.decision_seq.in_(_seqs))
_PRUNE_COUNTED_REWARDS = delete(counted_rewards).where(
    counted_rewards.c.settled_no.in_(select(decisions.c.settled_no).where(decisions.c.seq.in_(_seqs)))
)
_PRUNE_DECISIONS = delete(decisions).where(decisions.c.seq.in_(_seqs))
_PRUNE_STRAYS = delete(events).where(and_(events.c.decision_seq.is_(None), events.c.received_at < bindparam("before")))

_keys: BindParameter[str] = bindparam("keys", expanding=True)
_FORGETTABLE = (
    select(memory.c.query_key)
    .group_by(memory.c.query_key)
    .having(func.max(memory.c.updated_at) < bindparam("before"), func.min(memory.c.successes) <= 0)
)
_SOME_FORGETTABLE = (
    _FORGETTABLE.where(memory.c.query_key >= bindparam("start")).order_by(memory.c.query_key).limit(bindparam("count"))
)
_STILL_FORGETTABLE = _FORGETTABLE.where(memory.c.query_key.in_(_keys))
_FORGET_MEMORY = delete(memory).where(memory.c.query_key.in_(_keys), memory.c.successes <= 0)

_remembered = exists().where(memory.c.query_key == history.c.query_key)
_OUTDATED = (
    select(history.c.query_key)
    .group_by(history.c.query_key)
    .having(func.max(history.c.updated_at) < bindparam("before"))
)
_SOME_OUTDATED = (
    # Where to begin is said of both tables: PostgreSQL joins them, and would begin with the first key of the other.
    _OUTDATED.where(
        history.c.query_key >= bindparam("start"), ~_remembered.where(memory.c.query_key >= bindparam("start"))
    )
    .order_by(history.c.query_key)
    .limit(bindparam("count"))
)
_STILL_OUTDATED = _OUTDATED.where(history.c.query_key.in_(_keys), ~_remembered)
_FORGET_HISTORY = delete(history).where(history.c.query_key.in_(_keys))


def _number_of_decisions(condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(decisions).where(condition).scalar_subquery()


_COUNTS = select(
    select(func.count()).select_from(decisions).scalar_subquery().label("decisions"),
    select(cast(func.coalesce(func.sum(decisions.c.impressions), 0), BigInteger))
    .scalar_subquery()
    .label("impressions"),
    select(func.count()).select_from(events).scalar_subquery().label("events"),
    select(func.count()).select_from(events).where(is_late).scalar_subquery().label("late_events"),
    _number_of_decisions(decisions.c.settled_no <= _LEARNED).label("learned"),
    _number_of_decisions(decisions.c.fault.is_not(None)).label("set_aside"),
    _number_of_decisions(decisions.c.counted != QUERY | MODELS).label("uncounted"),
)


def prune_some(connection: Connection, before: float, limit: int) -> int:
    """
    Remove some old decisions that were learned from, with their impressions and events.

    A decision with a late event that is still to be learned from stays.

    :param connection: In a write transaction.
    :param before: Decisions made at or after this time stay.
    :param limit: Most decisions to remove.
    :returns: How many were removed.
    """
    seqs = list(connection.execute(_PRUNABLE, {"before": before, "count": limit}).scalars())
    for statement in (_PRUNE_EVENTS, _PRUNE_PAGES, _PRUNE_COUNTED_REWARDS, _PRUNE_DECISIONS):
        connection.execute(statement, {"seqs": seqs})
    return len(seqs)


def prune_strays(connection: Connection, before: float) -> None:
    """
    Remove old events that refer to no decision.

    :param connection: In a write transaction.
    :param before: Events received at or after this time stay.
    """
    connection.execute(_PRUNE_STRAYS, {"before": before})


def forgettable(connection: Connection, before: float, start: str, limit: int) -> list[str]:
    """
    Find query keys of which there are documents to forget.

    :param connection: The database.
    :param before: Query keys of which something was learned at or after this time are left out.
    :param start: The query key to begin with, in the order of the database; an empty text for the first.
    :param limit: Most query keys to find.
    :returns: The query keys, in the order of the database.
    """
    return list(connection.execute(_SOME_FORGETTABLE, {"before": before, "start": start, "count": limit}).scalars())


def forget(connection: Connection, before: float, query_keys: Sequence[str]) -> None:
    """
    Remove from the memory what was never chosen for queries that were not searched for long.

    Looks without a success only lower what is expected of a document for its query; without them, that is the prior
    again.

    :param connection: In a write transaction.
    :param before: Query keys of which something was learned at or after this time are left as they are.
    :param query_keys: What `forgettable` found.
    """
    keys = list(connection.execute(_STILL_FORGETTABLE, {"before": before, "keys": query_keys}).scalars())
    connection.execute(_FORGET_MEMORY, {"keys": keys})


def outdated(connection: Connection, before: float, start: str, limit: int) -> list[str]:
    """
    Find query keys whose history is to be forgotten: no document is in the memory for them.

    :param connection: The database.
    :param before: Query keys of which something was learned at or after this time are left out.
    :param start: The query key to begin with, in the order of the database; an empty text for the first.
    :param limit: Most query keys to find.
    :returns: The query keys, in the order of the database.
    """
    return list(connection.execute(_SOME_OUTDATED, {"before": before, "start": start, "count": limit}).scalars())


def forget_history(connection: Connection, before: float, query_keys: Sequence[str]) -> None:
    """
    Remove the history of queries of which nothing was learned for long, and for which no document is in the memory.

    :param connection: In a write transaction.
    :param before: Query keys of which something was learned at or after this time are left as they are.
    :param query_keys: What `outdated` found.
    """
    keys = list(connection.execute(_STILL_OUTDATED, {"before": before, "keys": query_keys}).scalars())
    connection.execute(_FORGET_HISTORY, {"keys": keys})


def counts(connection: Connection) -> Counts:
    """
    Count what the store holds.

    :param connection: The database.
    :returns: The counts.
    """
    return Counts(*connection.execute(_COUNTS).one())
