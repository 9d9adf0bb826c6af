"""
What another policy would have been worth, from the decisions of the one that was live.

Each decision that the log can answer for gives a weight w, how much more often the target makes this choice than it was
made, and what came of it, v. In expectation the weights are 1, and weighted outcomes are the target's.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ltrr_haystack.evaluation.off_policy.intervals import (
    Column,
    Estimate,
    bernstein_bound,
    effective_size,
    mean_interval,
    ratio_interval,
)


@dataclass(frozen=True, slots=True)
class Sample:
    """
    What the estimators need of the decisions that the log can answer for.

    :param weights: How much more often the target makes the choice than it was made.
    :param outcomes: What came of it.
    :param predicted: What a model that never saw the decision expects of the choice that was made.
    :param planned: What that model expects of what the target would have chosen.
    :param unseen: The least and the most that can come of a decision.
    """

    weights: Column
    outcomes: Column
    predicted: Column | None = None
    planned: Column | None = None
    unseen: tuple[float, float] | None = None

    @property
    def effective(self) -> float:
        """The effective sample size."""
        return effective_size(self.weights)

    def contributing(self, offset: float) -> tuple[float, float] | None:
        """
        Say how far a decision of the typical weight would stand out if it brought the least, or the most.

        :param offset: What is expected of it.
        :returns: How far below and above; `None` if nothing is known of what can come.
        """
        if self.unseen is None:
            return None
        typical = float(np.square(self.weights).sum() / self.weights.sum())
        return typical * (self.unseen[0] - offset), typical * (self.unseen[1] - offset)


def ips(sample: Sample) -> Estimate:
    """
    Inverse propensity scoring: the mean of w·v (Horvitz & Thompson 1952, A generalization of sampling without
    replacement from a finite universe; for policies Dudík, Langford & Li 2011). Unbiased, and noisy where weights vary.

    :param sample: The decisions; not all weights are 0.
    :returns: The estimate with its empirical-likelihood interval.
    """
    return _mean(_weighted(sample), sample)


def clipped_ips(sample: Sample) -> Estimate:
    """
    Clipped inverse propensity scoring: the mean of min(w, M)·v with M = √n (Ionides 2008, Truncated importance
    sampling).

    The weight that was cut, 1 − mean of min(w, M), is counted as if it had brought the least, or the most, that there
    is (Bottou et al. 2013, Counterfactual reasoning and learning systems, section 5), and empirical Bernstein bounds
    are put around that. The interval therefore holds for every sample size, and is wide.

    :param sample: The decisions, at least two, with the least and the most that can come of one.
    :returns: The estimate with its interval.
    :raises ValueError: If it is not known what can come of a decision.
    """
    if sample.unseen is None:
        raise ValueError("clipped IPS needs to know the least and the most that can come of a decision")
    low, high = sample.unseen
    most = math.sqrt(len(sample.weights))
    weights = np.minimum(sample.weights, most)
    above, below = weights * (sample.outcomes - low), weights * (high - sample.outcomes)
    reach = most * (high - low)
    least = low + float(above.mean()) - bernstein_bound(above, 0.0, reach)
    greatest = high - float(below.mean()) + bernstein_bound(below, 0.0, reach)
    mean = float((weights * sample.outcomes).mean())
    return Estimate(mean, max(low, least), min(high, greatest))


def snips(sample: Sample) -> Estimate:
    """
    Self-normalised inverse propensity scoring: Σwv / Σw (Swaminathan & Joachims 2015, The self-normalized estimator for
    counterfactual learning). Consistent, within the range of the outcomes, and mostly far less noisy than IPS.

    :param sample: The decisions; not all weights are 0.
    :returns: The estimate with its empirical-likelihood interval.
    """
    interval = ratio_interval(sample.weights, sample.outcomes, sample.effective, sample.unseen)
    return Estimate(_ratio(sample), *interval)


def doubly_robust(sample: Sample) -> Estimate:
    """
    Doubly robust: the mean of m(target) + w·(v − m(choice)) with a model m of what comes of a choice (Dudík, Langford &
    Li 2011, Doubly robust policy evaluation and learning). Unbiased whatever the model says, as it never saw the
    decision that it speaks of; the better it is, the less noise.

    :param sample: The decisions, with what the model predicts; not all weights are 0.
    :returns: The estimate with its empirical-likelihood interval.
    :raises ValueError: If there are no predictions.
    """
    return _mean(_scores(sample), sample)


def gain(name: str, sample: Sample, logged: Column) -> Estimate:
    """
    How much more a decision would have been worth under the target than it was, decision by decision.

    The interval is that of the mean of what each decision contributes to the difference (its influence: Hampel 1974,
    The influence curve and its role in robust estimation), so that what target and log have in common drops out.

    :param name: The estimator, one of `CONTRIBUTIONS`.
    :param sample: The decisions; not all weights are 0.
    :param logged: What each of them was worth as it was logged.
    :returns: The mean difference with its empirical-likelihood interval.
    """
    return _mean(CONTRIBUTIONS[name](sample) - logged, sample)


def _mean(contributions: Column, sample: Sample) -> Estimate:
    mean = float(contributions.mean())
    reach = sample.contributing(offset=_ratio(sample))
    unseen = None if reach is None else (mean + reach[0], mean + reach[1])
    return Estimate(mean, *mean_interval(contributions, sample.effective, unseen))


def _ratio(sample: Sample) -> float:
    return float((sample.weights * sample.outcomes).sum() / sample.weights.sum())


def _weighted(sample: Sample) -> Column:
    return sample.weights * sample.outcomes


def _scores(sample: Sample) -> Column:
    if sample.predicted is None or sample.planned is None:
        raise ValueError("the doubly robust estimate needs predictions for the choice made and for the target's")
    return sample.planned + sample.weights * (sample.outcomes - sample.predicted)


def _self_normalised(sample: Sample) -> Column:
    mean = _ratio(sample)
    return mean + sample.weights * (sample.outcomes - mean) / float(sample.weights.mean())


CONTRIBUTIONS: dict[str, Callable[[Sample], Column]] = {
    "ips": _weighted,
    "snips": _self_normalised,
    "dr": _scores,
    "replay": _self_normalised,
}
"""Estimator → what each decision contributes; the estimate is the mean of it."""
