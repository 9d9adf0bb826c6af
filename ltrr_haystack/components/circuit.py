"""A circuit breaker: what fails again and again is left alone for a while (Nygard, Release It!, 2007)."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from ltrr_haystack.errors import LTRRError


class NotCalledError(LTRRError):
    """The retriever was not called; the message is the reason. It says nothing of the retriever's health."""


def _always(_: Exception) -> bool:
    return True


def never(_: Exception) -> bool:
    """Lay no failure to what is called."""
    return False


class _Part(Enum):
    """What a call is to the circuit."""

    ORDINARY = "begun while it was closed"
    TRIAL = "the one that tries whether it may close"
    BYSTANDER = "begun after the cool-down, and no trial"


class Circuit:
    """
    Lets calls through until too many in a row have failed, then none for a cool-down, then one to try.

    It is safe under many threads, and belongs to no event loop.
    """

    def __init__(self, failures: int | None, cool_down: float, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Create a closed Circuit.

        :param failures: How many failures in a row open it; with `None` it never opens.
        :param cool_down: Seconds for which it then stays open.
        :param clock: What tells the time in seconds.
        """
        self._failures = failures
        self._cool_down = cool_down
        self._clock = clock
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._open_until: float | None = None
        self._trial = False

    @contextmanager
    def call(self, *, tries: bool = True, counts: Callable[[Exception], bool] = _always) -> Iterator[None]:
        """
        Guard one call.

        A call that raises an `Exception` has failed. One that is cancelled, or raises `NotCalledError`, counts neither
        way. While the circuit is open, only calls that began after the cool-down can close it; calls from before are
        not counted any more.

        :param tries: Whether the call may be the one that tries whether the circuit may close. One whose failure may be
            the caller's own fault takes the trial from nobody.
        :param counts: Tells of what the call raised whether it is laid to what is called. What is not counts neither
            way; a success always counts.
        :raises NotCalledError: If the circuit is open; the message starts with `circuit open`.
        """
        part = self._enter(tries)
        failed: bool | None = None
        try:
            yield
            failed = False
        except NotCalledError:
            raise
        except Exception as error:
            failed = True if counts(error) else None
            raise
        finally:
            self._leave(part, failed)

    def _enter(self, tries: bool) -> _Part:
        with self._lock:
            if self._open_until is None:
                return _Part.ORDINARY
            wait = self._open_until - self._clock()
            if wait > 0:
                raise NotCalledError(
                    f"circuit open: failed {self._in_a_row} times in a row, next trial in {wait:.1f} s"
                )
            if self._trial:
                raise NotCalledError(f"circuit open: failed {self._in_a_row} times in a row, a trial is under way")
            if not tries:
                return _Part.BYSTANDER
            self._trial = True
            return _Part.TRIAL

    def _leave(self, part: _Part, failed: bool | None) -> None:
        with self._lock:
            if part is _Part.TRIAL:
                self._trial = False
            elif part is _Part.ORDINARY and self._open_until is not None:
                return
            if failed is False:
                self._in_a_row = 0
                self._open_until = None
            elif failed:
                self._in_a_row += 1
                if self._failures is not None and self._in_a_row >= self._failures:
                    self._open_until = self._clock() + self._cool_down
