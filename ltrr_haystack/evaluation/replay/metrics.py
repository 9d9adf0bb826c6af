"""What came of the searches of one system while people searched: clicks, candidates, arm calls, failures."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from ltrr_haystack.evaluation.replay.answers import Answer

LAST_SHARE = 0.2


@dataclass
class SearchCounts:
    """
    Counts over a number of answered searches.

    :param searches: How many were answered.
    :param clicked: How many of them had at least one click.
    :param candidates: Sum of the depths that the arms were asked for.
    :param runs: Arm → in how many of them it ran.
    """

    searches: int = 0
    clicked: int = 0
    candidates: int = 0
    runs: Counter[str] = field(default_factory=Counter)

    def add(self, answer: Answer, clicked: bool) -> None:
        """
        Count one answered search.

        :param answer: The answer.
        :param clicked: Whether anything was clicked.
        """
        self.searches += 1
        self.clicked += clicked
        self.candidates += sum(answer.allocation.values())
        self.runs.update({arm: int(depth > 0) for arm, depth in answer.allocation.items()})

    @property
    def click_rate(self) -> float:
        """Share of the answered searches with at least one click."""
        return self.clicked / self.searches if self.searches else 0.0

    @property
    def arm_shares(self) -> dict[str, float]:
        """Arm → share of the answered searches in which it ran."""
        return {arm: runs / self.searches for arm, runs in self.runs.items()}


@dataclass
class ClickMetrics:
    """
    What one system came to.

    :param impressions: How many searches there will be; the last fifth of them is counted apart, too.
    """

    impressions: int
    whole: SearchCounts = field(default_factory=SearchCounts)
    last: SearchCounts = field(default_factory=SearchCounts)
    kinds: defaultdict[str, SearchCounts] = field(default_factory=lambda: defaultdict(SearchCounts))
    last_kinds: defaultdict[str, SearchCounts] = field(default_factory=lambda: defaultdict(SearchCounts))
    failed: int = 0
    first_failure: str | None = None
    rejected_events: int = 0
    safe_start_rounds: int = 0
    says_safe_start: bool = False
    missing: Counter[str] = field(default_factory=Counter)

    def add(self, index: int, kind: str, answer: Answer, clicked: bool) -> None:
        """
        Count one answered search.

        :param index: Its number in the stream, from 0.
        :param kind: The query's kind.
        :param answer: The answer.
        :param clicked: Whether anything was clicked.
        """
        self.whole.add(answer, clicked)
        self.kinds[kind].add(answer, clicked)
        if index >= self.impressions - round(self.impressions * LAST_SHARE):
            self.last.add(answer, clicked)
            self.last_kinds[kind].add(answer, clicked)
        self.missing.update(answer.missing)
        self.safe_start_rounds += answer.safe_start is True
        self.says_safe_start |= answer.safe_start is not None

    def add_failure(self, error: Exception) -> None:
        """
        Count one failed search; it counts as nothing else.

        :param error: Why it failed.
        """
        self.failed += 1
        self.first_failure = self.first_failure or f"{type(error).__name__}: {error}"

    def to_dict(self) -> dict[str, Any]:
        """
        Give the system's figures.

        :returns: Rates as shares, the others per answered search; `missing_arms` counts the searches in which an arm
            was asked and failed.
        """
        searches = self.whole.searches or 1
        return {
            "click_rate": self.whole.click_rate,
            "click_rate_last_fifth": self.last.click_rate,
            "candidates_per_query": self.whole.candidates / searches,
            "arm_calls_per_query": self.whole.runs.total() / searches,
            "safe_start_rounds": self.safe_start_rounds if self.says_safe_start else None,
            "failed_searches": self.failed,
            "missing_arms": dict(self.missing),
        }
