"""Exact vector search in memory over the embeddings of a TantivyDocumentStore."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.embedded.tantivy.codec import document_id, embedding_of
from ltrr_haystack.embedded.tantivy.index import SharedIndex
from ltrr_haystack.embedded.tantivy.snapshot import IndexSnapshot
from ltrr_haystack.errors import InvalidInputError

Similarity = Literal["cosine", "dot_product"]
SIMILARITIES: tuple[Similarity, ...] = get_args(Similarity)


@dataclass(frozen=True, slots=True)
class _Vectors:
    """Immutable embeddings of one dimension in the order of writing, which many threads may search."""

    numbers: NDArray[np.int64]
    ids: tuple[str, ...]
    matrix: NDArray[np.float32]

    def nearest(self, query: NDArray[np.float32], among: Sequence[int] | None, top_k: int) -> list[tuple[str, float]]:
        rows = np.arange(len(self.ids)) if among is None else np.flatnonzero(np.isin(self.numbers, among))
        scores = (self.matrix if among is None else self.matrix[rows]) @ query
        possible = np.flatnonzero(~np.isnan(scores))
        if len(possible) > top_k:
            least = np.partition(scores[possible], -top_k)[-top_k]
            possible = possible[scores[possible] >= least]
        order = possible[np.argsort(-scores[possible], kind="stable")][:top_k]
        return [(self.ids[rows[place]], float(scores[place])) for place in order]


class VectorIndex:
    """
    Searches the embeddings of a store's documents.

    It reads the embeddings from the store on first use, and is updated whenever any process has changed the store. A
    query is compared with every embedding, which takes a few milliseconds for 20,000 embeddings of 384 dimensions.
    Embeddings of different dimensions, for example of two models, are kept apart.

    :param similarity: `cosine` or `dot_product`.
    """

    def __init__(self, similarity: Similarity) -> None:
        self._similarity = similarity
        self._update_lock = Lock()
        self._commit = -1
        self._last_number = 0
        self._vectors: dict[int, _Vectors] = {}

    def update(self, snapshot: IndexSnapshot) -> None:
        """
        Apply the changes of the store.

        :param snapshot: The state of the store.
        """
        if snapshot.commit <= self._commit:
            return
        with self._update_lock:
            if snapshot.commit <= self._commit:
                return
            written: dict[int, list[tuple[int, str, list[float]]]] = {}
            last_number = self._last_number
            for number, found in snapshot.written_since(self._last_number):
                last_number = number
                vector = embedding_of(found)
                if vector:
                    written.setdefault(len(vector), []).append((number, document_id(found), vector))
            present = np.array(snapshot.sequence_numbers(), dtype=np.int64)
            self._vectors = {
                length: vectors
                for length in self._vectors.keys() | written.keys()
                if (vectors := self._merged(length, present, written.get(length, []))).ids
            }
            self._last_number = last_number
            self._commit = snapshot.commit

    def nearest(self, embedding: Sequence[float], among: Sequence[int] | None, top_k: int) -> list[tuple[str, float]]:
        """
        Find the nearest documents.

        :param embedding: The embedding of a query.
        :param among: Sequence numbers of the documents to consider; all if `None`.
        :param top_k: Maximum number of documents, at least 1.
        :returns: Their ids and scores, nearest first. Of documents with equal scores the one that was
            written earlier comes first.
        :raises InvalidInputError: If there are embeddings, but none of this dimension.
        """
        by_length = self._vectors
        if not by_length:
            return []
        if len(embedding) not in by_length:
            lengths = ", ".join(map(str, sorted(by_length)))
            raise InvalidInputError(
                f"the embedding of the query has {len(embedding)} dimensions, those of the documents have {lengths}; "
                "embed and index the documents with the model that embeds the queries"
            )
        return by_length[len(embedding)].nearest(self._rows([list(embedding)])[0], among, top_k)

    def _merged(
        self, length: int, present: NDArray[np.int64], written: Sequence[tuple[int, str, list[float]]]
    ) -> _Vectors:
        """Combine the embeddings that are still present with the new ones."""
        numbers, ids, vectors = zip(*written, strict=True) if written else ((), (), ())
        fresh = self._rows(vectors) if vectors else np.empty((0, length), np.float32)
        before = self._vectors.get(length)
        if before is None:
            return _Vectors(np.array(numbers, np.int64), tuple(ids), fresh)
        kept = np.flatnonzero(np.isin(before.numbers, present))
        return _Vectors(
            np.concatenate([before.numbers[kept], np.array(numbers, np.int64)]),
            (*(before.ids[row] for row in kept), *ids),
            np.concatenate([before.matrix[kept], fresh]),
        )

    def _rows(self, vectors: Sequence[Sequence[float]]) -> NDArray[np.float32]:
        rows = np.asarray(vectors, np.float32)
        if self._similarity == "dot_product":
            return rows
        lengths: NDArray[np.float32] = np.linalg.norm(rows, axis=1, keepdims=True)
        lengths[lengths == 0] = 1.0
        return rows / lengths


_SHARED: WeakKeyDictionary[SharedIndex, dict[Similarity, VectorIndex]] = WeakKeyDictionary()
_LOCK = Lock()


def shared_vector_index(index: SharedIndex, similarity: Similarity) -> VectorIndex:
    """
    Get the vector index for an index of documents.

    :param index: The index of documents.
    :param similarity: `cosine` or `dot_product`.
    :returns: The vector index, which all retrievers of this process share.
    """
    with _LOCK:
        by_similarity = _SHARED.setdefault(index, {})
        if similarity not in by_similarity:
            by_similarity[similarity] = VectorIndex(similarity)
        return by_similarity[similarity]
