"""
Group commit: one thread writes, and whatever waits while it commits shares the next transaction.

A commit costs about as much for one search as for a hundred; so under load the cost per search falls, and no writer
ever meets another of the same process at the database's lock.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ltrr_haystack.errors import StoreError

T = TypeVar("T")

LARGEST_GROUP = 128
"""Most works in one transaction, so that no caller waits for a transaction without end."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    future: Future[Any]


class _WorkFailedError(Exception):
    """A work raised; what it raised is the cause."""


class Writer:
    """
    Runs works in write transactions, one after the other, in a thread of its own.

    :param begin: Begins a write transaction, which ends with the context.
    :param name: What the database is called in errors.
    """

    def __init__(self, begin: Callable[[], AbstractContextManager[Connection]], name: str) -> None:
        self._begin = begin
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._door = Lock()
        self._closed = False
        self._thread = Thread(target=self._run, name="ltrr-store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """
        Hand in a work.

        :param work: Gets a connection within a write transaction. If another work of its group fails, it is run a
            second time, in a transaction of its own; of the first time nothing is left.
        :returns: Done after the commit, with what the work returned, or with what went wrong.
        :raises StoreError: If the writer is closed.
        """
        future: Future[T] = Future()
        with self._door:
            if self._closed:
                raise self._closed_error()
            self._jobs.put(_Job(work, future))
        return future

    def close(self) -> None:
        """Finish what was handed in, and take nothing more."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            going_on = True
            while going_on:
                group, going_on = self._next_group()
                if group:
                    self._commit(group)
        finally:
            self._turn_away()

    def _turn_away(self) -> None:
        """Nobody waits for a thread that has ended, whatever ended it."""
        with self._door:
            self._closed = True
            while not self._jobs.empty():
                job = self._jobs.get()
                if job is not None and job.future.set_running_or_notify_cancel():
                    self._fail(job, self._closed_error())

    def _closed_error(self) -> StoreError:
        return StoreError(f"The store at '{self._name}' is closed; warm_up() opens it again.")

    def _next_group(self) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            if job.future.set_running_or_notify_cancel():
                group.append(job)
            if len(group) == LARGEST_GROUP:
                return group, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _commit(self, group: list[_Job]) -> None:
        try:
            outcomes = self._together(group)
        except _WorkFailedError as failure:
            if len(group) == 1:
                self._fail(group[0], failure.__cause__)
            else:
                for job in group:
                    self._commit([job])
        except BaseException as error:  # noqa: BLE001 (whatever a driver raises, the thread lives and callers hear of it)
            for job in group:
                self._fail(job, error)
        else:
            for job, outcome in zip(group, outcomes, strict=True):
                job.future.set_result(outcome)

    def _together(self, group: list[_Job]) -> list[Any]:
        with self._begin() as connection:
            return [_outcome(job, connection) for job in group]

    def _fail(self, job: _Job, error: BaseException | None) -> None:
        job.future.set_exception(as_store_error(error, self._name) if isinstance(error, SQLAlchemyError) else error)


def _outcome(job: _Job, connection: Connection) -> Any:
    try:
        return job.work(connection)
    except BaseException as error:
        raise _WorkFailedError from error


def as_store_error(error: SQLAlchemyError, name: str) -> StoreError:
    """
    Say in this package's words what a database said.

    :param error: What SQLAlchemy raised.
    :param name: What the database is called.
    :returns: The error to raise in its place, with the other as its cause.
    """
    said = StoreError(f"The store at '{name}' failed: {getattr(error, 'orig', None) or error}")
    said.__cause__ = error
    return said
