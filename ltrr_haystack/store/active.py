import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import Generic, TypeVar

from haystack import logging

from ltrr_haystack.errors import ConfigurationError, DamagedSnapshotError, SnapshotError
from ltrr_haystack.store.records import Snapshot
from ltrr_haystack.store.store import LTRRStore

logger = logging.getLogger(__name__)

Model = TypeVar("Model")

REST = 10.0
"""
Seconds that pass between two newer models for each second that reading one beside the searches has taken: while
documents are indexed in many small batches, a server does not spend its time on reading what each of them changed. It
does not rest before it goes back to an earlier version.
"""


def load_version(store: LTRRStore, kind: str, version: int, load: Callable[[Snapshot], Model]) -> tuple[Model, int]:
    """
    Make a model of a snapshot; of the newest good one that is older, where it is damaged.

    :param store: The store with the snapshots.
    :param kind: The kind of the snapshots.
    :param version: The version that is wanted.
    :param load: Makes a model of a snapshot.
    :returns: The model, and the version it was made of.
    :raises DamagedSnapshotError: If it is damaged, or not there, and none that is older can be used.
    :raises SnapshotError: If it was made with other settings than are in use.
    """
    try:
        return _loaded(store, kind, version, load), version
    except DamagedSnapshotError as damage:
        for older in reversed([info.version for info in store.snapshots(kind) if info.version < version]):
            with suppress(SnapshotError):
                model = _loaded(store, kind, older, load)
                logger.warning(
                    "{kind} {older} is used in the place of {kind} {version}, until another version is activated "
                    "(ltrr activate {kind} {older}): {damage}",
                    kind=kind,
                    older=older,
                    version=version,
                    damage=str(damage),
                )
                return model, older
        raise


def _loaded(store: LTRRStore, kind: str, version: int, load: Callable[[Snapshot], Model]) -> Model:
    snapshot = store.snapshot(kind, version)
    if snapshot is None:
        raise DamagedSnapshotError(f"{kind} snapshot {version} is active and not there; activate another version.")
    return load(snapshot)


class ActiveModel(Generic[Model]):
    """
    Holds the model of a kind that is active in the store, and looks now and then for another one.

    Models are swapped in whole: whoever asks gets the old one or the new one, together with its version. When the store
    or a snapshot fails, the model at hand stays in use, so a search never fails for want of a newer one; that is logged
    once until it is mended. In the place of a damaged snapshot the newest good one that is older is used.

    Who asks first waits for the model. Of those that ask later, the one that finds a newer version reads it before it
    goes on; a kind whose models take long to read is read in a thread beside the searches (`wait=False`).

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import VWPolicy
    from ltrr_haystack.store import POLICY, ActiveModel, LTRRStore

    store, policy = LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), VWPolicy()
    active = ActiveModel(store, POLICY, load=lambda snapshot: policy.restored(snapshot.payload), default=policy)
    policy, version = active.current()
    ```
    """

    def __init__(
        self,
        store: LTRRStore,
        kind: str,
        *,
        load: Callable[[Snapshot], Model],
        default: Model,
        poll_interval: float = 1.0,
        wait: bool = True,
    ) -> None:
        """
        Create an ActiveModel; the store is first read by `current`.

        :param store: The store with the snapshots.
        :param kind: The kind of the snapshots.
        :param load: Makes a model of a snapshot.
        :param default: The model while no snapshot is active.
        :param poll_interval: Seconds between two looks; 0 looks each time, and always waits.
        :param wait: Whether a search that finds a newer version waits until it is read.
        :raises ConfigurationError: If `poll_interval` is negative.
        """
        if poll_interval < 0:
            raise ConfigurationError(f"poll_interval must not be negative, got {poll_interval}")
        self._store = store
        self._kind = kind
        self._load = load
        self._default = default
        self._poll_interval = poll_interval
        self._wait = wait or poll_interval == 0
        self._reading: Thread | None = None
        self._lock = Lock()
        self._held: tuple[Model, int] = (default, 0)
        self._taken_up = 0
        self._rested = 0.0
        self._next_look = float("-inf")
        self._looked = False
        self._failing = False

    @property
    def held(self) -> tuple[Model, int]:
        """The model at hand and its version, without a look for a newer one."""
        return self._held

    def current(self) -> tuple[Model, int]:
        """
        Give the model to use.

        :returns: The model and the version of the snapshot it was made of; the default and 0 while none is active.
        """
        if time.monotonic() < self._next_look:
            return self._held
        # While one thread looks, the others go on with what they have, unless they have not seen the store at all.
        if self._lock.acquire(blocking=self._poll_interval == 0 or not self._looked):
            try:
                if time.monotonic() >= self._next_look:
                    self._look()
            finally:
                self._lock.release()
        return self._held

    def catch_up(self, seconds: float) -> None:
        """
        Look for a newer model now and wait for it, before anybody searches.

        :param seconds: How long to wait at most for a model that is read beside the searches.
        """
        with self._lock:
            self._rested = 0.0
            self._look()
            reading = self._reading
        if reading is not None:
            reading.join(seconds)

    def _look(self) -> None:
        try:
            version = self._store.active_version(self._kind)
            if version == self._taken_up:
                self._failing = False
            elif self._wait or not self._looked:
                self._take_up(version)
            elif (self._reading is None or not self._reading.is_alive()) and not self._rests_before(version):
                self._reading = Thread(target=self._take_up_beside, args=(version,), name=f"ltrr-{self._kind}")
                self._reading.daemon = True
                self._reading.start()
        except Exception as error:  # noqa: BLE001 (whatever fails, the model at hand stays in use)
            self._report(error)
        self._looked = True
        self._next_look = time.monotonic() + self._poll_interval

    def _take_up_beside(self, version: int) -> None:
        began = time.monotonic()
        try:
            self._take_up(version)
        except Exception as error:  # noqa: BLE001 (whatever fails, the model at hand stays in use)
            self._report(error)
        now = time.monotonic()
        self._rested = now + REST * (now - began)

    def _rests_before(self, version: int) -> bool:
        """Whether a version is one more of many small changes, which can wait; a way back to an earlier one cannot."""
        return version > self._taken_up and time.monotonic() < self._rested

    def _take_up(self, version: int) -> None:
        try:
            self._held = load_version(self._store, self._kind, version, self._load) if version else (self._default, 0)
        except DamagedSnapshotError:
            # It will not mend by being read again.
            self._taken_up = version
            raise
        self._taken_up = version
        self._failing = False

    def _report(self, error: Exception) -> None:
        if not self._failing:
            logger.warning(
                "No newer {kind} could be taken up, version {version} stays in use: {error}",
                kind=self._kind,
                version=self._held[1],
                error=f"{type(error).__name__}: {error}",
            )
        self._failing = True
