"""
Intervals that hold where a few decisions carry most of the weight.

Weighted rewards are skewed: most are 0 and a few are large, and a normal interval (mean ± 1.96 standard errors) covers
far less than it says. Two others are used here.

Empirical likelihood (Owen 2001, Empirical Likelihood): of all ways to put probabilities p on the observations, those
are believed that make what was seen not too unlikely, −2 Σ log(n·p) ≤ q. The interval reaches from the least to the
greatest estimate that one of them gives (Duchi, Glynn & Namkoong 2021, Statistics of robust optimization: a generalized
empirical likelihood approach; for logged decisions Karampatziakis, Langford & Mineiro 2020, Empirical likelihood for
contextual bandits). It follows the skew of the data and never leaves their range. q is the 95 % quantile of
F(1, s − 1), as Owen proposes for small samples, with the effective sample size in the place of s.

The empirical Bernstein bound (Maurer & Pontil 2009, Empirical Bernstein bounds and sample-variance penalization,
theorem 4) holds for samples of every size, for which it is wider. It needs to know the range of the observations.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.frozen_value import FrozenValue

Column = NDArray[np.float64]
"""A number for each decision."""

CONFIDENCE = 0.95

_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_STEPS = 60
_ROUNDS = 50
_EXACT = 1e-10


@dataclass(frozen=True, slots=True)
class Estimate(FrozenValue):
    """
    An estimate with its interval.

    :param mean: The estimate.
    :param low: Lower bound of the 95 % interval.
    :param high: Upper bound of the 95 % interval.
    """

    mean: float
    low: float
    high: float

    def widened(self, deviation: float, unseen: float = 0.0) -> "Estimate":
        """
        Count in another uncertainty that has nothing to do with this one, and what may be missing.

        :param deviation: The other uncertainty's standard deviation: squares of distances add up, as variances do.
        :param unseen: By how much the estimate may be too low.
        :returns: The estimate with a wider interval.
        """
        more = _Z * deviation
        return Estimate(
            self.mean,
            self.mean - math.hypot(self.mean - self.low, more),
            self.mean + math.hypot(self.high - self.mean, more) + unseen,
        )

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f} … {self.high:.4f}]"


def effective_size(weights: Column) -> float:
    """
    Say how many unweighted decisions would tell as much as the weighted ones: (Σw)² / Σw² (Kish 1965, Survey Sampling).

    :param weights: A weight for each decision.
    :returns: The effective sample size; 0 if all weights are 0.
    """
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def mean_interval(
    values: Column, size: float | None = None, unseen: tuple[float, float] | None = None
) -> tuple[float, float]:
    """
    The empirical-likelihood interval of a mean.

    :param values: The observations, at least one.
    :param size: The effective sample size; the number of observations if left out.
    :param unseen: A low and a high observation that might have been made though they were not. Without them an
        interval ends where the observations do: of something that never happened in 50 cases it would be certain.
    :returns: Lower and upper bound.
    """
    limit = threshold(len(values) if size is None else size)
    low, high = unseen or (math.inf, -math.inf)
    return -_highest(-values, limit, -low), _highest(values, limit, high)


def ratio_interval(
    weights: Column, values: Column, size: float | None = None, unseen: tuple[float, float] | None = None
) -> tuple[float, float]:
    """
    The empirical-likelihood interval of a weighted mean, Σwv / Σw.

    :param weights: A weight of 0 or more for each observation; not all are 0.
    :param values: The observations.
    :param size: The effective sample size; that of the weights if left out.
    :param unseen: A low and a high observation that might have been made though they were not, each with the typical
        weight.
    :returns: Lower and upper bound.
    """
    limit = threshold(effective_size(weights) if size is None else size)
    used = weights > 0
    counts = np.append(np.ones(int(used.sum())), float((~used).sum()))
    typical = float(np.square(weights).sum() / weights.sum())
    low, high = unseen or (None, None)
    seen = np.append(weights[used], 0.0), np.append(values[used], 0.0), counts
    lowest = _highest_ratio(seen[0], -seen[1], counts, limit, None if low is None else (typical, -low))
    return -lowest, _highest_ratio(*seen, limit, None if high is None else (typical, high))


def bernstein_bound(values: Column, low: float, high: float) -> float:
    """
    How far the mean of bounded observations lies from their expectation at most, on either side, in 95 of 100 cases.

    √(2·V·ln(4/δ)/n) + 7·(high − low)·ln(4/δ) / (3·(n − 1)) with the sample variance V and δ = 0.05: theorem 4 of Maurer
    & Pontil 2009 for both sides, each at δ/2.

    :param values: The observations, at least two.
    :param low: The least that an observation can be.
    :param high: The most that an observation can be.
    :returns: The distance.
    """
    size = len(values)
    log_term = math.log(4 / (1 - CONFIDENCE))
    variance = float(values.var(ddof=1))
    return math.sqrt(2 * variance * log_term / size) + 7 * (high - low) * log_term / (3 * (size - 1))


def threshold(size: float) -> float:
    """
    The 95 % quantile of F(1, size − 1): the square of Student's t, by its expansion in the normal quantile.

    Abramowitz & Stegun 1972, Handbook of Mathematical Functions, 26.7.5; right to three digits from 5 degrees of
    freedom on, below which 5 are assumed.

    :param size: The effective sample size.
    :returns: The quantile; 3.84 for a large sample.
    """
    freedom = max(size - 1, 5.0)
    z = _Z
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms)) ** 2


def _highest(values: Column, limit: float, unseen: float) -> float:
    atoms, counts = np.unique(values, return_counts=True)
    chances, rest = _believed(atoms, counts.astype(float), limit, unseen)
    return float((chances * atoms).sum()) + (rest * unseen if rest else 0.0)


def _highest_ratio(
    weights: Column, values: Column, counts: Column, limit: float, unseen: tuple[float, float] | None
) -> float:
    """Dinkelbach 1967, On nonlinear fractional programming: where the best Σp·w·(v − ratio) is 0 the ratio is best."""
    weight, value = unseen or (0.0, 0.0)
    ratio = float((counts * weights * values).sum() / (counts * weights).sum())
    for _ in range(_ROUNDS):
        beyond = weight * (value - ratio) if unseen else -math.inf
        chances, rest = _believed(weights * (values - ratio), counts, limit, beyond)
        weighted = float((chances * weights).sum()) + rest * weight
        before, ratio = ratio, (float((chances * weights * values).sum()) + rest * weight * value) / weighted
        if abs(ratio - before) <= _EXACT * (1 + abs(ratio)):
            break
    return ratio


def _believed(atoms: Column, counts: Column, limit: float, unseen: float) -> tuple[Column, float]:
    """
    The believable probabilities that give the highest mean: p ∝ count / (η − atom), by Lagrange.

    The likelihood that is lost grows as η comes down from infinity to the largest atom; bisection finds where it
    reaches the limit. If η comes down to the unseen value first, that takes a probability of its own.
    """
    seen = counts > 0
    total = float(counts.sum())
    bottom, highest = float(atoms[seen].min()), float(atoms[seen].max())
    top = max(highest, unseen)
    spread = top - bottom
    if spread <= 0:
        return counts / total, 0.0
    gaps = np.where(seen, (top - atoms) / spread, 1.0)

    def lost(over: float) -> float:
        distances = gaps + over
        return 2 * float((counts * np.log(distances)).sum() + total * np.log((counts / distances).sum() / total))

    if unseen > highest and (left := limit - lost(0.0)) >= 0:
        rest = -math.expm1(-left / (2 * total))
        chances = counts / gaps
        return np.asarray(chances * (1 - rest) / chances.sum()), rest
    low, high = math.log(1e-12), math.log(1e12)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if lost(math.exp(middle)) > limit else (low, middle)
    chances = counts / (gaps + math.exp(high))
    return np.asarray(chances / chances.sum()), 0.0
