"""From what a pipeline gives to what is sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException
from pydantic import BaseModel
from starlette.responses import Response

from ltrr_haystack.errors import InvalidInputError
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


def search_answer(ranking: Ranking, verdict: str | None = None) -> SearchAnswer:
    """
    Put a ranking into the form of the API.

    :param ranking: What an ImpressionWriter logged.
    :param verdict: What is known of the policy that decided (see `Verdicts`).
    :returns: The answer to the search.
    """
    decision = ranking.decision
    return SearchAnswer(
        query_id=decision.query_id,
        documents=[_document(candidate) for candidate in ranking.candidates],
        decision=DecisionMade(
            allocation=dict(decision.allocation),
            propensity=decision.propensity,
            mode=decision.mode,
            policy_version=decision.policy_version,
            safe_start=decision.safe_start,
            verdict=verdict,
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


@contextmanager
def callers_fault() -> Iterator[None]:
    """
    Turn an InvalidInputError of a component into an answer of status 422; any other error stays what it is.

    :raises fastapi.HTTPException: If a component found the input invalid.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, InvalidInputError):
            cause = cause.__cause__
        if cause is None:
            raise
        raise HTTPException(422, str(cause)) from error
