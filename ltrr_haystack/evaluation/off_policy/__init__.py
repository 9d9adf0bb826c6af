"""Off-policy evaluation: what another policy would have been worth, from the decision log alone."""

from ltrr_haystack.evaluation.off_policy.decisions import DecisionLog, LoggedDecision
from ltrr_haystack.evaluation.off_policy.evaluate import Gathered, evaluate, evaluate_decisions
from ltrr_haystack.evaluation.off_policy.intervals import Estimate
from ltrr_haystack.evaluation.off_policy.pages import Page, paged
from ltrr_haystack.evaluation.off_policy.report import render
from ltrr_haystack.evaluation.off_policy.results import (
    Comparison,
    Estimated,
    Evaluation,
    LogSummary,
    Refusal,
    Support,
    TargetResult,
)
from ltrr_haystack.evaluation.off_policy.targets import (
    BaselineTarget,
    PolicyTarget,
    StaticTarget,
    Target,
    parse_target,
    snapshot_target,
)

__all__ = [
    "BaselineTarget",
    "Comparison",
    "DecisionLog",
    "Estimate",
    "Estimated",
    "Evaluation",
    "Gathered",
    "LogSummary",
    "LoggedDecision",
    "Page",
    "PolicyTarget",
    "Refusal",
    "StaticTarget",
    "Support",
    "Target",
    "TargetResult",
    "evaluate",
    "evaluate_decisions",
    "paged",
    "parse_target",
    "render",
    "snapshot_target",
]
