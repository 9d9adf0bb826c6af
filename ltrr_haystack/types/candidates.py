"""What the arms brought for one decision, each document once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ltrr_haystack.frozen_value import FrozenValue, SerialisableDocument
from ltrr_haystack.types.arms import ArmReport
from ltrr_haystack.types.decisions import Decision


@dataclass(frozen=True, slots=True)
class Provenance(FrozenValue):
    """
    Where an arm had a candidate.

    :param rank: Position in the arm's result, from 1.
    :param score: The arm's own score, if it gave one.
    :param normalised: The score scaled to 0 … 1 within the arm's result for this query.
    """

    rank: int
    score: float | None
    normalised: float


@dataclass(frozen=True, slots=True)
class Candidate(FrozenValue):
    """
    A document with its provenance.

    :param object_id: What the document is known by in feedback and memory.
    :param document: The document, as the arm that ranked it highest brought it.
    :param arms: Arm → where that arm had it; at least one.
    :param score: Score of the order that the candidate stands in.
    :param place: Its place in the union's own order, from 1; 0 where it is not known.
    :param model_place: Its place in the order of the ranking model, from 1; 0 where it is not known.
    """

    object_id: str
    document: SerialisableDocument = field(repr=False)
    arms: Mapping[str, Provenance]
    score: float
    place: int = 0
    model_place: int = 0


@dataclass(frozen=True, slots=True)
class CandidateSet(FrozenValue):
    """
    The union of what the arms brought for one decision.

    :param decision: The decision that asked for it.
    :param candidates: Each document once, best first.
    :param reports: How each arm that was asked fared.
    """

    decision: Decision
    candidates: tuple[Candidate, ...] = field(repr=False)
    reports: tuple[ArmReport, ...] = ()

    @property
    def missing(self) -> Mapping[str, str]:
        """Arm → why it brought nothing, for the arms that failed."""
        return {report.arm: report.error for report in self.reports if report.error is not None}
