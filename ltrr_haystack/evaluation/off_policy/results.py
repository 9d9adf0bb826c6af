"""What an evaluation says: estimates, what they rest on, and where the log cannot answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ltrr_haystack.evaluation.off_policy.intervals import Estimate
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.frozen_value import FrozenValue

Outcome = Literal["better", "worse", "not told apart", "refused"]

ESTIMATORS = ("ips", "clipped_ips", "snips", "dr", "replay")

ASSUMPTIONS = {
    "ips": "Rests on the logged propensities alone; noisy where weights vary.",
    "clipped_ips": "Rests on the logged propensities and on the range of values that the log shows; its interval holds "
    "at every sample size and is wide.",
    "snips": "Rests on the logged propensities alone; slightly biased in small samples.",
    "dr": "Rests on the logged propensities alone; a model of the reward takes out noise and cannot bias it.",
    "replay": "Assumes that what people do with a document depends on it and on its position alone, that they look at "
    "position k with a chance of 1 / k^η, and that the documents which remain keep their order, though an arm that is "
    "not asked may have held some of them up. What would have moved up from below the page is not known: the estimate "
    "leaves it out, and the interval's upper end allows as much for it as the last quarter of a page brings.",
}
"""Estimator → what has to be believed with it."""


@dataclass(frozen=True, slots=True)
class Refusal(FrozenValue):
    """
    Why the log cannot answer.

    :param reason: What is missing.
    :param remedy: What would mend it.
    """

    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Support(FrozenValue):
    """
    What estimates by one kind of weights rest on.

    :param decisions: Decisions that the log can answer for: the target's choices could have been made in them.
    :param share: Their share of all.
    :param matched: Those of them with a weight above 0.
    :param effective: The expected effective sample size, n / E[w²] (Kong 1992), computed from the distributions: that
        of the observed weights is too large where the rare large weights have not been observed.
    :param greatest: The greatest weight.
    :param mean: The mean weight; 1 is expected.
    :param error: Its standard error, as far as the weights that were seen tell.
    :param halves: The mean weight of the log's first and second half.
    """

    decisions: int
    share: float
    matched: int
    effective: float
    greatest: float
    mean: float
    error: float
    halves: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimated(FrozenValue):
    """
    What one estimator says of a target.

    :param value: Rewards less cost of a decision.
    :param reward: Rewards of a decision.
    :param gain: Value less that of what was logged; `None` for an estimator that does not compare.
    :param refusal: Why it should not be believed, if so.
    """

    value: Estimate
    reward: Estimate
    gain: Estimate | None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Comparison(FrozenValue):
    """
    A target against what was logged, by the estimator that is recommended.

    :param decisions: Decisions it is about.
    :param logged: Mean value of what was logged.
    :param outcome: Whether the target is better or worse by interval.
    :param estimator: The estimator; `None` if refused.
    :param value: The target's value; `None` if refused.
    :param gain: The target's value less what was logged; `None` if refused.
    :param refusal: Why the log cannot answer, if it cannot.
    """

    decisions: int
    logged: float
    outcome: Outcome
    estimator: str | None = None
    value: Estimate | None = None
    gain: Estimate | None = None
    refusal: Refusal | None = None

    def __str__(self) -> str:
        if self.gain is None or self.value is None:
            return f"The log cannot answer: {self.refusal}."
        told = {
            "better": "Better than what was logged",
            "worse": "Worse than what was logged",
            "not told apart": "Not to be told apart from what was logged",
        }[self.outcome]
        return f"{told}: {self.gain.mean:+.4f} a decision [{self.gain.low:+.4f} … {self.gain.high:+.4f}]"


@dataclass(frozen=True, slots=True)
class TargetResult(FrozenValue):
    """
    What the log says of one target.

    :param name: The target.
    :param comparison: The target against what was logged.
    :param estimates: Estimator → what it says; estimators without any support are left out.
    :param weights: What the estimates by propensity rest on.
    :param replay: What the dominance replay rests on.
    :param candidates: How many candidates the target asks for; known from the decisions, whatever came of them.
    :param arm_calls: How many arms it runs.
    :param slices: Dimension → kind → the comparison within it.
    :param cautions: What to bear in mind.
    """

    name: str
    comparison: Comparison
    estimates: Mapping[str, Estimated]
    weights: Support
    replay: Support
    candidates: Estimate
    arm_calls: Estimate
    slices: Mapping[str, Mapping[str, Comparison]]
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogSummary(FrozenValue):
    """
    The log that was asked.

    :param read: Settled decisions that were read.
    :param used: Those that could be used.
    :param skipped: Reason → how many were left out for it.
    :param modes: The router's mode → how many of the used ones were made in it.
    :param rewarded: Used decisions that brought a reward.
    :param value: Rewards less cost of a decision.
    :param reward: Rewards of a decision.
    :param candidates: Candidates that a decision asked for.
    :param arm_calls: Arms that ran for a decision.
    :param halves: Mean reward of the log's first and second half.
    :param cautions: What to bear in mind.
    :param beyond: How many were left out since they are beyond their client's share.
    :param waiting: Settled decisions that were not read: what counts of them is not known until they are learned from.
    """

    read: int
    used: int
    skipped: Mapping[str, int]
    modes: Mapping[str, int]
    rewarded: int
    value: Estimate | None = None
    reward: Estimate | None = None
    candidates: Estimate | None = None
    arm_calls: Estimate | None = None
    halves: tuple[float, float] = (0.0, 0.0)
    cautions: tuple[str, ...] = ()
    beyond: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Evaluation(FrozenValue):
    """
    What a decision log says of some policies.

    :param log: The log.
    :param slope: How people look down the page, as the replay assumes.
    :param targets: What it says of each target.
    :param slope_source: Where that comes from.
    """

    log: LogSummary
    slope: ExaminationCurve
    targets: tuple[TargetResult, ...]
    slope_source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the evaluation into plain JSON types.

        :returns: A dictionary from which `from_dict` makes an equal evaluation, with the estimators' assumptions.
        """
        return {**super(Evaluation, self).to_dict(), "assumptions": dict(ASSUMPTIONS)}
