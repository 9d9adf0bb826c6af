"""The component that logs what a person gets to see."""

import asyncio
from dataclasses import replace
from typing import Any

from haystack import Document, component
from haystack.core.serialization import default_from_dict, default_to_dict

from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Ranking


@component
class ImpressionWriter:
    """
    Logs a search, its decision and its impressions, and only then lets its documents through to the person.

    Feedback refers to a search by its `query_id`; whoever has that id can rely on the search being in the log.

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

    def __init__(self, store: LTRRStore) -> None:
        """
        Create an ImpressionWriter.

        :param store: The store that holds the log.
        """
        self.store = store

    def warm_up(self) -> None:
        """Open the store."""
        self.store.warm_up()

    async def warm_up_async(self) -> None:
        """Open the store without blocking the event loop."""
        await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    async def close_async(self) -> None:
        """Release the store without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise for a pipeline file.

        :returns: A dictionary for `from_dict`.
        """
        return default_to_dict(self, store=self.store)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ImpressionWriter":
        """
        Make an ImpressionWriter from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The component.
        """
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document], query_id=str, ranking=Ranking)
    def run(self, ranking: Ranking) -> dict[str, Any]:
        """
        Log one search.

        :param ranking: The candidates in the order in which they will be shown.
        :returns: A dictionary with `documents`, each with the `score` that put it there and otherwise as its arm
            brought it; `query_id`, by which feedback refers to the search; and `ranking` as it came.
        :raises StoreError: If the search could not be logged.
        """
        self.store.record_search(ranking)
        return _shown(ranking)

    @component.output_types(documents=list[Document], query_id=str, ranking=Ranking)
    async def run_async(self, ranking: Ranking) -> dict[str, Any]:
        """
        Log one search without blocking the event loop.

        :param ranking: The candidates in the order in which they will be shown.
        :returns: A dictionary with `documents`, each with the `score` that put it there and otherwise as its arm
            brought it; `query_id`, by which feedback refers to the search; and `ranking` as it came.
        :raises StoreError: If the search could not be logged.
        """
        await self.store.record_search_async(ranking)
        return _shown(ranking)


def _shown(ranking: Ranking) -> dict[str, Any]:
    documents = [replace(candidate.document, score=candidate.score) for candidate in ranking.candidates]
    return {"documents": documents, "query_id": ranking.decision.query_id, "ranking": ranking}
