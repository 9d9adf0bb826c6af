"""Turns a pipeline's output into a response."""

import json
from collections.abc import Sequence
from typing import Any, get_args

from haystack import Pipeline
from pydantic import BaseModel
from starlette.responses import Response

from ltrr_haystack.ranking.explanation import Explanation
from ltrr_haystack.server.checks import plain
from ltrr_haystack.server.schemas import ArmMissing, ArmPlace, DecisionMade, DocumentFound, MissingReason, SearchAnswer
from ltrr_haystack.server.understood import understood
from ltrr_haystack.types import Candidate, Ranking


class JSONAnswer(Response):
    """
    A JSON response that Hayhooks sends unchanged.

    :param content: A model of `ltrr_haystack.server.schemas`; fields that are not set are left out.
    :param status_code: The HTTP status.
    """

    media_type = "application/json"

    def __init__(self, content: BaseModel, status_code: int = 200) -> None:
        super().__init__(content, status_code)

    def render(self, content: BaseModel) -> bytes:
        """
        Encode the response.

        :param content: The model.
        :returns: Valid JSON in UTF-8, even if documents have infinite numbers or lone surrogates.
        """
        text = json.dumps(
            plain(content.model_dump(exclude_unset=True)), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        return text.encode(errors="replace")


def search_answer(
    ranking: Ranking,
    *,
    logged: bool = True,
    verdict: str | None = None,
    explanation: Explanation | None = None,
    pipeline: Pipeline | None = None,
) -> SearchAnswer:
    """
    Make the response to a search.

    :param ranking: The output of the ImpressionWriter.
    :param logged: Whether the search is in the log.
    :param verdict: The verdict on the policy that decided (see `Verdicts`).
    :param explanation: Why the page is as it is, if that was asked for.
    :param pipeline: The pipeline that searched, for the filters that an explained query's readings stand for.
    :returns: The response.
    """
    decision = ranking.decision
    asked_for: dict[str, Any] = {}
    if explanation is not None:
        asked_for = {"explanation": explanation, **dict(understood(decision.understanding, pipeline))}
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
            verdict=verdict,
        ),
        missing_arms=[
            ArmMissing(arm=report.arm, reason=public_reason(report.error))
            for report in ranking.reports
            if report.error is not None
        ],
        warnings=warnings_of(ranking),
        **asked_for,
    )


def public_reason(error: str) -> MissingReason:
    """
    Reduce the error of an arm to its kind, since its details are for the server's log only.

    :param error: The error in the arm's report.
    :returns: The kind of failure.
    """
    kind = error.partition(":")[0]
    return next((known for known in get_args(MissingReason) if known == kind), "failed")


def warnings_of(ranking: Ranking) -> list[str]:
    """
    Describe problems of a page other than failed arms.

    :param ranking: The output of the ImpressionWriter.
    :returns: Sentences; none for an ordinary page.
    """
    reports = ranking.reports
    warnings = [
        f"{report.left_out} documents found by arm '{report.arm}' cannot be shown and were left out"
        for report in reports
        if report.left_out
    ]
    instead = [report.arm for report in reports if report.fallback]
    if instead:
        drawn = [report.arm for report in reports if not report.fallback]
        warnings.append(
            f"the arms chosen for this query ({_named(drawn)}) found nothing; asked instead: {_named(instead)}"
        )
    if not ranking.candidates:
        failed = [report.arm for report in reports if report.error is not None]
        why = f"{_named(failed)} failed" if failed else "none failed"
        warnings.append(f"no arm found a document ({why})")
    return warnings


def _named(arms: Sequence[str]) -> str:
    return ", ".join(arms) or "none"


def _document(candidate: Candidate) -> DocumentFound:
    # The values come from our own components; validating them again would take longer than everything else.
    return DocumentFound.model_construct(
        id=candidate.object_id,
        content=candidate.document.content,
        meta=candidate.document.meta,
        score=candidate.score,
        arms={
            arm: ArmPlace.model_construct(rank=place.rank, score=place.score) for arm, place in candidate.arms.items()
        },
    )
