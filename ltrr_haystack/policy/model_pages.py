"""
What the pages of the ranking model would have earned for a query that is treated as new, under other allocations.

Such a query has no memory: the documents that an allocation finds are in the model's own order, which starts from their
places in the union (see `ranking.model`). These are known for each allocation; what the model adds to them is taken to
stay as it was, though it would have seen other ranks of the arms. Were the order as a whole taken to stay, an arm that
is left out would still have its say in it, and every allocation of few arms would look better than it is. A document is
expected to earn the click rate that the log has for it; what was shown corrects that (see `corrected`). Before click
rates were learned nothing is judged by them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.policy.credit import ValueFn, page_of
from ltrr_haystack.policy.union import MOST_KEPT, UnionOrder
from ltrr_haystack.types import Allocation, SettledDecision

_Numbers = NDArray[np.float64]


def model_page_value(settled: SettledDecision, curve: ExaminationCurve, reward_per_click: float) -> ValueFn | None:
    """
    Evaluate allocations by the pages that the ranking model would have made of what they find.

    :param settled: The decision with its rewards.
    :param curve: The probability that a place is examined.
    :param reward_per_click: What a click is worth on average, in units of reward: the ranker expects clicks.
    :returns: Gives what the pages are estimated to earn; `None` where the page was in the union's order, or no click
        rates were learned before it.
    """
    if not settled.model_places or not settled.page_version:
        return None
    union = UnionOrder(settled, curve)
    places, expected = model_order(settled, union)
    residuals = model_residuals(settled, union, places)
    worth = corrected(expected * reward_per_click, union, *page_of(settled))

    def earned(allocations: Sequence[Allocation]) -> list[float]:
        values: list[float] = union.earned(allocations, worth, residuals).tolist()
        return values

    return earned


def model_order(settled: SettledDecision, union: UnionOrder) -> tuple[_Numbers, _Numbers]:
    """
    Give the ranking model's order of a union, and what it led to expect.

    :param settled: A decision whose page was ranked.
    :param union: Its union.
    :returns: For each document of the union its place in the model's order, and the click rate that was expected where
        it is examined. What was not ranked has the last places, and the least of these rates.
    """
    size = len(union.ranks)
    ranked = min(len(settled.model_places), size)
    places, expected = np.arange(1.0, size + 1), np.full(size, min(settled.expected))
    places[:ranked], expected[:ranked] = settled.model_places[:ranked], settled.expected[:ranked]
    beyond = union.rows >= ranked
    expected[union.rows[beyond]] = [each.score for each, far in zip(settled.impressions, beyond, strict=True) if far]
    return places, expected


def model_residuals(settled: SettledDecision, union: UnionOrder, places: _Numbers) -> _Numbers:
    """
    Give what the ranking model added to the order of a union without memory.

    A document at place u of the union and m of the model's order is taken to have the score -log(1 + m), where the
    model started from -log(1 + u): places were logged, scores were not.

    :param settled: A decision whose page was ranked.
    :param union: Its union.
    :param places: For each document its place in the model's order.
    :returns: For each document log(1 + u) - log(1 + m); 0 for what only a memory arm found, or was not ranked.
    """
    decision = settled.decision
    (started,) = union.places([decision.actions.without_memory(decision.allocation)])
    found = np.isfinite(started) & (np.arange(len(places)) < len(settled.model_places))
    residuals: _Numbers = np.where(found, np.log1p(np.where(found, started, 0.0)) - np.log1p(places), 0.0)
    return residuals


def corrected(expected: _Numbers, union: UnionOrder, ordinals: _Numbers, rewards: _Numbers) -> _Numbers:
    """
    Correct what documents are expected to earn where they are examined by what those on the page earned.

    w + min(`MOST_KEPT`, 1 / e) · (r − e · w) for a document that is expected to earn w and earned r at a place that is
    examined with the probability e: the doubly robust estimate (Dudík, Langford & Li, "Doubly robust policy evaluation
    and learning", ICML 2011) with bounded weights.

    :param expected: For each document of the union what it is expected to earn where it is examined.
    :param union: The union.
    :param ordinals: For each impression its position, from 1.
    :param rewards: For each impression what it earned.
    :returns: For each document the estimate.
    """
    estimate = expected.copy()
    examined = union.curve.over(ordinals)
    weights = np.minimum(MOST_KEPT, 1 / examined)
    estimate[union.rows] += weights * (rewards - examined * expected[union.rows])
    return estimate
