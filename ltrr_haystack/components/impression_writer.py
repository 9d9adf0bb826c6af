"""The component that logs what a person gets to see."""

import asyncio
from dataclasses import replace
from typing import Any

from haystack import Document, component

from ltrr_haystack.components.settings import check_positive, check_store
from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.store import LTRRStore, Outage
from ltrr_haystack.types import Ranking


@component
class ImpressionWriter:
    """
    Logs a search, its decision and its impressions, and only then lets its documents through to the person.

    Feedback refers to a search by its `query_id`; whoever has that id, and reads `logged: true` beside it, can rely on
    the search being in the log. While the store cannot be written, the search is answered all the same, and says so:
    nobody learns from it then, and feedback on it is rejected. The same holds for a search of somebody who looks into
    how the search works, and asks for it not to be logged.

    ### Usage example

    ```python
    from haystack import Pipeline
    from haystack.utils import Secret
    from ltrr_haystack.components.impression_writer import ImpressionWriter
    from ltrr_haystack.store import LTRRStore

    pipeline = Pipeline()
    pipeline.add_component("impressions", ImpressionWriter(LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))))
    # pipeline.connect("ranker.ranking", "impressions.ranking")
    ```
    """

    def __init__(self, store: LTRRStore, timeout: float = 1.0) -> None:
        """
        Create an ImpressionWriter.

        :param store: The store that holds the log.
        :param timeout: Seconds that a search waits for its commit at most. While the store is known to fail, or the
            commit before has taken longer already, it does not wait.
        :raises ConfigurationError: If `store` is no LTRRStore, or `timeout` is not positive.
        """
        check_store("ImpressionWriter", store)
        check_positive("timeout of ImpressionWriter", timeout)
        self.store = store
        self.timeout = timeout
        self._log_outage = Outage("Searches are answered without being logged")

    def warm_up(self) -> None:
        """Open the store."""
        self.store.warm_up()

    async def warm_up_async(self) -> None:
        """Open the store without blocking the event loop."""
        await self.store.warm_up_async()

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    async def close_async(self) -> None:
        """Release the store without blocking the event loop."""
        await asyncio.to_thread(self.close)

    @component.output_types(documents=list[Document], query_id=str, ranking=Ranking, logged=bool)
    def run(self, ranking: Ranking, log: bool = True) -> dict[str, Any]:
        """
        Log one search.

        :param ranking: The candidates in the order in which they will be shown.
        :param log: Whether to log it; a search that is not logged teaches nothing, and feedback on it is rejected.
        :returns: A dictionary with `documents`, each with the `score` that put it there and otherwise as its arm
            brought it; `query_id`, by which feedback refers to the search; `ranking` as it came; and `logged`, whether
            the search is in the log.
        :raises StoreError: If a search of that id is logged already.
        """
        if not log:
            return _answer(ranking, logged=False)
        try:
            self.store.record_search(ranking, self.timeout)
        except StoreUnavailableError as error:
            return self._answer_to(ranking, error)
        return self._answer_to(ranking, None)

    @component.output_types(documents=list[Document], query_id=str, ranking=Ranking, logged=bool)
    async def run_async(self, ranking: Ranking, log: bool = True) -> dict[str, Any]:
        """
        Log one search without blocking the event loop.

        :param ranking: The candidates in the order in which they will be shown.
        :param log: Whether to log it; a search that is not logged teaches nothing, and feedback on it is rejected.
        :returns: A dictionary with `documents`, each with the `score` that put it there and otherwise as its arm
            brought it; `query_id`, by which feedback refers to the search; `ranking` as it came; and `logged`, whether
            the search is in the log.
        :raises StoreError: If a search of that id is logged already.
        """
        if not log:
            return _answer(ranking, logged=False)
        try:
            await self.store.record_search_async(ranking, self.timeout)
        except StoreUnavailableError as error:
            return self._answer_to(ranking, error)
        return self._answer_to(ranking, None)

    def _answer_to(self, ranking: Ranking, error: StoreUnavailableError | None) -> dict[str, Any]:
        if error is None:
            self._log_outage.mended()
        else:
            self._log_outage.report(error)
        return _answer(ranking, logged=error is None)


def _answer(ranking: Ranking, *, logged: bool) -> dict[str, Any]:
    documents = [replace(candidate.document, score=candidate.score) for candidate in ranking.candidates]
    return {"documents": documents, "query_id": ranking.decision.query_id, "ranking": ranking, "logged": logged}
