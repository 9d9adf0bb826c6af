"""
The values that travel between the components of a learned pipeline.

They are frozen: a component reads what it is handed and hands on new values. All of them go to JSON and back
(`to_dict`, `from_dict`), so that whatever a pipeline decided can be logged, shipped and judged elsewhere.
"""

from ltrr_haystack.frozen_value import FrozenValue, SerialisableDocument
from ltrr_haystack.types.actions import MEMORY, ActionSet, Allocation, Arm
from ltrr_haystack.types.arms import ArmReport, ArmRequest, ArmResult
from ltrr_haystack.types.candidates import Candidate, CandidateSet, Provenance
from ltrr_haystack.types.decisions import Decision, Features, Mode
from ltrr_haystack.types.pages import Impression, Ranking, SettledDecision
from ltrr_haystack.types.understanding import (
    Interpretation,
    LoggedFilters,
    QueryType,
    Understanding,
    evidence_key,
    normal_form_of,
)

__all__ = [
    "MEMORY",
    "ActionSet",
    "Allocation",
    "Arm",
    "ArmReport",
    "ArmRequest",
    "ArmResult",
    "Candidate",
    "CandidateSet",
    "Decision",
    "Features",
    "FrozenValue",
    "Impression",
    "Interpretation",
    "LoggedFilters",
    "Mode",
    "Provenance",
    "QueryType",
    "Ranking",
    "SerialisableDocument",
    "SettledDecision",
    "Understanding",
    "evidence_key",
    "normal_form_of",
]
