"""The sums of a report, kept up to date with the log: each search is read once, in slices."""

import time
from threading import Lock

from ltrr_haystack.evaluation.report.reading import Reading, judged_up_to
from ltrr_haystack.store import LTRRStore

SLICE = 200
"""Searches that are read at a time."""

SECONDS = 1.0
"""For so long one update reads at most; what is left over is for the next one."""

DRIFT = 0.1
"""A range whose beginning lies this share of its length too far back is read anew."""

REREAD_SECONDS = 3600.0
"""After so long the whole log is read anew, for rewards that came late and searches that were removed."""


class FollowedLog:
    """
    Reads what is new in a log.

    :param store: The store with the log.
    :param hours: How far back from now searches are taken; the whole log if left out.
    """

    def __init__(self, store: LTRRStore, hours: float | None = None) -> None:
        self._store = store
        self._seconds = None if hours is None else hours * 3600.0
        self._lock = Lock()
        self._begun = float("-inf")
        self._since = float("-inf")
        self._reached = 0
        self._learned = False
        self.reading = Reading()

    def update(self, now: float) -> float:
        """
        Read what is new, as far as that goes within `SECONDS`.

        :param now: The time, in seconds since 1970.
        :returns: The share of the searches to be read that was reached, from 0 to 1.
        :raises StoreError: If the store cannot be read.
        """
        with self._lock:
            watermark = self._store.watermark()
            last, learned = judged_up_to(watermark), watermark.learned > 0
            # What was read before anything was learned from may turn out not to count.
            if self._is_old(now) or learned != self._learned:
                self._begin(now)
            self._learned = learned
            until = time.monotonic() + SECONDS
            while self._reached < last and time.monotonic() < until:
                # A search that waits for the interpreter comes to its turn.
                time.sleep(0.001)
                self._read_slice(last)
            return min(1.0, self._reached / last) if last else 1.0

    def _is_old(self, now: float) -> bool:
        if self._seconds is None:
            return now - self._begun > REREAD_SECONDS
        return now - self._seconds - self._since > DRIFT * self._seconds

    def _begin(self, now: float) -> None:
        self._begun = now
        self._since = float("-inf") if self._seconds is None else now - self._seconds
        self._reached = 0 if self._seconds is None else self._store.settled_before(self._since)
        self.reading = Reading()

    def _read_slice(self, last: int) -> None:
        found = [each for each in self._store.settled(self._reached, SLICE, include_late=True) if each.seq <= last]
        self.reading.add([each for each in found if each.decision.decided_at >= self._since])
        self._reached = found[-1].seq if found else last
