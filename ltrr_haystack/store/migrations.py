"""
The schema's versions and the way from each to the next.

A released migration is never changed: it is written out as it was, and does not follow `tables.py`.
"""

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert, inspect, select, update

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store.engines import Engines, run_ddl, shown_url
from ltrr_haystack.store.log_packing import pack_log
from ltrr_haystack.store.tables import schema

Migration = Callable[[Connection], None]
"""Takes the schema from one version to the next, within a write transaction."""

_FIRST = (
    """
    CREATE TABLE ltrr_decisions (
        seq {seq}, query_id TEXT NOT NULL UNIQUE, decided_at DOUBLE PRECISION NOT NULL, query_key TEXT NOT NULL,
        user_id TEXT, session_id TEXT, ranker_version BIGINT NOT NULL, reports TEXT NOT NULL, payload TEXT NOT NULL
    )
    """,
    "CREATE INDEX ix_ltrr_decisions_decided_at ON ltrr_decisions (decided_at)",
    """
    CREATE TABLE ltrr_impressions (
        decision_seq BIGINT NOT NULL, ordinal BIGINT NOT NULL, object_id TEXT NOT NULL, payload TEXT NOT NULL,
        PRIMARY KEY (decision_seq, ordinal)
    )
    """,
    """
    CREATE TABLE ltrr_events (
        seq {seq}, event_id TEXT NOT NULL UNIQUE, query_id TEXT NOT NULL, decision_seq BIGINT, object_id TEXT,
        action_name TEXT NOT NULL, timestamp DOUBLE PRECISION NOT NULL, received_at DOUBLE PRECISION NOT NULL,
        reward DOUBLE PRECISION NOT NULL, late INTEGER NOT NULL, payload TEXT NOT NULL
    )
    """,
    "CREATE INDEX ix_ltrr_events_decision_seq ON ltrr_events (decision_seq)",
    "CREATE INDEX ix_ltrr_events_late ON ltrr_events (seq) WHERE late = 1",
    """
    CREATE TABLE ltrr_memory (
        query_key TEXT NOT NULL, object_id TEXT NOT NULL, exposures DOUBLE PRECISION NOT NULL,
        successes DOUBLE PRECISION NOT NULL, updated_at DOUBLE PRECISION NOT NULL, PRIMARY KEY (query_key, object_id)
    )
    """,
    """
    CREATE TABLE ltrr_history (
        query_key TEXT NOT NULL, arm TEXT NOT NULL, draws DOUBLE PRECISION NOT NULL, credit DOUBLE PRECISION NOT NULL,
        returned DOUBLE PRECISION NOT NULL, PRIMARY KEY (query_key, arm)
    )
    """,
    """
    CREATE TABLE ltrr_snapshots (
        kind TEXT NOT NULL, version BIGINT NOT NULL, created_at DOUBLE PRECISION NOT NULL, checksum TEXT NOT NULL,
        card TEXT NOT NULL, payload {blob} NOT NULL, PRIMARY KEY (kind, version)
    )
    """,
    "CREATE TABLE ltrr_active (kind TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL)",
    "CREATE TABLE ltrr_learner (settled BIGINT NOT NULL, learned BIGINT NOT NULL, late BIGINT NOT NULL)",
    "INSERT INTO ltrr_learner VALUES (0, 0, 0)",
    "CREATE TABLE ltrr_lease (holder TEXT, expires_at DOUBLE PRECISION NOT NULL)",
    "INSERT INTO ltrr_lease VALUES (NULL, 0)",
)

_SECOND = (
    "ALTER TABLE ltrr_decisions ADD COLUMN settled_no BIGINT",
    "ALTER TABLE ltrr_decisions ADD COLUMN counted INTEGER NOT NULL DEFAULT 3",
    "ALTER TABLE ltrr_decisions ADD COLUMN fault TEXT",
    "UPDATE ltrr_decisions SET settled_no = seq WHERE seq <= (SELECT settled FROM ltrr_learner)",
    "CREATE UNIQUE INDEX ix_ltrr_decisions_settled_no ON ltrr_decisions (settled_no)",
    "CREATE INDEX ix_ltrr_decisions_open ON ltrr_decisions (decided_at) WHERE settled_no IS NULL",
    """
    CREATE TABLE ltrr_client_counts (
        subject TEXT NOT NULL, client TEXT NOT NULL, day BIGINT NOT NULL, amount DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (subject, client, day)
    )
    """,
    "CREATE INDEX ix_ltrr_client_counts_day ON ltrr_client_counts (day)",
    """
    CREATE TABLE ltrr_api_keys (
        key_id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL, revoked_at DOUBLE PRECISION
    )
    """,
)


_THIRD = (
    """
    CREATE TABLE ltrr_definitions (
        fingerprint {blob} NOT NULL PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL
    )
    """,
    "DROP INDEX ix_ltrr_decisions_decided_at",
    "DROP INDEX ix_ltrr_decisions_settled_no",
    "DROP INDEX ix_ltrr_decisions_open",
    "ALTER TABLE ltrr_decisions RENAME TO ltrr_decisions_2",
    """
    CREATE TABLE ltrr_decisions (
        seq {seq}, query_id TEXT NOT NULL UNIQUE, decided_at DOUBLE PRECISION NOT NULL, ranker_version BIGINT NOT NULL,
        settled_no BIGINT, counted INTEGER NOT NULL DEFAULT 3, fault TEXT, impressions BIGINT NOT NULL,
        actions {blob} NOT NULL, settings {blob} NOT NULL, page_schema {blob} NOT NULL, shown {blob} NOT NULL,
        payload {blob} NOT NULL
    )
    """,
    """
    CREATE TABLE ltrr_counted_rewards (
        settled_no BIGINT NOT NULL, object_id TEXT NOT NULL, amount DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (settled_no, object_id)
    )
    """,
    "CREATE TABLE ltrr_pages (decision_seq BIGINT NOT NULL PRIMARY KEY, payload {blob} NOT NULL)",
    "ALTER TABLE ltrr_events ADD COLUMN ordinal BIGINT",
    """
    UPDATE ltrr_events SET ordinal = (
        SELECT min(shown.ordinal) FROM ltrr_impressions AS shown
        WHERE shown.decision_seq = ltrr_events.decision_seq AND shown.object_id = ltrr_events.object_id
    )
    """,
)
_THIRD_AFTERWARDS = (
    "DROP TABLE ltrr_impressions",
    "DROP TABLE ltrr_decisions_2",
    "CREATE INDEX ix_ltrr_decisions_decided_at ON ltrr_decisions (decided_at)",
    "CREATE UNIQUE INDEX ix_ltrr_decisions_settled_no ON ltrr_decisions (settled_no)",
    "CREATE INDEX ix_ltrr_decisions_open ON ltrr_decisions (decided_at) WHERE settled_no IS NULL",
)


def _first(connection: Connection) -> None:
    run_ddl(connection, _FIRST)


def _second(connection: Connection) -> None:
    run_ddl(connection, _SECOND)


def _third(connection: Connection) -> None:
    """The log becomes small: see `packing.py`."""
    run_ddl(connection, _THIRD)
    pack_log(connection)
    run_ddl(connection, _THIRD_AFTERWARDS)


def _fourth(connection: Connection) -> None:
    run_ddl(
        connection,
        (
            "ALTER TABLE ltrr_pages ADD COLUMN ordering {blob}",
            "ALTER TABLE ltrr_memory ADD COLUMN since DOUBLE PRECISION",
        ),
    )


def _fifth(connection: Connection) -> None:
    """How pages got their order was packed otherwise before; what was shown, found and earned is kept."""
    run_ddl(
        connection,
        (
            "UPDATE ltrr_pages SET ordering = NULL",
            """
            CREATE TABLE ltrr_readings (
                query_key TEXT NOT NULL, reading TEXT NOT NULL, chosen DOUBLE PRECISION NOT NULL,
                passed DOUBLE PRECISION NOT NULL, PRIMARY KEY (query_key, reading)
            )
            """,
        ),
    )


def _sixth(connection: Connection) -> None:
    """The history bears dates: what is there already counts as searched now."""
    now = f"{time.time():.6f}"
    run_ddl(connection, (f"ALTER TABLE ltrr_history ADD COLUMN updated_at DOUBLE PRECISION NOT NULL DEFAULT {now}",))


MIGRATIONS: tuple[Migration, ...] = (_first, _second, _third, _fourth, _fifth, _sixth)
"""The first makes version 1 of an empty database, the next version 2 of version 1, and so on."""

_VERSION = select(schema.c.version)


def migrate(engines: Engines, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """
    Bring a database to the newest schema version; several processes may do so at once.

    Each migration has a transaction of its own: one that is interrupted leaves the version before it.

    :param engines: The database.
    :param migrations: The way from each version to the next.
    :raises StoreError: If the schema is newer than the newest one that is known here.
    """
    with engines.reader.connect() as connection:
        version = schema_version(connection)
    while _is_older(version, len(migrations), engines):
        with engines.writer.begin() as connection:
            version = schema_version(connection)
            if _is_older(version, len(migrations), engines):
                migrations[version](connection)
                version += 1
                _note(connection, version)


def schema_version(connection: Connection) -> int:
    """
    Tell the schema version of a database.

    :param connection: The database.
    :returns: The version; 0 if nothing of ours is there.
    """
    if not inspect(connection).has_table(schema.name):
        return 0
    version: int = connection.execute(_VERSION).scalar_one()
    return version


def _is_older(version: int, newest: int, engines: Engines) -> bool:
    if version > newest:
        error = StoreError(
            f"The store has schema version {version}, and this installation of ltrr-haystack knows versions up to "
            f"{newest}. Install a newer ltrr-haystack."
        )
        error.add_note(shown_url(engines.writer.url))
        raise error
    return version < newest


def _note(connection: Connection, version: int) -> None:
    if version == 1:
        run_ddl(connection, ("CREATE TABLE ltrr_schema (version INTEGER NOT NULL)",))
        connection.execute(insert(schema).values(version=1))
    else:
        connection.execute(update(schema).values(version=version))
