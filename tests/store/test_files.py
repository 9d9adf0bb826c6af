import logging
import os
import shutil
import sqlite3
import stat
from contextlib import closing

import pytest

from ltrr_haystack.errors import StoreError, StoreUnavailableError, with_notes
from ltrr_haystack.store.files import Found, StoreFiles, connect, make_file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a #1?.db"
    make_file(str(path))
    return path


@pytest.fixture
def writer(path):
    with closing(connect(str(path), timeout=1.0)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE numbers (n)")
        yield connection


@pytest.fixture
def files(path, writer):
    files = StoreFiles(str(path))
    files.hold()
    yield files
    files.let_go()


class TestLook:
    def test_the_files_that_are_held_are_the_same(self, files, writer):
        assert files.look() is Found.SAME
        for number in range(100):
            writer.execute("INSERT INTO numbers VALUES (?)", (number,))
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert files.look() is Found.SAME
        files.require()

    def test_a_file_that_was_deleted_or_moved_is_gone(self, files, path, tmp_path):
        path.rename(tmp_path / "elsewhere.db")
        assert files.look() is Found.GONE
        with pytest.raises(StoreUnavailableError, match="its file is gone"):
            files.require()
        (tmp_path / "elsewhere.db").rename(path)
        assert files.look() is Found.SAME

    def test_a_folder_that_is_gone_takes_its_file_along(self, files, path, tmp_path):
        tmp_path.rename(tmp_path.with_name("moved"))
        assert files.look() is Found.GONE
        tmp_path.with_name("moved").rename(tmp_path)

    def test_a_copy_in_its_place_is_another(self, files, path):
        shutil.copy(path, path.with_name("copy"))
        path.with_name("copy").replace(path)
        assert files.look() is Found.OTHER

    @pytest.mark.parametrize("suffix", ["-wal", "-shm"])
    def test_without_its_log_it_is_torn(self, files, path, suffix):
        beside = path.with_name(path.name + suffix)
        beside.unlink()
        assert files.look() is Found.TORN
        beside.touch()
        assert files.look() is Found.TORN

    def test_a_read_minds_the_database_alone(self, files, path):
        path.with_name(f"{path.name}-wal").unlink()
        files.require(log=False)
        with pytest.raises(StoreUnavailableError, match="log was removed"):
            files.require()
        path.unlink()
        with pytest.raises(StoreUnavailableError, match="its file is gone"):
            files.require(log=False)

    def test_what_was_let_go_is_not_the_same_until_it_is_held_again(self, files):
        files.let_go()
        assert files.look() is Found.OTHER
        files.hold()
        assert files.look() is Found.SAME


class TestSaveLog:
    def test_what_is_in_a_removed_log_comes_into_the_database(self, files, writer, path):
        writer.execute("INSERT INTO numbers VALUES (7)")
        path.with_name(f"{path.name}-wal").unlink()
        writer.execute("INSERT INTO numbers VALUES (8)")
        files.save_log()
        with closing(sqlite3.connect(shutil.copy(path, path.with_name("copy")))) as copy:
            assert copy.execute("SELECT n FROM numbers").fetchall() == [(7,), (8,)]

    def test_whoever_still_reads_from_it_is_waited_for(self, files, writer, path, monkeypatch):
        writer.execute("INSERT INTO numbers VALUES (7)")
        with closing(connect(str(path), timeout=0.0)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT n FROM numbers").fetchall()
            writer.execute("INSERT INTO numbers VALUES (8)")
            path.with_name(f"{path.name}-wal").unlink()
            with pytest.raises(StoreUnavailableError, match="log was removed"):
                files.save_log()
            reader.execute("COMMIT")
            files.save_log()


class TestRequireStill:
    @pytest.fixture
    def clock(self, monkeypatch):
        seconds = [100.0]
        monkeypatch.setattr("ltrr_haystack.store.files.time.monotonic", lambda: seconds[0])
        return seconds

    def waits(self, files):
        try:
            files.require_still()
        except StoreUnavailableError:
            return True
        return False

    def test_a_file_that_changes_is_waited_for_until_it_has_been_still_for_a_second(self, files, writer, path, clock):
        files.let_go()
        writer.close()
        assert self.waits(files)
        clock[0] += 0.9
        assert self.waits(files)
        with path.open("ab") as copy:
            copy.write(b"more")
        assert self.waits(files)
        clock[0] += 0.9
        assert self.waits(files)
        clock[0] += 0.2
        assert not self.waits(files)

    def test_one_that_another_process_uses_is_not_waited_for(self, files, writer, clock):
        assert not self.waits(files)


class TestRequireAlone:
    def test_a_database_that_nobody_has_open_may_be_opened(self, files, writer):
        files.let_go()
        writer.close()
        files.require_alone()

    def test_one_without_its_log_that_another_has_open_may_not(self, files, writer, path):
        path.with_name(f"{path.name}-wal").unlink()
        files.let_go()
        with pytest.raises(StoreUnavailableError, match="log was removed"):
            files.require_alone()

    def test_one_with_its_log_may(self, files, writer):
        files.let_go()
        files.require_alone()


class TestMakeFile:
    def test_makes_the_folder_and_leaves_what_is_there(self, tmp_path):
        path = tmp_path / "a" / "b.db"
        make_file(str(path))
        path.write_text("mine")
        path.chmod(0o644)
        make_file(str(path))
        assert path.read_text() == "mine"
        assert stat.filemode(path.stat().st_mode) == "-rw-r--r--"

    def test_what_is_made_is_its_owners_alone_with_all_that_sqlite_puts_beside_it(self, tmp_path):
        umask = os.umask(0o022)
        try:
            make_file(str(tmp_path / "a.db"))
            with closing(connect(str(tmp_path / "a.db"), timeout=1.0)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("CREATE TABLE numbers (n)")
                modes = {path.name: stat.filemode(path.stat().st_mode) for path in tmp_path.iterdir()}
        finally:
            os.umask(umask)
        assert modes == dict.fromkeys(["a.db", "a.db-wal", "a.db-shm"], "-rw-------")

    def test_a_new_file_is_told_with_its_path_and_one_that_is_there_is_not(self, tmp_path, caplog):
        for _ in range(2):
            with caplog.at_level(logging.INFO, logger="ltrr_haystack"):
                make_file(str(tmp_path / "mistyped.db"))
        (told,) = caplog.records
        assert told.levelno == logging.INFO
        assert f"A new, empty store was created at {tmp_path}/mistyped.db." in told.getMessage()

    def test_a_folder_in_its_place_is_named(self, tmp_path):
        with pytest.raises(StoreError, match=r"path of the store is a folder\. Name a file in it") as caught:
            make_file(str(tmp_path))
        assert not isinstance(caught.value, StoreUnavailableError)
        assert str(tmp_path) in with_notes(caught.value)

    def test_says_where_it_could_not(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match=r"cannot be made\..*\n.*file/b\.db"):
            make_file(str(tmp_path / "file" / "b.db"))


def test_a_connection_never_makes_a_file(tmp_path):
    with pytest.raises(sqlite3.OperationalError):
        connect(str(tmp_path / "missing.db"), timeout=0.0)
    assert list(tmp_path.iterdir()) == []
