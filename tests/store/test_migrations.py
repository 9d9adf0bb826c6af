import json
import time
from pathlib import Path

import pytest
from haystack.utils import Secret
from sqlalchemy import inspect, text, update

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store import HistoryEntry, LearningUpdate, LTRRStore, ReadingClicks, tables
from ltrr_haystack.store.migrations import MIGRATIONS, migrate, schema_version
from ltrr_haystack.types import SettledDecision


def add_note(connection):
    connection.exec_driver_sql("ALTER TABLE ltrr_decisions ADD COLUMN note TEXT NOT NULL DEFAULT 'none'")


def fail_half_way(connection):
    connection.exec_driver_sql("ALTER TABLE ltrr_decisions ADD COLUMN note TEXT")
    connection.exec_driver_sql("DELETE FROM ltrr_decisions")
    raise RuntimeError("the machine stops here")


def insert(connection, table, row):
    columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)  # noqa: S608


def version(engines):
    with engines.reader.connect() as connection:
        return schema_version(connection)


class TestSchema:
    def test_the_migrations_make_the_tables_that_the_code_knows(self, engines):
        migrate(engines)
        with engines.reader.connect() as connection:
            there = inspect(connection)
            assert set(there.get_table_names()) == set(tables.metadata.tables)
            for name, table in tables.metadata.tables.items():
                columns = {column["name"]: column["nullable"] for column in there.get_columns(name)}
                assert set(columns) == set(table.columns.keys()), name
                assert there.get_pk_constraint(name)["constrained_columns"] == list(table.primary_key.columns.keys())
                for column in table.columns:
                    assert columns[column.name] == column.nullable or column.primary_key, f"{name}.{column.name}"
                expected = {index.name for index in table.indexes}
                unique = {tuple(each["column_names"]) for each in there.get_unique_constraints(name)}
                assert unique == {(column.name,) for column in table.columns if column.unique}
                assert expected <= {index["name"] for index in there.get_indexes(name)}

    def test_a_removed_seq_is_never_given_again(self, engines):
        migrate(engines)
        add = (
            "INSERT INTO ltrr_decisions (query_id, decided_at, ranker_version, impressions, actions, settings, "
            "page_schema, shown, payload) VALUES ('q', 1, 0, 0, '', '', '', '', '') RETURNING seq"
        )
        with engines.writer.begin() as connection:
            first = connection.exec_driver_sql(add).scalar_one()
            connection.exec_driver_sql("DELETE FROM ltrr_decisions")
            assert connection.exec_driver_sql(add).scalar_one() == first + 1


class TestMigrate:
    def test_decisions_that_were_settled_keep_their_place_and_the_next_ones_follow(self, url, engines, ranking, event):
        """As the first schema version has it: all decisions up to a seq are settled."""
        migrate(engines, MIGRATIONS[:1])
        with engines.writer.begin() as connection:
            for number in range(1, 4):
                search = ranking(f"q{number}", at=float(number))
                row = {
                    "query_id": f"q{number}",
                    "decided_at": float(number),
                    "query_key": "love songs",
                    "ranker_version": 0,
                    "reports": "[]",
                    "payload": search.decision.to_json(),
                }
                insert(connection, "ltrr_decisions", row)
            connection.exec_driver_sql("UPDATE ltrr_learner SET settled = 2, learned = 1")
        store = LTRRStore(Secret.from_token(url))
        assert [(each.seq, each.decision.query_id) for each in store.settled(0, 10)] == [(1, "q1"), (2, "q2")]
        assert store.record_events([event("e1", "q2"), event("e2", "q3")]) == ["new", "new"]
        assert store.counts().late_events == 1
        assert store.settle(before=100.0) == 3
        assert [each.decision.query_id for each in store.settled(1, 10)] == ["q2", "q3"]
        assert all(each.counted for each in store.settled(0, 10))
        store.close()

    def test_an_older_schema_is_brought_up_and_keeps_its_rows(self, url, engines, ranking):
        store = LTRRStore(Secret.from_token(url))
        store.record_search(ranking("q1"))
        store.close()
        migrate(engines, (*MIGRATIONS, add_note))
        assert version(engines) == len(MIGRATIONS) + 1
        with engines.reader.connect() as connection:
            assert connection.exec_driver_sql("SELECT query_id, note FROM ltrr_decisions").all() == [("q1", "none")]

    def test_an_interrupted_one_leaves_the_version_before_it(self, url, engines, ranking):
        store = LTRRStore(Secret.from_token(url))
        store.record_search(ranking("q1"))
        store.close()
        with pytest.raises(RuntimeError, match="the machine stops here"):
            migrate(engines, (*MIGRATIONS, fail_half_way))
        assert version(engines) == len(MIGRATIONS)
        migrate(engines, (*MIGRATIONS, add_note))
        with engines.reader.connect() as connection:
            assert connection.exec_driver_sql("SELECT query_id, note FROM ltrr_decisions").all() == [("q1", "none")]

    def test_what_was_done_before_an_interrupted_one_stays(self, engines):
        with pytest.raises(RuntimeError):
            migrate(engines, (*MIGRATIONS, fail_half_way))
        assert version(engines) == len(MIGRATIONS)

    def test_a_store_that_knew_no_readings_learns_of_them_and_keeps_its_log(self, url, engines, ranking):
        store = LTRRStore(Secret.from_token(url))
        store.record_search(ranking("q1"))
        store.settle(before=1e9)
        store.close()
        with engines.writer.begin() as connection:
            # The orderings of version 4 had three parts, of which these have none.
            connection.execute(update(tables.pages).values(ordering=bytes(12)))
            connection.exec_driver_sql("DROP TABLE ltrr_readings")
            connection.exec_driver_sql("ALTER TABLE ltrr_history DROP COLUMN updated_at")
            connection.exec_driver_sql("UPDATE ltrr_schema SET version = 4")
        store.warm_up()
        assert [each.decision.query_id for each in store.settled(0, 10)] == ["q1"]
        pair = "love", "as a title"
        assert store.reading_clicks([pair]) == {}
        store.acquire_lease("learner", 60)
        readings = {pair: ReadingClicks(1.0, 0.5)}
        store.commit_learning(
            LearningUpdate(holder="learner", since=store.watermark(), learned=1, late=0, readings=readings)
        )
        assert store.reading_clicks([pair]) == readings
        assert store.counts().decisions == 1
        store.close()

    def test_a_history_without_dates_counts_as_searched_when_it_is_brought_up(self, url, engines):
        migrate(engines, MIGRATIONS[:5])
        row = {"query_key": "love", "arm": "bm25", "draws": 2.0, "credit": 0.5, "returned": 9.0}
        with engines.writer.begin() as connection:
            insert(connection, "ltrr_history", row)
        before = time.time()
        store = LTRRStore(Secret.from_token(url))
        assert store.history("love") == {"bm25": HistoryEntry(2.0, 0.5, 9.0)}
        store.prune(before=before)
        assert set(store.history("love")) == {"bm25"}
        store.prune(before=time.time() + 1)
        assert store.history("love") == {}
        store.close()

    def test_is_done_once(self, engines):
        migrate(engines)
        migrate(engines)
        assert version(engines) == len(MIGRATIONS)

    def test_a_newer_schema_is_refused_with_both_versions(self, url, engines):
        migrate(engines, (*MIGRATIONS, add_note, lambda connection: None))
        store = LTRRStore(Secret.from_token(url))
        newer, known = len(MIGRATIONS) + 2, len(MIGRATIONS)
        with pytest.raises(StoreError, match=f"has schema version {newer}, and this .* knows versions up to {known}"):
            store.warm_up()


class TestALogOfSchema2:
    """`schema_2.json` was written, and then read, by the code of that version: its rows, and what was read of them."""

    @pytest.fixture
    def old(self):
        return json.loads(Path(__file__).with_name("schema_2.json").read_text())

    @pytest.fixture
    def migrated(self, url, engines, old):
        migrate(engines, MIGRATIONS[:2])
        with engines.writer.begin() as connection:
            connection.exec_driver_sql("DELETE FROM ltrr_learner")
            for table, rows in old["rows"].items():
                for row in rows:
                    insert(connection, table, row)
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(f"UPDATE sqlite_sequence SET seq = {old['next_seq'] - 1}")  # noqa: S608
            else:
                for table, following in (("decisions", old["next_seq"]), ("events", 100)):
                    connection.exec_driver_sql(
                        f"SELECT setval(pg_get_serial_sequence('ltrr_{table}', 'seq'), {following}, false)"
                    )
        store = LTRRStore(Secret.from_token(url))
        yield store
        store.close()

    def test_is_read_as_it_was_read_before(self, migrated, old):
        read = old["read"]
        assert list(migrated.settled(0, 100)) == [SettledDecision.from_dict(each) for each in read["settled"]]
        assert [each.rewards for each in migrated.settled(0, 100, include_late=True)] == read["with_late"]
        searches = migrated.searches(read["searches"])
        assert {name: [found.decided_at, dict(found.ordinals)] for name, found in searches.items()} == read["searches"]
        late = migrated.late_rewards(0, 100)
        assert late.last == read["late_last"]
        assert [
            [each.seq, each.decision.query_id, each.object_id, each.ordinal, each.reward, each.before, each.counted]
            for each in late.rewards
        ] == read["late"]
        counts = migrated.counts()
        assert [
            counts.decisions,
            counts.impressions,
            counts.events,
            counts.late_events,
            counts.learned,
            counts.uncounted,
        ] == read["counts"]

    def test_what_could_not_be_read_is_kept_and_set_aside_and_said(self, migrated, old, engines, caplog):
        (place,) = old["read"]["faults"]
        faults = migrated.settled_batch(0, 100).faults
        assert faults[place].startswith("it could not be read when the log was packed: ")
        assert "1 searches of the log could not be read when it was packed" in caplog.text
        assert migrated.counts().set_aside == 1
        with engines.reader.connect() as connection:
            kept = connection.exec_driver_sql(
                "SELECT payload FROM ltrr_decisions WHERE query_id = 'broken'"
            ).scalar_one()
        assert bytes(kept) == b'{"query_id": 1}'

    def test_goes_on(self, migrated, old, ranking, event, engines):
        migrated.record_search(ranking("q1"))
        with engines.reader.connect() as connection:
            seq = connection.exec_driver_sql("SELECT seq FROM ltrr_decisions WHERE query_id = 'q1'").scalar_one()
        assert seq == old["next_seq"]
        assert migrated.record_events([event("event-1"), event("e1")]) == ["duplicate", "new"]
        settled = migrated.watermark().settled
        assert migrated.settle(before=200.0) == settled + 1
        assert migrated.settled(settled, 1)[0].rewards == {"a": 1.0}
        learned = migrated.watermark().learned
        assert migrated.prune(before=2e9) == learned - 2  # Two of those that were learned from wait for late rewards.


KILLED_WITHIN = """
import os, signal
from ltrr_haystack.store.engines import open_engines, parse_url
from ltrr_haystack.store.migrations import MIGRATIONS, migrate

def killed(connection):
    connection.exec_driver_sql("ALTER TABLE ltrr_decisions ADD COLUMN note TEXT")
    connection.exec_driver_sql("DROP TABLE ltrr_memory")
    os.kill(os.getpid(), signal.SIGKILL)

migrate(open_engines(parse_url(url), "NORMAL"), (*MIGRATIONS, killed))
"""


class TestKilledWithinAMigration:
    def test_the_version_before_it_works(self, url, engines, child, store, ranking):
        process, _ = child(KILLED_WITHIN, url=url)
        process.join()
        assert process.exitcode == -9
        assert version(engines) == len(MIGRATIONS)
        store.record_search(ranking("q1"))
        assert store.memory("love songs") == []
        assert store.counts().decisions == 1


OPENS_AND_RECORDS = """
from dataclasses import replace
from haystack.utils import Secret
from ltrr_haystack.store import LTRRStore

store = LTRRStore(Secret.from_token(url))
for number in range(10):
    search = replace(ranking, decision=replace(ranking.decision, query_id=f"{name}-{number}"))
    store.record_search(search)
store.close()
out.send("done")
"""


class TestSeveralProcesses:
    def test_all_may_be_the_first_to_open(self, url, store, ranking, child):
        children = [child(OPENS_AND_RECORDS, url=url, name=f"p{number}", ranking=ranking()) for number in range(5)]
        assert [said.recv() for _, said in children] == ["done"] * 5
        assert store.counts().decisions == 50
        assert store.settle(before=1e9) == store.settled(0, 100)[-1].seq
        for number in range(5):
            mine = [s.seq for s in store.settled(0, 100) if s.decision.query_id.startswith(f"p{number}-")]
            assert len(mine) == 10
            assert mine == sorted(mine)
