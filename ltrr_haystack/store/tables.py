"""
The tables of the store, as the newest schema version has them.

`migrations.py` makes them; a test holds the two together. Statements are built from these objects, so that one text
serves SQLite and PostgreSQL.
"""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, MetaData, Table, Text, literal_column

metadata = MetaData()

_SEQ = BigInteger().with_variant(Integer, "sqlite")

definitions = Table(
    "ltrr_definitions",
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
)
"""Action sets, settings of the policy and schemas of pages; see `definitions.py`."""

decisions = Table(
    "ltrr_decisions",
    metadata,
    Column("seq", _SEQ, primary_key=True),
    Column("query_id", Text, nullable=False, unique=True),
    Column("decided_at", Double, nullable=False, index=True),
    Column("ranker_version", BigInteger, nullable=False),
    Column("settled_no", BigInteger),
    Column("counted", Integer, nullable=False, server_default="3"),
    Column("fault", Text),
    Column("impressions", BigInteger, nullable=False),
    Column("actions", LargeBinary, nullable=False),
    Column("settings", LargeBinary, nullable=False),
    Column("page_schema", LargeBinary, nullable=False),
    Column("shown", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""
`settled_no` numbers the decisions in the order in which their reward windows closed; `counted` says for what a decision
counts as evidence (see `COUNTED`); `fault` says why a decision that cannot be read was set aside; `impressions` is how
many documents were shown, and `shown` which; the rest is written and read in `searches.py`.
"""

is_open = decisions.c.settled_no.is_(None)
Index("ix_ltrr_decisions_settled_no", decisions.c.settled_no, unique=True)
Index("ix_ltrr_decisions_open", decisions.c.decided_at, sqlite_where=is_open, postgresql_where=is_open)

pages = Table(
    "ltrr_pages",
    metadata,
    Column("decision_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
    Column("ordering", LargeBinary),
)
"""One row for each decision: what was found and shown, and how the page got its order (see `orderings.py`)."""

events = Table(
    "ltrr_events",
    metadata,
    Column("seq", _SEQ, primary_key=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("query_id", Text, nullable=False),
    Column("decision_seq", BigInteger, index=True),
    Column("object_id", Text),
    Column("ordinal", BigInteger),
    Column("action_name", Text, nullable=False),
    Column("timestamp", Double, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("reward", Double, nullable=False),
    Column("late", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    sqlite_autoincrement=True,
)

"""`ordinal` is the position at which the object was shown; null if it was not."""

is_late = events.c.late == literal_column("1")
"""Written out, not bound: only so does SQLite use the partial index."""

Index("ix_ltrr_events_late", events.c.seq, sqlite_where=is_late, postgresql_where=is_late)

memory = Table(
    "ltrr_memory",
    metadata,
    Column("query_key", Text, primary_key=True),
    Column("object_id", Text, primary_key=True),
    Column("exposures", Double, nullable=False),
    Column("successes", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("since", Double),
)

history = Table(
    "ltrr_history",
    metadata,
    Column("query_key", Text, primary_key=True),
    Column("arm", Text, primary_key=True),
    Column("draws", Double, nullable=False),
    Column("credit", Double, nullable=False),
    Column("returned", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)

readings = Table(
    "ltrr_readings",
    metadata,
    Column("query_key", Text, primary_key=True),
    Column("reading", Text, primary_key=True),
    Column("chosen", Double, nullable=False),
    Column("passed", Double, nullable=False),
)
"""What clicks say of each reading of a query, and, under a key that no query has, of each kind of readings."""

snapshots = Table(
    "ltrr_snapshots",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("created_at", Double, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

active = Table(
    "ltrr_active",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

learner = Table(
    "ltrr_learner",
    metadata,
    Column("settled", BigInteger, nullable=False),
    Column("learned", BigInteger, nullable=False),
    Column("late", BigInteger, nullable=False),
)
"""One row: the watermark."""

lease = Table(
    "ltrr_lease",
    metadata,
    Column("holder", Text),
    Column("expires_at", Double, nullable=False),
)
"""One row: who may learn, and until when."""

client_counts = Table(
    "ltrr_client_counts",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("client", Text, primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False, index=True),
    Column("amount", Double, nullable=False),
)
"""How much each client has added to a subject's evidence on a day; under the client `*` what all of them have."""

counted_rewards = Table(
    "ltrr_counted_rewards",
    metadata,
    Column("settled_no", BigInteger, primary_key=True, autoincrement=False),
    Column("object_id", Text, primary_key=True),
    Column("amount", Double, nullable=False),
)
"""What counts of an impression's rewards, where that is not just their sum: what one client can add is bounded."""

api_keys = Table(
    "ltrr_api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
)

schema = Table("ltrr_schema", metadata, Column("version", Integer, nullable=False))
"""One row: the schema version."""
