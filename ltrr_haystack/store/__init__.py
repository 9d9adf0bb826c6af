"""The store: the log of decisions, impressions and events, what was learned from it, and model snapshots."""

from ltrr_haystack.store.active import ActiveModel
from ltrr_haystack.store.records import (
    ApiKeyRecord,
    Counts,
    EventRecord,
    Evidence,
    HistoryDelta,
    HistoryEntry,
    LateReward,
    LearningUpdate,
    MemoryEntry,
    SearchRecord,
    Snapshot,
    SnapshotDraft,
    SnapshotInfo,
    Watermark,
)
from ltrr_haystack.store.store import LTRRStore

__all__ = [
    "ActiveModel",
    "ApiKeyRecord",
    "Counts",
    "EventRecord",
    "Evidence",
    "HistoryDelta",
    "HistoryEntry",
    "LTRRStore",
    "LateReward",
    "LearningUpdate",
    "MemoryEntry",
    "SearchRecord",
    "Snapshot",
    "SnapshotDraft",
    "SnapshotInfo",
    "Watermark",
]
