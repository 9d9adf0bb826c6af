"""One pass through the log, and the sums that all of the report is made from."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from ltrr_haystack.evaluation.counting import counted
from ltrr_haystack.evaluation.off_policy import DecisionLog, Page, paged
from ltrr_haystack.evaluation.report.apart import Apart
from ltrr_haystack.evaluation.report.blocks import Blocks
from ltrr_haystack.evaluation.report.reliability import Reliability
from ltrr_haystack.policy.credit import reward_of
from ltrr_haystack.store import Watermark
from ltrr_haystack.types import SettledDecision

MOST_QUERIES = 10_000
"""More query keys are not counted at a time."""

LIKELIER_SHOWN = 0.5
"""A document that was less likely than that to be on the page was brought there by chance, from below it."""

CLOCK_STEP = 1.0
"""Seconds by which a decision may be older than the one before it in the log: writers share commits."""


@dataclass(slots=True)
class ArmRuns:
    """
    How an arm fared.

    :param asked: In how many searches it was asked.
    :param failed: Why it failed → how often.
    :param empty: How often it brought nothing without failing.
    :param depth: Sum of the depths asked for.
    :param returned: How many candidates it brought.
    :param seconds: How long it took in all.
    """

    asked: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    empty: int = 0
    depth: int = 0
    returned: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class RankerRuns:
    """
    What came of the pages that one ranker ordered.

    :param searches: How many there were.
    :param clicked: How many of them had a click.
    :param reward: Sum of their rewards.
    """

    searches: int = 0
    clicked: int = 0
    reward: float = 0.0


class FrequentQueries:
    """
    Counts the searches of frequent queries in bounded memory: with too many query keys, the rarer half is forgotten
    (in the manner of Manku & Motwani 2002, Approximate frequency counts over data streams).
    """

    def __init__(self, most: int = MOST_QUERIES) -> None:
        self._most = most
        self._counts: dict[str, tuple[int, int]] = {}

    def add(self, query_key: str, clicked: bool) -> None:
        """
        Add a search.

        :param query_key: Its query key.
        :param clicked: Whether anything was clicked.
        """
        searches, clicks = self._counts.get(query_key, (0, 0))
        self._counts[query_key] = (searches + 1, clicks + clicked)
        if len(self._counts) > self._most:
            kept = sorted(self._counts.items(), key=lambda entry: -entry[1][0])[: self._most // 2]
            self._counts = dict(kept)

    def top(self, count: int, *, unclicked: bool = False) -> list[tuple[str, int, int]]:
        """
        Give the most frequent queries.

        :param count: How many.
        :param unclicked: Whether only those count that were never clicked on.
        :returns: Query key, searches and those of them with a click.
        """
        found = [(key, *counts) for key, counts in self._counts.items() if not (unclicked and counts[1])]
        return sorted(found, key=lambda entry: (-entry[1], entry[0]))[:count]


class Reading:
    """
    Sums over the log. Each search is read once and not kept.

    What people did is judged by what counts for learning: a search beyond its client's share is left out, and rewards
    are summed as far as they count, so that nobody can turn the figures alone. How arms, clocks and pages fare is told
    of all searches.

    The blocks sum, for each search: `clicked`, `reward`, `reward²`, `net`, `net²`, `candidates`, `calls`,
    `baseline candidates`, `baseline calls`, `remembered`, `memory asked`, `memory found`, `safe start`, `agreed`,
    `preferring`, `drawn`, `from below`, `clicked below`, `("type", query type)` and `("ran", query type, arm)`.

    :ivar beyond: Searches beyond their client's share.
    :ivar log: What counted the searches, and those whose propensities cannot be used.
    :ivar blocks: The blocks.
    :ivar reliability: Drawn levels against their probabilities.
    :ivar apart: Live and baseline searches apart.
    :ivar arms: Arm → how it fared, in the order of their appearance.
    :ivar queries: Frequent queries.
    :ivar rankers: Ranker version, 0 for the union's own order → what came of its pages.
    :ivar modes: The router's mode → searches.
    :ivar policies: Policy → searches.
    :ivar action_sets: Fingerprint of what there was to choose from → searches.
    :ivar rewarded: Objects with a reward other than 0.
    :ivar not_shown: Those of them that were not on the page.
    :ivar empty_pages: Searches that showed nothing.
    :ivar steps_back: Decisions older than the one before them in the log.
    :ivar newest: Time of the youngest decision.
    :ivar oldest: Time of the oldest decision.
    """

    def __init__(self) -> None:
        self.beyond = 0
        self._new: list[SettledDecision] = []
        self.log = DecisionLog(self._new)
        self.blocks = Blocks()
        self.reliability = Reliability()
        self.apart = Apart()
        self.arms: dict[str, ArmRuns] = {}
        self.queries = FrequentQueries()
        self.rankers: dict[int, RankerRuns] = {}
        self.modes: Counter[str] = Counter()
        self.policies: Counter[str] = Counter()
        self.action_sets: Counter[str] = Counter()
        self.rewarded = 0
        self.not_shown = 0
        self.empty_pages = 0
        self.steps_back = 0
        self.newest = float("-inf")
        self.oldest = float("inf")
        self._before = float("-inf")

    @classmethod
    def of(cls, log: Iterable[SettledDecision], also: Callable[[Page], object] | None = None) -> Self:
        """
        Read a log.

        :param log: The searches, in the order of the log.
        :param also: Is handed the decisions whose propensities can be used, for what else is made from them.
        :returns: The sums.
        """
        reading = cls()
        reading.log = DecisionLog(reading._summed(log))
        for page in paged(reading.log):
            reading.reliability.add(page)
            reading.apart.add(page)
            if also is not None:
                also(page)
        return reading

    def add(self, some: Sequence[SettledDecision]) -> None:
        """
        Read on.

        :param some: The searches that follow those read before.
        """
        self._new[:] = self._summed(some)
        for page in paged(self.log):
            self.reliability.add(page)
            self.apart.add(page)
        before, self.log = self.log, DecisionLog(self._new)
        # Who searched before, by user, is not needed here, and would grow without bound.
        self.log.read, self.log.skipped, self.log.modes = before.read, before.skipped, before.modes

    @property
    def read(self) -> int:
        """How many searches were read, those beyond their client's share included."""
        return self.blocks.searches + self.beyond

    @property
    def query_types(self) -> list[str]:
        """The query types that occur, the most frequent first."""
        total = self.blocks.total()
        counts = {key[1]: count for key, count in total.sums.items() if isinstance(key, tuple) and key[0] == "type"}
        return sorted(counts, key=lambda kind: (-counts[kind], kind))

    def _summed(self, log: Iterable[SettledDecision]) -> Iterator[SettledDecision]:
        for settled in log:
            self._add_arms(settled)
            self._add_faults(settled)
            judged = counted(settled)
            if judged is None:
                self.beyond += 1
            else:
                self._add(judged)
                yield judged

    def _add(self, settled: SettledDecision) -> None:
        decision = settled.decision
        amounts = _amounts(settled)
        self.blocks.add(decision.decided_at, amounts)
        self.queries.add(decision.understanding.normal_form, bool(amounts["clicked"]))
        self.modes[decision.mode] += 1
        self.policies[decision.policy] += 1
        self.action_sets[decision.actions.fingerprint] += 1
        self._add_ranker(settled, amounts["clicked"], amounts["reward"])

    def _add_ranker(self, settled: SettledDecision, clicked: float, reward: float) -> None:
        runs = self.rankers.setdefault(settled.ranker_version, RankerRuns())
        runs.searches += 1
        runs.clicked += bool(clicked)
        runs.reward += reward

    def _add_arms(self, settled: SettledDecision) -> None:
        for arm in settled.decision.actions.names:
            self.arms.setdefault(arm, ArmRuns())
        for report in settled.reports:
            if report.fallback:
                continue
            runs = self.arms.setdefault(report.arm, ArmRuns())
            runs.asked += 1
            runs.depth += report.depth
            runs.returned += report.returned
            runs.seconds += report.seconds
            if report.error is not None:
                runs.failed[report.error.partition(":")[0][:80]] += 1
            elif report.returned == 0:
                runs.empty += 1

    def _add_faults(self, settled: SettledDecision) -> None:
        at = settled.decision.decided_at
        shown = {impression.object_id for impression in settled.impressions}
        rewarded = [object_id for object_id, reward in settled.rewards.items() if reward]
        self.rewarded += len(rewarded)
        self.not_shown += sum(object_id not in shown for object_id in rewarded)
        self.empty_pages += not shown
        self.steps_back += at < self._before - CLOCK_STEP
        self._before = at
        self.newest = max(self.newest, at)
        self.oldest = min(self.oldest, at)


def judged_up_to(watermark: Watermark) -> int:
    """
    Tell how much of a log can be judged: what counts of a search is known once it was learned from.

    :param watermark: How far learning has come.
    :returns: Place in the order of settlement; that of the last settled search where nothing is learned.
    """
    return watermark.learned or watermark.settled


def _amounts(settled: SettledDecision) -> dict[Hashable, float]:
    decision = settled.decision
    actions, kind = decision.actions, decision.understanding.query_type
    reward = sum(reward_of(settled, impression) for impression in settled.impressions)
    net = reward - actions.cost(decision.allocation)
    names, memories = actions.names, actions.memory_arms
    found = [report.returned > 0 for report in settled.reports if report.arm in memories and not report.fallback]
    wanted = {arm: decision.preferred.get(arm, 0) for arm in names}
    drawn = [each for each in settled.impressions if each.propensity < 1.0]
    below = [each for each in drawn if each.page_propensity < LIKELIER_SHOWN]
    amounts: dict[Hashable, float] = {
        "clicked": any(one > 0 for one in settled.rewards.values()),
        "reward": reward,
        "reward²": reward**2,
        "net": net,
        "net²": net**2,
        "candidates": sum(decision.allocation.values()),
        "calls": sum(depth > 0 for depth in decision.allocation.values()),
        "baseline candidates": sum(actions.baseline.values()),
        "baseline calls": sum(depth > 0 for depth in actions.baseline.values()),
        "remembered": not decision.features.is_new_query,
        "memory asked": bool(found),
        "memory found": any(found),
        "safe start": decision.safe_start,
        "preferring": bool(decision.preferred),
        "drawn": bool(drawn),
        "from below": bool(below),
        "clicked below": any(settled.rewards.get(impression.object_id, 0.0) > 0 for impression in below),
        "agreed": bool(decision.preferred) and wanted == {arm: actions.baseline.get(arm, 0) for arm in names},
        ("type", kind): 1,
    }
    for arm, depth in decision.allocation.items():
        amounts["ran", kind, arm] = depth > 0
    return amounts
