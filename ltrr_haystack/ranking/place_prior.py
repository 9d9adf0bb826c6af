"""What a document is worth by its place in the ranking model's order, before and after something was seen of it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltrr_haystack.frozen_value import FrozenValue

DEFAULT_LOOKS = 10.0
"""Looks that a prior is worth until it is fitted: on the safe side, right where one in five clicks is a mistake."""

FIRST_RATE, RATE_POWER = 0.5, 0.7
"""The default click rate at place m of the model's order is FIRST_RATE / m ** RATE_POWER."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlacePrior(FrozenValue):
    """
    The click rate of each place of the ranking model's order, and how many looks it is worth against what was seen of
    a document for a query.

    A document at place m has, for a query, the attraction `a ~ Beta(n0·p, n0·(1 − p))` before anything was seen of it,
    where p is the click rate of place m and n0 the prior's looks. After S successes in E looks, each look counted with
    the examination of its position, its expected attraction is

        (n0·p + S) / (n0 + max(E, S))

    (a Beta-binomial model: Gelman et al., "Bayesian Data Analysis", 3rd edition, section 2.4).

    :param rates: Click rate of an examined document at each of the first places, falling, each between 0 and 1; beyond
        them it falls like 1 / m ** 0.7.
    :param looks: Looks that they are worth, above 0.
    :raises ValueError: If a rate or the number of looks is out of its range.
    """

    rates: tuple[float, ...] = (FIRST_RATE,)
    looks: float = DEFAULT_LOOKS

    def expected(self, places: ArrayLike) -> Numbers:
        """
        Give the expected attraction of documents of which nothing was seen for the query.

        :param places: Places in the model's order, from 1.
        :returns: A probability for each, in (0, 1).
        """
        at = np.asarray(places, dtype=np.float64)
        last = len(self.rates)
        known = np.asarray(self.rates)[np.minimum(at, last).astype(np.intp) - 1]
        rates: Numbers = np.where(at <= last, known, self.rates[-1] * (at / last) ** -RATE_POWER)
        return rates

    def posteriors(self, places: ArrayLike, successes: Numbers, exposures: Numbers) -> tuple[Numbers, Numbers]:
        """
        Give the posterior of each document's attraction.

        :param places: Places in the model's order, from 1.
        :param successes: What the document earned for the query.
        :param exposures: How often it was looked at.
        :returns: Both parameters of a Beta distribution, for each document.
        """
        clicks = self.looks * self.expected(places)
        return clicks + successes, self.looks - clicks + np.maximum(exposures - successes, 0.0)

    def __post_init__(self) -> None:
        if not self.rates or not all(0 < rate < 1 for rate in self.rates):
            raise ValueError(f"rates must be at least one number between 0 and 1, got {self.rates}")
        if not 0 < self.looks < math.inf:
            raise ValueError(f"looks must be a positive number, got {self.looks}")
