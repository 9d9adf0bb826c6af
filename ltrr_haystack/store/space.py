"""
Giving space back: what is removed from a SQLite database leaves free pages in its file, which stays as long as it was.

A store that is made new can give its free pages back bit by bit (https://www.sqlite.org/pragma.html#pragma_auto_vacuum),
so that no writer waits longer than for another search. One that an earlier version made is written anew once, while
nobody else can write; reads and searches go on.
"""

import time
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

from ltrr_haystack.store.files import connect
from ltrr_haystack.store.records import SpaceFreed

PAGES_AT_ONCE = 500
"""Pages, of 4 KB each, that one transaction gives back: it holds the lock for some 100 ms."""

PAUSE_SECONDS = 0.1
"""Left to other writers in between; SQLite's own waiting is not fair, and they look every 100 ms."""

REWRITTEN_UNASKED = 500_000_000
"""Bytes in use up to which an older store is written anew without being asked for: it takes some seconds."""

_INCREMENTAL = 2
_CHECKPOINTS = 20


def give_back(path: str, wait: float, *, rewrite: bool) -> SpaceFreed:
    """
    Give a SQLite database's free pages back to the disk.

    :param path: The database.
    :param wait: Seconds to wait for the lock of another writer.
    :param rewrite: Whether an older store is written anew however large it is.
    :returns: What came of it.
    :raises sqlite3.Error: If the database fails.
    """
    before = _size(path)
    with closing(connect(path, timeout=wait)) as connection:
        if _number(connection, "auto_vacuum") == _INCREMENTAL:
            _bit_by_bit(connection)
        elif rewrite or _used(connection) <= REWRITTEN_UNASKED:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("VACUUM")
        _shorten(connection)
        left = _number(connection, "freelist_count") * _number(connection, "page_size")
    return SpaceFreed(given_back=max(0, before - _size(path)), left=left)


def _bit_by_bit(connection: Connection) -> None:
    free = _number(connection, "freelist_count")
    while free:
        # It has to be run to its end, which execute() does not do.
        connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
        free, before = _number(connection, "freelist_count"), free
        if free >= before:
            return
        if free:
            time.sleep(PAUSE_SECONDS)


def _shorten(connection: Connection) -> None:
    """Bring the log into the database, which is cut to its new length thereby."""
    for _ in range(_CHECKPOINTS):
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return
        time.sleep(PAUSE_SECONDS)


def _used(connection: Connection) -> int:
    pages = _number(connection, "page_count") - _number(connection, "freelist_count")
    return pages * _number(connection, "page_size")


def _number(connection: Connection, pragma: str) -> int:
    (number,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)


def _size(path: str) -> int:
    files = (Path(path), Path(f"{path}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
