"""
Trains the ranker every so many settled searches, in a process of its own.

How far was trained, and who is at it, is a record in the store, kept as a snapshot without payload. It is changed under
the learner's lease, so that among all processes of a store one trains at a time. Who trains prolongs the record; of one
who was killed it runs out, and the next to look begins anew, once: the next one that is killed counts as done. A
training that failed is over, and the next one is due after as many searches again.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from threading import Event, Thread
from uuid import uuid4

from haystack import logging

from ltrr_haystack.errors import ConfigurationError, DamagedSnapshotError
from ltrr_haystack.store import LTRRStore

logger = logging.getLogger(__name__)

TRAINING = "training"
"""Kind of the records."""

CLAIM_SECONDS = 60.0
"""For how long a training is taken to go on without being heard of."""

LEASE_SECONDS = 10.0

LEASE_WAIT = 30.0
"""For how many seconds a training waits for the lease before it gives up; the next look starts another one."""

LONGEST_WAIT = 3_600.0
"""Seconds after which a training is started again at the latest, if those that this process started keep failing."""


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """
    How far the ranker of a store was trained.

    :param trained: How many decisions were learned from at the last training that counts as done.
    :param holder: Who is training.
    :param expires_at: Until when, in seconds since 1970; 0 where nobody is.
    :param attempts: How many trainings were begun since the last one that came to its end.
    """

    trained: int = 0
    holder: str = ""
    expires_at: float = 0.0
    attempts: int = 0

    @property
    def is_taken(self) -> bool:
        """Whether somebody is training."""
        return self.expires_at > time.time()

    @classmethod
    def of(cls, store: LTRRStore) -> "TrainingRecord":
        """
        Read the record of a store.

        :param store: The store.
        :returns: The record; that of no training at all where there is none that can be read.
        """
        try:
            snapshot = store.snapshot(TRAINING)
        except DamagedSnapshotError:
            return cls()
        if snapshot is None:
            return cls()
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in snapshot.card.items() if name in known})

    def put(self, store: LTRRStore) -> None:
        """
        Make this the record of a store.

        :param store: The store.
        """
        store.add_snapshot(TRAINING, b"", asdict(self), activate=True)


def is_due(store: LTRRStore, every: int) -> bool:
    """
    Tell whether it is time to train.

    :param store: The store.
    :param every: After how many decisions that were learned from.
    :returns: Whether so many came since the last training, and nobody is training.
    """
    record = TrainingRecord.of(store)
    return not record.is_taken and store.watermark().learned - record.trained >= every


def train_if_due(
    store: LTRRStore, every: int, train: Callable[[LTRRStore], object], claim_seconds: float = CLAIM_SECONDS
) -> bool:
    """
    Train if it is time to, and nobody else does.

    :param store: The store with the log.
    :param every: After how many decisions that were learned from.
    :param train: What trains.
    :param claim_seconds: For how long others take this training to go on without hearing of it.
    :returns: Whether it trained. What `train` raises is raised; the training counts as done.
    """
    holder = f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex}"
    with _lease(store, holder) as held:
        if not held:
            logger.warning(
                "The training of the ranker gave up after {seconds:.0f} s of waiting for the learner's lease",
                seconds=LEASE_WAIT,
            )
            return False
        if not is_due(store, every):
            return False
        learned, before = store.watermark().learned, TrainingRecord.of(store)
        trained = learned if before.attempts else before.trained
        claim = TrainingRecord(trained, holder, time.time() + claim_seconds, before.attempts + 1)
        claim.put(store)
    try:
        with _prolonged(store, claim, claim_seconds):
            train(store)
    finally:
        with _lease(store, holder):
            if TrainingRecord.of(store).holder == holder:
                TrainingRecord(learned).put(store)
    return True


class TrainingSchedule:
    """
    Starts the training of the ranker every so many settled searches, in a process of its own.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import BackgroundLearner, Learner, LTRRStore, VWPolicy
    from ltrr_haystack.learning import TrainingSchedule

    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    background = BackgroundLearner(Learner(store, VWPolicy()), training=TrainingSchedule(store, every=2_000))
    background.start()
    background.stop()
    ```
    """

    def __init__(self, store: LTRRStore, every: int = 2_000, *, claim_seconds: float = CLAIM_SECONDS) -> None:
        """
        Create a TrainingSchedule; nothing is read or started yet.

        :param store: The store with the log; the process opens one like it, so its url must come from the environment.
        :param every: After how many settled searches that were learned from.
        :param claim_seconds: After so many seconds a training that was killed is begun anew. The wait doubles with each
            training in a row that this schedule started and that failed, up to `LONGEST_WAIT`.
        :raises ConfigurationError: If `every` is below 1, `claim_seconds` is not positive, or the url is a token.
        """
        if every < 1:
            raise ConfigurationError(f"every of TrainingSchedule must be at least 1, got {every}")
        if claim_seconds <= 0:
            raise ConfigurationError(f"claim_seconds of TrainingSchedule must be positive, got {claim_seconds}")
        try:
            described = store.to_dict()
        except ValueError as error:
            raise ConfigurationError(
                "the url of the store cannot be told to the process that trains: take it from an environment variable "
                "(Secret.from_env_var)"
            ) from error
        self.store = store
        self.every = every
        self.claim_seconds = claim_seconds
        self._settings = json.dumps({"store": described, "every": every, "claim_seconds": claim_seconds})
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """The process that trains, if this schedule started one that has not ended."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def look(self) -> None:
        """
        Start a training if one is due; takes no longer than to look into the store.

        :raises StoreError: If the store cannot be read.
        """
        if self.pid is not None:
            return
        if self._process is not None:
            if code := self._process.returncode:
                self._failed(f"ended with exit code {code}")
            else:
                self._failures = 0
            self._process = None
        if time.monotonic() >= self._not_before and is_due(self.store, self.every):
            try:
                self._process = subprocess.Popen(  # noqa: S603 (our own module, with settings of our own)
                    [sys.executable, "-m", "ltrr_haystack.learning.training_process", self._settings],
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                self._failed(f"could not be started ({error})")

    def _failed(self, how: str) -> None:
        wait = min(self.claim_seconds * 2.0 ** min(self._failures, 30), max(self.claim_seconds, LONGEST_WAIT))
        self._failures += 1
        self._not_before = time.monotonic() + wait
        logger.warning(
            "The training of the ranker {how}: what is live stays live, and it will be tried again, after {wait:.0f} s "
            "at the earliest",
            how=how,
            wait=wait,
        )

    def stop(self) -> None:
        """End the training that is under way, if there is one; it will be begun anew."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


@contextmanager
def _lease(store: LTRRStore, holder: str) -> Iterator[bool]:
    """Hold the learner's lease, and tell whether it came in time."""
    until = time.monotonic() + LEASE_WAIT
    while not (held := store.acquire_lease(holder, LEASE_SECONDS)) and time.monotonic() < until:
        time.sleep(0.05)
    try:
        yield held
    finally:
        store.release_lease(holder)


@contextmanager
def _prolonged(store: LTRRStore, record: TrainingRecord, seconds: float) -> Iterator[None]:
    """Prolong a record until the training is over, unless somebody else has taken over."""
    over = Event()

    def prolong() -> None:
        while not over.wait(seconds / 3):
            try:
                if TrainingRecord.of(store).holder != record.holder:
                    return
                replace(record, expires_at=time.time() + seconds).put(store)
            except Exception as error:  # noqa: BLE001 (the training goes on, and the record may be prolonged later)
                logger.warning("The training could not be prolonged: {error}", error=str(error))

    thread = Thread(target=prolong, name="ltrr-training", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
