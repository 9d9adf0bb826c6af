"""What simulated people search with: a pipeline in this process, or a running server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Any, Protocol

import httpx
from haystack import Pipeline

from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.errors import ConfigurationError, InvalidInputError, StoreError
from ltrr_haystack.evaluation.people import Search
from ltrr_haystack.learning import Learner
from ltrr_haystack.types import Mode, Ranking

FIRST_SEARCH = datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()
SECONDS_BETWEEN = 300.0
"""People search every five minutes from a Monday morning on, so that weekday and time of day repeat with the seed."""


PATIENCE = 60.0
"""Seconds that a simulated search waits until it is in the log; none may be missing there."""


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


def logged(impressions: Mapping[str, Any]) -> Ranking:
    """
    See that a search is in the log: what was not logged is not learned from, and figures would be wrong.

    :param impressions: What an ImpressionWriter gave.
    :returns: The ranking.
    :raises StoreError: If it is not.
    """
    if not impressions["logged"]:
        raise StoreError("a simulated search could not be logged: the store cannot be written, or is too slow")
    ranking: Ranking = impressions["ranking"]
    return ranking


class SearchSystem(Protocol):
    """What people can search with. Any of its methods may raise."""

    def search(self, search: Search) -> Answer:
        """
        Answer one search.

        :param search: The search.
        :returns: The answer.
        """

    def feedback(self, events: list[dict[str, Any]]) -> int:
        """
        Take in what the person did.

        :param events: UBI events.
        :returns: How many of them were rejected.
        """

    def learn(self) -> None:
        """Learn from all feedback so far, if the system does not do so by itself."""

    def train_ranker(self) -> None:
        """Train the ranker on all feedback so far, if the system has one to train."""

    def close(self) -> None:
        """Release what the system holds."""


class PipelineSystem:
    """
    A search pipeline in this process.

    ### Usage example

    ```python
    system = PipelineSystem(pipeline, FeedbackWriter(store), Learner(store, VWPolicy()))
    answer = system.search(next(people.stream(1)))
    ```
    """

    def __init__(
        self,
        pipeline: Pipeline,
        feedback: FeedbackWriter | None = None,
        learner: Learner | None = None,
        *,
        mode: Mode | None = None,
        top_k: int = 10,
        train_ranker: Callable[[], object] | None = None,
    ) -> None:
        """
        Create a PipelineSystem.

        :param pipeline: A search pipeline with the components `understanding`, `router`, `ranker` and `impressions`.
        :param feedback: Takes the events in; left out, what people do is forgotten.
        :param learner: Learns from them; left out, nothing is learned.
        :param mode: Overrides the router's mode.
        :param top_k: How many documents a page has.
        :param train_ranker: Trains the ranker from the store; left out, the union's own order stays.
        """
        self._pipeline = pipeline
        self._feedback = feedback
        self._learner = learner
        self._mode = mode
        self._top_k = top_k
        self._train_ranker = train_ranker
        pipeline.warm_up()

    def search(self, search: Search) -> Answer:
        """
        Run the pipeline.

        :param search: The search.
        :returns: The answer.
        """
        router = {"user_id": search.user_id, "session_id": search.session_id}
        moment = FIRST_SEARCH + search.index * SECONDS_BETWEEN
        result = self._pipeline.run(
            {
                "understanding": {"query": search.query.text, "now": moment},
                "router": router | ({"mode": self._mode} if self._mode else {}),
                "ranker": {"top_k": self._top_k},
            }
        )
        ranking = logged(result["impressions"])
        decision = ranking.decision
        return Answer(
            query_id=decision.query_id,
            shown=tuple(candidate.object_id for candidate in ranking.candidates),
            allocation=decision.allocation,
            mode=decision.mode,
            safe_start=decision.safe_start,
            missing=tuple(report.arm for report in ranking.reports if report.error is not None),
        )

    def feedback(self, events: list[dict[str, Any]]) -> int:
        """
        Hand the events to the FeedbackWriter.

        :param events: UBI events.
        :returns: How many of them were rejected.
        """
        return int(self._feedback.run([*events])["rejected"]) if self._feedback is not None else 0

    def learn(self) -> None:
        """Let the learner settle everything at once: simulated people do not come back later."""
        if self._learner is not None:
            self._learner.run_once(time() + self._learner.reward_wait + 1.0)

    def train_ranker(self) -> None:
        """Train the ranker on what the learner has settled."""
        if self._train_ranker is not None:
            self.learn()
            self._train_ranker()

    def close(self) -> None:
        """Close the pipeline's components."""
        self._pipeline.close()
        if self._feedback is not None:
            self._feedback.close()


class ServerSystem:
    """
    A running server, over HTTP. It learns by itself, when its own reward wait is over.

    ### Usage example

    ```python
    system = ServerSystem("http://127.0.0.1:1416")
    answer = system.search(next(people.stream(1)))
    ```
    """

    def __init__(
        self, url: str, *, mode: Mode | None = None, top_k: int = 10, client: httpx.Client | None = None
    ) -> None:
        """
        Create a ServerSystem.

        :param url: The server's address.
        :param mode: Asks the server to answer in this mode.
        :param top_k: How many documents a page has.
        :param client: How to talk to the server; by default with a time limit of 30 s.
        """
        self._client = client or httpx.Client(timeout=30.0)
        self._url = url.rstrip("/")
        self._mode = mode
        self._top_k = top_k

    def search(self, search: Search) -> Answer:
        """
        Ask the server.

        :param search: The search.
        :returns: The answer.
        :raises httpx.HTTPError: If there is no answer, or one that says that the search failed.
        """
        request: dict[str, Any] = {
            "query": search.query.text,
            "user_id": search.user_id,
            "session_id": search.session_id,
            "top_k": self._top_k,
        }
        answer = self._post("search", request | ({"mode": self._mode} if self._mode else {})).raise_for_status().json()
        decision = answer["decision"]
        return Answer(
            query_id=answer["query_id"],
            shown=tuple(document["id"] for document in answer["documents"]),
            allocation=decision["allocation"],
            mode=decision["mode"],
            safe_start=decision.get("safe_start"),
            missing=tuple(missing["arm"] for missing in answer["missing_arms"]),
        )

    def feedback(self, events: list[dict[str, Any]]) -> int:
        """
        Send the events.

        :param events: UBI events.
        :returns: How many of them were rejected.
        :raises httpx.HTTPError: If the server did not take them.
        """
        answer = self._post("feedback", {"events": events})
        if answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
            answer.raise_for_status()
        return int(answer.json().get("rejected", len(events)))

    def learn(self) -> None:
        """Do nothing: the server learns by itself."""

    def train_ranker(self) -> None:
        """Do nothing: the server's ranker is trained beside it."""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, pipeline: str, body: Mapping[str, Any]) -> httpx.Response:
        try:
            answer = self._client.post(f"{self._url}/{pipeline}/run", json=body)
        except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ConfigurationError(
                f"no server answers at '{self._url}' ({error}); start one, or mend --url"
            ) from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise ConfigurationError(f"'{self._url}' serves no pipeline '{pipeline}'; mend --url")
        return answer


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
