"""The settled part of the log, a page at a time."""

from collections.abc import Iterator

from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import SettledDecision

PAGE = 500
"""Decisions that are in memory at a time."""


def read_log(store: LTRRStore, until: int | None = None, *, page: int = PAGE) -> Iterator[SettledDecision]:
    """
    Go through the settled decisions, the rewards of late events included, in the order of the log.

    Decisions whose reward wait is not over are left out: nobody knows yet what comes of them. What is settled while
    the log is read is left out too.

    :param store: The store with the log.
    :param until: Seq of the last decision to read; the last settled one if left out. Give it where the same part has
        to be read twice.
    :param page: How many decisions to hold in memory at a time.
    :returns: An iterator over the decisions.
    """
    last = store.watermark().settled if until is None else until
    after = 0
    while after < last and (batch := store.settled(after, page, include_late=True)):
        for settled in batch:
            if settled.seq > last:
                return
            yield settled
        after = batch[-1].seq
