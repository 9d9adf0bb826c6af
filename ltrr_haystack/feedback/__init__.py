"""What people do with the results: the schema of events, what actions are worth, and position bias."""

from ltrr_haystack.feedback.examination import examination
from ltrr_haystack.feedback.rewards import RewardModel
from ltrr_haystack.feedback.ubi import UBIEvent, UBIEventAttributes, UBIObject, UBIPoint, UBIPosition

__all__ = [
    "RewardModel",
    "UBIEvent",
    "UBIEventAttributes",
    "UBIObject",
    "UBIPoint",
    "UBIPosition",
    "examination",
]
