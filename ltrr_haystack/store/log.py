"""The log: what was decided and shown, and what people did with it."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store.checks import LONGEST_ID, finite, folded, is_storable_id, readable_json, storable
from ltrr_haystack.store.records import EventRecord, EventStatus, SearchRecord
from ltrr_haystack.store.tables import decisions, events, impressions
from ltrr_haystack.types import Ranking

Row = dict[str, Any]

CHUNK = 500
"""Most values in one list of a statement; SQLite and PostgreSQL limit their number."""

_ADD_DECISION = insert(decisions)
_ADD_IMPRESSIONS = insert(impressions)
_ADD_EVENTS = insert(events)
_SEARCHES = select(decisions.c.seq, decisions.c.query_id, decisions.c.decided_at).where(
    decisions.c.query_id.in_(bindparam("query_ids", expanding=True))
)
_ORDINALS = (
    select(impressions.c.decision_seq, impressions.c.object_id, impressions.c.ordinal)
    .where(impressions.c.decision_seq.in_(bindparam("seqs", expanding=True)))
    .order_by(impressions.c.decision_seq, impressions.c.ordinal.desc())
)
_KNOWN_EVENTS = select(events.c.event_id).where(events.c.event_id.in_(bindparam("event_ids", expanding=True)))
_number_of_events = (
    select(func.count()).where(events.c.decision_seq == decisions.c.seq).correlate(decisions).scalar_subquery()
)
_REFERRED_TO = select(decisions.c.query_id, decisions.c.seq, decisions.c.settled_no, _number_of_events).where(
    decisions.c.query_id.in_(bindparam("query_ids", expanding=True))
)


class SearchRows(NamedTuple):
    """
    A search as it goes into the tables.

    :param decision: The decision's row.
    :param impressions: The impressions' rows, without the decision's seq.
    """

    decision: Row
    impressions: list[Row]


def search_rows(ranking: Ranking) -> SearchRows:
    """
    Write a search as rows; done in the caller's thread, so that the writer only writes.

    :param ranking: What was decided and will be shown.
    :returns: The rows.
    :raises InvalidInputError: If the store could not hold it, or not give it back.
    """
    decision = ranking.decision
    reports = [readable_json(f"The report of arm '{report.arm}'", report) for report in ranking.reports]
    row = {
        "query_id": storable("query_id", decision.query_id, LONGEST_ID),
        "decided_at": finite("decided_at", decision.decided_at),
        "query_key": folded(decision.evidence_key),
        "user_id": _optional_id("user_id", decision.user_id),
        "session_id": _optional_id("session_id", decision.session_id),
        "ranker_version": ranking.ranker_version,
        "reports": f"[{','.join(reports)}]",
        "payload": readable_json(f"The decision '{decision.query_id}'", decision),
    }
    shown = [
        {
            "ordinal": impression.ordinal,
            "object_id": storable("object_id", impression.object_id, LONGEST_ID),
            "payload": readable_json(f"The impression of '{impression.object_id}'", impression),
        }
        for impression in ranking.impressions()
    ]
    return SearchRows(row, shown)


def add_search(connection: Connection, rows: SearchRows) -> None:
    """
    Put a search into the log.

    :param connection: In a write transaction.
    :param rows: What `search_rows` gave.
    :raises StoreError: If a search of that id is there already.
    """
    try:
        key: Any = connection.execute(_ADD_DECISION, rows.decision).inserted_primary_key
    except IntegrityError as error:
        query_id = rows.decision["query_id"]
        msg = f"The search '{query_id}' is recorded already; each search needs a query_id of its own."
        raise StoreError(msg) from error
    if rows.impressions:
        connection.execute(_ADD_IMPRESSIONS, [{**row, "decision_seq": key.seq} for row in rows.impressions])


def searches(connection: Connection, query_ids: Collection[str]) -> dict[str, SearchRecord]:
    """
    Look up searches.

    :param connection: The database.
    :param query_ids: Their ids.
    :returns: Query id → what feedback has to know of it; unknown ones are left out.
    """
    found = {}
    for chunk in _chunks({query_id for query_id in query_ids if is_storable_id(query_id)}):
        ordinals: dict[int, dict[str, int]] = {}
        rows = connection.execute(_SEARCHES, {"query_ids": chunk}).all()
        for seq, query_id, decided_at in rows:
            ordinals[seq] = {}
            found[query_id] = SearchRecord(decided_at, ordinals[seq])
        for seq, object_id, ordinal in connection.execute(_ORDINALS, {"seqs": list(ordinals)}):
            ordinals[seq][object_id] = ordinal
    return found


def event_rows(records: Sequence[EventRecord]) -> list[Row]:
    """
    Write events as rows.

    :param records: The events.
    :returns: The rows, without what only the writer knows.
    :raises InvalidInputError: If the store could not hold one of them.
    """
    return [
        {
            "event_id": storable("event_id", record.event_id, LONGEST_ID),
            "query_id": storable("query_id", record.query_id, LONGEST_ID),
            "object_id": _optional_id("object_id", record.object_id),
            "action_name": storable("action_name", record.action_name),
            "timestamp": finite("timestamp", record.timestamp),
            "received_at": finite("received_at", record.received_at),
            "reward": finite("reward", record.reward),
            "payload": storable("The payload of an event", record.payload),
        }
        for record in records
    ]


def add_events(connection: Connection, rows: list[Row], most_per_search: int) -> list[EventStatus]:
    """
    Put events into the log, each once.

    An event is late if the reward window of its decision is closed when it is written. Write transactions exclude one
    another, so the log alone tells what was learned at first and what was left for later.

    :param connection: In a write transaction.
    :param rows: What `event_rows` gave.
    :param most_per_search: Most events that are kept of one search.
    :returns: For each event what became of it; the like of a duplicate is in the log already, or before it in the list.
    """
    known: set[str] = set()
    searched: dict[str, tuple[int, int]] = {}
    counts: Counter[str] = Counter()
    for chunk in _chunks({row["event_id"] for row in rows}):
        known.update(connection.execute(_KNOWN_EVENTS, {"event_ids": chunk}).scalars())
    for chunk in _chunks({row["query_id"] for row in rows}):
        for query_id, seq, settled_no, number in connection.execute(_REFERRED_TO, {"query_ids": chunk}):
            searched[query_id] = seq, int(settled_no is not None)
            counts[query_id] = number
    fresh: list[Row] = []
    outcomes: list[EventStatus] = []
    for row in rows:
        event_id, query_id = row["event_id"], row["query_id"]
        if event_id in known:
            outcomes.append("duplicate")
        elif counts[query_id] >= most_per_search:
            outcomes.append("excess")
        else:
            outcomes.append("new")
            known.add(event_id)
            counts[query_id] += 1
            seq, late = searched.get(query_id, (None, 0))
            fresh.append({**row, "decision_seq": seq, "late": late})
    if fresh:
        connection.execute(_ADD_EVENTS, fresh)
    return outcomes


def _optional_id(name: str, value: str | None) -> str | None:
    return None if value is None else storable(name, value, LONGEST_ID)


def _chunks(values: Collection[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
