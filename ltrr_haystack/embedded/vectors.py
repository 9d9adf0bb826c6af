"""Retrieves from a TantivyDocumentStore by embedding."""

import asyncio
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.document_stores.types import FilterPolicy, apply_filter_policy

from ltrr_haystack.embedded.tantivy.codec import decoded
from ltrr_haystack.embedded.tantivy.snapshot import Snapshot
from ltrr_haystack.embedded.tantivy.store import TantivyDocumentStore
from ltrr_haystack.embedded.vector_index import SIMILARITIES, Similarity, VectorIndex, vectors_of
from ltrr_haystack.errors import ConfigurationError, InvalidInputError


@component
class EmbeddedVectorRetriever:
    """
    Retrieves by embedding from a TantivyDocumentStore.

    The store has the documents and, once they went through an embedder, their embeddings, so nothing is written twice.
    The embeddings are searched in memory, in about a tenth of the time that Qdrant's local mode takes, and follow what
    is written to the store. Filters are those of the store's other retrievers, and mean the same. Made for some ten
    thousand documents in one process; beyond that use a vector database.

    ### Usage example

    ```python
    from haystack.components.retrievers import TextEmbeddingRetriever
    from ltrr_haystack.embedded import MiniLMTextEmbedder
    from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
    from ltrr_haystack.embedded.vectors import EmbeddedVectorRetriever

    dense = TextEmbeddingRetriever(
        retriever=EmbeddedVectorRetriever(TantivyDocumentStore("songs")), text_embedder=MiniLMTextEmbedder()
    )
    ```
    """

    def __init__(
        self,
        document_store: TantivyDocumentStore,
        *,
        similarity: Similarity = "cosine",
        filters: dict[str, Any] | None = None,
        filter_policy: FilterPolicy = FilterPolicy.REPLACE,
        top_k: int = 10,
    ) -> None:
        """
        Create an EmbeddedVectorRetriever; the embeddings are read by `warm_up` or by the first query.

        :param document_store: The store.
        :param similarity: `cosine` or `dot_product`.
        :param filters: Haystack filters.
        :param filter_policy: Whether filters of a query replace these or join them.
        :param top_k: How many documents to retrieve.
        :raises ConfigurationError: If the similarity is unknown, or `top_k` below 1.
        """
        if similarity not in SIMILARITIES:
            raise ConfigurationError(f"similarity must be one of {', '.join(SIMILARITIES)}; got {similarity!r}")
        if top_k < 1:
            raise ConfigurationError(f"top_k of EmbeddedVectorRetriever must be at least 1, got {top_k}")
        self.document_store = document_store
        self.similarity = similarity
        self.filters = filters
        self.filter_policy = FilterPolicy.from_str(filter_policy) if isinstance(filter_policy, str) else filter_policy
        self.top_k = top_k

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise for a pipeline file.

        :returns: A dictionary for `from_dict`.
        """
        return default_to_dict(
            self,
            document_store=self.document_store.to_dict(),
            similarity=self.similarity,
            filters=self.filters,
            filter_policy=self.filter_policy.value,
            top_k=self.top_k,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "EmbeddedVectorRetriever":
        """
        Make a retriever from its settings.

        :param data: What `to_dict` gave.
        :returns: The retriever.
        """
        return default_from_dict(cls, data)

    def warm_up(self) -> None:
        """Open the store, and read its embeddings."""
        self._vectors(self.document_store.snapshot())

    def close(self) -> None:
        """Release the store's resources."""
        self.document_store.close()

    async def close_async(self) -> None:
        """Release the store's resources without blocking the event loop."""
        await self.document_store.close_async()

    @component.output_types(documents=list[Document])
    def run(
        self, query_embedding: list[float], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """
        Retrieve.

        :param query_embedding: The query's embedding.
        :param filters: Haystack filters; see `filter_policy`.
        :param top_k: How many documents; the component's own where it is `None`.
        :returns: A dictionary with `documents`, without embeddings, the nearest first.
        :raises FilterError: If the filters are not valid.
        :raises InvalidInputError: If `top_k` is negative, or the documents' embeddings are of another length.
        """
        top_k = self.top_k if top_k is None else top_k
        if top_k < 0:
            raise InvalidInputError(f"top_k of EmbeddedVectorRetriever must not be negative, got {top_k}")
        snapshot = self.document_store.snapshot()
        wanted = apply_filter_policy(self.filter_policy, self.filters, filters)
        among = self.document_store.numbers(snapshot, wanted) if wanted else None
        nearest = self._vectors(snapshot).nearest(query_embedding, among, top_k) if top_k else []
        whole = ((snapshot.find(document_id), score) for document_id, score in nearest)
        return {
            "documents": [decoded(found, embedding=False, score=score) for found, score in whole if found is not None]
        }

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query_embedding: list[float], filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """
        Retrieve without blocking the event loop.

        :param query_embedding: The query's embedding.
        :param filters: Haystack filters; see `filter_policy`.
        :param top_k: How many documents; the component's own where it is `None`.
        :returns: As `run`.
        """
        return await asyncio.to_thread(self.run, query_embedding, filters, top_k)

    def _vectors(self, snapshot: Snapshot) -> VectorIndex:
        vectors = vectors_of(self.document_store.opened(), self.similarity)
        vectors.follow(snapshot)
        return vectors
