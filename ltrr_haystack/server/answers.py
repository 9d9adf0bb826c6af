"""From what a pipeline gives to what is sent."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import get_args

from fastapi import HTTPException
from haystack.core.errors import PipelineRuntimeError
from pydantic import BaseModel
from starlette.responses import Response

from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.server.checks import plain
from ltrr_haystack.server.schemas import ArmMissing, ArmPlace, DecisionMade, DocumentFound, MissingReason, SearchAnswer
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


def search_answer(ranking: Ranking) -> SearchAnswer:
    """
    Put a ranking into the form of the API.

    :param ranking: What an ImpressionWriter logged.
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
        ),
        missing_arms=[
            ArmMissing(arm=report.arm, reason=reason_in_public(report.error))
            for report in ranking.reports
            if report.error is not None
        ],
        warnings=warnings_of(ranking),
    )


def reason_in_public(error: str) -> MissingReason:
    """
    Say why an arm brought nothing, without what only those should read who run the server.

    :param error: The error of an arm's report.
    :returns: The sort of failure.
    """
    sort = error.partition(":")[0]
    return next((known for known in get_args(MissingReason) if known == sort), "failed")


def warnings_of(ranking: Ranking) -> list[str]:
    """
    Say what a page may suffer from beyond arms that failed.

    :param ranking: What an ImpressionWriter logged.
    :returns: Sentences; none for an ordinary page.
    """
    reports = ranking.reports
    said = [
        f"{report.left_out} documents that arm '{report.arm}' found cannot be shown and were left out"
        for report in reports
        if report.left_out
    ]
    instead = [report.arm for report in reports if report.fallback]
    if instead:
        drawn = [report.arm for report in reports if not report.fallback]
        said.append(
            f"the arms drawn for this query ({_named(drawn)}) brought nothing; asked instead: {_named(instead)}"
        )
    if not ranking.candidates:
        failed = [report.arm for report in reports if report.error is not None]
        why = f"{_named(failed)} failed" if failed else "none failed"
        said.append(f"no arm brought a document ({why})")
    return said


def _named(arms: Sequence[str]) -> str:
    return ", ".join(arms) or "none"


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

    What is wrong with a document is not the caller's fault.

    :raises fastapi.HTTPException: If a component found the input invalid.
    """
    try:
        yield
    except Exception as error:
        causes = list(_causes(error))
        fault = next((cause for cause in causes if isinstance(cause, InvalidInputError)), None)
        if fault is None or any(map(_is_over_documents, causes)):
            raise
        raise HTTPException(422, str(fault)) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _is_over_documents(error: BaseException) -> bool:
    """What is wrong behind the arms came with their documents, and no caller can mend it."""
    failed = error.component_type if isinstance(error, PipelineRuntimeError) else None
    return failed is not None and issubclass(failed, RetrievalArm | UnionJoiner | ImpressionWriter)
