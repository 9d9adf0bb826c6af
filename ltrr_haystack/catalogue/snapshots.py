"""What is counted of the catalogue, in the store: collection statistics and the lexicon."""

import gc
from functools import lru_cache
from threading import Lock
from typing import Any

from ltrr_haystack.catalogue import codec, lexicon_codec
from ltrr_haystack.catalogue.lexicon import Lexicon
from ltrr_haystack.catalogue.lexicon_counts import FieldCounts, LexiconCounts
from ltrr_haystack.catalogue.lexicon_fields import slot_of
from ltrr_haystack.catalogue.statistics import CollectionStatistics
from ltrr_haystack.store import CATALOGUE, LEXICON, ActiveModel, LTRRStore, Snapshot, SnapshotDraft

Counted = CollectionStatistics | LexiconCounts

_loading = Lock()


def draft_of(counted: Counted) -> SnapshotDraft:
    """
    Make a snapshot of what was counted.

    :param counted: The statistics, or the counts of a lexicon.
    :returns: The snapshot; of statistics it is no larger than `CollectionStatistics.pruned` makes it.
    """
    if isinstance(counted, LexiconCounts):
        declared = counted.declared
        card: dict[str, Any] = {
            "documents": counted.documents,
            "fields": ", ".join(map(slot_of, declared.fields)),
            "values": sum(len(counted.fields[name].values) for name in declared.fields),
        }
        if odd := [text for name, each in counted.fields.items() if (text := odd_text(slot_of(name), each))]:
            card["odd"] = "; ".join(odd)
        return SnapshotDraft(LEXICON, lexicon_codec.to_bytes(counted), card)
    kept = counted.pruned()
    card = {
        "documents": kept.documents,
        "fields": ", ".join(kept.fields),
        "stems": sum(len(each.frequencies) for each in kept.fields.values()),
        "language": kept.language or "none",
    }
    return SnapshotDraft(CATALOGUE, codec.to_bytes(kept), card)


def odd_text(name: str, counts: FieldCounts) -> str:
    """
    Say which documents the filters of a field leave out.

    :param name: The field.
    :param counts: What is counted of it.
    :returns: Such as `genre: 1 with lists`; empty where none are.
    """
    odd = ", ".join(f"{documents:,} with {sort}" for sort, documents in counts.odd.items())
    return odd and f"{name}: {odd}"


def publish(store: LTRRStore, *counted: Counted) -> list[int]:
    """
    Store what was counted and make it active: all of it, or nothing where the store fails.

    :param store: The store.
    :param counted: Statistics, the counts of a lexicon, or both.
    :returns: The version of each.
    """
    return store.add_snapshots(list(map(draft_of, counted)))


def active_statistics(store: LTRRStore, poll_interval: float = 1.0) -> ActiveModel[CollectionStatistics | None]:
    """
    Hold the statistics that are active in the store.

    :param store: The store.
    :param poll_interval: Seconds between two checks for newer ones, which are read beside the searches; 0 checks each
        time, and waits.
    :returns: What gives the statistics, `None` while there are none, and their version.
    """
    return ActiveModel(
        store,
        CATALOGUE,
        load=lambda snapshot: codec.from_bytes(snapshot.payload),
        default=None,
        poll_interval=poll_interval,
        wait=False,
    )


def load_lexicon(snapshot: Snapshot) -> Lexicon:
    """
    Make the lexicon of a snapshot. Components that load the same one share it.

    :param snapshot: The snapshot.
    :returns: The lexicon.
    :raises SnapshotError: If it is damaged, or of another format.
    """
    with _loading:
        return _lexicon(snapshot.payload)


@lru_cache(maxsize=1)
def _lexicon(payload: bytes) -> Lexicon:
    # The garbage collector would look through all that is being made, and stop every thread for it, again and again:
    # 100,000 values take twice as long then, and searches wait for tenths of a second.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return lexicon_codec.from_bytes(payload).lexicon()
    finally:
        if collecting:
            gc.enable()


def active_lexicon(store: LTRRStore, poll_interval: float = 1.0) -> ActiveModel[Lexicon | None]:
    """
    Hold the lexicon that is active in the store.

    :param store: The store.
    :param poll_interval: Seconds between two checks for a newer one, which is read beside the searches; 0 checks each
        time, and waits.
    :returns: What gives the lexicon, `None` while there is none, and its version.
    """
    return ActiveModel(
        store,
        LEXICON,
        load=load_lexicon,
        default=None,
        poll_interval=poll_interval,
        wait=False,
    )
