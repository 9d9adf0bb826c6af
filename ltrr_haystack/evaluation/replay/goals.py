"""What the learning pipeline is meant to reach against reciprocal rank fusion, and whether it did."""

from dataclasses import dataclass

from ltrr_haystack.evaluation.replay.figures import ARM_CALLS, CANDIDATES, NDCG, Figures, Row
from ltrr_haystack.evaluation.replay.fixed import RRF_FULL
from ltrr_haystack.evaluation.replay.outcomes import Split
from ltrr_haystack.evaluation.replay.statistics import Interval
from ltrr_haystack.evaluation.replay.variants import OURS

SEEN_GAIN = 0.10
HELD_OUT_GAIN = 0.0
MOST_CANDIDATES = 1 / 2
MOST_ARM_CALLS = 2 / 3

TOLERANCE = 1e-9
"""What rounding may take from a mean."""


@dataclass(frozen=True, slots=True)
class Goal:
    """
    A goal: how much better `ours` is to be than `rrf_full`, or which part of its cost it may have.

    :param name: What it is about.
    :param split: The queries on which it is judged.
    :param ours: The mean of `ours`.
    :param full: The mean of `rrf_full`.
    :param threshold: What is wanted of the figure.
    :param interval: The figure's 95 % interval if the figure is a difference; `None` for a ratio.
    :param without_memory: A ratio's figure if memory arms are not counted.
    """

    name: str
    split: Split
    ours: float
    full: float
    threshold: float
    interval: Interval | None = None
    without_memory: float | None = None

    @property
    def figure(self) -> float:
        """The difference of the means where there is an interval, otherwise their ratio."""
        return self.ours / self.full if self.interval is None else self.ours - self.full

    @property
    def met(self) -> bool:
        """Whether the figure is at least (a difference) or at most (a ratio) what is wanted."""
        if self.interval is None:
            return self.figure <= self.threshold + TOLERANCE
        return self.figure >= self.threshold - TOLERANCE

    @property
    def verdict(self) -> str:
        """`met` or `missed`."""
        return "met" if self.met else "missed"

    @property
    def certain(self) -> bool:
        """Whether the whole interval says the same as the mean."""
        if self.interval is None:
            return True
        reached = self.interval.low if self.met else self.interval.high
        return (reached >= self.threshold - TOLERANCE) == self.met

    @property
    def found(self) -> str:
        """The figure, with its interval, as people write it."""
        if self.interval is None:
            return f"{self.figure:.1%}"
        return f"{self.figure:+.3f} [{self.interval.low:+.3f}, {self.interval.high:+.3f}]"

    @property
    def wanted(self) -> str:
        """What is wanted, as people write it."""
        return f"at most {self.threshold:.1%}" if self.interval is None else f"at least {self.threshold:+.3f}"


def goals(figures: Figures) -> list[Goal]:
    """
    Compare `ours`, frozen at the end, with `rrf_full`: on means, whatever the intervals are.

    A memory arm counts as an arm call like any other.

    :param figures: The replay's figures.
    :returns: nDCG@10 on queries that people had typed; nDCG@10, candidates and arm calls on held-out ones.
    """
    rows = {(row.system, row.split): row for row in figures.rows}
    seen, held_out = ((rows[OURS, split], rows[RRF_FULL, split]) for split in ("seen", "heldout"))
    return [
        _gain("Seen queries: nDCG@10 over rrf_full", *seen, SEEN_GAIN),
        _gain("Held-out queries: nDCG@10 over rrf_full", *held_out, HELD_OUT_GAIN),
        _part("Held-out queries: candidates, as a share of rrf_full's", *held_out, CANDIDATES, MOST_CANDIDATES),
        _part("Held-out queries: arm calls, as a share of rrf_full's", *held_out, ARM_CALLS, MOST_ARM_CALLS),
    ]


def judged_on(figures: Figures) -> str:
    """
    Say on how much the goals were judged, and whether the policy was let loose there.

    :param figures: The replay's figures.
    :returns: A sentence or two.
    """
    seen, held_out = figures.searches("seen"), figures.searches("heldout")
    said = f"Judged on {seen:,} seen and {held_out:,} held-out queries, those of each seed counted by themselves."
    seen_back, held_out_back = figures.held_back("seen"), figures.held_back("heldout")
    if seen_back or held_out_back:
        said += (
            f" For {seen_back:.0%} of the seen and {held_out_back:.0%} of the held-out ones ours was not "
            "shown to be worth more so far, and the safe start plays the baseline."
        )
    return said


def _gain(name: str, ours: Row, full: Row, threshold: float) -> Goal:
    own, of = ours.means[NDCG].mean, full.means[NDCG].mean
    return Goal(name, ours.split, own, of, threshold, interval=ours.against_full.difference)


def _part(name: str, ours: Row, full: Row, column: str, threshold: float) -> Goal:
    own, of = ours.means[column].mean, full.means[column].mean
    without = ours.without_memory[(CANDIDATES, ARM_CALLS).index(column)]
    return Goal(name, ours.split, own, of, threshold, without_memory=without / of)
