"""
Scans over all documents of a store that do not block other searches.

Python runs one thread at a time. Applying a filter to 20,000 documents in Python takes up to a second, and several such
scans at once would delay every other search. Therefore only one scan runs at a time in a process. It yields to other
threads every millisecond, and stops when the deadline of its search has passed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from ltrr_haystack.deadline import time_left

Item = TypeVar("Item")

BURST = 0.001
"""Seconds after which a scan yields to other threads."""

PAUSE = 0.00005
"""Seconds for which it yields: long enough for a waiting thread to take over, which `sleep(0)` is not."""

_LOCK = Lock()


@contextmanager
def scan_lock() -> Iterator[None]:
    """
    Wait until no other scan is running, and prevent others from starting.

    :raises TimeoutError: If the deadline passes while waiting.
    """
    left = time_left()
    if not _LOCK.acquire(timeout=-1 if left is None else max(left, 0.0)):
        raise TimeoutError("the deadline passed while other scans were running")
    try:
        yield
    finally:
        _LOCK.release()


def scan(items: Sequence[Item], predicate: Callable[[Item], bool]) -> list[int]:
    """
    Find the items for which a predicate is true. To be called with the `scan_lock`.

    :param items: The items.
    :param predicate: The predicate.
    :returns: The indices of the items for which it is true.
    :raises TimeoutError: If the deadline passes during the scan.
    """
    found: list[int] = []
    paused = time.monotonic()
    for index, item in enumerate(items):
        if index % 32 == 0 and (now := time.monotonic()) - paused > BURST:
            if (left := time_left()) is not None and left <= 0:
                raise TimeoutError(f"the deadline passed after {index:,} of {len(items):,} documents")
            time.sleep(PAUSE)
            paused = now
        if predicate(item):
            found.append(index)
    return found
