"""Collection statistics in the store."""

import random
import time
from collections.abc import Callable

from ltrr_haystack.catalogue.codec import from_bytes, to_bytes
from ltrr_haystack.catalogue.statistics import CollectionStatistics
from ltrr_haystack.errors import SnapshotError, StoreError
from ltrr_haystack.store import CATALOGUE, ActiveModel, LTRRStore, SnapshotDraft

ATTEMPTS = 50
"""How often statistics are renewed from what another process has made active meanwhile."""

LONGEST_PAUSE = 0.05
"""Seconds before another attempt at most, drawn at random so that two processes do not meet again."""

Change = Callable[[CollectionStatistics | None], CollectionStatistics]
"""Gives new statistics for old ones, which are `None` where there are none."""


def draft_of(statistics: CollectionStatistics) -> SnapshotDraft:
    """
    Make a snapshot of statistics.

    :param statistics: The statistics.
    :returns: The snapshot, no larger than `CollectionStatistics.pruned` makes it.
    """
    kept = statistics.pruned()
    card = {
        "documents": kept.documents,
        "fields": ", ".join(kept.fields),
        "stems": sum(len(each.frequencies) for each in kept.fields.values()),
        "language": kept.language or "none",
    }
    return SnapshotDraft(CATALOGUE, to_bytes(kept), card)


def publish(store: LTRRStore, statistics: CollectionStatistics) -> int:
    """
    Store statistics and make them the active ones.

    :param store: The store.
    :param statistics: The statistics.
    :returns: Their version.
    """
    draft = draft_of(statistics)
    return store.add_snapshot(draft.kind, draft.payload, draft.card, activate=True)


def active_statistics(store: LTRRStore, poll_interval: float = 1.0) -> ActiveModel[CollectionStatistics | None]:
    """
    Hold the statistics that are active in the store.

    :param store: The store.
    :param poll_interval: Seconds between two checks for newer ones; 0 checks each time.
    :returns: What gives the statistics, `None` while there are none, and their version.
    """
    return ActiveModel(
        store,
        CATALOGUE,
        load=lambda snapshot: from_bytes(snapshot.payload),
        default=None,
        poll_interval=poll_interval,
    )


def renew(store: LTRRStore, change: Change) -> CollectionStatistics:
    """
    Change the statistics in the store. What other processes do at the same time is not lost.

    :param store: The store.
    :param change: Gives the new statistics; called again with those of another process if that one was faster.
        Statistics that are damaged or of another format count as none.
    :returns: The statistics that are active now.
    :raises StoreError: If the store cannot be written, or other processes were faster each time.
    """
    for attempt in range(1, ATTEMPTS + 1):
        version = store.active_version(CATALOGUE)
        before = _read(store, version)
        after = change(before)
        if after == before:
            return after
        draft = draft_of(after)
        try:
            store.add_snapshot(draft.kind, draft.payload, draft.card, activate=True, replaces=version)
        except StoreError:
            if attempt == ATTEMPTS or store.active_version(CATALOGUE) == version:
                raise
            time.sleep(random.uniform(0, LONGEST_PAUSE))
        else:
            return after
    raise AssertionError("unreachable")


def _read(store: LTRRStore, version: int) -> CollectionStatistics | None:
    try:
        snapshot = store.snapshot(CATALOGUE, version) if version else None
        return None if snapshot is None else from_bytes(snapshot.payload)
    except SnapshotError:
        return None
