"""How sure the figures are: intervals and paired tests that know that searches for one query are not independent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REPLICATES = 2000
FLIPS = 10_000
CHUNK = 1000
LEVEL = (2.5, 97.5)

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """
    A mean with its 95 % interval.

    :param mean: The mean over all searches.
    :param low: Lower bound.
    :param high: Upper bound.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """
    A paired comparison of two systems.

    :param difference: The one less the other, with its interval.
    :param p: Probability of a difference as large as this if the two were alike.
    """

    difference: Interval
    p: float


class Clusters:
    """
    The searches of a split, gathered by query and seed, for any number of columns of figures.

    Intervals are percentile intervals of a bootstrap that draws queries and seeds independently of each other and
    weighs a search by the product of the two draws (Owen 2007, "The pigeonhole bootstrap"): searches for one query are
    alike, and so are those under one seed. With one seed it is the cluster bootstrap over queries.

    :param queries: Query id of each search.
    :param seeds: Seed of each search.
    :param random_seed: Seed of the bootstrap.
    """

    def __init__(self, queries: Sequence[str], seeds: Sequence[int], *, random_seed: int = 0) -> None:
        _, self._query = np.unique(np.array(queries), return_inverse=True)
        _, self._seed = np.unique(np.array(seeds), return_inverse=True)
        self._shape = (int(self._query.max()) + 1, int(self._seed.max()) + 1)
        generator = np.random.default_rng(random_seed)
        self._query_draws = _draws(generator, self._shape[0])
        self._seed_draws = _draws(generator, self._shape[1])
        self._random_seed = random_seed
        self._counts = self._weighted(self._gathered(np.ones(len(self._query))))

    def interval(self, values: Numbers) -> Interval:
        """
        Give the mean of a column with its interval.

        :param values: One number for each search.
        :returns: The interval.
        """
        sums = self._weighted(self._gathered(values))
        drawn = self._counts > 0  # a draw may miss all searches where not every query came under every seed
        low, high = np.percentile(sums[drawn] / self._counts[drawn], LEVEL)
        return Interval(float(values.mean()), float(low), float(high))

    def compare(self, values: Numbers, others: Numbers) -> PairedComparison:
        """
        Compare two systems that met the same searches.

        The test is a paired randomisation test that swaps the two systems query by query (Smucker, Allan and Carterette
        2007, "A comparison of statistical significance tests for information retrieval evaluation").

        :param values: The one system's figures.
        :param others: The other's.
        :returns: The comparison.
        """
        differences = values - others
        by_query = np.bincount(self._query, differences, self._shape[0])
        observed = abs(by_query.sum())
        generator = np.random.default_rng(self._random_seed)
        as_large = 0
        for _ in range(FLIPS // CHUNK):
            signs = generator.integers(0, 2, (CHUNK, len(by_query))) * 2.0 - 1.0
            as_large += int(np.sum(np.abs(signs @ by_query) >= observed - 1e-12))
        return PairedComparison(self.interval(differences), (as_large + 1) / (FLIPS + 1))

    def _gathered(self, values: Numbers) -> Numbers:
        flat = self._query * self._shape[1] + self._seed
        sums: Numbers = np.bincount(flat, values, self._shape[0] * self._shape[1]).astype(np.float64)
        return sums.reshape(self._shape)

    def _weighted(self, sums: Numbers) -> Numbers:
        weighted: Numbers = np.sum((self._query_draws @ sums) * self._seed_draws, axis=1)
        return weighted


def _draws(generator: np.random.Generator, size: int) -> Numbers:
    return generator.multinomial(size, np.full(size, 1 / size), REPLICATES).astype(np.float64)
