"""
The section that shows live and baseline searches apart.

In mode `live` chance decides for each search, with the logged baseline share α, whether the baseline is played outright
or the policy draws. Which of the two it was is not logged, and need not be: an allocation x that was played with
probability π(x) was the baseline's with probability α·1[x = baseline] / π(x), and counts for the baseline with that
weight, for the policy with the rest.

Since α is known and not the same for all searches, weights over α and over 1 − α (Horvitz & Thompson 1952) make the two
sides stand for the same searches: a randomised comparison. Searches in the other modes were made at other times, or by
callers who asked for it, and stand for themselves.

Searches for one query are alike, so intervals go by queries: those of a ratio of sums over clusters, by the delta
method (Deng, Knoblich & Lu, "Applying the delta method in metric analytics", KDD 2018). Queries are gathered in a fixed
number of places; two that share one count as one, which leaves the intervals right and memory bounded.
"""

import math
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.evaluation.joints import Numbers
from ltrr_haystack.evaluation.off_policy import Page
from ltrr_haystack.evaluation.off_policy.intervals import threshold
from ltrr_haystack.evaluation.report.values import Grid, IntervalChart, ReportFigure, Section, decimal, percent

GROUPS = ("live, the policy's draw", "live, the baseline", "mode apprentice", "mode baseline")
MEASURES = ("reward per search", "click rate", "candidates", "arm calls")
PLACES = 4096
"""How many places queries are gathered in."""

_POLICY, _BASELINE = len(GROUPS), len(GROUPS) + 1
"""After the groups as they were played, those of the randomised comparison."""


@dataclass(frozen=True, slots=True)
class LiveComparison:
    """
    Live searches against those with the baseline, as chance set them apart within mode live.

    :param policy: The mean where the policy drew.
    :param baseline: The mean where the baseline was played outright.
    :param difference: By how much the policy's is higher.
    :param searches: About how many searches the policy had; of those that either may have decided on, each counts for
        both in part.
    :param baseline_searches: About how many the baseline had.
    """

    policy: ReportFigure
    baseline: ReportFigure
    difference: ReportFigure
    searches: int
    baseline_searches: int


class Apart:
    """Sums over searches, by who decided on them and by query."""

    def __init__(self) -> None:
        """Begin without searches."""
        self._left_to_chance = 0
        self._shares = 0.0
        self._sums = np.zeros((len(GROUPS) + 2, PLACES, 1 + len(MEASURES)))

    def add(self, page: Page) -> None:
        """
        Take in some searches.

        :param page: The searches, whose propensities are known to be right.
        """
        decisions = [each.decision for each in page.logged]
        modes = np.array([decision.mode for decision in decisions])
        live = modes == "live"
        share = np.array([decision.baseline_share for decision in decisions])
        propensity = np.array([decision.propensity for decision in decisions])
        baseline = np.array([page.actions.baseline.get(arm, 0) for arm in page.actions.names])
        by_chance = np.where((page.drawn == baseline).all(axis=1), np.minimum(share / propensity, 1.0), 0.0)
        either = live & (share > 0) & (share < 1)
        self._left_to_chance += int(either.sum())
        self._shares += float(share[either].sum())
        weights = (
            live * (1 - by_chance),
            live * by_chance,
            modes == "apprentice",
            modes == "baseline",
            either * (1 - by_chance) / np.where(either, 1 - share, 1.0),
            either * by_chance / np.where(either, share, 1.0),
        )
        measured = np.stack(
            [
                np.ones(len(page)),
                page.rewards.sum(axis=1),
                (page.rewards > 0).any(axis=1),
                page.drawn.sum(axis=1),
                (page.drawn > 0).sum(axis=1),
            ],
            axis=1,
        )
        places = [crc32(decision.understanding.normal_form.encode(errors="replace")) % PLACES for decision in decisions]
        for sums, weight in zip(self._sums, weights, strict=True):
            np.add.at(sums, places, weight[:, None] * measured)

    @property
    def baseline_share(self) -> float | None:
        """The probability of the baseline, averaged over the searches that were left to chance; `None` if none was."""
        return self._shares / self._left_to_chance if self._left_to_chance else None

    @property
    def missing(self) -> str | None:
        """Which of policy and baseline chance has chosen in none of them so far; `None` if both were chosen."""
        if self._weight(_BASELINE) <= 0:
            return "the baseline"
        return "the policy" if self._weight(_POLICY) <= 0 else None

    def comparison(self, measure: str) -> LiveComparison | None:
        """
        Compare live searches with those of the baseline.

        :param measure: One of `MEASURES`.
        :returns: The comparison; `None` if chance never decided between the two.
        """
        if self.missing:
            return None
        of = MEASURES.index(measure)
        policy, baseline = self._residuals(_POLICY, of), self._residuals(_BASELINE, of)
        mean, errors, there = (policy[0] - baseline[0], policy[1] - baseline[1], policy[2] | baseline[2])
        of_one_query = min(policy[2].sum(), baseline[2].sum()) < 2
        return LiveComparison(
            _estimate(policy),
            _estimate(baseline),
            ReportFigure(mean) if of_one_query else _estimate((mean, errors, there)),
            round(self._weight(0)),
            round(self._weight(1)),
        )

    def section(self) -> Section:
        """
        Show the searches apart.

        :returns: The section.
        """
        there = [group for group in range(len(GROUPS)) if self._weight(group) > 0]
        rewards = {GROUPS[group]: _estimate(self._residuals(group, 0)) for group in there}
        grids = [
            Grid(
                "As they were played",
                ("", "searches", *MEASURES),
                tuple(
                    (GROUPS[group], f"{self._weight(group):,.0f}", *(self._figure(group, of) for of in range(4)))
                    for group in there
                ),
            )
        ]
        randomised = self.comparison(MEASURES[0]) is not None
        if randomised:
            rows = tuple((name, *self._compared(of)) for of, name in enumerate(MEASURES))
            grids.append(Grid("At random within mode live", ("", "policy", "baseline", "difference"), rows))
        return Section(
            "apart",
            "Is the policy worth more than the baseline?",
            "Who decided on the searches, and what came of them, with 95 % intervals by query.",
            (IntervalChart("Reward per search", rewards),) if len(rewards) > 1 else (),
            tuple(grids),
            more="In mode live chance "
            "decides, with the baseline share that is logged, whether the baseline is played outright or the policy "
            "draws. "
            + (
                "The second table weighs the searches by that share, so that both sides stand for the same ones: that "
                "comparison is randomised. The first is not: the share changed, and modes apprentice and baseline were "
                "in force at other times or for other callers."
                if randomised
                else f"So far it has chosen {self.missing} in none of the searches, so nothing here is a randomised "
                "comparison: searches of different modes were made at other times or for other callers."
            ),
        )

    def _weight(self, group: int) -> float:
        return float(self._sums[group, :, 0].sum())

    def _figure(self, group: int, measure: int) -> str:
        return _text(measure, _estimate(self._residuals(group, measure)))

    def _compared(self, measure: int) -> tuple[str, str, str]:
        compared = self.comparison(MEASURES[measure])
        if compared is None:
            return ("–", "–", "–")
        return (
            _text(measure, compared.policy),
            _text(measure, compared.baseline),
            _text(measure, compared.difference, signed=True),
        )

    def _residuals(self, group: int, measure: int) -> tuple[float, Numbers, NDArray[np.bool_]]:
        """The mean; for each place what it adds to the mean's error; and the places that have any searches."""
        weights, sums = self._sums[group, :, 0], self._sums[group, :, 1 + measure]
        total = weights.sum()
        mean = float(sums.sum() / total)
        return mean, (sums - mean * weights) / total, weights > 0


def _estimate(of: tuple[float, Numbers, NDArray[np.bool_]]) -> ReportFigure:
    mean, errors, there = of
    clusters = int(there.sum())
    if clusters < 2:
        return ReportFigure(mean)
    half = math.sqrt(threshold(clusters) * clusters / (clusters - 1) * float((errors**2).sum()))
    return ReportFigure(mean, mean - half, mean + half)


def _text(measure: int, estimate: ReportFigure, *, signed: bool = False) -> str:
    share = MEASURES[measure] == "click rate"
    least, most = (0.0, 1.0) if share and not signed else (-math.inf, math.inf)

    def write(value: float) -> str:
        text = percent(min(max(value, least), most)) if share else decimal(value, 3 if measure == 0 else 2)
        return f"+{text}" if signed and value > 0 else text

    if estimate.low is None or estimate.high is None:
        return write(estimate.value)
    return f"{write(estimate.value)} ({write(estimate.low)} to {write(estimate.high)})"
