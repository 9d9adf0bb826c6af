"""Removes old rows a few at a time, so that other writers do not wait for long."""

import time

from ltrr_haystack.store import retention
from ltrr_haystack.store.database import Database
from ltrr_haystack.store.space import PAUSE_SECONDS

PRUNE_AT_ONCE = 250
"""Decisions that are removed in one transaction, since other writers wait for it."""


def prune(database: Database, before: float) -> int:
    """
    Remove old decisions that were learned from, with their impressions and events.

    :param database: The database.
    :param before: Decisions made at or after this time stay, in seconds since 1970.
    :returns: How many decisions were removed.
    """
    removed = 0
    while some := database.write(retention.prune_some, before, PRUNE_AT_ONCE):
        removed += some
        if some == PRUNE_AT_ONCE:
            time.sleep(PAUSE_SECONDS)
    database.write(retention.prune_strays, before)
    return removed
