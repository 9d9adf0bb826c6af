"""Waiting for a commit, and not for ever."""

import asyncio
from concurrent.futures import Future
from typing import TypeVar

from ltrr_haystack.store.failures import unavailable

T = TypeVar("T")

_LATE = "it takes too long to write; what was handed in may still be kept, and counts once if it is sent again"


def result_of(future: Future[T], seconds: float) -> T:
    """
    Wait for a commit.

    :param future: What the writer gave.
    :param seconds: For how long; a work that has not begun by then is not done.
    :returns: What the work returned.
    :raises StoreUnavailableError: If it takes longer.
    """
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.done() and not future.cancelled():
            return future.result()
        future.cancel()
        raise unavailable(_LATE) from None


async def result_of_async(future: Future[T], seconds: float) -> T:
    """
    Wait for a commit without blocking the event loop.

    :param future: What the writer gave.
    :param seconds: For how long; a work that has not begun by then, or whose caller is cancelled, is not done.
    :returns: What the work returned.
    :raises StoreUnavailableError: If it takes longer.
    """
    waiting = asyncio.wrap_future(future)
    try:
        await asyncio.wait({waiting}, timeout=seconds)
        if waiting.done():
            return waiting.result()
    finally:
        future.cancel()
        waiting.cancel()
    raise unavailable(_LATE)
