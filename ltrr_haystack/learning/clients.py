"""
One client must not own the search: how much each may add to what is learned.

Every search bears what is known of who made it: user, session, client, network address. Each of these that is known
is a client, and what a search adds counts for all of them: one session with a hundred user ids is one client, and so is
one user with a hundred sessions. Searches that bear none of them are one client together, since nobody can tell them
apart.

Within a window of days, a client may add to a subject at most a share of what all others have added, and a small amount
in any case, without which nothing could begin. The subjects are the pages of a query, the rewards of a query, the
rewards of a document over all queries, the rewards of a document for one query, what is said of a kind of readings over
all queries (to which no query adds more than its share either), and the searches that models learn from. A search
beyond its client's share is kept in the log and does not count.

Rewards that come after their search was settled have counts of their own, in which the same holds. So what counts
depends on the log alone, and not on when a learner came by.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from numbers import Integral, Real
from typing import Any

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.feedback.rewards import bounded
from ltrr_haystack.learning.amounts import in_steps
from ltrr_haystack.readings.clicks import kinds_of
from ltrr_haystack.store import LateReward, LTRRStore, ReadingClicks
from ltrr_haystack.store.records import LATE, MODELS, QUERY, SECONDS_PER_DAY
from ltrr_haystack.types import Decision, SettledDecision

ALL = "*"
"""The client under which stands what all clients have added."""

ANONYMOUS = "anonymous"
SEARCHES = "searches"

Pair = tuple[str, str]
"""A subject and a client."""


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """
    What one client can add to what is learned.

    With the defaults, a client moves a query that thirty people have clicked by three clicks at most within a week, on
    three different documents, or on one that ten times as many clicks of others have gone to; and by as much again that
    comes after its search was settled.

    A purchase that is worth three clicks therefore counts as one from the first client of a document for a query, and
    in full once others have given thirty. Where clients can be trusted, raise `pair_rewards`: to the worth of the best
    action, for example.

    :param share: Most that a client's contributions to a subject may be of what all others have contributed, 0 to 1.
        A service with few people needs more: with n of them equally active nothing is cut from 1 / (n - 1) on.
    :param pages: Pages of one query that count in any case.
    :param rewards: Rewards for one query that count in any case, in units of a click.
    :param document_rewards: Rewards for one document, over all queries, that count in any case, as do so many for one
        kind of readings.
    :param pair_rewards: Rewards for one document of one query that count in any case, in units of a click.
    :param searches: Searches that models learn from in any case.
    :param days: Days after which a contribution is forgotten here; what was learned from it stays.
    :raises ConfigurationError: If a limit cannot be.
    """

    share: float = 0.1
    pages: float = 3.0
    rewards: float = 3.0
    document_rewards: float = 10.0
    pair_rewards: float = 1.0
    searches: float = 5.0
    days: int = 7

    def __post_init__(self) -> None:
        if not is_number(self.share) or not 0 <= self.share <= 1:
            raise ConfigurationError(f"share of ClientLimits must be 0 to 1, got {self.share!r}")
        for name in ("pages", "rewards", "document_rewards", "pair_rewards", "searches"):
            value = getattr(self, name)
            if not is_number(value) or not 1 <= value < math.inf:
                raise ConfigurationError(f"{name} of ClientLimits must be 1 or more, got {value!r}")
        if not is_number(self.days, Integral):
            raise ConfigurationError(f"days of ClientLimits must be a whole number, got {self.days!r}")
        if self.days < 1:
            raise ConfigurationError(f"days of ClientLimits must be at least 1, got {self.days}")


@dataclass(frozen=True, slots=True)
class Counted:
    """
    What a settled decision counts for.

    :param settled: The decision with the rewards that count.
    :param bits: `QUERY` if it is evidence for its query, `MODELS` if models learn from it; both are added up.
    """

    settled: SettledDecision
    bits: int


def clients_of(decision: Decision) -> tuple[str, ...]:
    """
    Tell the clients that a search stands for.

    :param decision: The search's decision.
    :returns: A digest for each of user, session, client and address that is known; `anonymous` where none is.
    """
    known = (
        ("user", decision.user_id),
        ("session", decision.session_id),
        ("client", decision.client_id),
        ("address", decision.client_address),
    )
    return tuple(_digest(f"{kind} {value}") for kind, value in known if value) or (ANONYMOUS,)


class ClientCounts:
    """
    Counts what clients contribute in one step of learning, on top of what the store knows.

    :param store: Where earlier contributions are read from.
    :param limits: What one client can add.
    :param rewarded: The decisions of this step, each with the objects that are rewarded.
    """

    def __init__(
        self, store: LTRRStore, limits: ClientLimits, rewarded: Iterable[tuple[Decision, Iterable[str]]]
    ) -> None:
        self._limits = limits
        self._added: dict[tuple[str, str, int], float] = {}
        self._known: defaultdict[Pair, dict[int, float]] = defaultdict(dict)
        pairs: set[Pair] = set()
        days: set[int] = set()
        for decision, objects in rewarded:
            search = _Search.of(decision)
            days.add(search.day)
            subjects = {SEARCHES, search.pages}
            kinds = set()
            for object_id in objects:
                subjects.update(search.subjects(object_id, late=False), search.subjects(object_id, late=True))
                kinds.update(kinds_of(decision))
            pairs.update((subject, client) for subject in subjects for client in search.counted_for)
            of_kinds = {_kind_subject(kind, late=late) for kind in kinds for late in (False, True)}
            pairs.update((subject, client) for subject in of_kinds for client in search.with_query().counted_for)
        since = min(days, default=0) - limits.days + 1
        for (subject, client, day), amount in store.client_counts(sorted(pairs), since).items():
            self._known[subject, client][day] = amount

    @property
    def added(self) -> Mapping[tuple[str, str, int], float]:
        """(subject, client, day) → what this step adds."""
        return self._added

    def count(self, settled: SettledDecision) -> Counted:
        """
        Decide what a settled decision counts for, and note it.

        :param settled: The decision with its rewards.
        :returns: What it counts for, with the rewards that count.
        """
        search = _Search.of(settled.decision)
        bits = 0
        if self._take_one(search, search.pages, self._limits.pages):
            bits |= QUERY
        if self._take_one(search, SEARCHES, self._limits.searches):
            bits |= MODELS
        rewards: dict[str, float] = {}
        for impression in settled.impressions if bits else ():
            reward = bounded(settled.rewards.get(impression.object_id, 0.0))
            if reward and impression.object_id not in rewards:
                subjects = search.subjects(impression.object_id, late=False)
                rewards[impression.object_id] = self._take(search, subjects, reward)
        return Counted(replace(settled, rewards=rewards, counted=bool(bits & MODELS)), bits)

    def count_late(self, late: LateReward) -> float:
        """
        Decide how much of a late reward counts, and note it.

        All events of an impression together count as much as one impression can, whenever they come.

        :param late: The reward.
        :returns: What it adds to the rewards of its impression.
        """
        added = bounded(late.before + late.reward) - bounded(late.before)
        if not added or not late.counted & QUERY:
            return 0.0
        search = _Search.of(late.decision)
        return self._take(search, search.subjects(late.object_id, late=True), added)

    def count_kind(self, decision: Decision, kind: str, clicks: ReadingClicks, *, late: bool) -> ReadingClicks:
        """
        Decide how much of what a search says of a reading counts for readings of its kind, and note it.

        A query is a client here, too: what is looked for most must not settle what other queries mean.

        :param decision: The search's decision.
        :param kind: The kind of the reading.
        :param clicks: What the search says of the reading.
        :param late: Whether it came after the search was settled.
        :returns: As much of it as counts.
        """
        weight = abs(clicks.chosen) + abs(clicks.passed)
        if not weight:
            return clicks
        search, subject = _Search.of(decision).with_query(), _kind_subject(kind, late=late)
        counted = in_steps(min(weight, self._left(search, subject, self._limits.document_rewards)))
        self._add(search, subject, counted)
        return ReadingClicks(clicks.chosen * counted / weight, clicks.passed * counted / weight)

    def _take(self, search: "_Search", subjects: tuple[str, str, str], reward: float) -> float:
        least = self._limits.rewards, self._limits.document_rewards, self._limits.pair_rewards
        left = min(map(partial(self._left, search), subjects, least))
        counted = in_steps(min(abs(reward), left))
        for subject in subjects:
            self._add(search, subject, counted)
        return math.copysign(counted, reward)

    def _take_one(self, search: "_Search", subject: str, least: float) -> bool:
        if self._left(search, subject, least) < 1:
            return False
        self._add(search, subject, 1.0)
        return True

    def _left(self, search: "_Search", subject: str, least: float) -> float:
        everybody = self._sum(subject, ALL, search.day)
        own = [self._sum(subject, client, search.day) for client in search.clients]
        return max(0.0, min(max(least, self._limits.share * (everybody - each)) - each for each in own))

    def _sum(self, subject: str, client: str, day: int) -> float:
        first = day - self._limits.days
        return sum([amount for on, amount in self._known[subject, client].items() if first < on <= day])

    def _add(self, search: "_Search", subject: str, amount: float) -> None:
        if not amount:
            return
        for client in search.counted_for:
            on = self._known[subject, client]
            on[search.day] = on.get(search.day, 0.0) + amount
            entry = subject, client, search.day
            self._added[entry] = self._added.get(entry, 0.0) + amount


@dataclass(frozen=True, slots=True)
class _Search:
    """What is counted of a search: its day, who made it, and its query."""

    day: int
    clients: tuple[str, ...]
    query: str

    @classmethod
    def of(cls, decision: Decision) -> "_Search":
        return cls(day_of(decision), clients_of(decision), decision.evidence_key)

    def with_query(self) -> "_Search":
        """The same search, whose query is one of its clients."""
        return replace(self, clients=(*self.clients, _digest(f"query {self.query}")))

    @property
    def counted_for(self) -> tuple[str, ...]:
        return (ALL, *self.clients)

    @property
    def pages(self) -> str:
        return _digest(f"pages {self.query}")

    def subjects(self, object_id: str, *, late: bool) -> tuple[str, str, str]:
        """The rewards of the query, of the document, and of the document for the query."""
        return (
            _rewards(f"query {self.query}", late=late),
            _rewards(f"document {object_id}", late=late),
            _rewards(f"pair {self.query}\n{object_id}", late=late),
        )


def _kind_subject(kind: str, *, late: bool) -> str:
    return _rewards(f"kind {kind}", late=late)


def _rewards(of: str, *, late: bool) -> str:
    return f"{LATE if late else ''}{_digest(f'rewards of {of}')}"


def is_number(value: Any, sort: type = Real) -> bool:
    """
    Tell whether a setting is a number.

    :param value: What was given.
    :param sort: `Integral` for a whole number.
    :returns: Whether it is one; true and false are none.
    """
    return isinstance(value, sort) and not isinstance(value, bool)


def day_of(decision: Decision) -> int:
    """
    Tell the day of a decision.

    :param decision: The decision.
    :returns: Days since 1970, UTC.
    """
    return int(decision.decided_at // SECONDS_PER_DAY)


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=12).hexdigest()
