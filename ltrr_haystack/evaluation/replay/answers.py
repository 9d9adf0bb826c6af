"""What a system that people search with has to be able to do, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.evaluation.people import Search
from ltrr_haystack.types import Decision


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a system answered.

    :param query_id: The search's id.
    :param shown: Ids of the documents on the page, from the top.
    :param allocation: Arm → depth.
    :param mode: The router's mode.
    :param safe_start: Whether the policy was held back; `None` where the system does not say.
    :param missing: Arms that were asked and failed.
    """

    query_id: str
    shown: tuple[str, ...]
    allocation: Mapping[str, int]
    mode: str
    safe_start: bool | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineAnswer(Answer):
    """
    What a pipeline in this process answered.

    :param decision: The decision.
    :param candidates: Ids of all candidates.
    :param seconds: What the search took, the retrievers' own time left out, as their results are precomputed.
    :param ranker_version: The model that ordered the page; 0 for the union's own order.
    """

    decision: Decision
    candidates: tuple[str, ...] = field(repr=False)
    seconds: float
    ranker_version: int


AnswerT = TypeVar("AnswerT", bound=Answer)
_AnswerT_co = TypeVar("_AnswerT_co", bound=Answer, covariant=True)


class SearchSystem(Protocol[_AnswerT_co]):
    """What people can search with. Any of its methods may raise."""

    def search(self, search: Search) -> _AnswerT_co:
        """
        Answer one search.

        :param search: The search.
        :returns: The answer.
        """

    def feedback(self, events: list[dict[str, Any]]) -> int:
        """
        Take in what people did.

        :param events: UBI events.
        :returns: How many of them were rejected.
        """

    def learn(self, leave_open: int = 0) -> None:
        """
        Learn from the feedback so far, if the system does not do so by itself.

        :param leave_open: For so many of the latest searches the feedback is not complete yet.
        """

    def train(self) -> Any:
        """
        Train the ranker on what was learned from, if the system has one to train.

        :returns: A `TrainingReport`, or `None` if nothing was trained.
        """

    def close(self) -> None:
        """Release what the system holds."""


def click_events(search: Search, answer: Answer, positions: list[int]) -> list[dict[str, Any]]:
    """
    Write clicks as UBI events.

    :param search: The search.
    :param answer: The page.
    :param positions: The clicked positions, from 1.
    :returns: One event for each.
    :raises InvalidInputError: If a position is not on the page.
    """
    if any(not 1 <= position <= len(answer.shown) for position in positions):
        raise InvalidInputError(f"clicked positions {positions} are not all on a page of {len(answer.shown)} documents")
    return [
        {
            "action_name": "click",
            "query_id": answer.query_id,
            "user_id": search.user_id,
            "session_id": search.session_id,
            "user_query": search.query.text,
            "timestamp": datetime.now(UTC).isoformat(),
            "event_attributes": {
                "object": {"object_id": answer.shown[position - 1]},
                "position": {"ordinal": position},
            },
        }
        for position in positions
    ]
