"""One open database: its engines, its writer, its schema."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store.engines import Synchronous, open_engines
from ltrr_haystack.store.gate import Gate
from ltrr_haystack.store.migrations import migrate
from ltrr_haystack.store.writer import Writer, as_store_error

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """
    An open database that all stores of one url in one process share.

    :param url: What `parse_url` gave.
    :param synchronous: When SQLite waits for the disk.
    :raises StoreError: If it cannot be opened, or its schema is newer than this package.
    """

    def __init__(self, url: URL, synchronous: Synchronous) -> None:
        self.synchronous = synchronous
        self.pid = os.getpid()
        self._name = url.render_as_string()
        self._engines = open_engines(url, synchronous)
        self._closed = False
        self._gate = Gate()
        try:
            migrate(self._engines)
        except SQLAlchemyError as error:
            self._dispose()
            raise as_store_error(error, self._name) from error
        except BaseException:
            self._dispose()
            raise
        self._writer = Writer(self._begin, self._name)

    def read(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run a query that changes nothing.

        :param query: Gets a connection, then the other arguments.
        :returns: What the query returned.
        :raises StoreError: If the database is closed or fails.
        """
        if self._closed:
            msg = f"The store at '{self._name}' is closed."
            raise StoreError(msg)
        try:
            with self._gate, self._engines.reader.connect() as connection:
                return query(connection, *args, **kwargs)
        except SQLAlchemyError as error:
            raise as_store_error(error, self._name) from error

    def submit(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """
        Hand a work to the writer.

        :param work: Gets a connection within a write transaction, then the other arguments.
        :returns: Done after the commit.
        :raises StoreError: If the database is closed.
        """
        return self._writer.submit(partial(_call, work, args, kwargs))

    def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Run a work in a write transaction and wait for the commit.

        :param work: Gets a connection within a write transaction, then the other arguments.
        :returns: What the work returned.
        :raises StoreError: If the database is closed or fails.
        """
        return self.submit(work, *args, **kwargs).result()

    def close(self) -> None:
        """Commit what was handed in and let the connections go."""
        self._closed = True
        self._writer.close()
        self._dispose()

    def pause(self) -> None:
        """
        Wait for what is under way, let nothing begin, and close all connections.

        SQLite keeps the locks of a process in its memory, where a forked child would take them for its own: with any
        connection open at the fork, the child may find the database locked for good, or write to a log that others
        believe to be unused and delete.
        """
        self._gate.shut()
        self._dispose()

    def resume(self) -> None:
        """Go on after `pause`; connections are opened again as they are needed."""
        self._gate.open()

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self._gate, self._engines.writer.begin() as connection:
            yield connection

    def _dispose(self) -> None:
        for engine in self._engines:
            engine.dispose()


def _call(work: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object], connection: Connection) -> T:
    return work(connection, *args, **kwargs)
