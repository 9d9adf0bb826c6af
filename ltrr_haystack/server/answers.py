"""From what a pipeline gives to what is sent."""

import json

from pydantic import BaseModel
from starlette.responses import Response

from ltrr_haystack.server.checks import plain
from ltrr_haystack.server.schemas import ArmMissing, ArmPlace, DecisionMade, DocumentFound, SearchAnswer
from ltrr_haystack.types import Candidate, Ranking


class JSONAnswer(Response):
    """
    An answer as JSON; Hayhooks sends it as it is.

    :param content: A model of `ltrr_haystack.server.schemas`; what is not set is left out.
    :param status_code: The HTTP status.
    """

    media_type = "application/json"

    def __init__(self, content: BaseModel, status_code: int = 200) -> None:
        super().__init__(content, status_code)

    def render(self, content: BaseModel) -> bytes:
        """
        Write the answer.

        :param content: The model.
        :returns: JSON in UTF-8, whatever the documents hold: no infinite numbers, no halves of surrogate pairs.
        """
        text = json.dumps(
            plain(content.model_dump(exclude_unset=True)), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        return text.encode(errors="replace")


def search_answer(ranking: Ranking, *, logged: bool) -> SearchAnswer:
    """
    Put a ranking into the form of the API.

    :param ranking: What an ImpressionWriter let through.
    :param logged: Whether it is in the log.
    :returns: The answer to the search.
    """
    decision = ranking.decision
    return SearchAnswer(
        query_id=decision.query_id,
        logged=logged,
        documents=[_document(candidate) for candidate in ranking.candidates],
        decision=DecisionMade(
            allocation=dict(decision.allocation),
            propensity=decision.propensity,
            mode=decision.mode,
            policy_version=decision.policy_version,
            safe_start=decision.safe_start,
        ),
        missing_arms=[
            ArmMissing(arm=report.arm, reason=report.error) for report in ranking.reports if report.error is not None
        ],
    )


def _document(candidate: Candidate) -> DocumentFound:
    # The values come from our own components; checking each of them again would take longer than the rest.
    return DocumentFound.model_construct(
        id=candidate.object_id,
        content=candidate.document.content,
        meta=candidate.document.meta,
        score=candidate.score,
        arms={
            arm: ArmPlace.model_construct(rank=place.rank, score=place.score) for arm, place in candidate.arms.items()
        },
    )
