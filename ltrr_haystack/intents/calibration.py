"""
How well probabilities are calibrated: of the queries that are said to be after a category with 70 %, are 70 %?

The expected calibration error of the likeliest category: ECE = Σ (n_b / n) · |accuracy_b - confidence_b| over bins of
the confidence (Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
2015).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.frozen_value import FrozenValue

BINS = 10


@dataclass(frozen=True, slots=True)
class CalibrationBin(FrozenValue):
    """
    Queries whose likeliest category has a probability within certain bounds.

    :param low: Lower bound of the probability.
    :param high: Upper bound; that of the last bin is part of it, those of the others are of the next bin.
    :param queries: How many queries there are.
    :param confidence: Mean probability of their likeliest category.
    :param accuracy: Share of them that are after it.
    """

    low: float
    high: float
    queries: int
    confidence: float
    accuracy: float


def calibration_bins(
    confidences: NDArray[np.float64], hits: NDArray[np.float64], bins: int = BINS
) -> tuple[CalibrationBin, ...]:
    """
    Put queries into bins of equal width.

    :param confidences: For each query the probability of its likeliest category, 0 to 1.
    :param hits: For each query the share of it that is after this category, 0 to 1.
    :param bins: How many bins there are from 0 to 1.
    :returns: The bins with any queries in them, the least confident first.
    """
    places = np.minimum((confidences * bins).astype(np.intp), bins - 1)
    return tuple(
        CalibrationBin(
            int(place) / bins,
            (int(place) + 1) / bins,
            int((places == place).sum()),
            float(confidences[places == place].mean()),
            float(hits[places == place].mean()),
        )
        for place in np.unique(places)
    )


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """
    Give the mean distance between confidence and accuracy.

    :param bins: The bins.
    :returns: Σ queries · |accuracy - confidence| / Σ queries; 0 for no queries.
    """
    queries = sum(each.queries for each in bins)
    return sum(each.queries * abs(each.accuracy - each.confidence) for each in bins) / max(queries, 1)
