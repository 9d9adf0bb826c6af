"""Qdrant's local mode, shared by all pipelines of a process."""

import asyncio
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Self, cast

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.document_stores.types import FilterPolicy

from ltrr_haystack.errors import MissingExtraError

try:
    import qdrant_client
    from haystack_integrations.components.retrievers.qdrant import QdrantEmbeddingRetriever
    from haystack_integrations.document_stores.qdrant import QdrantDocumentStore
    from haystack_integrations.document_stores.qdrant.converters import convert_qdrant_point_to_haystack_document

    from ltrr_haystack.embedded.locked_qdrant import AsyncView, LockedClient
except ImportError as error:
    raise MissingExtraError(
        "the embedded dense store needs qdrant-haystack; install it with: pip install 'ltrr-haystack[qdrant]'"
    ) from error


_CLIENTS: dict[str, LockedClient] = {}
_CLIENTS_LOCK = Lock()


class EmbeddedQdrantStore(QdrantDocumentStore):
    """
    A dense document store inside the process, shared by name like `InMemoryDocumentStore(index=…)`.

    Qdrant's local mode searches a few thousand vectors ten times faster than the InMemory store does, but a path has
    one client, two clients of `:memory:` are two databases, and a read during a write raises. Here all stores of one
    name (or path) share one client behind a lock, so that a pipeline can index while another one searches, in threads
    and in coroutines alike. Haystack's filters mean what `document_matches_filter` makes of them, as in all arms of
    the embedded default. Made for some ten thousand documents in one process; beyond that use a Qdrant server with
    Haystack's own `QdrantDocumentStore`.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.embedded.qdrant import EmbeddedQdrantStore

    EmbeddedQdrantStore("songs", embedding_dim=2).write_documents([Document(content="Lucy", embedding=[0.1, 0.9])])
    EmbeddedQdrantStore("songs", embedding_dim=2).count_documents()
    # 1
    ```
    """

    def __init__(
        self,
        name: str = "documents",
        *,
        path: str | None = None,
        embedding_dim: int = 384,
        similarity: str = "cosine",
        return_embedding: bool = False,
    ) -> None:
        """
        Create an EmbeddedQdrantStore; the database is opened by its first use.

        :param name: Name of the collection. Stores of one name hold the same documents.
        :param path: Folder to keep the documents in; in memory, for as long as the process lives, if left out.
        :param embedding_dim: Length of the documents' embeddings.
        :param similarity: `cosine`, `dot_product` or `l2`.
        :param return_embedding: Whether documents that are found carry their embeddings.
        """
        super().__init__(
            location=":memory:" if path is None else None,
            path=path,
            force_disable_check_same_thread=True,
            index=name,
            embedding_dim=embedding_dim,
            similarity=similarity,
            return_embedding=return_embedding,
            progress_bar=False,
        )
        self.name = name
        self._opening = RLock()

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the store's settings; its documents are not part of it.

        :returns: A dictionary from which `from_dict` makes an equal store.
        """
        return default_to_dict(
            self,
            name=self.name,
            path=self.path,
            embedding_dim=self.embedding_dim,
            similarity=self.similarity,
            return_embedding=self.return_embedding,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make a store from its settings.

        :param data: What `to_dict` gave.
        :returns: The store.
        """
        return default_from_dict(cls, data)

    def close(self) -> None:
        """Give up this store's share of the client; a database on disk is closed with its last share."""
        with self._opening, _CLIENTS_LOCK:
            self._client = None
            self._async_client = None
            shared = _CLIENTS.get(self._key)
            if shared is None:
                return
            shared.users.discard(self)
            if self.path is not None and not shared.users:
                del _CLIENTS[self._key]
                shared.close()

    async def close_async(self) -> None:
        """Give up this store's share of the client."""
        self.close()

    def filter_documents(self, filters: dict[str, Any] | Any | None = None) -> list[Document]:
        """
        Give the documents that match filters.

        :param filters: Haystack filters, or a filter of Qdrant's; all documents if left out.
        :returns: The documents with their embeddings.
        :raises FilterError: If the filters are not valid.
        """
        if not filters or not isinstance(filters, dict):
            return super().filter_documents(filters)
        points = self._shared().matching(self.index, filters)
        return [convert_qdrant_point_to_haystack_document(point, use_sparse_embeddings=False) for point in points]

    async def filter_documents_async(self, filters: dict[str, Any] | Any | None = None) -> list[Document]:
        """
        Give the documents that match filters, without blocking the event loop.

        :param filters: Haystack filters, or a filter of Qdrant's; all documents if left out.
        :returns: The documents with their embeddings.
        :raises FilterError: If the filters are not valid.
        """
        return await asyncio.to_thread(self.filter_documents, filters)

    def _query_by_embedding(
        self,
        query_embedding: list[float],
        filters: dict[str, Any] | Any | None = None,
        top_k: int = 10,
        scale_score: bool = False,
        return_embedding: bool = False,
        score_threshold: float | None = None,
        group_by: str | None = None,
        group_size: int | None = None,
    ) -> list[Document]:
        if not filters or not isinstance(filters, dict) or group_by:
            return super()._query_by_embedding(
                query_embedding, filters, top_k, scale_score, return_embedding, score_threshold, group_by, group_size
            )
        points = self._shared().nearest(
            self.index, query_embedding, filters, top_k, threshold=score_threshold, with_vectors=return_embedding
        )
        return self._process_query_point_results(points, scale_score=scale_score)

    async def _query_by_embedding_async(self, *args: Any, **kwargs: Any) -> list[Document]:
        return await asyncio.to_thread(self._query_by_embedding, *args, **kwargs)

    def _shared(self) -> LockedClient:
        self._initialize_client()
        return cast(LockedClient, self._client)

    @property
    def _key(self) -> str:
        return f"memory:{self.name}" if self.path is None else str(Path(self.path).resolve())

    def _initialize_client(self) -> None:
        with self._opening:
            if self._client is not None:
                return
            shared = self._share()
            with shared.lock:
                self._client = cast(qdrant_client.QdrantClient, shared)
                self._async_client = cast(qdrant_client.AsyncQdrantClient, AsyncView(shared))
                self._set_up_collection(
                    self.index,
                    self.embedding_dim,
                    self.recreate_index,
                    self.similarity,
                    self.use_sparse_embeddings,
                    self.sparse_idf,
                    self.on_disk,
                    self.payload_fields_to_index,
                )

    async def _initialize_async_client(self) -> None:
        if self._async_client is None:
            await asyncio.to_thread(self._initialize_client)

    def _share(self) -> LockedClient:
        with _CLIENTS_LOCK:
            shared = _CLIENTS.get(self._key)
            if shared is None:
                shared = LockedClient(qdrant_client.QdrantClient(**self._prepare_client_params()))
                _CLIENTS[self._key] = shared
            shared.users.add(self)
            return shared


@component
class EmbeddedQdrantRetriever(QdrantEmbeddingRetriever):
    """
    Retrieves by embedding from an EmbeddedQdrantStore.

    It is Haystack's `QdrantEmbeddingRetriever`, which YAML can load only with a store of Haystack's own class.

    ### Usage example

    ```python
    from haystack.components.retrievers import TextEmbeddingRetriever
    from ltrr_haystack.embedded import MiniLMTextEmbedder
    from ltrr_haystack.embedded.qdrant import EmbeddedQdrantRetriever, EmbeddedQdrantStore

    dense = TextEmbeddingRetriever(
        retriever=EmbeddedQdrantRetriever(EmbeddedQdrantStore("songs")), text_embedder=MiniLMTextEmbedder()
    )
    ```
    """

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make a retriever from its settings.

        :param data: What `to_dict` gave.
        :returns: The retriever.
        """
        settings = dict(data["init_parameters"])
        if isinstance(settings["document_store"], dict):
            settings["document_store"] = EmbeddedQdrantStore.from_dict(settings["document_store"])
        if isinstance(settings.get("filter_policy"), str):
            settings["filter_policy"] = FilterPolicy.from_str(settings["filter_policy"])
        return default_from_dict(cls, {**data, "init_parameters": settings})
