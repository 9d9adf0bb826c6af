"""The one way to read the settled part of the log."""

from collections import deque
from collections.abc import Iterator
from functools import partial

from ltrr_haystack.store.store import LTRRStore
from ltrr_haystack.types import SettledDecision

BATCH = 500
"""Decisions that are in memory at a time."""


def read_log(
    store: LTRRStore, until: int | None = None, *, after: int = 0, batch: int = BATCH, learned: bool = False
) -> Iterator[SettledDecision]:
    """
    Iterate over the settled decisions in the order of the log, including the rewards of late events.

    Decisions whose reward wait is not over are left out, since their rewards are not complete. So are decisions that
    are settled while the log is being read.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.store import read_log

    for settled in read_log(LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))):
        print(settled.decision.query_id, sum(settled.rewards.values()))
    ```

    :param store: The store with the log.
    :param until: Seq of the last decision to read; the last settled one if left out. Set it to read the same part
        of the log twice.
    :param after: Only decisions with a higher seq are read.
    :param batch: How many decisions to hold in memory at a time.
    :param learned: Whether to read only what a learner has been through; what counts of its rewards is known.
    :returns: An iterator over the decisions.
    """
    read_some = store.learned if learned else partial(store.settled, include_late=True)
    reached = store.watermark()
    last = until if until is not None else reached.learned if learned else reached.settled
    while after < last and (read := read_some(after, batch)):
        for settled in read:
            if settled.seq > last:
                return
            yield settled
        after = read[-1].seq


def newest_decision(store: LTRRStore) -> SettledDecision | None:
    """
    Read the decision that was settled last, of those that can be read.

    :param store: The store with the log.
    :returns: The decision, or `None` if nothing is settled that can be read.
    """
    until, places = store.watermark().settled, 1
    while until > 0:
        if read := deque(read_log(store, until, after=max(0, until - places)), maxlen=1):
            return read.pop()
        # Each step goes back twice as far as the one before: a long gap takes few of them.
        until, places = until - places, 2 * places
    return None
