"""The figures of a replay: means with intervals, comparisons, and what goes into the tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ltrr_haystack.evaluation.replay.fixed import ORACLE, RRF_FULL
from ltrr_haystack.evaluation.replay.outcomes import SPLITS, Numbers, Outcomes, Split
from ltrr_haystack.evaluation.replay.relevance import JUDGED, RECALL
from ltrr_haystack.evaluation.replay.running import Replay
from ltrr_haystack.evaluation.replay.statistics import Clusters, Interval, PairedComparison
from ltrr_haystack.evaluation.replay.variants import OURS

NDCG, RR = "nDCG@10", "RR@10"
CANDIDATES, ARM_CALLS = "candidates_per_query", "arm_calls_per_query"
QUALITY = (NDCG, JUDGED, RR, RECALL)
COLUMNS = (*QUALITY, CANDIDATES, ARM_CALLS)


@dataclass(frozen=True)
class Row:
    """
    One system on one split, over all seeds.

    :param system: The system.
    :param split: The split.
    :param means: Column → mean with its interval.
    :param regret: How much nDCG@10 the oracle has more, on average.
    :param without_memory: Candidates and arm calls a query, memory arms not counted.
    :param latency: Seconds a search: mean, median and 95th percentile; `None` where nothing was run. Arms answer from
        what they found before, so their own time is not in it.
    :param against_full: Comparison with reciprocal rank fusion at full depth, in nDCG@10.
    :param judged_against_full: The same in nDCG@10 of the judged documents alone.
    """

    system: str
    split: Split
    means: Mapping[str, Interval]
    regret: float
    without_memory: tuple[float, float]
    latency: tuple[float, float, float] | None
    against_full: PairedComparison
    judged_against_full: PairedComparison


class Figures:
    """
    Computes the figures of a replay.

    :param replay: The replay.
    """

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self._clusters: dict[Split, Clusters] = {}
        self._columns: dict[tuple[str, Split, str], Numbers] = {}

    @cached_property
    def rows(self) -> list[Row]:
        """Each system on each split."""
        return [self._row(system, split) for system in self.replay.parts for split in SPLITS]

    @property
    def impressions_per_s(self) -> float:
        """How many searches a second one process took through `ours`, learning included."""
        return float(np.mean([part.notes["impressions_per_s"] for part in self.replay.parts[OURS]]))

    def comparisons(self) -> Iterator[tuple[str, str, Split, str, PairedComparison]]:
        """
        Compare every system with `rrf_full`, and `ours` with every other.

        :returns: System, the other system, split, metric and comparison.
        """
        pairs = [(system, RRF_FULL) for system in self.replay.parts if system != RRF_FULL]
        pairs += [(OURS, system) for system in self.replay.parts if system not in (OURS, RRF_FULL)]
        for system, other in pairs:
            for split in SPLITS:
                for metric in COLUMNS:
                    yield system, other, split, metric, self.compare(system, other, split, metric)

    def compare(self, system: str, other: str, split: Split, column: str) -> PairedComparison:
        """
        Compare two systems.

        :param system: The one.
        :param other: The other.
        :param split: On which searches.
        :param column: In what.
        :returns: The comparison.
        """
        return self._clusters_of(split).compare(self.column(system, split, column), self.column(other, split, column))

    def column(self, system: str, split: Split, name: str) -> Numbers:
        """
        Give a column over all seeds.

        :param system: The system.
        :param split: The split.
        :param name: The column.
        :returns: One number for each search, in the same order for all systems.
        """
        key = (system, split, name)
        if key not in self._columns:
            self._columns[key] = np.concatenate([outcomes.column(name) for outcomes in self._outcomes(system, split)])
        return self._columns[key]

    def searches(self, split: Split) -> int:
        """
        Say how many searches a split has.

        :param split: The split.
        :returns: The number over all seeds.
        """
        return sum(len(outcomes.queries) for outcomes in self._outcomes(OURS, split))

    def held_back(self, split: Split) -> float:
        """
        Say how often the safe start held `ours` back.

        :param split: The split.
        :returns: The share of its searches, over all seeds.
        """
        return sum(sum(outcomes.safe_start) for outcomes in self._outcomes(OURS, split)) / self.searches(split)

    def summary(self) -> dict[str, Any]:
        """
        Give the summary.

        :returns: `rows` and `impressions_per_s`, in plain JSON types.
        """
        return {
            "rows": [
                {
                    "system": row.system,
                    "split": row.split,
                    **{name: mean.mean for name, mean in row.means.items()},
                    "ci": {name: [mean.low, mean.high] for name, mean in row.means.items()},
                }
                for row in self.rows
            ],
            "impressions_per_s": self.impressions_per_s,
        }

    def by_seed(self) -> Iterator[dict[str, Any]]:
        """
        Give the means of each seed.

        :returns: One row for each system, split and seed.
        """
        for system, parts in self.replay.parts.items():
            for split in SPLITS:
                for part in parts:
                    means = {name: float(part.splits[split].column(name).mean()) for name in COLUMNS}
                    yield {"system": system, "split": split, "seed": part.seed, **means}

    def _row(self, system: str, split: Split) -> Row:
        clusters = self._clusters_of(split)
        seconds = np.concatenate([np.array(outcomes.seconds) for outcomes in self._outcomes(system, split)])
        lost = self.column(ORACLE, split, NDCG) - self.column(system, split, NDCG)
        return Row(
            system=system,
            split=split,
            means={name: clusters.interval(self.column(system, split, name)) for name in COLUMNS},
            regret=float(lost.mean()),
            without_memory=self._without_memory(system, split),
            latency=_latency(seconds) if len(seconds) else None,
            against_full=self.compare(system, RRF_FULL, split, NDCG),
            judged_against_full=self.compare(system, RRF_FULL, split, JUDGED),
        )

    def _without_memory(self, system: str, split: Split) -> tuple[float, float]:
        precomputed = self.replay.compared.get(system, self.replay.precomputed)
        depths = [
            np.concatenate([np.array(outcomes.depths[arm]) for outcomes in self._outcomes(system, split)])
            for arm in self._outcomes(system, split)[0].depths
            if arm not in precomputed.memories
        ]
        return float(np.sum(depths, axis=0).mean()), float(np.sum([of > 0 for of in depths], axis=0).mean())

    def _outcomes(self, system: str, split: Split) -> Sequence[Outcomes]:
        return [part.splits[split] for part in self.replay.parts[system]]

    def _clusters_of(self, split: Split) -> Clusters:
        if split not in self._clusters:
            parts = self.replay.parts[RRF_FULL]
            queries = [query for part in parts for query in part.splits[split].queries]
            seeds = [part.seed for part in parts for _ in part.splits[split].queries]
            self._clusters[split] = Clusters(queries, seeds)
        return self._clusters[split]


def _latency(seconds: Numbers) -> tuple[float, float, float]:
    median, p95 = np.percentile(seconds, [50, 95])
    return float(seconds.mean()), float(median), float(p95)
