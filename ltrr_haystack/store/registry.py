"""
The databases that are open in this process.

A pipeline has many components with a store each, and Hayhooks loads every pipeline twice: they all share one engine
and one writer for a url. A forked child starts with none and opens its own.
"""

import atexit
import os
from threading import Lock
from typing import Any
from weakref import WeakSet

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store.database import Database
from ltrr_haystack.store.engines import Synchronous, parse_url, shown_url


class Registry:
    """Url → open database, with those who hold it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[str, tuple[Database, WeakSet[Any]]] = {}

    def acquire(self, holder: object, url: str, synchronous: Synchronous, *, create: bool = True) -> Database:
        """
        Take a share in a database; it is opened for the first one.

        :param holder: Who takes it; a second share of the same holder is the first.
        :param url: The database.
        :param synchronous: When SQLite waits for the disk.
        :param create: Whether the database is made if it is not there.
        :returns: The database.
        :raises ConfigurationError: If the url is none, or the database is open with another `synchronous`.
        :raises StoreError: If it cannot be opened.
        """
        parsed = parse_url(url)
        key = parsed.render_as_string(hide_password=False)
        with self._lock:
            if key not in self._open:
                self._open[key] = (Database(parsed, synchronous, create=create), WeakSet())
            database, holders = self._open[key]
            if database.synchronous != synchronous:
                msg = (
                    f"The store at '{shown_url(parsed)}' is open in this process with "
                    f"synchronous={database.synchronous}, and {synchronous} was asked for; give all stores of one url "
                    "the same."
                )
                raise ConfigurationError(msg)
            holders.add(holder)
            return database

    def release(self, holder: object) -> None:
        """
        Give up a share; the last one closes the database.

        :param holder: Who took it.
        """
        with self._lock:
            for key, (database, holders) in list(self._open.items()):
                if holder in holders:
                    holders.discard(holder)
                    if not holders:
                        del self._open[key]
                        database.close()

    def close_all(self) -> None:
        """Close every database."""
        with self._lock:
            for database, _ in self._open.values():
                database.close()
            self._open.clear()

    def before_fork(self) -> None:
        """Bring every database to rest, so that the child gets no connection and no lock from its parent."""
        self._lock.acquire()
        for database, _ in self._open.values():
            database.pause()

    def after_fork_in_parent(self) -> None:
        """Go on as before."""
        for database, _ in self._open.values():
            database.resume()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Begin with nothing: the writers' threads were left behind in the parent."""
        self._open = {}
        self._lock = Lock()


registry = Registry()
os.register_at_fork(
    before=registry.before_fork,
    after_in_parent=registry.after_fork_in_parent,
    after_in_child=registry.after_fork_in_child,
)
atexit.register(registry.close_all)
