"""The values that go into the store and come out of it, apart from those that travel through a pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ltrr_haystack.types import Decision, Impression, SettledDecision

QUERY, MODELS = 1, 2
"""What a decision counts for, as bits: the evidence of its query, and the models that are trained."""

LATE = "late "
"""What the subjects begin with under which rewards are counted that came late."""

SECONDS_PER_DAY = 86_400

EventStatus = Literal["new", "duplicate", "excess", "full"]
"""What became of an event: logged, there already, one too many of its search, or too large for what is left to it."""


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """
    What feedback has to know of a search.

    :param decided_at: When it was decided, in seconds since 1970, UTC.
    :param ordinals: Object id → the position it was shown at, from 1.
    """

    decided_at: float
    ordinals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """
    One event, ready for the log.

    :param event_id: What makes the event the same when it is sent twice.
    :param query_id: The search it refers to.
    :param object_id: The object it refers to, if any.
    :param action_name: What was done.
    :param timestamp: When it was done, in seconds since 1970, UTC.
    :param received_at: When it reached us.
    :param reward: What it is worth.
    :param payload: The event itself, as JSON.
    """

    event_id: str
    query_id: str
    object_id: str | None
    action_name: str
    timestamp: float
    received_at: float
    reward: float
    payload: str = field(default="{}", repr=False)


@dataclass(frozen=True, slots=True)
class Watermark:
    """
    How far learning has come in the log.

    :param settled: How many decisions' reward windows are closed.
    :param learned: Place in the order of settlement up to which decisions were learned from.
    :param late: Seq of the last late event that was learned from.
    """

    settled: int = 0
    learned: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class LateReward:
    """
    The reward of an event that came after its decision was settled.

    :param seq: The event's place in the log.
    :param decision: The decision that it refers to.
    :param object_id: The object that was shown.
    :param ordinal: The position it was shown at, from 1.
    :param reward: What the event is worth.
    :param before: What counts of the events before it, of the same object and decision.
    :param counted: What the decision counts for, `QUERY` and `MODELS` as bits.
    :param place: The decision's place in the order of settlement.
    :param impressions: The whole page; empty where the decision has no readings, by which alone it is asked for.
    :param page_version: Version of the page model that ordered it.
    """

    seq: int
    decision: Decision
    object_id: str
    ordinal: int
    reward: float
    before: float = 0.0
    counted: int = QUERY | MODELS
    place: int = 0
    impressions: tuple[Impression, ...] = field(default=(), repr=False)
    page_version: int = 0


@dataclass(frozen=True, slots=True)
class LateBatch:
    """
    Rewards of late events, in the order of the log.

    :param rewards: Those that are learned from.
    :param last: Seq of the last event that was looked at.
    """

    rewards: tuple[LateReward, ...]
    last: int


@dataclass(frozen=True, slots=True)
class SettledBatch:
    """
    Settled decisions, in the order of settlement.

    :param decisions: Those that can be read.
    :param faults: Place in the order of settlement → why that decision cannot be read.
    :param last: Place of the last of both.
    """

    decisions: tuple[SettledDecision, ...]
    faults: Mapping[int, str]
    last: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    What is added to the memory of one query key and one object.

    :param exposures: How often it counts as seen.
    :param successes: How often it was a success.
    """

    exposures: float
    successes: float


@dataclass(frozen=True, slots=True)
class HistoryDelta:
    """
    What is added to the history of one query key and one arm.

    :param draws: How often the arm ran.
    :param credit: The credit it earned.
    :param returned: How many candidates it brought.
    """

    draws: float
    credit: float
    returned: float


@dataclass(frozen=True, slots=True)
class ReadingClicks:
    """
    What clicks say of one reading of a query, or of one kind of readings; see `readings/clicks.py`.

    :param chosen: Rewards that speak for it: people chose documents that agree with it where others were to be had.
    :param passed: Rewards that speak against it: its documents were passed by for others.
    """

    chosen: float
    passed: float


@dataclass(frozen=True, slots=True)
class SnapshotDraft:
    """
    A model snapshot that is not stored yet.

    :param kind: What it is a snapshot of (`policy`, `ranker` …).
    :param payload: The model.
    :param card: What is to be known of the model, in JSON types.
    :param activate: Whether it becomes the active version.
    :param replaces: The version that it was trained from, 0 for none: with another one active nothing is kept. `None`
        asks for nothing.
    """

    kind: str
    payload: bytes = field(repr=False)
    card: Mapping[str, Any] = field(default_factory=dict)
    activate: bool = True
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningUpdate:
    """
    All that one step of learning changes.

    :param holder: The learner, as it took the lease.
    :param since: The watermark it started from.
    :param learned: Place in the order of settlement of the last decision it learned from.
    :param late: Seq of the last late event it learned from.
    :param memory: (query key, object id) → what is added.
    :param history: (query key, arm) → what is added.
    :param readings: (query key, key of a reading) → what is added.
    :param snapshot: The model after this step, if it is to be kept.
    :param updated_at: The time that changed entries of memory and history bear; the time of the commit if not given.
    :param client_counts: (subject, client, day) → what is added to the count of what the client has contributed.
    :param counted: Place in the order of settlement → what that decision counts for, where it does not count for all.
    :param counted_rewards: (place in the order of settlement, object id) → what counts of that impression's rewards,
        where it is not their sum.
    :param faults: Place in the order of settlement → why that decision was set aside.
    """

    holder: str
    since: Watermark
    learned: int
    late: int
    memory: Mapping[tuple[str, str], Evidence] = field(default_factory=dict)
    history: Mapping[tuple[str, str], HistoryDelta] = field(default_factory=dict)
    readings: Mapping[tuple[str, str], ReadingClicks] = field(default_factory=dict)
    snapshot: SnapshotDraft | None = None
    updated_at: float | None = None
    client_counts: Mapping[tuple[str, str, int], float] = field(default_factory=dict)
    counted: Mapping[int, int] = field(default_factory=dict)
    counted_rewards: Mapping[tuple[int, str], float] = field(default_factory=dict)
    faults: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """
    What is remembered of one object for one query key.

    :param object_id: The object.
    :param exposures: How often it counts as seen.
    :param successes: How often it was a success.
    :param updated_at: When this last changed, in seconds since 1970, UTC.
    :param since: When the first of it was learned; `None` if that is not known.
    """

    object_id: str
    exposures: float
    successes: float
    updated_at: float
    since: float | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """
    What is known of one arm for one query key.

    :param draws: How often the arm ran.
    :param credit: The credit it earned.
    :param returned: How many candidates it brought.
    """

    draws: float
    credit: float
    returned: float


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """
    A stored model snapshot without its payload.

    :param kind: What it is a snapshot of.
    :param version: Its number, from 1.
    :param card: What is to be known of the model.
    :param created_at: When it was stored, in seconds since 1970, UTC.
    :param active: Whether it is the active version.
    """

    kind: str
    version: int
    card: Mapping[str, Any]
    created_at: float
    active: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    A stored model snapshot.

    :param kind: What it is a snapshot of.
    :param version: Its number, from 1.
    :param payload: The model.
    :param card: What is to be known of the model.
    :param created_at: When it was stored, in seconds since 1970, UTC.
    """

    kind: str
    version: int
    payload: bytes = field(repr=False)
    card: Mapping[str, Any]
    created_at: float


@dataclass(frozen=True, slots=True)
class Counts:
    """
    How many rows the store holds.

    :param decisions: Decisions.
    :param impressions: Impressions.
    :param events: Events, late ones included.
    :param late_events: Events that came after their decision was settled.
    :param learned: Decisions that were learned from.
    :param set_aside: Decisions that could not be read or learned from; they are kept.
    :param uncounted: Decisions that do not count for all that is learned, being beyond their client's share.
    """

    decisions: int
    impressions: int
    events: int
    late_events: int
    learned: int
    set_aside: int = 0
    uncounted: int = 0


@dataclass(frozen=True, slots=True)
class SpaceFreed:
    """
    What became of the space that was in use.

    :param given_back: Bytes that the disk has again.
    :param left: Bytes that are free within the database's file; they will be used again.
    """

    given_back: int
    left: int


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """
    A key to the server, without its secret.

    :param key_id: What names it; part of the key itself.
    :param name: Who or what it was made for.
    :param digest: SHA-256 of the whole key, in hexadecimal digits.
    :param scopes: What it opens.
    :param created_at: When it was made, in seconds since 1970, UTC.
    :param revoked_at: When it was taken back; `None` while it is good.
    """

    key_id: str
    name: str
    digest: str = field(repr=False)
    scopes: tuple[str, ...]
    created_at: float
    revoked_at: float | None = None
