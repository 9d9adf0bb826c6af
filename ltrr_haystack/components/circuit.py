"""A circuit breaker: what fails again and again is left alone for a while (Nygard, Release It!, 2007)."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ltrr_haystack.errors import LTRRError


class NotCalledError(LTRRError):
    """The retriever was not called; the message is the reason. It says nothing of the retriever's health."""


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
    def call(self, *, counts: bool = True) -> Iterator[None]:
        """
        Guard one call.

        A call that raises an `Exception` has failed. One that is cancelled, or raises `NotCalledError`, counts neither
        way. While the circuit is open, only the trial call can close it; calls from before are not counted any more.

        :param counts: Whether a failure may be laid to what is called. One that may be the caller's own fault does not
            count; a success always does.
        :raises NotCalledError: If the circuit is open; the message starts with `circuit open`.
        """
        is_trial = self._enter()
        failed: bool | None = None
        try:
            yield
            failed = False
        except NotCalledError:
            raise
        except Exception:
            failed = True if counts else None
            raise
        finally:
            self._leave(is_trial, failed)

    def _enter(self) -> bool:
        with self._lock:
            if self._open_until is None:
                return False
            wait = self._open_until - self._clock()
            if wait > 0:
                raise NotCalledError(
                    f"circuit open: failed {self._in_a_row} times in a row, next trial in {wait:.1f} s"
                )
            if self._trial:
                raise NotCalledError(f"circuit open: failed {self._in_a_row} times in a row, a trial is under way")
            self._trial = True
            return True

    def _leave(self, is_trial: bool, failed: bool | None) -> None:
        with self._lock:
            if is_trial:
                self._trial = False
            elif self._open_until is not None:
                return
            if failed is False:
                self._in_a_row = 0
                self._open_until = None
            elif failed:
                self._in_a_row += 1
                if self._failures is not None and self._in_a_row >= self._failures:
                    self._open_until = self._clock() + self._cool_down
