"""The settled part of the log, some decisions at a time."""

from collections.abc import Iterator

from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import SettledDecision

BATCH = 500
"""Decisions that are in memory at a time."""


def read_log(
    store: LTRRStore, until: int | None = None, *, after: int = 0, batch: int = BATCH
) -> Iterator[SettledDecision]:
    """
    Go through the settled decisions, the rewards of late events included, in the order of the log.

    Decisions whose reward wait is not over are left out: nobody knows yet what comes of them. What is settled while
    the log is read is left out too.

    :param store: The store with the log.
    :param until: Seq of the last decision to read; the last settled one if left out. Give it where the same part has
        to be read twice.
    :param after: Seq after which to begin.
    :param batch: How many decisions to hold in memory at a time.
    :returns: An iterator over the decisions.
    """
    last = store.watermark().settled if until is None else until
    while after < last and (read := store.settled(after, batch, include_late=True)):
        for settled in read:
            if settled.seq > last:
                return
            yield settled
        after = read[-1].seq
