"""Changes what is counted of the catalogue in the store, whichever processes do so at the same time."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ltrr_haystack.catalogue import codec, lexicon_codec
from ltrr_haystack.catalogue.lexicon_counts import LexiconCounts
from ltrr_haystack.catalogue.snapshots import draft_of
from ltrr_haystack.catalogue.statistics import CollectionStatistics
from ltrr_haystack.errors import SnapshotError, SupersededError
from ltrr_haystack.store import CATALOGUE, LEXICON, LTRRStore

ATTEMPTS = 50
"""How often counts are renewed from what another process has made active meanwhile."""

LONGEST_PAUSE = 0.05
"""Seconds before another attempt at most, drawn at random so that two processes do not meet again."""

_READERS: dict[str, Callable[[bytes], Any]] = {CATALOGUE: codec.from_bytes, LEXICON: lexicon_codec.from_bytes}


@dataclass(frozen=True, slots=True)
class CatalogueCounts:
    """
    What is counted of all documents.

    :param statistics: The collection statistics; `None` where there are none.
    :param lexicon: The counts of the lexicon; `None` where there are none.
    """

    statistics: CollectionStatistics | None = None
    lexicon: LexiconCounts | None = None


Change = Callable[[CatalogueCounts], CatalogueCounts]
"""Gives new counts for old ones."""


class CatalogueRenewal:
    """
    Changes the counts in the store. What other processes do at the same time is not lost, and statistics and lexicon
    change in one transaction.

    What was stored last is kept here, so that it need not be read again for the next change.

    :param store: The store.
    :param kinds: What is changed: the kind of the statistics, of the lexicon, or both. What is left out is neither
        read nor written.
    """

    def __init__(self, store: LTRRStore, *kinds: str) -> None:
        self._store = store
        self._kinds = kinds
        self._held: dict[str, tuple[int, Any]] = {}

    def renew(self, change: Change) -> CatalogueCounts:
        """
        Change the counts.

        :param change: Gives the new counts; called again with those of another process if that one was faster. Counts
            that are damaged or of another format count as none.
        :returns: The counts that are active now.
        :raises StoreError: If the store cannot be written.
        :raises SupersededError: If other processes were faster each time.
        """
        for attempt in range(1, ATTEMPTS + 1):
            versions = self._versions()
            before = {kind: self._read(kind, version) for kind, version in versions.items()}
            counts = change(CatalogueCounts(before.get(CATALOGUE), before.get(LEXICON)))
            statistics = None if counts.statistics is None else counts.statistics.pruned()
            after = {CATALOGUE: statistics, LEXICON: counts.lexicon}
            changed = {kind: each for kind, each in after.items() if each is not None and each != before.get(kind)}
            if not changed:
                return counts
            drafts = [replace(draft_of(each), replaces=versions[kind]) for kind, each in changed.items()]
            try:
                stored = self._store.add_snapshots(drafts)
            except SupersededError:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, LONGEST_PAUSE))
            else:
                self._held |= {
                    kind: (version, each) for (kind, each), version in zip(changed.items(), stored, strict=True)
                }
                return CatalogueCounts(statistics, counts.lexicon)
        raise AssertionError("unreachable")

    def _versions(self) -> dict[str, int]:
        return {kind: self._store.active_version(kind) for kind in self._kinds}

    def _read(self, kind: str, version: int) -> Any:
        held, value = self._held.get(kind, (0, None))
        if version == held:
            return value
        try:
            snapshot = self._store.snapshot(kind, version)
            value = None if snapshot is None else _READERS[kind](snapshot.payload)
        except SnapshotError:
            value = None
        self._held[kind] = (version, value)
        return value
