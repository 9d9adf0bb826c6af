"""
The third migration's work: searches that were logged as JSON, a row for each document shown, are packed.

Values stay what they were; a test compares what was read before with what is read afterwards. Columns that repeated
what the decision holds (`query_key`, `user_id`, `session_id`) are gone. A search that cannot be read any more is kept
as it was found, and set aside with the reason.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from haystack import logging
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, bindparam, text

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.orderings import Ordering
from ltrr_haystack.store.packing import pack_ids
from ltrr_haystack.store.searches import Row, rows_of
from ltrr_haystack.types import ArmReport, Decision, Impression

logger = logging.getLogger(__name__)

AT_ONCE = 200
"""Searches in memory at a time."""

_REPORTS = TypeAdapter(tuple[ArmReport, ...])
_OLD = text("SELECT * FROM ltrr_decisions_2 WHERE seq > :after ORDER BY seq LIMIT :count")
_OLD_SHOWN = text(
    "SELECT decision_seq, object_id, payload FROM ltrr_impressions WHERE decision_seq IN :seqs "
    "ORDER BY decision_seq, ordinal"
).bindparams(bindparam("seqs", expanding=True))
_ADD = text(
    "INSERT INTO ltrr_decisions (seq, query_id, decided_at, ranker_version, settled_no, counted, fault, impressions, "
    "actions, settings, page_schema, shown, payload) VALUES (:seq, :query_id, :decided_at, :ranker_version, "
    ":settled_no, :counted, :fault, :impressions, :actions, :settings, :page_schema, :shown, :payload)"
)
_ADD_PAGE = text("INSERT INTO ltrr_pages (decision_seq, payload) VALUES (:seq, :page)")
_ADD_DEFINITION = text(
    "INSERT INTO ltrr_definitions (fingerprint, kind, payload) VALUES (:fingerprint, :kind, :payload)"
)


def pack_log(connection: Connection) -> None:
    """
    Write the log of schema version 2 into the tables of version 3.

    :param connection: In a write transaction; the old decisions are in `ltrr_decisions_2`.
    """
    definitions: set[Any] = set()
    packed = unreadable = 0
    for rows, shown in _old_searches(connection):
        adds = []
        for row in rows:
            add, fresh = _packed(row, shown[row.seq])
            adds.append(add)
            definitions.update(fresh)
            unreadable += not fresh
        packed += len(rows)
        connection.execute(_ADD, adds)
        connection.execute(_ADD_PAGE, [{"seq": add["seq"], "page": add["page"]} for add in adds])
    if definitions:
        connection.execute(_ADD_DEFINITION, [definition._asdict() for definition in definitions])
    _go_on_numbering(connection)
    if packed:
        logger.info("The log was packed: {packed} searches.", packed=packed)
    if unreadable:
        logger.warning(
            "{unreadable} searches of the log could not be read when it was packed; they are kept as they were, and "
            "set aside with the reason.",
            unreadable=unreadable,
        )


def _old_searches(connection: Connection) -> Iterator[tuple[Sequence[Any], dict[int, list[Any]]]]:
    """Decisions, and by their seq what they showed."""
    after = 0
    while rows := connection.execute(_OLD, {"after": after, "count": AT_ONCE}).all():
        shown: dict[int, list[Any]] = {row.seq: [] for row in rows}
        for impression in connection.execute(_OLD_SHOWN, {"seqs": list(shown)}):
            shown[impression.decision_seq].append(impression)
        yield rows, shown
        after = rows[-1].seq


def _packed(row: Any, shown: Sequence[Any]) -> tuple[Row, Sequence[Any]]:
    """The row of a search with its page, and its definitions; none if it cannot be read."""
    kept = {"seq": row.seq, "settled_no": row.settled_no, "counted": row.counted, "fault": row.fault}
    try:
        impressions = [Impression.from_json(impression.payload) for impression in shown]
        rows = rows_of(
            Decision.from_json(row.payload),
            impressions,
            [impression.features for impression in impressions],
            _REPORTS.validate_json(row.reports),
            row.ranker_version,
            Ordering(),
        )
    except (ValidationError, InvalidInputError) as error:
        return {**_as_it_was(row, shown), **kept, "fault": row.fault or _fault(error)}, ()
    return {**rows.decision, "query_id": row.query_id, "page": rows.page, **kept}, rows.definitions


def _as_it_was(row: Any, shown: Sequence[Any]) -> Row:
    page = {"reports": row.reports, "impressions": [impression.payload for impression in shown]}
    return {
        "query_id": row.query_id,
        "decided_at": row.decided_at,
        "ranker_version": row.ranker_version,
        "impressions": len(shown),
        "actions": b"",
        "settings": b"",
        "page_schema": b"",
        "shown": pack_ids([impression.object_id for impression in shown]),
        "payload": row.payload.encode(),
        "page": json.dumps(page).encode(),
    }


def _fault(error: Exception) -> str:
    return f"it could not be read when the log was packed: {' '.join(str(error).split())}"[:500]


def _go_on_numbering(connection: Connection) -> None:
    """A seq that was given once, and removed, is not given again."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'ltrr_decisions'")
        connection.exec_driver_sql(
            "INSERT INTO sqlite_sequence (name, seq) "
            "SELECT 'ltrr_decisions', seq FROM sqlite_sequence WHERE name = 'ltrr_decisions_2'"
        )
        return
    of = "SELECT pg_get_serial_sequence('{}', 'seq')"
    old = connection.exec_driver_sql(of.format("ltrr_decisions_2")).scalar_one()
    connection.exec_driver_sql(
        f"SELECT setval(pg_get_serial_sequence('ltrr_decisions', 'seq'), last_value, is_called) FROM {old}"  # noqa: S608
    )
