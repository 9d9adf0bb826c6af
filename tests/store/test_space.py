import sqlite3
from contextlib import closing

import pytest

from ltrr_haystack.store import SpaceFreed
from ltrr_haystack.store.engines import open_engines, parse_url
from ltrr_haystack.store.space import give_back


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ltrr.db"


def size(path):
    return sum(file.stat().st_size for file in path.parent.glob("ltrr.db*") if not file.name.endswith("-shm"))


@pytest.fixture
def filled(path):
    """Makes a database of some 8 MB, of which all but a tenth was removed; of today's make, or of an earlier one."""

    def make(*, older=False):
        if not older:
            engines = open_engines(parse_url(f"sqlite:///{path}"), "NORMAL")
            with engines.writer.begin() as connection:
                connection.exec_driver_sql("CREATE TABLE numbers (n INTEGER PRIMARY KEY, filler TEXT)")
            for engine in engines:
                engine.dispose()
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY, filler TEXT)")
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO numbers VALUES (?, ?)", ((n, "x" * 2000) for n in range(4000)))
            connection.execute("COMMIT")
            connection.execute("DELETE FROM numbers WHERE n % 10 > 0")

    return make


def kept(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY n")]


class TestGiveBack:
    def test_the_file_becomes_shorter_and_nothing_else_changes(self, path, filled):
        filled()
        before = size(path)
        freed = give_back(str(path), 1.0, rewrite=False)
        assert freed == SpaceFreed(given_back=before - size(path), left=0)
        assert freed.given_back > 6_000_000
        assert kept(path) == list(range(0, 4000, 10))

    def test_a_second_time_there_is_nothing_to_give(self, path, filled):
        filled()
        give_back(str(path), 1.0, rewrite=False)
        assert give_back(str(path), 1.0, rewrite=False) == SpaceFreed(0, 0)

    def test_an_older_store_is_written_anew_once(self, path, filled):
        filled(older=True)
        assert give_back(str(path), 1.0, rewrite=False).given_back > 6_000_000
        assert kept(path) == list(range(0, 4000, 10))
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)

    def test_a_large_older_store_is_left_as_it_is_unless_asked_for(self, path, filled, monkeypatch):
        monkeypatch.setattr("ltrr_haystack.store.space.REWRITTEN_UNASKED", 100_000)
        filled(older=True)
        freed = give_back(str(path), 1.0, rewrite=False)
        assert freed.left > 6_000_000
        assert give_back(str(path), 1.0, rewrite=True).left == 0

    def test_others_write_in_between(self, path, filled, monkeypatch):
        filled()
        monkeypatch.setattr("ltrr_haystack.store.space.PAGES_AT_ONCE", 100)
        with closing(sqlite3.connect(path, timeout=0.0, isolation_level=None)) as other:
            pauses = []

            def pause(seconds):
                pauses.append(seconds)
                other.execute("INSERT INTO numbers (filler) VALUES ('meanwhile')")

            monkeypatch.setattr("ltrr_haystack.store.space.time.sleep", pause)
            assert give_back(str(path), 1.0, rewrite=False).left == 0
            assert len(pauses) > 5
        assert len(kept(path)) == 400 + len(pauses)

    def test_a_reader_that_stays_is_not_waited_for_without_end(self, path, filled, monkeypatch):
        filled()
        monkeypatch.setattr("ltrr_haystack.store.space.time.sleep", lambda seconds: None)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM numbers").fetchone()
            assert give_back(str(path), 0.0, rewrite=False).left == 0
            reader.execute("COMMIT")
        assert kept(path) == list(range(0, 4000, 10))


class TestStore:
    def test_gives_back_what_was_pruned(self, url, store, learned, event):
        learned(600)
        store.prune(before=1e9)
        freed = store.give_back()
        if url.startswith("postgresql"):
            assert freed is None
        else:
            assert freed.given_back > 1_000_000
            assert freed.left == 0
        store.check()
        assert store.counts().decisions == 0
