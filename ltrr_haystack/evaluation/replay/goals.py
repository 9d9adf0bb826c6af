"""What the learning pipeline is meant to reach against systems that learn nothing, and whether it did."""

from dataclasses import dataclass
from typing import Literal

from ltrr_haystack.evaluation.readers import HARD
from ltrr_haystack.evaluation.replay.figures import CANDIDATES, NDCG, Figures
from ltrr_haystack.evaluation.replay.fixed import BEST_ARM, RRF_FULL, RRF_TUNED
from ltrr_haystack.evaluation.replay.outcomes import Split
from ltrr_haystack.evaluation.replay.statistics import Interval
from ltrr_haystack.evaluation.replay.variants import OURS

SEEN_GAIN, HARD_SEEN_GAIN = 0.14, 0.08
HELD_OUT_GAIN, HARD_HELD_OUT_GAIN = 0.03, 0.0
HELD_OUT_LOSS, HARD_HELD_OUT_LOSS = 0.01, 0.02
"""How much may be lost on held-out queries where the gain cannot be told from chance."""

MOST_CANDIDATES = 0.4

TOLERANCE = 1e-9
"""What rounding may take from a mean."""

Verdict = Literal["met", "missed", "undecided"]


@dataclass(frozen=True, slots=True)
class Goal:
    """
    A goal: how much better `ours` is to be than another system, or which part of its cost it may have.

    :param name: What it is about.
    :param split: The queries on which it is judged.
    :param other: The system that `ours` is compared with.
    :param ours: The mean of `ours`.
    :param theirs: The mean of the other.
    :param threshold: What is wanted of the figure.
    :param interval: The figure's 95 % interval if the figure is a difference; `None` for a ratio.
    :param not_worse: Whether all that is wanted is that no difference below the threshold is shown: the interval's
        upper end decides alone.
    :param without_memory: A ratio's figure if memory arms are not counted.
    """

    name: str
    split: Split
    other: str
    ours: float
    theirs: float
    threshold: float
    interval: Interval | None = None
    not_worse: bool = False
    without_memory: float | None = None

    @property
    def figure(self) -> float:
        """The difference of the means where there is an interval, otherwise their ratio."""
        return self.ours / self.theirs if self.interval is None else self.ours - self.theirs

    @property
    def verdict(self) -> Verdict:
        """
        Whether the goal was reached.

        A difference is `met` if its whole interval is at or above the threshold, `missed` if the whole interval is
        below, and otherwise `undecided`. One that is only not to be worse is `missed` if the whole interval is below,
        and otherwise `met`. A ratio, which has no interval, is `met` at or below the threshold.
        """
        if self.interval is None:
            return "met" if self.figure <= self.threshold + TOLERANCE else "missed"
        if self.interval.high < self.threshold - TOLERANCE:
            return "missed"
        return "met" if self.not_worse or self.interval.low >= self.threshold - TOLERANCE else "undecided"

    @property
    def met(self) -> bool:
        """Whether the goal was reached for certain."""
        return self.verdict == "met"

    @property
    def found(self) -> str:
        """The figure, with its interval, as people write it."""
        if self.interval is None:
            return f"{self.figure:.1%}"
        return f"{self.figure:+.3f} [{self.interval.low:+.3f}, {self.interval.high:+.3f}]"

    @property
    def wanted(self) -> str:
        """What is wanted, as people write it."""
        if self.interval is None:
            return f"at most {self.threshold:.1%}"
        return "not shown to be worse" if self.not_worse else f"at least {self.threshold:+.3f}"


def goals(figures: Figures) -> list[Goal]:
    """
    Compare `ours`, frozen at the end, with systems that learn nothing. Before hard readers less is wanted.

    :param figures: The replay's figures.
    :returns: nDCG@10 over `rrf_full` on queries that people had typed; on held-out ones the gain over `rrf_full`, the
        bound on a loss, the candidates, and nDCG@10 against `rrf_tuned` and `best_arm`.
    """
    hard = figures.replay.settings.click_model == HARD
    held_out = "Held-out queries: "
    return [
        _difference(
            figures, "Seen queries: nDCG@10 over rrf_full", "seen", RRF_FULL, HARD_SEEN_GAIN if hard else SEEN_GAIN
        ),
        _difference(
            figures,
            f"{held_out}nDCG@10 over rrf_full",
            "heldout",
            RRF_FULL,
            HARD_HELD_OUT_GAIN if hard else HELD_OUT_GAIN,
        ),
        _difference(
            figures,
            f"{held_out}what may be lost against rrf_full",
            "heldout",
            RRF_FULL,
            -HARD_HELD_OUT_LOSS if hard else -HELD_OUT_LOSS,
        ),
        _candidates(figures, f"{held_out}candidates, as a share of rrf_full's"),
        *(
            _difference(figures, f"{held_out}nDCG@10 against {other}", "heldout", other, 0.0, not_worse=True)
            for other in (RRF_TUNED, BEST_ARM)
        ),
    ]


def judged_on(figures: Figures) -> str:
    """
    Say how goals are judged, on how much, and whether the policy was let loose there.

    :param figures: The replay's figures.
    :returns: A few sentences.
    """
    seen, held_out = figures.searches("seen"), figures.searches("heldout")
    said = (
        f"Judged on {seen:,} seen and {held_out:,} held-out queries, those of each seed counted by themselves. A "
        "difference is met if its whole interval is at or above what is wanted, missed if the whole interval is below, "
        "and otherwise undecided; not shown to be worse means that the interval reaches 0."
    )
    seen_back, held_out_back = figures.held_back("seen"), figures.held_back("heldout")
    if seen_back or held_out_back:
        said += (
            f" For {seen_back:.0%} of the seen and {held_out_back:.0%} of the held-out ones ours was not "
            "shown to be worth more so far, and the safe start plays the baseline."
        )
    return said


def _difference(
    figures: Figures, name: str, split: Split, other: str, threshold: float, *, not_worse: bool = False
) -> Goal:
    ours, theirs = (figures.column(system, split, NDCG).mean() for system in (OURS, other))
    interval = figures.compare(OURS, other, split, NDCG).difference
    return Goal(name, split, other, float(ours), float(theirs), threshold, interval, not_worse)


def _candidates(figures: Figures, name: str) -> Goal:
    rows = {row.system: row for row in figures.rows if row.split == "heldout"}
    own, of = (rows[system].means[CANDIDATES].mean for system in (OURS, RRF_FULL))
    without = rows[OURS].without_memory[0] / of
    return Goal(name, "heldout", RRF_FULL, own, of, MOST_CANDIDATES, without_memory=without)
