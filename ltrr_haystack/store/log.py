"""The log: what was decided and shown, and what people did with it."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection, LargeBinary, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store import definitions
from ltrr_haystack.store.checks import LONGEST_ID, finite, is_storable_id, storable
from ltrr_haystack.store.engines import execute_prepared
from ltrr_haystack.store.event_budget import EventBudget
from ltrr_haystack.store.records import EventRecord, EventStatus, SearchRecord
from ltrr_haystack.store.searches import Row, SearchRows, ordinals
from ltrr_haystack.store.tables import decisions, events, pages

DECISION_COLUMNS = (
    "query_id",
    "decided_at",
    "ranker_version",
    "impressions",
    "actions",
    "settings",
    "page_schema",
    "shown",
    "payload",
)
EVENT_COLUMNS = tuple([column.name for column in events.columns if column.name != "seq"])

CHUNK = 500
"""Most values in one list of a statement; SQLite and PostgreSQL limit their number."""

_ADD_DECISION = insert(decisions).values({name: bindparam(name) for name in DECISION_COLUMNS})
_ADD_PAGE = insert(pages).from_select(
    ["decision_seq", "payload", "ordering"],
    select(decisions.c.seq, bindparam("page", type_=LargeBinary), bindparam("ordering", type_=LargeBinary)).where(
        decisions.c.query_id == bindparam("query_id")
    ),
)
_ADD_EVENTS = insert(events).values({name: bindparam(name) for name in EVENT_COLUMNS})
_SEARCHES = select(decisions.c.query_id, decisions.c.decided_at, decisions.c.shown).where(
    decisions.c.query_id.in_(bindparam("query_ids", expanding=True))
)
_KNOWN_EVENTS = select(events.c.event_id).where(events.c.event_id.in_(bindparam("event_ids", expanding=True)))
_REFERRED_TO = select(decisions.c.query_id, decisions.c.seq, decisions.c.settled_no, decisions.c.shown).where(
    decisions.c.query_id.in_(bindparam("query_ids", expanding=True))
)


def add_search(connection: Connection, rows: SearchRows) -> None:
    """
    Put a search into the log.

    :param connection: In a write transaction.
    :param rows: What `search_rows` gave.
    :raises StoreError: If a search of that id is there already.
    """
    page = {"query_id": rows.decision["query_id"], "page": rows.page, "ordering": rows.ordering or None}
    try:
        execute_prepared(connection, _ADD_DECISION, [rows.decision])
        execute_prepared(connection, _ADD_PAGE, [page])
    except IntegrityError as error:
        query_id = rows.decision["query_id"]
        msg = f"The search '{query_id}' is recorded already; each search needs a query_id of its own."
        raise StoreError(msg) from error
    definitions.add(connection, rows.definitions)


def searches(connection: Connection, query_ids: Collection[str]) -> dict[str, SearchRecord]:
    """
    Look up searches.

    :param connection: The database.
    :param query_ids: Their ids.
    :returns: Query id → what feedback has to know of it; unknown ones are left out.
    """
    found = {}
    for chunk in _chunks({query_id for query_id in query_ids if is_storable_id(query_id)}):
        for query_id, decided_at, shown in connection.execute(_SEARCHES, {"query_ids": chunk}):
            found[query_id] = SearchRecord(decided_at, ordinals(shown))
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
    :param most_per_search: Most events with a reward that are kept of one search, and without.
    :returns: For each event what became of it; the like of a duplicate is in the log already, or before it in the list.
    """
    known: set[str] = set()
    searched: dict[str, tuple[int, int, bytes]] = {}
    budget = EventBudget(most_per_search)
    for chunk in _chunks({row["event_id"] for row in rows}):
        known.update(connection.execute(_KNOWN_EVENTS, {"event_ids": chunk}).scalars())
    for chunk in _chunks({row["query_id"] for row in rows}):
        query_ids: dict[int, str] = {}
        for query_id, seq, settled_no, shown in connection.execute(_REFERRED_TO, {"query_ids": chunk}):
            searched[query_id] = seq, int(settled_no is not None), shown
            query_ids[seq] = query_id
        budget.read(connection, query_ids)
    fresh: list[Row] = []
    outcomes: list[EventStatus] = []
    for row in rows:
        event_id, query_id = row["event_id"], row["query_id"]
        if event_id in known:
            outcomes.append("duplicate")
            continue
        outcomes.append(status := budget.spend(query_id, row["reward"], len(row["payload"].encode())))
        if status == "new":
            known.add(event_id)
            seq, late, shown = searched.get(query_id, (None, 0, b""))
            ordinal = ordinals(shown).get(row["object_id"]) if shown else None
            fresh.append({**row, "decision_seq": seq, "ordinal": ordinal, "late": late})
    if fresh:
        execute_prepared(connection, _ADD_EVENTS, fresh)
    return outcomes


def _optional_id(name: str, value: str | None) -> str | None:
    return None if value is None else storable(name, value, LONGEST_ID)


def _chunks(values: Collection[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
