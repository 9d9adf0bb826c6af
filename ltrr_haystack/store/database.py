"""One open database: its engines, its files, its writer, its schema."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, Engine

from ltrr_haystack.errors import StoreError, StoreUnavailableError
from ltrr_haystack.store import definitions, space
from ltrr_haystack.store.engines import LOCK_WAIT_SECONDS, Synchronous, leave_a_mark, open_engines, shown_url
from ltrr_haystack.store.failures import in_our_words, our_words, unavailable
from ltrr_haystack.store.files import Found, StoreFiles
from ltrr_haystack.store.gate import Gate
from ltrr_haystack.store.health import Health
from ltrr_haystack.store.migrations import migrate, schema_version
from ltrr_haystack.store.records import SpaceFreed
from ltrr_haystack.store.waiting import result_of
from ltrr_haystack.store.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

WRITE_SECONDS = 2.0 * LOCK_WAIT_SECONDS
"""How long anybody waits for a commit."""

CHECK_SECONDS = 2.0


def holds_a_store(url: URL) -> bool:
    """
    See whether a database has the tables of a store. Nothing in it is changed.

    :param url: What `parse_url` gave.
    :returns: Whether it has.
    :raises MissingExtraError: If the driver for PostgreSQL is not installed.
    :raises StoreUnavailableError: If the database cannot be read.
    """
    engines = open_engines(url, "NORMAL", create=False)
    try:
        with our_words(shown_url(url)), engines.reader.connect() as connection:
            return schema_version(connection) > 0
    finally:
        for engine in engines:
            engine.dispose()


class Database:
    """
    An open database that all stores of one url in one process share.

    :param url: What `parse_url` gave.
    :param synchronous: When SQLite waits for the disk.
    :param create: Whether it is made if it is not there.
    :raises StoreError: If it cannot be opened, or its schema is newer than this package.
    """

    def __init__(self, url: URL, synchronous: Synchronous, *, create: bool = True) -> None:
        self.synchronous = synchronous
        self.pid = os.getpid()
        self.place = shown_url(url)
        self._engines = open_engines(url, synchronous, create=create)
        self._files = StoreFiles(str(url.database)) if url.get_backend_name() == "sqlite" else None
        self._closed = False
        self._gate = Gate()
        self._reopening = Lock()
        self._health = Health(self.place)
        try:
            with our_words(self.place):
                self._open()
        except BaseException:
            self._let_go()
            raise
        self._writer = Writer(self._begin, self._probe, self._health, self.place)

    def read(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run a query that changes nothing.

        :param query: Gets a connection, then the other arguments.
        :returns: What the query returned.
        :raises StoreError: If the database is closed or fails.
        """
        return self._read(self._engines.reader, query, *args, **kwargs)

    def look(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run a query that a search waits for: it answers soon, or fails soon.

        :param query: Gets a connection, then the other arguments.
        :returns: What the query returned.
        :raises StoreError: If the database is closed or fails; at once, if it is known to fail.
        """
        if refusal := self._health.reads.refusal():
            raise refusal
        return self._read(self._engines.searcher, query, *args, **kwargs)

    def submit(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """
        Hand a work to the writer.

        :param work: Gets a connection within a write transaction, then the other arguments.
        :returns: Done after the commit.
        :raises StoreUnavailableError: If the database is known to fail, or too much waits for it.
        :raises StoreError: If the database is closed.
        """
        return self._writer.submit(partial(_call, work, args, kwargs))

    def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run a work in a write transaction and wait for the commit.

        :param work: Gets a connection within a write transaction, then the other arguments.
        :returns: What the work returned.
        :raises StoreError: If the database is closed or fails, or the commit takes too long.
        """
        return result_of(self.submit(work, *args, **kwargs), WRITE_SECONDS)

    def require_prompt(self, seconds: float) -> None:
        """
        See that a commit can be expected in time.

        :param seconds: How long its caller would wait.
        :raises StoreUnavailableError: If writing is known to fail, or the commit under way has taken longer already.
        """
        if refusal := self._health.writes.refusal():
            raise refusal
        if self._writer.busy_for() > seconds:
            raise unavailable("it is slow to write", self.place)

    def check(self) -> None:
        """
        Read and write once.

        :raises StoreUnavailableError: If that fails now, or takes longer than two seconds.
        """
        self.look(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
        result_of(self.submit(leave_a_mark), CHECK_SECONDS)

    def give_back(self, *, rewrite: bool) -> SpaceFreed | None:
        """
        Give the space of what was removed back to the disk.

        :param rewrite: Whether an older SQLite database is written anew however large it is.
        :returns: What came of it; `None` where the database sees to it by itself.
        :raises StoreError: If the database fails.
        """
        if self._files is None:
            return None
        with our_words(self.place), self._gate:
            self._files.require()
            return space.give_back(self._files.path, LOCK_WAIT_SECONDS, rewrite=rewrite)

    def close(self) -> None:
        """Commit what was handed in and let the connections go."""
        self._closed = True
        self._writer.close()
        self._let_go()

    def pause(self) -> None:
        """
        Wait for what is under way, let nothing begin, and close all connections.

        SQLite keeps the locks of a process in its memory, where a forked child would take them for its own: with any
        connection open at the fork, the child may find the database locked for good, or write to a log that others
        believe to be unused and delete.
        """
        self._reopening.acquire()
        self._gate.shut()
        self._let_go()

    def resume(self) -> None:
        """Go on after `pause`; connections are opened again as they are needed."""
        try:
            with our_words(self.place):
                self._hold_files()
        except StoreError as error:
            self._note(error)
        finally:
            self._gate.open()
            self._reopening.release()

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self._gate:
            self._require_files(log=False)
            with self._engines.writer.begin() as connection:
                definitions.begun(connection)
                yield connection
                info = connection.info
            definitions.committed(info)
            # What was committed into a file that is gone by now is not acknowledged.
            self._require_files(log=True)

    def _read(
        self, engine: Engine, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise StoreError("The store is closed; warm_up() opens it again.")
        try:
            with self._gate:
                self._require_files(log=False)
                with engine.connect() as connection:
                    return query(connection, *args, **kwargs)
        except Exception as error:
            said = in_our_words(error, self.place)
            self._note(said)
            if said is error:
                raise
            raise said from error

    def _note(self, error: BaseException) -> None:
        """Have the writer's thread look after what cannot be read."""
        if isinstance(error, StoreUnavailableError):
            self._health.reads.report(error)
            self._writer.wake()

    def _require_files(self, *, log: bool) -> None:
        if self._files is not None:
            self._files.require(log=log)

    def _probe(self) -> None:
        """Mend what can be mended, read and write: for the writer's thread, when something failed."""
        try:
            with our_words(self.place), self._reopening:
                if self._files is not None and self._files.look() is not Found.SAME:
                    self._reopen(self._files)
                self._require_a_store()
                migrate(self._engines)
        except StoreError as error:
            self._health.reads.report(error)
            raise
        self._health.reads.mended()
        with self._begin() as connection:
            leave_a_mark(connection)

    def _reopen(self, files: StoreFiles) -> None:
        found = files.look()
        if found is Found.GONE:
            files.require()
        self._gate.shut()
        try:
            if found is Found.TORN:
                files.save_log()
            self._let_go()
        finally:
            self._gate.open()
        if found is Found.OTHER:
            files.require_still()
        files.require_alone()
        self._require_a_store()
        self._open()

    def _require_a_store(self) -> None:
        """While it runs, a process takes over what was restored, and makes nothing new."""
        with self._engines.searcher.connect() as connection:
            if schema_version(connection) == 0:
                raise unavailable("what lies in its place is no store", self.place)

    def _open(self) -> None:
        migrate(self._engines)
        self._hold_files()

    def _hold_files(self) -> None:
        if self._files is not None:
            # The first connection of the writer begins the write-ahead log.
            with self._engines.writer.connect():
                pass
            self._files.hold()

    def _let_go(self) -> None:
        for engine in self._engines:
            engine.dispose()
        if self._files is not None:
            self._files.let_go()


def _call(work: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object], connection: Connection) -> T:
    return work(connection, *args, **kwargs)
