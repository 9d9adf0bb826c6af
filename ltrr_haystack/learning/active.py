import time
from threading import Lock

from haystack import logging

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.store import LTRRStore

logger = logging.getLogger(__name__)

POLICY = "policy"
"""The kind under which learned policies lie in the store's snapshots."""


def load_policy(store: LTRRStore, policy: Policy) -> tuple[Policy, int]:
    """
    Give the policy that the store holds active.

    :param store: The store with the snapshots.
    :param policy: The policy with its settings; it is not changed.
    :returns: A policy with the active snapshot's state and the snapshot's version; where nothing was learned yet,
        `policy` itself and 0.
    :raises SnapshotError: If the active snapshot is damaged or was made with other settings.
    """
    snapshot = store.snapshot(POLICY)
    if snapshot is None:
        return policy, 0
    try:
        return policy.restored(snapshot.payload), snapshot.version
    except SnapshotError as error:
        raise SnapshotError(f"policy snapshot {snapshot.version} cannot be used: {error}") from error


class ActivePolicy:
    """
    Holds the policy that is active in the store, and looks now and then for a newer one.

    A newer policy is swapped in whole: whoever asks gets the old one or the new one, together with its version. When
    the store or the snapshot fails, the policy at hand stays in use, so a search never fails for want of a newer one.

    ### Usage example

    ```python
    active = ActivePolicy(store, VWPolicy(), poll_interval=1.0)
    policy, version = active.current()
    ```
    """

    def __init__(self, store: LTRRStore, policy: Policy, *, poll_interval: float = 1.0) -> None:
        """
        Create an ActivePolicy; the store is first read by `current`.

        :param store: The store with the snapshots.
        :param policy: The policy with its settings; it decides until a snapshot is active, and is not changed.
        :param poll_interval: Seconds between two looks for a newer policy; 0 looks each time.
        :raises ValueError: If `poll_interval` is negative.
        """
        if poll_interval < 0:
            raise ValueError(f"poll_interval must not be negative, got {poll_interval}")
        self.store = store
        self.policy = policy
        self.poll_interval = poll_interval
        self._lock = Lock()
        self._held: tuple[Policy, int] = (policy, 0)
        self._next_look = float("-inf")
        self._looked = False
        self._failing = False

    def current(self) -> tuple[Policy, int]:
        """
        Give the policy to decide with.

        :returns: The policy and the version of its snapshot; 0 before the first.
        """
        if time.monotonic() < self._next_look:
            return self._held
        # While one thread looks, the others go on with what they have, unless they have not seen the store at all.
        if self._lock.acquire(blocking=self.poll_interval == 0 or not self._looked):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._held

    def _look(self) -> None:
        if time.monotonic() < self._next_look:
            return
        try:
            if self.store.active_version(POLICY) != self._held[1]:
                self._held = load_policy(self.store, self.policy)
            self._failing = False
        except Exception as error:  # noqa: BLE001 (whatever fails, the policy at hand decides)
            self._report(error)
        self._looked = True
        self._next_look = time.monotonic() + self.poll_interval

    def _report(self, error: Exception) -> None:
        if not self._failing:
            logger.warning(
                "No look for a newer policy was possible, version {version} stays in use: {error}",
                version=self._held[1],
                error=f"{type(error).__name__}: {error}",
            )
        self._failing = True
