import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from haystack import Document, component
from haystack.document_stores.types import DocumentStore

from ltrr_haystack.components.settings import check_document_key, check_number, check_store, check_whole
from ltrr_haystack.components.wrapped_retriever import checked_depth
from ltrr_haystack.filtering import CONTAINS, compiled
from ltrr_haystack.memory.fetch import DocumentFetcher
from ltrr_haystack.memory.index import MemoryIndex, Remembered
from ltrr_haystack.memory.posterior import Prior
from ltrr_haystack.reasons import MEMORY_REASON, with_reasons
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Understanding
from ltrr_haystack.understanding import normal_form


@component
class MemoryIndexRetriever:
    """
    Retrieves the documents that people chose before when they typed this query, whatever its words match.

    Only documents that somebody acted upon are retrieved. They are scored by the posterior mean of their success rate
    for the query, with the position bias taken out, so that one lucky click does not outrank many. Each document says
    in `meta["ltrr_memory"]` which query spoke for it and with how much evidence, and bears as its score how much that
    evidence weighs, 0 to 1, by which UnionJoiner weighs it against the other arms.

    ### Usage example

    ```python
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore, MemoryIndexRetriever

    store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
    retriever = MemoryIndexRetriever(store, InMemoryDocumentStore())
    retriever.run("sad songs")["documents"]
    # [Document(id=…, meta: {…, 'ltrr_memory': {'query_key': 'sad songs', 'successes': 30.0, 'looks': 34.5, …}}, …)]
    ```
    """

    list_operator: ClassVar[str] = CONTAINS
    """How filters find a value within a list, whichever the document store: documents are matched in this process."""

    def __init__(
        self,
        store: LTRRStore,
        document_store: DocumentStore,
        key: str = "id",
        prior_successes: float = 1.0,
        prior_exposures: float = 20.0,
        min_successes: float = 1.0,
        top_k: int = 10,
    ) -> None:
        """
        Create a MemoryIndexRetriever.

        :param store: Where the memory statistics are kept.
        :param document_store: Where the documents are.
        :param key: What feedback knows documents by: `id`, or a place in the metadata such as `meta.sku`. The same as
            the joiner's.
        :param prior_successes: Successes counted before any were seen.
        :param prior_exposures: Exposures counted before there were any. The more, the more evidence a high score needs.
        :param min_successes: A document is retrieved once its rewards for the query sum to this much.
        :param top_k: The most documents to retrieve.
        :raises ConfigurationError: If `store` is no LTRRStore, `top_k` no whole number of at least 1, `key` neither,
            `min_successes` negative, or the prior impossible.
        """
        check_store("MemoryIndexRetriever", store)
        check_whole("top_k of MemoryIndexRetriever", top_k)
        check_number("min_successes of MemoryIndexRetriever", min_successes, 0)
        check_number("prior_successes of MemoryIndexRetriever", prior_successes, 0)
        check_number("prior_exposures of MemoryIndexRetriever", prior_exposures, 0)
        self.store = store
        self.document_store = document_store
        self.key = check_document_key("MemoryIndexRetriever", key)
        self.prior_successes = prior_successes
        self.prior_exposures = prior_exposures
        self.min_successes = min_successes
        self.top_k = top_k
        self._index = MemoryIndex(store, Prior(prior_successes, prior_exposures))
        self._fetcher = DocumentFetcher(document_store, key)

    def warm_up(self) -> None:
        """Open the store."""
        self.store.warm_up()

    async def warm_up_async(self) -> None:
        """Open the store without blocking the event loop."""
        await self.store.warm_up_async()

    def close(self) -> None:
        """Release the store and the document store's resources."""
        self.store.close()
        if hasattr(self.document_store, "close"):
            self.document_store.close()

    async def close_async(self) -> None:
        """Release the store and the document store's asynchronous resources."""
        await asyncio.to_thread(self.store.close)
        if hasattr(self.document_store, "close_async"):
            await self.document_store.close_async()

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        understanding: Understanding | None = None,
    ) -> dict[str, list[Document]]:
        """
        Retrieve what worked before for a query.

        :param query: The query text.
        :param filters: Haystack filters that the documents must match.
        :param top_k: The most documents to retrieve; the component's own where it is `None`.
        :param understanding: What was understood of the query; its normal form is the key that is looked up.
        :returns: A dictionary with `documents`, the most promising first.
        :raises InvalidInputError: If `top_k` is no whole number of at least 1, or the query is not a text.
        :raises FilterError: If the filters are not valid.
        """
        top_k = checked_depth("MemoryIndexRetriever", query, top_k, self.top_k)
        remembered = self._remembered(query, understanding, filters)
        matches = compiled(filters) if filters else None
        documents = self._fetcher.fetch([entry.object_id for entry in remembered], matches, top_k)
        return {"documents": _explained(remembered, documents)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        understanding: Understanding | None = None,
    ) -> dict[str, list[Document]]:
        """
        Retrieve what worked before for a query, without blocking the event loop.

        :param query: The query text.
        :param filters: Haystack filters that the documents must match.
        :param top_k: The most documents to retrieve; the component's own where it is `None`.
        :param understanding: What was understood of the query; its normal form is the key that is looked up.
        :returns: A dictionary with `documents`, the most promising first.
        :raises InvalidInputError: If `top_k` is no whole number of at least 1, or the query is not a text.
        :raises FilterError: If the filters are not valid.
        """
        top_k = checked_depth("MemoryIndexRetriever", query, top_k, self.top_k)
        remembered = await asyncio.to_thread(self._remembered, query, understanding, filters)
        matches = compiled(filters) if filters else None
        documents = await self._fetcher.fetch_async([entry.object_id for entry in remembered], matches, top_k)
        return {"documents": _explained(remembered, documents)}

    def _remembered(
        self, query: str, understanding: Understanding | None, filters: dict[str, Any] | None
    ) -> list[Remembered]:
        form = understanding.normal_form if understanding is not None else normal_form(query)
        return self._index.best(form, self.min_successes, filters)


def _explained(remembered: Sequence[Remembered], documents: dict[str, Document]) -> list[Document]:
    return [
        replace(document, score=entry.weight, meta=with_reasons(document.meta, {MEMORY_REASON: _explanation(entry)}))
        for entry in remembered
        if (document := documents.get(entry.object_id)) is not None
    ]


def _explanation(entry: Remembered) -> dict[str, Any]:
    return {
        "query_key": entry.query_key,
        "successes": entry.successes,
        "looks": entry.exposures,
        "score": entry.score,
        "since": entry.since,
    }
