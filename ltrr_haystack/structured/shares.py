"""Shares of a whole number by weight."""

import math
from collections.abc import Sequence


def shares(total: int, weights: Sequence[float]) -> list[int]:
    """
    Share a number out by weight, by the method of the largest remainder (Hamilton's).

    Each gets the whole part of its quota `total · weight / sum of the weights`; what is left over goes to the largest
    fractional parts, of equal ones to the first.

    :param total: What is shared out, 0 or more.
    :param weights: Weights, 0 or more each.
    :returns: A whole number for each weight; they sum to `total`, or are all 0 if the weights are.
    """
    whole = math.fsum(weights)
    if whole <= 0:
        return [0] * len(weights)
    quotas = [total * (weight / whole) for weight in weights]
    given = [math.floor(quota) for quota in quotas]
    by_remainder = sorted(range(len(weights)), key=lambda place: given[place] - quotas[place])
    for place in by_remainder[: total - sum(given)]:
        given[place] += 1
    return given
