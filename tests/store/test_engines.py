import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from ltrr_haystack.errors import ConfigurationError, StoreError
from ltrr_haystack.store import learning, lease, log, migrations, retention, settlement, snapshots, tables
from ltrr_haystack.store.engines import open_engines, parse_url, shown_url, upsert_in


class TestParseUrl:
    def test_one_file_has_one_url(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "link").symlink_to(tmp_path)
        urls = {
            parse_url("sqlite:///store.db"),
            parse_url("sqlite:///./link/store.db"),
            parse_url(f"sqlite+pysqlite:///{tmp_path}/store.db"),
        }
        assert [url.database for url in urls] == [str(tmp_path.resolve() / "store.db")]

    def test_postgresql_is_spoken_through_psycopg(self):
        assert parse_url("postgresql://ann@db/search").drivername == "postgresql+psycopg"

    @pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
    def test_memory_alone_is_refused(self, url):
        with pytest.raises(ConfigurationError, match="needs a database file, got 'sqlite"):
            parse_url(url)

    def test_another_database_is_named(self):
        with pytest.raises(ConfigurationError, match=r"does not know the database 'mysql\+pymysql'; expected 'sqlite'"):
            parse_url("mysql+pymysql://db/search")

    def test_what_is_no_url_is_not_repeated(self):
        with pytest.raises(ConfigurationError, match="is not a database url") as caught:
            parse_url("hunter2")
        assert "hunter2" not in str(caught.value)


class TestShownUrl:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("postgresql://ann:hunter2@db/search", "postgresql+psycopg://ann:***@db/search"),
            (
                "postgresql://db/search?user=ann&password=hunter2",
                "postgresql+psycopg://db/search?password=***&user=ann",
            ),
            ("postgresql://db/search?PASSWD=hunter2&pwd=hunter2", "postgresql+psycopg://db/search?PASSWD=***&pwd=***"),
            ("postgresql://db/search?sslpassword=hunter2", "postgresql+psycopg://db/search?sslpassword=***"),
            ("postgresql://db/s?password=hunter2&password=hunter3", "postgresql+psycopg://db/s?password=***"),
            ("postgresql://db/search?sslmode=require", "postgresql+psycopg://db/search?sslmode=require"),
        ],
    )
    def test_masks_every_password(self, url, shown):
        assert shown_url(parse_url(url)) == shown

    def test_a_refused_url_does_not_repeat_its_password(self):
        with pytest.raises(ConfigurationError) as caught:
            parse_url("sqlite:///:memory:?password=hunter2")
        assert "hunter2" not in str(caught.value)


class TestSQLite:
    def test_makes_the_folder(self, tmp_path):
        engines = open_engines(parse_url(f"sqlite:///{tmp_path}/a/b/store.db"), "NORMAL")
        with engines.writer.begin():
            pass
        assert Path(tmp_path, "a/b/store.db").is_file()
        for engine in engines:
            engine.dispose()

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match=r"file cannot be made\..*\n.*/file/deeper/store\.db'"):
            open_engines(parse_url(f"sqlite:///{tmp_path}/file/deeper/store.db"), "NORMAL")

    @pytest.mark.parametrize(("synchronous", "level"), [("NORMAL", 1), ("FULL", 2)])
    def test_writes_ahead_and_syncs_as_told(self, sqlite_url, synchronous, level):
        engines = open_engines(parse_url(sqlite_url), synchronous)
        with engines.writer.begin() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
        for engine in engines:
            engine.dispose()

    def test_a_writer_holds_the_lock_from_its_first_statement(self, sqlite_url, tmp_path):
        engines = open_engines(parse_url(sqlite_url), "NORMAL")
        other = sqlite3.connect(tmp_path / "ltrr.db", timeout=0)
        with engines.writer.begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")
        other.close()
        for engine in engines:
            engine.dispose()

    def test_no_connection_makes_a_file(self, sqlite_url, tmp_path):
        engines = open_engines(parse_url(sqlite_url), "NORMAL")
        (tmp_path / "ltrr.db").unlink()
        for engine in engines:
            with pytest.raises(OperationalError, match="unable to open database file"):
                engine.connect()
        assert list(tmp_path.iterdir()) == []

    def test_a_new_database_can_give_its_space_back_bit_by_bit(self, sqlite_url):
        engines = open_engines(parse_url(sqlite_url), "NORMAL")
        with engines.writer.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE numbers (n INTEGER)")
            assert connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() == 2
        for engine in engines:
            engine.dispose()


STATEMENTS = {
    f"{module.__name__.rsplit('.', 1)[1]}.{name}": value
    for module in (learning, lease, log, migrations, retention, settlement, snapshots)
    for name, value in vars(module).items()
    if isinstance(value, Executable)
}


class TestStatements:
    def test_they_are_all_found(self):
        assert len(STATEMENTS) > 30

    @pytest.mark.parametrize("name", STATEMENTS)
    def test_each_has_a_form_in_postgresql(self, name):
        assert "ltrr_" in str(STATEMENTS[name].compile(dialect=postgresql.psycopg.dialect()))

    @pytest.mark.parametrize(
        ("table", "update"),
        [
            (tables.memory, learning.add_to_memory),
            (tables.history, learning.add_to_history),
            (tables.active, snapshots.point_to),
        ],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_both_dialects_add_to_the_row_that_is_there(self, table, update):
        texts = {
            str(upsert_in(name, table, update).compile(dialect=dialect)).split("ON CONFLICT")[1]
            for name, dialect in (("sqlite", sqlite.dialect()), ("postgresql", postgresql.dialect()))
        }
        assert len({" ".join(text.split()) for text in texts}) == 1
