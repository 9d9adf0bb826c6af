"""
The files of a SQLite store, watched while it is open.

SQLite does not notice that a file it has open was deleted, moved or replaced: it goes on to write into a file that
nobody will find again. So whoever commits has to look whether the path still leads to the file that was opened.
"""

import sqlite3
import time
from contextlib import closing
from enum import Enum
from pathlib import Path
from urllib.parse import quote

from haystack import logging

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store.failures import unavailable

logger = logging.getLogger(__name__)

BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a database in the write-ahead mode: the log, and the index of the log."""

OWNER_ALONE = 0o600
"""Rights of a file that is made."""

RESCUE_WAIT_SECONDS = 1.0

STILL_SECONDS = 1.0
"""A file that was put into the store's place is taken for complete when it has not changed for so long."""

Identity = tuple[int, int]
"""Device and inode: they tell one file from another under the same path."""


class Found(Enum):
    """What lies at a store's path, as a reason why the store cannot be used."""

    SAME = "nothing is wrong with its files"
    GONE = "its file is gone"
    OTHER = "its file was replaced by another one"
    TORN = "its write-ahead log was removed"


class StoreFiles:
    """
    Compares the files at a store's path with those that are open.

    It holds a connection of its own, so that the log lives as long as the store is open, and can be saved when its file
    was removed: all connections of a process still have it open, and bring what is in it into the database.

    :param path: The database.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._all = (Path(path), *(Path(path + suffix) for suffix in BESIDE))
        self._held: sqlite3.Connection | None = None
        self._newcomer: tuple[int, ...] = ()
        self._still_since = 0.0
        self._identities: tuple[Identity | None, ...] = ()

    def hold(self) -> None:
        """
        Take the files that are there now for the store's.

        :raises StoreUnavailableError: If there are none, or they change at this moment.
        :raises sqlite3.Error: If they cannot be opened.
        """
        before = _identity(self._all[0])
        held = connect(self.path, timeout=RESCUE_WAIT_SECONDS)
        try:
            held.execute("PRAGMA schema_version").fetchone()
            identities = tuple(map(_identity, self._all))
            if identities[0] is None or identities[0] != before:
                raise unavailable(Found.OTHER.value, self.path)
        except BaseException:
            held.close()
            raise
        self._held, self._identities = held, identities

    def let_go(self) -> None:
        """Give up the files; until `hold` nothing is compared with them."""
        held, self._held, self._identities = self._held, None, ()
        if held is not None:
            held.close()

    def look(self) -> Found:
        """
        See what lies at the path.

        :returns: Whether these are the files that are held.
        """
        known, now = self._identities, _identity(self._all[0])
        if now is None:
            return Found.GONE
        if not known or now != known[0]:
            return Found.OTHER
        return Found.SAME if all(map(_is_there, self._all[1:], known[1:])) else Found.TORN

    def require(self, *, log: bool = True) -> None:
        """
        See that the path leads to the files that are held.

        :param log: Whether to look for the log, too, as after a commit. A read finds what is in a removed log.
        :raises StoreUnavailableError: If it does not.
        """
        if not log and self._identities[:1] == (_identity(self._all[0]),):
            return
        found = self.look()
        if found is not Found.SAME:
            raise unavailable(found.value, self.path)

    def save_log(self) -> None:
        """
        Bring what is in a removed log into the database.

        :raises StoreUnavailableError: If somebody still reads or writes.
        """
        if self._held is None:
            return
        busy, _, _ = self._held.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise unavailable(Found.TORN.value, f"{self.path}: others are still using the removed log")

    def require_still(self) -> None:
        """
        See that the file that was put into the store's place is not being written any more; for a store that is let go.

        A backup that is copied back is there before it is complete. Where its log's index lies beside it, another
        process uses it already, and knows better.

        :raises StoreUnavailableError: If it has changed within the last second.
        """
        try:
            found = self._all[0].stat()
        except OSError as error:
            raise unavailable(Found.GONE.value, f"{self.path}: {error}") from error
        newcomer = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if newcomer != self._newcomer:
            self._newcomer, self._still_since = newcomer, time.monotonic()
        if time.monotonic() - self._still_since < STILL_SECONDS and not self._all[-1].exists():
            raise unavailable(Found.OTHER.value, f"{self.path}: waiting until it is written")

    def require_alone(self) -> None:
        """
        See that no process has the database open with a log that lies at the path no more.

        Two logs for one database would damage it. A database beside which both files lie is in order.

        :raises StoreUnavailableError: If one has.
        """
        if all(map(Path.exists, self._all[1:])):
            return
        try:
            with closing(connect(self.path, timeout=0.0)) as connection:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            raise unavailable(Found.TORN.value, f"{self.path}: another process still has it open: {error}") from error


def make_file(path: str) -> None:
    """
    Make a database's folder and an empty file, where there is none.

    Done when a store is opened for the first time; no connection ever makes a file. The file is its owner's alone, and
    what SQLite puts beside it, too: the log has queries and ids. One that is there keeps the rights that it has.

    :param path: Where it shall be.
    :raises StoreError: If they cannot be made, or the path is a folder.
    """
    if Path(path).is_dir():
        folder = StoreError("The path of the store is a folder. Name a file in it.")
        folder.add_note(f"'{path}'")
        raise folder
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if not Path(path).exists():
            Path(path).touch(mode=OWNER_ALONE)
            logger.info("A new, empty store was created at {path}.", path=path)
    except OSError as error:
        said = StoreError("The store's file cannot be made. Choose a folder that can be written to.")
        said.add_note(f"'{path}': {error}")
        raise said from error


def connect(path: str, *, timeout: float) -> sqlite3.Connection:
    """
    Open a database that is there.

    :param path: Where it is.
    :param timeout: Seconds to wait for the locks of others.
    :returns: A connection that begins no transaction by itself.
    :raises sqlite3.OperationalError: If there is no file.
    """
    return sqlite3.connect(file_uri(path), uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)


def file_uri(path: str) -> str:
    """
    Name a file for SQLite so that it is opened, and never made.

    :param path: Where it is.
    :returns: The uri.
    """
    return f"file:{quote(path)}?mode=rw"


def _is_there(path: Path, known: Identity | None) -> bool:
    return known is None or _identity(path) == known


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
