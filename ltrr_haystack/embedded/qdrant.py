"""Qdrant's local mode, shared by all pipelines of a process."""

import asyncio
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Self, cast
from weakref import WeakSet

from haystack import component, default_from_dict, default_to_dict
from haystack.document_stores.types import FilterPolicy

from ltrr_haystack.errors import MissingExtraError

try:
    import qdrant_client
    from haystack_integrations.components.retrievers.qdrant import QdrantEmbeddingRetriever
    from haystack_integrations.document_stores.qdrant import QdrantDocumentStore
except ImportError as error:
    raise MissingExtraError(
        "the embedded dense store needs qdrant-haystack; install it with: pip install 'ltrr-haystack[qdrant]'"
    ) from error


class _LockedClient:
    """A local Qdrant client that does one thing at a time: its local mode raises on a read during a write."""

    def __init__(self, client: qdrant_client.QdrantClient) -> None:
        self.client = client
        self.lock = RLock()
        self.users: WeakSet[QdrantDocumentStore] = WeakSet()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.client, name)
        return self._locked(attribute) if callable(attribute) else attribute

    def _locked(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def locked(*args: Any, **kwargs: Any) -> Any:
            with self.lock:
                return method(*args, **kwargs)

        return locked


class _AsyncView:
    """The same client for coroutines. Qdrant's own asynchronous client would open another, empty database."""

    def __init__(self, client: _LockedClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        @wraps(method)
        async def in_a_thread(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(method, *args, **kwargs)

        return in_a_thread


_CLIENTS: dict[str, _LockedClient] = {}
_CLIENTS_LOCK = Lock()


class EmbeddedQdrantStore(QdrantDocumentStore):
    """
    A dense document store inside the process, shared by name like `InMemoryDocumentStore(index=…)`.

    Qdrant's local mode searches a few thousand vectors ten times faster than the InMemory store does, but a path has
    one client, two clients of `:memory:` are two databases, and a read during a write raises. Here all stores of one
    name (or path) share one client behind a lock, so that a pipeline can index while another one searches, in threads
    and in coroutines alike. Made for some ten thousand documents in one process; beyond that use a Qdrant server with
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
                self._async_client = cast(qdrant_client.AsyncQdrantClient, _AsyncView(shared))
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

    def _share(self) -> _LockedClient:
        with _CLIENTS_LOCK:
            shared = _CLIENTS.get(self._key)
            if shared is None:
                shared = _LockedClient(qdrant_client.QdrantClient(**self._prepare_client_params()))
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
