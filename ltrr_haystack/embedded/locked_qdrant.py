"""One client of Qdrant's local mode for many threads, with filters that mean what they mean everywhere else."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import wraps
from threading import RLock
from types import SimpleNamespace
from typing import Any, cast
from weakref import WeakSet

import numpy as np
from haystack import Document
from qdrant_client import QdrantClient
from qdrant_client.http.models import Record, ScoredPoint
from qdrant_client.local.distances import DistanceOrder, calculate_distance, distance_to_order
from qdrant_client.local.local_collection import DEFAULT_VECTOR_NAME, LocalCollection

from ltrr_haystack.embedded.scans import RememberedScans, Rows, scan
from ltrr_haystack.filtering import Predicate, compiled

_READS = frozenset(
    ("query_points", "query_points_groups", "scroll", "retrieve", "count", "get_collection", "collection_exists")
)


class LockedClient:
    """
    A local Qdrant client that does one thing at a time: its local mode raises on a read during a write.

    Qdrant's local mode applies a filter to each document by itself, with a meaning of its own and in half a second for
    each condition. `nearest` and `matching` apply it as all stores of the embedded default do, outside of the lock, and
    remember what it left until the store changes.

    :param client: The client.
    """

    def __init__(self, client: QdrantClient) -> None:
        self.client = client
        self.lock = RLock()
        self.users: WeakSet[Any] = WeakSet()
        self._changes = 0
        self._scans = RememberedScans()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.client, name)
        return self._locked(name, attribute) if callable(attribute) else attribute

    def nearest(
        self,
        collection_name: str,
        query: Sequence[float],
        filters: Mapping[str, Any],
        limit: int,
        *,
        threshold: float | None = None,
        with_vectors: bool = False,
    ) -> list[ScoredPoint]:
        """
        Search among the documents that match a filter.

        :param collection_name: Where to search.
        :param query: The query's embedding.
        :param filters: Haystack filters.
        :param limit: Most points to give.
        :param threshold: The score that all of them must be better than.
        :param with_vectors: Whether they carry their embeddings.
        :returns: The nearest of all that match, with the scores of a search without filters.
        :raises FilterError: If the filters are not valid.
        :raises TimeoutError: If the deadline passes before all documents were looked at.
        """
        wanted = compiled(filters)
        rows = self._rows(collection_name, filters, wanted)
        with self.lock:
            collection = self._collection(collection_name)
            rows = _present(collection, rows, with_embedding=True)
            distance = collection.get_vector_params(DEFAULT_VECTOR_NAME).distance
            vectors = collection.vectors[DEFAULT_VECTOR_NAME]
            scores = calculate_distance(np.asarray(query), vectors[rows], distance)
            sign = -1.0 if distance_to_order(distance) == DistanceOrder.BIGGER_IS_BETTER else 1.0
            points: list[ScoredPoint] = []
            for place in np.argsort(sign * scores, kind="stable"):
                row, score = int(rows[place]), float(scores[place])
                if len(points) >= limit or (threshold is not None and sign * score >= sign * threshold):
                    break
                # The document may have changed since the scan.
                if wanted(_document(collection.payload[row])):
                    points.append(
                        ScoredPoint(
                            id=collection.ids_inv[row],
                            version=0,
                            score=score,
                            payload=deepcopy(collection.payload[row]),
                            vector=vectors[row].tolist() if with_vectors else None,
                        )
                    )
        return points

    def matching(self, collection_name: str, filters: Mapping[str, Any]) -> list[Record]:
        """
        Give the documents that match a filter.

        :param collection_name: Where to look.
        :param filters: Haystack filters.
        :returns: Their points with their embeddings, in the order in which they were first written.
        :raises FilterError: If the filters are not valid.
        :raises TimeoutError: If the deadline passes before all documents were looked at.
        """
        wanted = compiled(filters)
        rows = self._rows(collection_name, filters, wanted)
        with self.lock:
            collection = self._collection(collection_name)
            return [
                Record(
                    id=collection.ids_inv[row],
                    payload=deepcopy(collection.payload[row]),
                    vector=cast(Any, collection._get_vectors(row, True)),
                )
                for row in _present(collection, rows, with_embedding=False).tolist()
                if wanted(_document(collection.payload[row]))
            ]

    def _rows(self, collection_name: str, filters: Mapping[str, Any], wanted: Predicate) -> Rows:
        def find() -> list[int]:
            with self.lock:
                payloads = list(self._collection(collection_name).payload)
            return scan(payloads, lambda payload: wanted(_document(payload)))

        key = (collection_name, self._changes, json.dumps(filters, sort_keys=True, default=repr))
        return self._scans.rows(key, find)

    def _collection(self, name: str) -> LocalCollection:
        # The local mode has no way to search among given rows, and takes seconds to search among given ids.
        collection: LocalCollection = cast(Any, self.client)._client.collections[name]
        return collection

    def _locked(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def locked(*args: Any, **kwargs: Any) -> Any:
            with self.lock:
                self._changes += name not in _READS
                return method(*args, **kwargs)

        return locked


class AsyncView:
    """
    The same client for coroutines. Qdrant's own asynchronous client would open another, empty database.

    :param client: The client.
    """

    def __init__(self, client: LockedClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        @wraps(method)
        async def in_a_thread(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(method, *args, **kwargs)

        return in_a_thread


def _document(payload: Mapping[str, Any]) -> Document:
    """A document as a filter sees it; to make a real one of each would take ten times as long."""
    return cast(Document, SimpleNamespace(**payload))


def _present(collection: LocalCollection, rows: Rows, *, with_embedding: bool) -> Rows:
    rows = rows[rows < len(collection.payload)]
    gone = np.asarray(collection.deleted, dtype=bool)
    if with_embedding:
        gone = gone | np.asarray(collection.deleted_per_vector[DEFAULT_VECTOR_NAME], dtype=bool)
    present: Rows = rows[~gone[rows]]
    return present
