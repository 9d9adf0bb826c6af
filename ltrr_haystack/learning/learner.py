import math
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from numbers import Integral
from threading import Event, Lock
from typing import Any, Literal
from uuid import uuid4

from haystack import default_from_dict, default_to_dict, logging

from ltrr_haystack.errors import ConfigurationError, SnapshotError, StoreError
from ltrr_haystack.feedback.rewards import bounded
from ltrr_haystack.learning.active import load_policy
from ltrr_haystack.learning.amounts import Amounts
from ltrr_haystack.learning.clients import ClientCounts, ClientLimits, day_of, is_number
from ltrr_haystack.learning.curves import Curves
from ltrr_haystack.learning.readings import add_late_readings
from ltrr_haystack.learning.step import NotLearnableError, learn_step
from ltrr_haystack.policy.gains import AllocationGains
from ltrr_haystack.policy.protocol import Policy, WeighsAllocations
from ltrr_haystack.store import (
    ALLOCATIONS,
    POLICY,
    RANKER,
    LearningUpdate,
    LTRRStore,
    SettledBatch,
    SnapshotDraft,
    Watermark,
)
from ltrr_haystack.store.records import SECONDS_PER_DAY
from ltrr_haystack.store.settlement import LONGEST_FAULT

logger = logging.getLogger(__name__)

MOST_FAULTS = 10
"""Decisions of one batch that may be set aside in any case; of larger batches it may be half."""


@dataclass(frozen=True, slots=True)
class Progress:
    """
    What one pass of a learner came to.

    :param settled: How many decisions are settled, all in all.
    :param learned: How many settled decisions were learned from.
    :param late: How many rewards came after their decision was settled; they went to the memory, not to the policy.
    :param version: Version of the policy snapshot that is active now; 0 before the first.
    :param busy: `None`, or why this pass did nothing: `thread` when another thread is at it with this learner,
        `lease` when another process or instance holds the learner's lease.
    :param uncounted: How many of the decisions do not count for all that is learned: they are beyond their client's
        share.
    :param anonymous: Those of them that bear no user, session, client id or address.
    :param set_aside: How many decisions could not be read or learned from. They are kept in the log.
    """

    settled: int = 0
    learned: int = 0
    late: int = 0
    version: int = 0
    busy: Literal["thread", "lease"] | None = None
    uncounted: int = 0
    anonymous: int = 0
    set_aside: int = 0


class Learner:
    """
    Turns settled decisions into a better policy, a better memory and better probabilities of readings, each of them
    exactly once.

    A decision is settled when its reward wait is over. The learner goes through the settled decisions in the order of
    the log and commits, in one transaction, the policy's snapshot, what it adds to memory and history, and how far it
    has come. When it is killed, the next pass, in whatever process, goes on from there and comes to the same bytes.
    A lease in the store makes sure that one learner is active at a time.

    What one client can add is bounded (see `ClientLimits`), and a decision that cannot be read or learned from is set
    aside: kept, counted and reported, so that it stops nobody from learning from the others.

    It may be called after feedback (`FeedbackWriter(learn="inline", learner=…)`), by a `BackgroundLearner`, or by
    `ltrr learn`.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack.learning import Learner
    from ltrr_haystack.policy.vw import VWPolicy
    from ltrr_haystack.store import LTRRStore

    learner = Learner(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), VWPolicy(), reward_wait=600.0)
    learner.run_once()
    # Progress(settled=120, learned=37, late=2, version=14, busy=None, uncounted=0, set_aside=0)
    ```
    """

    def __init__(
        self,
        store: LTRRStore,
        policy: Policy,
        *,
        reward_wait: float = 1800.0,
        batch: int = 200,
        lease_seconds: float = 30.0,
        limits: ClientLimits | None = None,
    ) -> None:
        """
        Create a Learner; the store is first opened by `run_once`.

        :param store: The store with the log, in which the learned state is kept.
        :param policy: The policy with its settings. The learner works on a copy, so it may be a router's.
        :param reward_wait: Seconds that a decision waits for feedback before it is learned from.
        :param batch: Most decisions in one transaction. What is learned does not depend on it.
        :param lease_seconds: Seconds after which another learner may take over from one that fell silent; longer than
            two batches take.
        :param limits: What one client can add to what is learned; `ClientLimits()` if left out.
        :raises ConfigurationError: If `store` is no LTRRStore, `reward_wait` is no number of 0 or more, `batch` is no
            whole number of at least 1, or `lease_seconds` is not positive.
        """
        if not isinstance(store, LTRRStore) and not hasattr(store, "commit_learning"):
            raise ConfigurationError(f"store of Learner must be an LTRRStore, got {type(store).__name__}")
        if not is_number(reward_wait) or not 0 <= reward_wait < math.inf:
            raise ConfigurationError(f"reward_wait must be a number of seconds, 0 or more, got {reward_wait!r}")
        if not is_number(batch, Integral):
            raise ConfigurationError(f"batch must be a whole number, got {batch!r}")
        if batch < 1:
            raise ConfigurationError(f"batch must be at least 1, got {batch}")
        if not is_number(lease_seconds) or not 0 < lease_seconds < math.inf:
            raise ConfigurationError(f"lease_seconds must be positive, got {lease_seconds!r}")
        self.store = store
        self.policy = policy
        self.reward_wait = reward_wait
        self.batch = batch
        self.lease_seconds = lease_seconds
        self.limits = limits
        self._limits = limits or ClientLimits()
        self._curves = Curves(store)
        self._id = uuid4().hex
        self._lock = Lock()
        self._own: tuple[Policy, int] | None = None
        self._prolong_at = 0.0
        self._newest_day = self._forgot_on = 0
        self._gains: tuple[tuple[int, int], AllocationGains | None] = (0, 0), None

    @property
    def holder(self) -> str:
        """The name under which this learner holds the lease: its machine, its process and itself."""
        return f"{socket.gethostname()}/{os.getpid()}/{self._id}"

    def run_once(self, now: float | None = None, *, stop: Event | None = None) -> Progress:
        """
        Settle what is due and learn until nothing is left.

        :param now: Seconds since 1970 by which reward waits are judged and which changed memory bears; the clock's
            time if left out.
        :param stop: When set, the pass ends after the batch at hand.
        :returns: What the pass came to. A second thread, or a learner that finds the lease taken, returns at once.
        :raises StoreError: If the store fails, or the lease was lost during a batch; nothing of that batch was kept.
        :raises SnapshotError: If the active policy snapshot cannot be used.
        """
        if not self._lock.acquire(blocking=False):
            return Progress(busy="thread")
        try:
            if not self._leased():
                return Progress(busy="lease")
            try:
                return self._pass(time.time() if now is None else now, stop or Event())
            finally:
                self._release()
        finally:
            self._lock.release()

    def install(self, policy: Policy, card: dict[str, Any] | None = None) -> int:
        """
        Make a policy that was trained elsewhere, such as a warm-started one, the active one.

        Learning goes on from it with what has not been learned yet.

        :param policy: The policy, of the same settings as the learner's own.
        :param card: What to say of it in the snapshot.
        :returns: The version of its snapshot.
        :raises StoreError: If another learner keeps the lease for longer than `lease_seconds`.
        :raises SnapshotError: If the policy's state does not fit the learner's settings.
        """
        payload = policy.to_bytes()
        self.policy.restored(payload)
        with self._lock:
            self._wait_for_lease()
            try:
                return self.store.add_snapshot(POLICY, payload, {**policy.card(), **(card or {})}, activate=True)
            finally:
                self._release()

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the learner with its store and policy.

        :returns: A dictionary from which `from_dict` makes a learner of the same settings.
        """
        return default_to_dict(
            self,
            store=self.store,
            policy=self.policy,
            reward_wait=self.reward_wait,
            batch=self.batch,
            lease_seconds=self.lease_seconds,
            limits=None if self.limits is None else asdict(self.limits),
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Learner":
        """
        Make a learner from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The learner.
        """
        limits = data["init_parameters"].get("limits")
        if isinstance(limits, dict):
            data = {**data, "init_parameters": {**data["init_parameters"], "limits": ClientLimits(**limits)}}
        return default_from_dict(cls, data)

    def _pass(self, now: float, stop: Event) -> Progress:
        settled = self._settle(now - self.reward_wait)
        done = Progress(settled)
        while not stop.is_set() and (batch := self._learn_batch(now)) is not None:
            done = replace(
                done,
                learned=done.learned + batch.learned,
                uncounted=done.uncounted + batch.uncounted,
                anonymous=done.anonymous + batch.anonymous,
                set_aside=done.set_aside + batch.set_aside,
            )
        while not stop.is_set() and (late := self._learn_late_batch(now)) is not None:
            done = replace(done, late=done.late + late)
        self._report(done)
        newest = min(self._newest_day, int(now // SECONDS_PER_DAY))
        if newest > self._forgot_on:
            self.store.forget_client_counts(newest - 2 * self._limits.days, self._limits.days)
            self._forgot_on = newest
        return replace(done, version=self.store.active_version(POLICY))

    def _report(self, done: Progress) -> None:
        if done.late:
            logger.info("{late} rewards came after their reward wait: counted in the memory only", late=done.late)
        if done.uncounted:
            log = logger.warning if done.anonymous * 2 > done.uncounted else logger.info
            log(
                "{uncounted} of {learned} searches do not count for all that is learned, since they are beyond their "
                "client's share; {anonymous} of them bear no user_id, session_id, client_id or address: such searches "
                "are one client together, so send one of these",
                uncounted=done.uncounted,
                learned=done.learned,
                anonymous=done.anonymous,
            )

    def _settle(self, before: float) -> int:
        settled = self.store.watermark().settled
        while (reached := self.store.settle(before)) != settled:
            settled = reached
        return settled

    def _learn_batch(self, now: float) -> Progress | None:
        watermark = self._prolonged()
        batch = self.store.settled_batch(watermark.learned, self.batch)
        if batch.last == watermark.learned:
            return None
        faults, failed = dict(batch.faults), set[int]()
        while True:
            try:
                return self._learn_readable(now, watermark, batch, faults)
            except NotLearnableError as error:
                if error.place in failed:
                    faults[error.place] = _fault(error, len(faults), len(batch.decisions))
                failed.add(error.place)

    def _learn_readable(
        self, now: float, watermark: Watermark, batch: SettledBatch, faults: Mapping[int, str]
    ) -> Progress | None:
        policy, started_from = self._own = self._loaded()
        try:
            self._take_up_gains(policy)
            readable = [each for each in batch.decisions if each.seq not in faults]
            step = learn_step(self.store, self._limits, policy, self._curves, readable)
            if self.store.active_version(POLICY) != started_from:
                # Somebody activated another version meanwhile, and that is the one to go on from.
                self._own = None
                return self._learn_batch(now)
            version = self.store.commit_learning(
                LearningUpdate(
                    holder=self.holder,
                    since=watermark,
                    learned=batch.last,
                    late=watermark.late,
                    memory=step.amounts.memory,
                    history=step.amounts.history,
                    readings=step.amounts.readings,
                    snapshot=SnapshotDraft(
                        POLICY, policy.to_bytes(), {**policy.card(), "learned": batch.last}, replaces=started_from
                    ),
                    updated_at=now,
                    client_counts=step.clients.added,
                    counted=step.counted,
                    counted_rewards=step.counted_rewards,
                    faults=faults,
                )
            )
        except BaseException:
            # The copy has learned what the store does not know of: the next batch begins with the store's.
            self._own = None
            raise
        self._own = (policy, version or 0)
        self._newest_day = max([day_of(each.decision) for each in batch.decisions], default=self._newest_day)
        for place, reason in faults.items():
            logger.warning("Decision {place} was set aside: {reason}", place=place, reason=reason)
        learned = len(batch.decisions) + len(batch.faults) - len(faults)
        return Progress(learned=learned, uncounted=len(step.counted), anonymous=step.anonymous, set_aside=len(faults))

    def _take_up_gains(self, policy: Policy) -> None:
        """Hand the newest gains that are of the live ranker's pages, or none, to a policy that takes them up."""
        if not isinstance(policy, WeighsAllocations):
            return
        versions = self.store.active_version(ALLOCATIONS), self.store.active_version(RANKER)
        if self._gains[0] != versions:
            self._gains = versions, self._gains_of(*versions)
        policy.take_up(self._gains[1])

    def _gains_of(self, active: int, ranker: int) -> AllocationGains | None:
        """The active gains if they are of that ranker's pages, otherwise the newest before them that are."""
        if not active:
            return None
        kept = [each for each in self.store.snapshots(ALLOCATIONS) if each.version <= active]
        for info in sorted(kept, key=lambda each: -each.version):
            if info.card.get("ranker", ranker) != ranker:
                continue
            try:
                snapshot = self.store.snapshot(ALLOCATIONS, info.version)
                gains = None if snapshot is None else AllocationGains.from_bytes(snapshot.payload)
            except SnapshotError as error:
                logger.warning("The gains of allocations cannot be taken up: {error}", error=str(error))
                continue
            if gains is not None and gains.ranker == ranker:
                return gains
        return None

    def _learn_late_batch(self, now: float) -> int | None:
        watermark = self._prolonged()
        batch = self.store.late_rewards(watermark.late, self.batch)
        if batch.last == watermark.late:
            return None
        clients = ClientCounts(self.store, self._limits, [(late.decision, [late.object_id]) for late in batch.rewards])
        amounts = Amounts()
        totals: dict[tuple[int, str], float] = {}
        for each in batch.rewards:
            impression = each.place, each.object_id
            late = replace(each, before=totals.get(impression, each.before))
            counted = clients.count_late(late)
            amounts.add_late(late, counted)
            add_late_readings(amounts, late, counted, self._curves.of(late.page_version), clients)
            totals[impression] = bounded(late.before) + counted
        self.store.commit_learning(
            LearningUpdate(
                holder=self.holder,
                since=watermark,
                learned=watermark.learned,
                late=batch.last,
                memory=amounts.memory,
                readings=amounts.readings,
                updated_at=now,
                client_counts=clients.added,
                counted_rewards=totals,
            )
        )
        return len(batch.rewards)

    def _loaded(self) -> tuple[Policy, int]:
        active = self.store.active_version(POLICY)
        if self._own is not None and self._own[1] == active:
            return self._own
        policy, version = load_policy(self.store, self.policy)
        if policy is self.policy:
            policy = policy.restored(policy.to_bytes())
        return policy, version

    def _prolonged(self) -> Watermark:
        """Keep the lease, then see how far learning has come: in this order nobody else gets in between."""
        if time.monotonic() > self._prolong_at and not self._leased():
            raise StoreError(
                f"learner '{self.holder}' lost its lease to another one: a batch of {self.batch} took longer than "
                f"{self.lease_seconds} s; raise lease_seconds or lower batch"
            )
        return self.store.watermark()

    def _leased(self) -> bool:
        self._prolong_at = time.monotonic() + self.lease_seconds / 3
        return self.store.acquire_lease(self.holder, self.lease_seconds)

    def _wait_for_lease(self) -> None:
        deadline = time.monotonic() + self.lease_seconds
        while not self._leased():
            if time.monotonic() > deadline:
                raise StoreError(
                    f"another learner has held the lease for {self.lease_seconds} s: stop it, or try again when its "
                    f"pass is over"
                )
            time.sleep(0.05)

    def _release(self) -> None:
        try:
            self.store.release_lease(self.holder)
        except Exception as error:  # noqa: BLE001 (it runs out by itself, and must not hide what went wrong before)
            logger.warning("The learner's lease could not be given back: {error}", error=str(error))


def _fault(error: NotLearnableError, already: int, decisions: int) -> str:
    """
    Say why a decision is set aside, unless so many are that the decisions cannot be to blame.

    :raises StoreError: If most of a batch cannot be learned from.
    """
    cause = error.__cause__
    reason = " ".join(f"it cannot be learned from: {type(cause).__name__}: {cause}".split())[:LONGEST_FAULT]
    if already >= max(MOST_FAULTS, decisions // 2):
        raise StoreError(
            f"more than {already} of {decisions} decisions cannot be learned from, the last one because {reason}; "
            "nothing of this batch was kept"
        ) from cause
    return reason
