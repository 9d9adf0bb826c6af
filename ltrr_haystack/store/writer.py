"""
Group commit: one thread writes, and whatever waits while it commits shares the next transaction.

A commit costs about as much for one search as for a hundred; so under load the cost per search falls, and no writer
ever meets another of the same process at the database's lock.

While the database fails nobody waits for it: works are refused at once, and the thread tries by itself, twice a second,
whether it is mended.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from sqlalchemy import Connection

from ltrr_haystack.errors import StoreError, StoreUnavailableError
from ltrr_haystack.store.failures import in_our_words, unavailable
from ltrr_haystack.store.health import Health

T = TypeVar("T")

LARGEST_GROUP = 128
"""Most works in one transaction, so that no caller waits for a transaction without end."""

LONGEST_QUEUE = 512
"""Most works that wait; what comes on top is refused at once."""

TRY_AGAIN_SECONDS = 0.5
"""Between two attempts to find out whether a database that failed is mended."""

CLOSE_SECONDS = 10
"""How long closing waits for a commit that hangs."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    future: Future[Any]
    started: bool = False

    def is_wanted(self) -> bool:
        """Whether somebody still waits for it; from then on it can be cancelled no more."""
        self.started = self.started or self.future.set_running_or_notify_cancel()
        return self.started


class _WorkFailedError(Exception):
    """A work raised an error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class Writer:
    """
    Runs works in write transactions, one after the other, in a thread of its own.

    :param begin: Begins a write transaction, which ends with the context.
    :param probe: Mends what can be mended, reads and writes; raises if the database cannot be used.
    :param health: Where it is noted whether writing fails.
    :param place: What the database is called for operators.
    """

    def __init__(
        self,
        begin: Callable[[], AbstractContextManager[Connection]],
        probe: Callable[[], None],
        health: Health,
        place: str,
    ) -> None:
        self._begin = begin
        self._probe = probe
        self._health = health
        self._place = place
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._door = Lock()
        self._closed = False
        self._busy_since: float | None = None
        self._next_try = 0.0
        self._thread = Thread(target=self._run, name="ltrr-store-writer", daemon=True)
        self._thread.start()

    def busy_for(self) -> float:
        """
        Tell how long the commit under way has taken so far.

        :returns: Seconds; 0 if there is none.
        """
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """
        Hand in a work.

        :param work: Gets a connection within a write transaction. If another work of its group fails, it is run a
            second time, in a transaction of its own; of the first time nothing is left.
        :returns: Done after the commit, with what the work returned, or with what went wrong. Cancelled before its
            transaction has begun, it is not done.
        :raises StoreUnavailableError: If the database is known to fail, or too many works wait already.
        :raises StoreError: If the writer is closed.
        """
        future: Future[T] = Future()
        with self._door:
            if self._closed:
                raise _closed_error()
            if refusal := self._health.writes.refusal():
                raise refusal
            if self._jobs.qsize() >= LONGEST_QUEUE:
                raise unavailable("too many wait to be written", self._place)
            self._jobs.put(_Job(work, future))
        return future

    def wake(self) -> None:
        """Look at once whether the database works."""
        self._next_try = 0.0
        self._jobs.put(None)

    def close(self) -> None:
        """Finish what was handed in, and take nothing more; a commit that hangs is left to itself."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            while group := self._next_group():
                if jobs := [job for job in group if job is not None]:
                    self._commit(jobs)
                if self._health.troubled and time.monotonic() >= self._next_try:
                    self._try_again()
        finally:
            self._turn_away()

    def _turn_away(self) -> None:
        """Nobody waits for a thread that has ended, whatever ended it."""
        with self._door:
            self._closed = True
        self._refuse_all(_closed_error())

    def _next_group(self) -> list[_Job | None]:
        """What waits, with `None` for each time that somebody only wanted the thread to wake; empty at the end."""
        group: list[_Job | None] = []
        try:
            if not self._closed or self._jobs.qsize():
                group.append(self._jobs.get(timeout=TRY_AGAIN_SECONDS if self._health.troubled else None))
            while group and len(group) < LARGEST_GROUP:
                group.append(self._jobs.get_nowait())
        except Empty:
            return group or [None]
        return group

    def _commit(self, group: list[_Job]) -> None:
        self._busy_since = time.monotonic()
        try:
            outcomes = self._together(group)
        except _WorkFailedError as failure:
            self._after_a_failed_work(group, in_our_words(failure.error, self._place))
        except BaseException as error:  # noqa: BLE001 (whatever a driver raises, the thread lives and callers hear of it)
            said = in_our_words(error, self._place)
            if isinstance(said, StoreUnavailableError):
                self._give_up(said)
            for job in group:
                _fail(job, said)
        else:
            self._health.writes.mended()
            for job, outcome in outcomes:
                job.future.set_result(outcome)
        finally:
            self._busy_since = None

    def _together(self, group: list[_Job]) -> list[tuple[_Job, Any]]:
        with self._begin() as connection:
            return [(job, _outcome(job, connection)) for job in group if job.is_wanted()]

    def _after_a_failed_work(self, group: list[_Job], error: BaseException) -> None:
        """The mates of a work that failed get a transaction each, unless it is the database that fails."""
        if len(group) > 1:
            for job in group:
                if refusal := self._health.writes.refusal():
                    _fail(job, refusal)
                else:
                    self._commit([job])
            return
        _fail(group[0], error)
        if isinstance(error, StoreUnavailableError):
            self._try_again()

    def _try_again(self) -> None:
        self._busy_since = time.monotonic()
        try:
            self._probe()
        except BaseException as error:  # noqa: BLE001 (whatever a driver raises, the thread lives)
            said = in_our_words(error, self._place)
            self._give_up(said if isinstance(said, StoreUnavailableError) else unavailable("it failed", repr(said)))
        else:
            self._health.writes.mended()
        finally:
            self._busy_since = None
            self._next_try = time.monotonic() + TRY_AGAIN_SECONDS

    def _give_up(self, error: StoreUnavailableError) -> None:
        self._health.writes.report(error)
        self._refuse_all(error)

    def _refuse_all(self, error: StoreError) -> None:
        with self._door:
            waiting = [self._jobs.get() for _ in range(self._jobs.qsize())]
        for job in waiting:
            if job is not None:
                _fail(job, error)


def _outcome(job: _Job, connection: Connection) -> Any:
    try:
        return job.work(connection)
    except BaseException as error:
        raise _WorkFailedError(error) from error


def _fail(job: _Job, error: BaseException) -> None:
    if job.is_wanted():
        job.future.set_exception(error)


def _closed_error() -> StoreError:
    return StoreError("The store is closed; warm_up() opens it again.")
