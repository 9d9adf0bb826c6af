"""What a store does while its database fails, and afterwards."""

import asyncio
import logging
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from haystack.utils import Secret
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite as SQLiteDialect

from ltrr_haystack.errors import StoreError, StoreUnavailableError, with_notes
from ltrr_haystack.store import LTRRStore, engines
from ltrr_haystack.store.database import holds_a_store
from ltrr_haystack.store.engines import parse_url
from ltrr_haystack.store.registry import registry


@pytest.fixture
def url(sqlite_url):
    return sqlite_url


@pytest.fixture(autouse=True)
def _warm(store):
    store.warm_up()


@pytest.fixture
def database(store, url):
    """What the store shares with all others of its url."""
    return registry.acquire(store, url, "NORMAL")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ltrr.db"


@pytest.fixture
def away(path, tmp_path):
    """Moves the store's files away, and back again."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def move():
        here, there = (path.parent, elsewhere) if path.exists() else (elsewhere, path.parent)
        for file in sorted(here.glob("ltrr.db*")):
            file.rename(there / file.name)

    return move


@pytest.fixture
def lock(path):
    """Another process's write transaction: `with lock():` nobody else can write."""

    def locked():
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        return closing(other)

    return locked


def works(store):
    try:
        store.check()
    except StoreUnavailableError:
        return False
    return True


def refusal(store):
    try:
        store.check()
    except StoreUnavailableError as error:
        return str(error)
    return ""


def eventually(what, seconds=20.0):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def recorded(path):
    """What another process finds in the database."""
    with closing(sqlite3.connect(path)) as connection:
        return {query_id for (query_id,) in connection.execute("SELECT query_id FROM ltrr_decisions")}


class TestHoldsAStore:
    def test_says_whether_its_tables_are_there(self, url, tmp_path):
        assert holds_a_store(parse_url(url))
        others = tmp_path / "others.db"
        with closing(sqlite3.connect(others)) as connection:
            connection.execute("CREATE TABLE users (name TEXT)")
        before = others.read_bytes()
        assert not holds_a_store(parse_url(f"sqlite:///{others}"))
        assert others.read_bytes() == before

    def test_makes_no_file(self, tmp_path):
        with pytest.raises(StoreUnavailableError, match="it cannot be opened"):
            holds_a_store(parse_url(f"sqlite:///{tmp_path}/missing.db"))
        assert not (tmp_path / "missing.db").exists()


class TestGone:
    def test_nothing_is_acknowledged_and_no_new_file_is_made(self, store, path, away, ranking, event):
        store.record_search(ranking("q1"))
        away()
        calls = [
            lambda: store.record_search(ranking("q2")),
            lambda: store.record_events([event("e1")]),
            lambda: store.searches(["q1"]),
            lambda: store.memory("love songs"),
            lambda: store.activate("policy", 0),
            store.counts,
            store.check,
        ]
        for call in calls * 2:
            with pytest.raises(StoreUnavailableError, match=r"its file is gone\. Try again later"):
                call()
        assert list(path.parent.glob("ltrr.db*")) == []

    def test_put_back_it_goes_on_by_itself(self, store, path, away, ranking, event):
        store.record_search(ranking("q1"))
        away()
        with pytest.raises(StoreUnavailableError):
            store.record_events([event("e1")])
        away()
        eventually(lambda: works(store))
        store.record_search(ranking("q2"))
        assert store.record_events([event("e1")]) == ["new"]
        assert recorded(path) == {"q1", "q2"}

    def test_deleted_in_the_middle_of_a_commit_it_is_not_acknowledged(self, store, path, monkeypatch, ranking):
        store.record_search(ranking("q1"))
        commit, seen = SQLiteDialect.do_commit, []

        def deleting(dialect, connection):
            commit(dialect, connection)
            if not seen:
                seen.append(path.unlink())

        monkeypatch.setattr(SQLiteDialect, "do_commit", deleting)
        with pytest.raises(StoreUnavailableError, match="its file is gone"):
            store.record_search(ranking("q2"))

    def test_another_file_in_its_place_is_taken_over(self, store, path, away, ranking, event):
        store.record_search(ranking("q1"))
        with closing(sqlite3.connect(path)) as connection, closing(sqlite3.connect(path.with_name("backup"))) as backup:
            connection.backup(backup)
        store.record_search(ranking("q2"))
        away()
        assert not works(store)
        shutil.copy(path.with_name("backup"), path)
        eventually(lambda: works(store))
        assert set(store.searches(["q1", "q2"])) == {"q1"}
        store.record_search(ranking("q3"))
        assert recorded(path) == {"q1", "q3"}

    def test_a_backup_keeps_the_log_that_lies_beside_it(self, store, path, away, ranking):
        store.record_search(ranking("q1"))
        backup = path.with_name("backup")
        backup.mkdir()
        for file in path.parent.glob("ltrr.db*"):
            shutil.copy(file, backup)
        store.record_search(ranking("q2"))
        away()
        assert not works(store)
        for file in sorted(backup.iterdir(), reverse=True):
            shutil.copy(file, path.parent)
        eventually(lambda: works(store))
        assert set(store.searches(["q1", "q2"])) == {"q1"}

    def test_a_backup_that_is_still_being_copied_is_left_alone(self, store, path, away, ranking):
        store.record_search(ranking("q1"))
        with closing(sqlite3.connect(path)) as connection, closing(sqlite3.connect(path.with_name("backup"))) as backup:
            connection.backup(backup)
        away()
        assert not works(store)
        content = path.with_name("backup").read_bytes()
        with path.open("wb", buffering=0) as copy:
            copy.write(content)
            until = time.monotonic() + 2.5
            while time.monotonic() < until:
                copy.seek(4096)
                copy.write(content[4096:8192])
                assert not works(store)
                time.sleep(0.1)
        assert path.read_bytes() == content
        eventually(lambda: works(store))
        store.record_search(ranking("q2"))
        assert recorded(path) == {"q1", "q2"}

    @pytest.mark.parametrize(
        ("content", "reason"),
        [(b"", "is no store"), (b"a letter" * 1000, "its file is not a database")],
        ids=["an empty file", "a letter"],
    )
    def test_what_is_no_store_in_its_place_is_not_touched(self, store, path, away, content, reason):
        away()
        assert not works(store)
        path.with_name("letter").write_bytes(content)
        path.with_name("letter").rename(path)
        eventually(lambda: reason in refusal(store))
        assert path.read_bytes() == content
        assert list(path.parent.glob("ltrr.db*")) == [path]

    def test_what_was_opened_once_is_no_reason_to_fail_a_search_that_warms_up(self, store, away):
        away()
        store.warm_up()
        another = LTRRStore(store.url)
        another.warm_up()
        another.close()


class TestTheLogAlone:
    """The write-ahead log, or its index, is deleted while the database stays."""

    @pytest.mark.parametrize("suffixes", [("-wal",), ("-shm",), ("-wal", "-shm")])
    def test_what_was_acknowledged_is_saved_and_it_goes_on(self, store, path, ranking, suffixes):
        for number in range(5):
            store.record_search(ranking(f"q{number}"))
        for suffix in suffixes:
            Path(f"{path}{suffix}").unlink()
        with pytest.raises(StoreUnavailableError, match="its write-ahead log was removed"):
            store.record_search(ranking("not acknowledged, and kept"))
        eventually(lambda: works(store))
        store.record_search(ranking("q5"))
        assert recorded(path) == {"q0", "q1", "q2", "q3", "q4", "not acknowledged, and kept", "q5"}
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    def test_no_second_log_is_begun_while_another_process_uses_the_old_one(self, store, path, child, ranking):
        _, said = child(HOLDS_IT, url=f"sqlite:///{path}", ranking=ranking("theirs"))
        assert said.recv() == "open"
        store.record_search(ranking("q1"))
        Path(f"{path}-wal").unlink()
        assert not works(store)
        time.sleep(1.2)
        assert not works(store)
        assert not Path(f"{path}-wal").exists()
        # The other one looks when it wants to write, lets go too, and both go on.
        Path(f"{path}.go").touch()
        assert said.recv() == "done"
        eventually(lambda: works(store))
        store.record_search(ranking("q2"))
        assert recorded(path) == {"q1", "theirs", "q2"}

    def test_what_was_acknowledged_is_saved_whatever_becomes_of_the_other_one(self, store, path, child, ranking):
        process, said = child(HOLDS_IT, url=f"sqlite:///{path}", ranking=ranking("theirs"))
        assert said.recv() == "open"
        store.record_search(ranking("q1"))
        Path(f"{path}-wal").unlink()
        assert not works(store)
        time.sleep(0.7)
        process.kill()
        process.join()
        eventually(lambda: works(store))
        assert recorded(path) == {"q1"}


HOLDS_IT = """
import time
from pathlib import Path
from haystack.utils import Secret
from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.store import LTRRStore

store = LTRRStore(Secret.from_token(url))
store.warm_up()
out.send("open")
while not Path(url.removeprefix("sqlite:///") + ".go").exists():
    time.sleep(0.02)
while True:
    try:
        if store.searches([ranking.decision.query_id]):
            break
        store.record_search(ranking)
    except StoreUnavailableError:
        time.sleep(0.05)
out.send("done")
time.sleep(60)
"""


class TestLocked:
    def test_reads_go_on_and_a_search_in_a_hurry_does_not_wait(self, store, lock, ranking):
        store.record_search(ranking("q1"))
        with lock():
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError, match="it takes too long to write"):
                store.record_search(ranking("q2"), timeout=0.7)
            assert set(store.searches(["q1"])) == {"q1"}
            # By now the commit under way takes longer than these would wait.
            for number in range(100):
                with pytest.raises(StoreUnavailableError, match="it is slow to write"):
                    store.record_search(ranking(f"r{number}"), timeout=0.5)
            assert time.monotonic() - started < 5

    async def test_nor_does_its_twin(self, store, lock, ranking):
        with lock():
            with pytest.raises(StoreUnavailableError, match="it takes too long to write"):
                await store.record_search_async(ranking("q1"), timeout=0.7)
            with pytest.raises(StoreUnavailableError, match="it is slow to write"):
                await store.record_search_async(ranking("q2"), timeout=0.5)

    def test_who_gave_up_is_not_written_afterwards(self, store, lock, path, ranking, event):
        store.record_search(ranking("q1"))
        with lock(), pytest.raises(StoreUnavailableError):
            store.record_search(ranking("q2"), timeout=0.1)
        assert store.record_events([event("e1")]) == ["new"]
        assert recorded(path) == {"q1"}

    def test_who_can_wait_is_served_when_it_is_over(self, database, lock):
        with lock():
            future = database.submit(lambda connection: connection.exec_driver_sql("SELECT 7").scalar())
            time.sleep(0.7)
        assert future.result(10) == 7

    def test_when_the_wait_is_over_nobody_waits_any_more_until_it_is_free(
        self, store, lock, ranking, event, monkeypatch
    ):
        store.close()
        monkeypatch.setattr(engines, "LOCK_WAIT_SECONDS", 1)
        store.warm_up()
        store.record_search(ranking("q1"))
        with lock():
            with pytest.raises(StoreUnavailableError, match="another process keeps it locked"):
                store.record_events([event("e1")])
            started = time.monotonic()
            for _ in range(100):
                with pytest.raises(StoreUnavailableError, match="another process keeps it locked"):
                    store.record_events([event("e1")])
            assert time.monotonic() - started < 5
        eventually(lambda: works(store))
        assert store.record_events([event("e1")]) == ["new"]


CANNOT_GROW = """
import resource, time
from dataclasses import replace
from haystack.utils import Secret
from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.store import LTRRStore

def outcome(query_id):
    try:
        store.record_search(replace(ranking, decision=replace(ranking.decision, query_id=query_id)), timeout=5.0)
    except StoreUnavailableError as error:
        return str(error)
    return "kept"

store = LTRRStore(Secret.from_token(url))
said = [outcome("before")]
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
said += [outcome(f"meanwhile {number}") for number in range(20)]
readable = set(store.searches(["before"]))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
deadline = time.monotonic() + 20
while outcome("after") != "kept" and time.monotonic() < deadline:
    time.sleep(0.05)
out.send((said, readable, set(store.searches(["before", "after", *(f"meanwhile {number}" for number in range(20))]))))
store.close()
"""


class TestNoRoom:
    def test_what_cannot_be_written_is_refused_until_it_can(self, sqlite_url, child, ranking):
        _, answer = child(CANNOT_GROW, url=sqlite_url, ranking=ranking())
        said, readable, kept = answer.recv()
        assert said[0] == "kept"
        assert set(said[1:]) == {"The store cannot be used now: its disk fails. Try again later."}
        assert readable == {"before"}
        assert kept == {"before", "after"}


class TestAMistake:
    def test_is_no_outage(self, store, database, ranking):
        def mistaken(connection):
            connection.exec_driver_sql("SELECT * FROM no_such_table")

        for ask in (database.read, database.look, database.write):
            with pytest.raises(StoreError):
                ask(mistaken)
        eventually(lambda: works(store))
        store.record_search(ranking("q1"), timeout=5.0)


class TestWhatIsSaid:
    def test_a_message_names_no_path_and_a_note_does(self, store, path, away, caplog):
        away()
        with caplog.at_level(logging.WARNING), pytest.raises(StoreUnavailableError) as caught:
            store.counts()
        assert str(path) not in str(caught.value)
        assert str(path) in with_notes(caught.value)
        assert str(path) in caplog.text

    def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_ends(self, store, away, caplog, ranking):
        with caplog.at_level(logging.WARNING):
            away()
            for number in range(20):
                with pytest.raises(StoreUnavailableError):
                    store.record_search(ranking(f"q{number}"))
            away()
            eventually(lambda: works(store))
        written = [record.getMessage() for record in caplog.records if "cannot be written" in record.getMessage()]
        assert len(written) == 2
        assert "until this is mended: StoreUnavailableError: The store cannot be used now" in written[0]
        assert "mended after" in written[1]


class TestCheck:
    def test_writes_something_that_changes_nothing(self, url, ranking):
        store = LTRRStore(Secret.from_token(url))
        store.record_search(ranking("q1"))
        before = store.counts(), store.watermark()
        for _ in range(3):
            store.check()
        assert (store.counts(), store.watermark()) == before
        store.close()

    async def test_is_bounded_while_the_store_is_locked(self, store, lock):
        with lock():
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError):
                await asyncio.to_thread(store.check)
            assert time.monotonic() - started < 10

    def test_a_closed_store_is_no_outage(self, store, ranking):
        store.close()
        with pytest.raises(StoreError, match="is closed; warm_up"):
            store.check()


def test_a_full_queue_refuses_at_once(store, database, lock, ranking, monkeypatch):
    def is_under_way():
        try:
            database.require_prompt(0.0)
        except StoreUnavailableError:
            return True
        return False

    monkeypatch.setattr("ltrr_haystack.store.writer.LONGEST_QUEUE", 3)
    with lock():
        under_way = database.submit(lambda connection: "under way")
        eventually(is_under_way)
        waiting = [database.submit(lambda connection, number=number: number) for number in range(3)]
        with pytest.raises(StoreUnavailableError, match="too many wait to be written"):
            store.record_search(ranking("q1"))
    assert [future.result(10) for future in (under_way, *waiting)] == ["under way", 0, 1, 2]
