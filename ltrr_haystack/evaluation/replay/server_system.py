"""A running server as a system that simulated people search with."""

from collections.abc import Mapping
from typing import Any

import httpx

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.people import Search
from ltrr_haystack.evaluation.replay.answers import Answer
from ltrr_haystack.types import Mode


class ServerSystem:
    """
    A running server, over HTTP. It learns by itself, when its own reward wait is over.

    ### Usage example

    ```python
    from ltrr_haystack.evaluation.replay.server_system import ServerSystem

    system = ServerSystem("http://127.0.0.1:1416", mode="baseline")
    # simulate(data, make_system, …) has people search with it.
    system.close()
    ```
    """

    def __init__(
        self,
        url: str,
        *,
        mode: Mode | None = None,
        top_k: int = 10,
        log: bool = True,
        client: httpx.Client | None = None,
    ) -> None:
        """
        Create a ServerSystem.

        :param url: The server's address.
        :param mode: Asks the server to answer in this mode.
        :param top_k: How many documents a page has.
        :param log: Whether the server logs the pages; without that, feedback on them is rejected.
        :param client: How to talk to the server; by default with a time limit of 30 s.
        """
        self._client = client or httpx.Client(timeout=30.0)
        self._url = url.rstrip("/")
        self._mode = mode
        self._top_k = top_k
        self._log = log

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
        if self._mode:
            request["mode"] = self._mode
        if not self._log:
            request["log"] = False
        answer = self._post("search", request).raise_for_status().json()
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

    def learn(self, leave_open: int = 0) -> None:
        """
        Do nothing: the server learns by itself.

        :param leave_open: Not used.
        """

    def train(self) -> None:
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
