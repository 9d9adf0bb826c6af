"""Removes old rows a few at a time, so that other writers do not wait for long."""

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from ltrr_haystack.store import retention
from ltrr_haystack.store.database import Database
from ltrr_haystack.store.space import PAUSE_SECONDS

PRUNE_AT_ONCE = 250
"""Decisions that are removed in one transaction, since other writers wait for it."""

FORGET_AT_ONCE = 100
"""Query keys of which something is forgotten in one transaction."""


def prune(database: Database, before: float) -> int:
    """
    Remove old decisions that were learned from, with their impressions and events, and forget what was never chosen.

    :param database: The database.
    :param before: Decisions made at or after this time stay, in seconds since 1970, as does what is remembered of
        queries of which something was learned since.
    :returns: How many decisions were removed.
    """
    removed = 0
    while some := database.write(retention.prune_some, before, PRUNE_AT_ONCE):
        removed += some
        if some == PRUNE_AT_ONCE:
            time.sleep(PAUSE_SECONDS)
    database.write(retention.prune_strays, before)
    _forget(database, before, retention.forgettable, retention.forget)
    _forget(database, before, retention.outdated, retention.forget_history)
    return removed


def _forget(
    database: Database,
    before: float,
    find: Callable[[Connection, float, str, int], list[str]],
    forget: Callable[[Connection, float, Sequence[str]], None],
) -> None:
    """Go once through the query keys; one that is done is not found again."""
    start = ""
    while query_keys := database.read(find, before, start, FORGET_AT_ONCE):
        database.write(forget, before, query_keys)
        start = query_keys[-1]
        if len(query_keys) == FORGET_AT_ONCE:
            time.sleep(PAUSE_SECONDS)
