from haystack import logging

from ltrr_haystack.errors import DamagedSnapshotError, OutdatedSnapshotError, SnapshotError
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.store import POLICY, ActiveModel, LTRRStore, Snapshot
from ltrr_haystack.store.active import load_version

logger = logging.getLogger(__name__)


def load_policy(store: LTRRStore, policy: Policy) -> tuple[Policy, int]:
    """
    Give the policy that the store holds active, to be learned on from.

    :param store: The store with the snapshots.
    :param policy: The policy with its settings; it is not changed.
    :returns: A policy with the active snapshot's state, and the active version, which is the one that is replaced by
        what is learned. Where that snapshot is damaged, the state is that of the newest good one that is older. Where
        nothing was learned yet, none is good, or an earlier version of this package made it, `policy` itself.
    :raises SnapshotError: If the active snapshot was made with other settings.
    """
    active = store.active_version(POLICY)
    if active == 0:
        return policy, 0
    try:
        return load_version(store, POLICY, active, lambda snapshot: _restored(policy, snapshot))[0], active
    except (OutdatedSnapshotError, DamagedSnapshotError) as error:
        logger.warning("Learning begins anew; memory and history stay: {error}", error=str(error))
        return policy, active


def active_policy(store: LTRRStore, policy: Policy, *, poll_interval: float = 1.0) -> ActiveModel[Policy]:
    """
    Hold the policy that is active in the store, for a router to decide with.

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore, VWPolicy
    from ltrr_haystack.learning import active_policy

    active = active_policy(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), VWPolicy())
    policy, version = active.current()
    ```

    :param store: The store with the snapshots.
    :param policy: The policy with its settings; it decides until a snapshot is active, and is not changed.
    :param poll_interval: Seconds between two checks for a newer policy; 0 checks each time.
    :returns: What gives the active policy and its version.
    """
    return ActiveModel(
        store,
        POLICY,
        load=lambda snapshot: _restored(policy, snapshot),
        default=policy,
        poll_interval=poll_interval,
    )


def _restored(policy: Policy, snapshot: Snapshot) -> Policy:
    try:
        return policy.restored(snapshot.payload)
    except SnapshotError as error:
        raise type(error)(f"policy snapshot {snapshot.version} cannot be used: {error}") from error
