"""
Going through all documents of a store, without standing in the way of those who do not.

Python runs one thread at a time. A filter that is applied to each of 20,000 documents keeps it busy for up to a second,
and a handful of them at once would keep every other search waiting. So there is one scan at a time in a process; it
lets the others run every millisecond, and ends when nobody waits for it any longer.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from ltrr_haystack.deadline import time_left

Item = TypeVar("Item")

BURST = 0.001
"""Seconds after which others may run."""

PAUSE = 0.00005
"""Seconds for which they may: long enough for a waiting thread to take over, which `sleep(0)` is not."""

_TURN = Lock()


@contextmanager
def turn() -> Iterator[None]:
    """
    Wait until no other scan is under way, and keep others waiting.

    :raises TimeoutError: If the deadline passes meanwhile.
    """
    left = time_left()
    if not _TURN.acquire(timeout=-1 if left is None else max(left, 0.0)):
        raise TimeoutError("other scans were under way until nobody waited for this one")
    try:
        yield
    finally:
        _TURN.release()


def scan(items: Sequence[Item], wanted: Callable[[Item], bool]) -> list[int]:
    """
    Go through items; to be called in one's `turn`.

    :param items: What to look at.
    :param wanted: Says which are wanted.
    :returns: The indices of those that are, in order.
    :raises TimeoutError: If the deadline passes meanwhile.
    """
    found: list[int] = []
    paused = time.monotonic()
    for index, item in enumerate(items):
        if index % 32 == 0 and (now := time.monotonic()) - paused > BURST:
            if (left := time_left()) is not None and left <= 0:
                raise TimeoutError(f"nobody waits any longer; {index:,} of {len(items):,} documents were looked at")
            time.sleep(PAUSE)
            paused = now
        if wanted(item):
            found.append(index)
    return found
