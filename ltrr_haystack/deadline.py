"""How long whoever asked still waits, for work that can stop by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ENDS: ContextVar[float | None] = ContextVar("ltrr_deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """
    Set a deadline for what is called, and for the threads and tasks that it starts with its context.

    :param seconds: How long somebody waits from now on; an earlier deadline stays.
    """
    ends = time.monotonic() + seconds
    earlier = _ENDS.get()
    token = _ENDS.set(ends if earlier is None else min(ends, earlier))
    try:
        yield
    finally:
        _ENDS.reset(token)


def time_left() -> float | None:
    """
    Say how long somebody still waits.

    :returns: Seconds, 0 or less where nobody does any more; `None` where no deadline was set.
    """
    ends = _ENDS.get()
    return None if ends is None else ends - time.monotonic()
