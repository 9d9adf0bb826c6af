"""The store: the log of decisions, impressions and events, what was learned from it, and model snapshots."""

from ltrr_haystack.store.active import ActiveModel
from ltrr_haystack.store.kinds import ALLOCATIONS, CATALOGUE, CLICKS, INTENTS, LEXICON, PAGE, POLICY, RANKER
from ltrr_haystack.store.outage import Outage
from ltrr_haystack.store.reading import newest_decision, read_log
from ltrr_haystack.store.records import (
    ApiKeyRecord,
    Counts,
    EventRecord,
    Evidence,
    HistoryDelta,
    HistoryEntry,
    LateBatch,
    LateReward,
    LearningUpdate,
    MemoryEntry,
    ReadingClicks,
    SearchRecord,
    SettledBatch,
    Snapshot,
    SnapshotDraft,
    SnapshotInfo,
    SpaceFreed,
    Watermark,
)
from ltrr_haystack.store.store import LTRRStore

__all__ = [
    "ALLOCATIONS",
    "CATALOGUE",
    "CLICKS",
    "INTENTS",
    "LEXICON",
    "PAGE",
    "POLICY",
    "RANKER",
    "ActiveModel",
    "ApiKeyRecord",
    "Counts",
    "EventRecord",
    "Evidence",
    "HistoryDelta",
    "HistoryEntry",
    "LTRRStore",
    "LateBatch",
    "LateReward",
    "LearningUpdate",
    "MemoryEntry",
    "Outage",
    "ReadingClicks",
    "SearchRecord",
    "SettledBatch",
    "Snapshot",
    "SnapshotDraft",
    "SnapshotInfo",
    "SpaceFreed",
    "Watermark",
    "newest_decision",
    "read_log",
]
