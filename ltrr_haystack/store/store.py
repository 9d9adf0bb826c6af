"""LTRRStore: what a learned pipeline remembers."""

import asyncio
import sys
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Self, get_args

from haystack import default_from_dict, default_to_dict
from haystack.utils import Secret

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store import keys, learning, lease, log, retention, searches, settlement, snapshots
from ltrr_haystack.store.checks import finite
from ltrr_haystack.store.database import WRITE_SECONDS, Database
from ltrr_haystack.store.engines import Synchronous
from ltrr_haystack.store.event_budget import MOST_EVENTS_PER_SEARCH
from ltrr_haystack.store.pruning import prune
from ltrr_haystack.store.records import (
    ApiKeyRecord,
    Counts,
    EventRecord,
    EventStatus,
    HistoryEntry,
    LateBatch,
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
from ltrr_haystack.store.share import DatabaseShare
from ltrr_haystack.store.waiting import result_of, result_of_async
from ltrr_haystack.types import Ranking, SettledDecision

FROM_ENVIRONMENT = Secret.from_env_var("LTRR_STORE_URL")


class LTRRStore:
    """
    Keeps decisions, impressions, events, what was learned from them, and versioned model snapshots.

    What a call acknowledged survives a killed process: a call that writes returns after the commit. Calls that write
    at the same time share one transaction. All stores of one url in a process share one engine, so that each
    component of a pipeline can be given a store of its own; it opens when it is first used.

    Usage example:
    ```python
    from haystack.utils import Secret
    from ltrr_haystack.store import LTRRStore

    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    store.warm_up()
    print(store.counts())
    store.close()
    ```

    In the YAML of a pipeline it is a nested object:
    ```yaml
    store:
      type: ltrr_haystack.store.store.LTRRStore
      init_parameters:
        url: {type: env_var, env_vars: [LTRR_STORE_URL], strict: true}
    ```
    """

    def __init__(self, url: Secret = FROM_ENVIRONMENT, *, synchronous: Synchronous = "NORMAL") -> None:
        """
        Describe the store; nothing is opened yet.

        :param url: `sqlite:////absolute/path.db`, kept in the write-ahead mode, or
            `postgresql+psycopg://user:password@host/database`.
        :param synchronous: For SQLite. `NORMAL`: what was acknowledged survives the end of the process, however it
            comes; a power failure may cost the last moments, and never damages the file. `FULL`: each commit waits for
            the disk and survives a power failure too. PostgreSQL waits as its `synchronous_commit` says.
        :raises ConfigurationError: If `url` is no Secret, or `synchronous` is neither.
        """
        if synchronous not in get_args(Synchronous):
            msg = f"synchronous must be 'NORMAL' or 'FULL', got '{synchronous}'."
            raise ConfigurationError(msg)
        self.url = url
        self.synchronous = synchronous
        self._share = DatabaseShare(url, synchronous)

    def __repr__(self) -> str:
        return f"LTRRStore(url={self.url!r}, synchronous={self.synchronous!r})"

    def to_dict(self) -> dict[str, Any]:
        """
        Describe the store as Haystack writes it into YAML.

        :returns: A dictionary from which `from_dict` makes a store like this one.
        """
        return default_to_dict(self, url=self.url, synchronous=self.synchronous)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make a store from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The store, not opened.
        """
        return default_from_dict(cls, data)

    def warm_up(self) -> None:
        """
        Open the store and bring its schema to the newest version; also opens it again after `close`.

        A pipeline warms up before every search: a store that was open once, and cannot be opened in a forked process
        now, is no reason to fail that search. Whatever is asked of it then is refused, until it can be opened.

        :raises ConfigurationError: If the url is missing or wrong.
        :raises StoreUnavailableError: If the database cannot be opened.
        :raises StoreError: If it was written by a newer version of this package.
        """
        self._share.reopen()

    async def warm_up_async(self) -> None:
        """Do what `warm_up` does without blocking the event loop; a store that is open is left as it is."""
        if not self._share.is_open:
            await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Let the store go; the last one of a url closes its engine, after all that was handed in is committed."""
        self._share.close()

    def record_search(self, ranking: Ranking, timeout: float | None = None) -> None:
        """
        Put a search into the log; returns after the commit.

        :param ranking: What was decided and will be shown.
        :param timeout: Seconds to wait for the commit, for a search that somebody waits for. It does not wait at all
            while the commit before it has taken longer already.
        :raises InvalidInputError: If it holds what no database can keep: NUL, lone surrogates, infinite numbers.
        :raises StoreUnavailableError: If it cannot be written now, or not within `timeout`.
        :raises StoreError: If a search of that id is recorded already.
        """
        result_of(_add_search(self._share.database(), ranking, timeout), WRITE_SECONDS if timeout is None else timeout)

    async def record_search_async(self, ranking: Ranking, timeout: float | None = None) -> None:
        """
        Put a search into the log without blocking the event loop; returns after the commit.

        :param ranking: What was decided and will be shown.
        :param timeout: Seconds to wait for the commit, as in `record_search`.
        :raises InvalidInputError: If it holds what no database can keep: NUL, lone surrogates, infinite numbers.
        :raises StoreUnavailableError: If it cannot be written now, or not within `timeout`.
        :raises StoreError: If a search of that id is recorded already.
        """
        future = _add_search(await self._share.database_async(), ranking, timeout)
        await result_of_async(future, WRITE_SECONDS if timeout is None else timeout)

    def searches(self, query_ids: Collection[str]) -> dict[str, SearchRecord]:
        """
        Look up searches.

        :param query_ids: Their ids.
        :returns: Query id → what feedback has to know of it; unknown ones are left out.
        """
        return self._share.database().look(log.searches, query_ids) if query_ids else {}

    def record_events(
        self, events: Sequence[EventRecord], most_per_search: int = MOST_EVENTS_PER_SEARCH
    ) -> list[EventStatus]:
        """
        Put events into the log, each once, all in one commit; returns after it.

        :param events: The events.
        :param most_per_search: Most events with a reward that are kept of one search, and without.
        :returns: For each `new`, `duplicate` where its `event_id` was there or came earlier in the list, `excess`
            where its search has its most events already, or `full` where it has not enough bytes left for this one.
        :raises InvalidInputError: If one holds what no database can keep; then none is recorded.
        :raises StoreUnavailableError: If they cannot be written now; sent again, each counts once.
        """
        return self._share.database().write(log.add_events, log.event_rows(events), most_per_search) if events else []

    async def record_events_async(
        self, events: Sequence[EventRecord], most_per_search: int = MOST_EVENTS_PER_SEARCH
    ) -> list[EventStatus]:
        """
        Put events into the log, each once, without blocking the event loop; returns after the commit.

        :param events: The events.
        :param most_per_search: Most events with a reward that are kept of one search, and without.
        :returns: As `record_events`.
        :raises InvalidInputError: If one holds what no database can keep; then none is recorded.
        :raises StoreUnavailableError: If they cannot be written now; sent again, each counts once.
        """
        if not events:
            return []
        database = await self._share.database_async()
        submitted = database.submit(log.add_events, log.event_rows(events), most_per_search)
        return await result_of_async(submitted, WRITE_SECONDS)

    def watermark(self) -> Watermark:
        """
        Tell how far learning has come.

        :returns: The watermark.
        """
        return self._share.database().read(settlement.watermark)

    def settled_before(self, moment: float) -> int:
        """
        Find where the part of the log begins that was decided at some time or later.

        :param moment: Seconds since 1970, UTC.
        :returns: The place in the order of settlement after which it begins, for `settled`.
        """
        return self._share.database().read(settlement.settled_before, finite("moment", moment))

    def settle(self, before: float, limit: int = 1000) -> int:
        """
        Close the reward windows of old decisions, in the order of the log; younger ones among them are passed over.

        Events of a settled decision are late from then on.

        :param before: Decisions made after this time stay open.
        :param limit: Most decisions to settle.
        :returns: How many decisions are settled now, all in all.
        """
        database = self._share.database()
        if not database.read(settlement.any_due, finite("before", before)):
            return database.read(settlement.watermark).settled
        return database.write(settlement.settle, before, limit)

    def settled(self, after: int, limit: int, *, include_late: bool = False) -> list[SettledDecision]:
        """
        Read settled decisions with what came of them, those left out that cannot be read.

        :param after: Place in the order of settlement after which to begin.
        :param limit: Most decisions to read.
        :param include_late: Whether the rewards of late events are added. Learning goes without: only so does it learn
            the same whenever it runs.
        :returns: The decisions in the order of settlement.
        """
        return self._share.database().read(settlement.settled, after, limit, sys.maxsize if include_late else 0)

    def learned(self, after: int, limit: int) -> list[SettledDecision]:
        """
        Read decisions that a learner has been through, those left out that cannot be read.

        What counts of their rewards is known (`SettledDecision.counted_rewards`), late ones included.

        :param after: Place in the order of settlement after which to begin.
        :param limit: Most decisions to read.
        :returns: The decisions in the order of settlement; none only if there are no more that can be read.
        """
        return self._share.database().read(settlement.learned, after, limit)

    def settled_batch(self, after: int, limit: int) -> SettledBatch:
        """
        Read settled decisions to learn from, without the rewards of late events.

        :param after: Place in the order of settlement after which to begin.
        :param limit: Most decisions to read.
        :returns: The decisions in the order of settlement, and which of them cannot be read.
        """
        return self._share.database().read(settlement.settled_batch, after, limit)

    def late_rewards(self, after: int, limit: int) -> LateBatch:
        """
        Read late events of decisions that were learned from.

        :param after: Seq of the event after which to begin.
        :param limit: Most events to read.
        :returns: The rewards in the order of the log, up to the first whose decision is yet to be learned from; events
            of objects that were not shown are left out, as are those of decisions that cannot be read.
        """
        return self._share.database().read(settlement.late_rewards, after, limit)

    def commit_learning(self, update: LearningUpdate) -> int | None:
        """
        Keep what one step of learning changed, all in one transaction or nothing.

        :param update: What changed.
        :returns: The version of the new snapshot, or `None` if there is none.
        :raises StoreError: If another learner holds the lease, or the watermark is not where this step began.
        :raises InvalidInputError: If an amount is not finite or a text cannot be kept.
        """
        return self._share.database().write(learning.commit_learning, update, learning.learning_rows(update))

    def memory(self, query_key: str) -> list[MemoryEntry]:
        """
        Read the memory of a query key.

        :param query_key: The normal form of a query.
        :returns: One entry for each object that there is evidence on.
        """
        return self._share.database().look(learning.memory, query_key)

    def history(self, query_key: str) -> dict[str, HistoryEntry]:
        """
        Read the history of a query key.

        :param query_key: The normal form of a query.
        :returns: Arm → what is known of it.
        """
        return self._share.database().look(learning.history, query_key)

    def reading_clicks(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], ReadingClicks]:
        """
        Read what clicks say of readings.

        :param pairs: Query keys with keys of readings: few query keys, at most 400 readings.
        :returns: The pair → what clicks say; pairs of which they say nothing are left out.
        """
        return self._share.database().look(learning.reading_clicks, pairs) if pairs else {}

    def client_counts(self, pairs: Sequence[tuple[str, str]], since: int) -> dict[tuple[str, str, int], float]:
        """
        Read how much clients have contributed to what was learned.

        :param pairs: Subjects with clients.
        :param since: The first day to read, in days since 1970.
        :returns: (subject, client, day) → the count; days without one are left out.
        """
        return self._share.database().read(learning.client_counts, pairs, since) if pairs else {}

    def forget_client_counts(self, before: int, window: int) -> None:
        """
        Remove old counts of clients, those of late rewards only if no decision is kept for which more may come.

        :param before: Counts of this day and later ones stay, in days since 1970.
        :param window: On how many days, up to that of a decision, contributions are counted together.
        """
        self._share.database().write(learning.forget_client_counts, before, window)

    def add_snapshot(
        self, kind: str, payload: bytes, card: Mapping[str, Any], *, activate: bool, replaces: int | None = None
    ) -> int:
        """
        Keep a model snapshot; the last 20 of a kind are kept, and the active one.

        :param kind: What it is a snapshot of.
        :param payload: The model.
        :param card: What is to be known of the model, in JSON types.
        :param activate: Whether it becomes the active version.
        :param replaces: The version that it was made from, 0 for none; `None` asks for nothing.
        :returns: Its version: 1, 2, … for each kind.
        :raises SupersededError: If another version is active than the one that it replaces; nothing is kept then.
        """
        [version] = self.add_snapshots([SnapshotDraft(kind, payload, card, activate, replaces)])
        return version

    def add_snapshots(self, drafts: Sequence[SnapshotDraft]) -> list[int]:
        """
        Keep several model snapshots, all or none of them.

        :param drafts: The snapshots.
        :returns: Their versions.
        :raises SupersededError: If another version is active than the one that one of them replaces.
        """
        rows = [(draft, snapshots.draft_row(draft)) for draft in drafts]
        return self._share.database().write(snapshots.add_all, rows)

    def snapshot(self, kind: str, version: int | None = None) -> Snapshot | None:
        """
        Read a model snapshot.

        :param kind: What it is a snapshot of.
        :param version: Its number; the active one if not given.
        :returns: The snapshot, or `None` if there is no such one.
        :raises DamagedSnapshotError: If it is not what was stored.
        """
        return self._share.database().look(snapshots.read, kind, version)

    def active_version(self, kind: str) -> int:
        """
        Tell the active version; cheap enough to be asked often.

        :param kind: What it is a snapshot of.
        :returns: The version; 0 if none is active.
        """
        return self._share.database().look(snapshots.active_version, kind)

    def activate(self, kind: str, version: int, *, replaces: int | None = None) -> None:
        """
        Make a stored version the active one: the rollback.

        :param kind: What it is a snapshot of.
        :param version: Its number; 0 for none.
        :param replaces: The version that has to be active still, 0 for none; `None` asks for nothing.
        :raises StoreError: If there is no such version.
        :raises SupersededError: If another version is active than the one that it replaces.
        :raises DamagedSnapshotError: If it is not what was stored.
        """
        self._share.database().write(snapshots.activate, kind, version, replaces)

    def snapshots(self, kind: str) -> list[SnapshotInfo]:
        """
        List the snapshots of a kind.

        :param kind: What they are snapshots of.
        :returns: The snapshots without payload, oldest first.
        """
        return self._share.database().read(snapshots.listed, kind)

    def damaged_snapshots(self, kind: str) -> list[int]:
        """
        Look through all snapshots of a kind for those that are not what was stored; reads all of them.

        :param kind: What they are snapshots of.
        :returns: Their versions.
        """
        return self._share.database().read(snapshots.damaged, kind)

    def acquire_lease(self, holder: str, seconds: float) -> bool:
        """
        Take the learner's lease or prolong it.

        :param holder: Who wants it.
        :param seconds: For how long.
        :returns: Whether it is held now; `False` if somebody else holds it.
        """
        return self._share.database().write(lease.acquire, holder, seconds)

    def release_lease(self, holder: str) -> None:
        """
        Give the learner's lease back.

        :param holder: Who held it; nothing happens if that is somebody else.
        """
        self._share.database().write(lease.release, holder)

    def prune(self, before: float) -> int:
        """
        Remove old decisions that were learned from, with their impressions and events; what they fed stays.

        All that goes of it are documents that were looked at and never chosen for a query of which nothing was learned
        since then: for them the memory index has the prior again; and the history of such a query, if no document is
        left in the memory for it.

        :param before: Decisions made at or after this time stay, as does whatever is yet to be learned from.
        :returns: How many decisions were removed.
        """
        return prune(self._share.database(), finite("before", before))

    def give_back(self, *, rewrite: bool = False) -> SpaceFreed | None:
        """
        Give the space of what was removed back to the disk, without keeping other writers for long.

        :param rewrite: For a SQLite store that an earlier version made, which has to be written anew for that, once,
            while nobody else can write: whether this is done however large it is.
        :returns: What came of it; `None` for PostgreSQL, whose autovacuum sees to it.
        :raises StoreUnavailableError: If the store cannot be written now.
        """
        return self._share.database().give_back(rewrite=rewrite)

    def check(self) -> None:
        """
        See that the store can be read and written now: it is done, within two seconds.

        :raises StoreUnavailableError: If it cannot.
        """
        self._share.database().check()

    def counts(self) -> Counts:
        """
        Count what the store holds.

        :returns: The counts.
        """
        return self._share.database().read(retention.counts)

    def add_api_key(self, key: ApiKeyRecord) -> None:
        """
        Keep a key to the server.

        :param key: The key, with the digest of its secret.
        :raises StoreError: If a key of that id is there already.
        """
        self._share.database().write(keys.add, keys.key_row(key))

    def api_keys(self) -> list[ApiKeyRecord]:
        """
        Read the keys to the server.

        :returns: The keys, oldest first, revoked ones included.
        """
        return self._share.database().read(keys.listed)

    def revoke_api_key(self, key_id: str) -> None:
        """
        Take a key to the server back; it stays listed.

        :param key_id: Its id.
        :raises StoreError: If there is no such key.
        """
        self._share.database().write(keys.revoke, key_id)


def _add_search(database: Database, ranking: Ranking, timeout: float | None) -> Future[None]:
    if timeout is not None:
        database.require_prompt(timeout)
    return database.submit(log.add_search, searches.search_rows(ranking))
