"""
How much is kept of the events of one search, as a number and as bytes.

Events with a reward and events without have budgets of their own: what is worth nothing crowds out no click. An event
of ordinary size has 300 to 600 bytes, so that either budget holds those of a page that is used a lot.
"""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, func, select

from ltrr_haystack.store.engines import octet_length
from ltrr_haystack.store.records import EventStatus
from ltrr_haystack.store.tables import events

MOST_EVENTS_PER_SEARCH = 200
"""Events with a reward that one search can have, and as many without; a person who looks at a page has far fewer."""

MOST_BYTES = {True: 98_304, False: 32_768}
"""
Whether events have a reward → bytes, as JSON in UTF-8, that are kept of those of one search: 128 KB together.

One impression earns at most what ten clicks do, so the events of ten documents that can teach anything fit in; and so
do three of the longest event that is taken.
"""

_rewarded = (events.c.reward != 0).label("rewarded")
_SPENT = (
    select(events.c.decision_seq, _rewarded, func.count(), func.sum(octet_length(events.c.payload)))
    .where(events.c.decision_seq.in_(bindparam("seqs", expanding=True)))
    .group_by(events.c.decision_seq, _rewarded)
)


class EventBudget:
    """
    What is left for further events of searches, within one write transaction.

    :param most: Most events with a reward of one search, and without.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._numbers: Counter[tuple[str, bool]] = Counter()
        self._bytes: Counter[tuple[str, bool]] = Counter()

    def read(self, connection: Connection, query_ids: Mapping[int, str]) -> None:
        """
        Take into account what is in the log.

        :param connection: In a write transaction, so that nobody else adds events meanwhile.
        :param query_ids: A decision's seq → its query id; at most as many as a statement takes.
        """
        for seq, rewarded, number, size in connection.execute(_SPENT, {"seqs": list(query_ids)}):
            kind = query_ids[seq], bool(rewarded)
            self._numbers[kind] += number
            self._bytes[kind] += int(size)

    def spend(self, query_id: str, reward: float, size: int) -> EventStatus:
        """
        Take what one event needs.

        :param query_id: The search it refers to.
        :param reward: What it is worth.
        :param size: Bytes of its JSON.
        :returns: `new` if it has its place, `excess` if there are as many already, `full` if it is too large for what
            is left; then nothing is taken.
        """
        kind = query_id, reward != 0
        if self._numbers[kind] >= self._most:
            return "excess"
        if self._bytes[kind] + size > MOST_BYTES[kind[1]]:
            return "full"
        self._numbers[kind] += 1
        self._bytes[kind] += size
        return "new"
