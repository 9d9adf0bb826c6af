"""What people do with the results: the schema of events, what actions are worth, and the examination curve."""

from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.feedback.rewards import RewardModel
from ltrr_haystack.feedback.ubi import UBIEvent, UBIEventAttributes, UBIObject, UBIPoint, UBIPosition

__all__ = [
    "ExaminationCurve",
    "RewardModel",
    "UBIEvent",
    "UBIEventAttributes",
    "UBIObject",
    "UBIPoint",
    "UBIPosition",
]
