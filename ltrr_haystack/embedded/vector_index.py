"""The embeddings of a TantivyDocumentStore's documents, to be searched in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.embedded.tantivy.codec import document_id, embedding_of
from ltrr_haystack.embedded.tantivy.index import SharedIndex
from ltrr_haystack.embedded.tantivy.ranking import in_order
from ltrr_haystack.embedded.tantivy.snapshot import Snapshot
from ltrr_haystack.errors import InvalidInputError

Similarity = Literal["cosine", "dot_product"]
SIMILARITIES: tuple[Similarity, ...] = get_args(Similarity)


@dataclass(frozen=True, slots=True)
class _Vectors:
    """Embeddings of one length. They do not change, so that many threads may search them."""

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
        found = [(self.ids[rows[place]], float(scores[place])) for place in possible]
        return sorted(found, key=lambda each: (-each[1], in_order(each[0])))[:top_k]


class VectorIndex:
    """
    Follows a store: it has the embeddings of the documents that the store has, and nothing else of them.

    It is filled from the store by its first use, and catches up whenever the store has changed, whichever process
    changed it. Every embedding is compared with the query's, which takes a few milliseconds for 20,000 of 384 numbers.
    Embeddings of different lengths, as of two models, are kept apart.

    :param similarity: `cosine` or `dot_product`.
    """

    def __init__(self, similarity: Similarity) -> None:
        self._similarity = similarity
        self._following = Lock()
        self._commit = -1
        self._number = 0
        self._vectors: dict[int, _Vectors] = {}

    def follow(self, snapshot: Snapshot) -> None:
        """
        Catch up with the store.

        :param snapshot: Its state.
        """
        if snapshot.commit <= self._commit:
            return
        with self._following:
            if snapshot.commit <= self._commit:
                return
            written: dict[int, list[tuple[int, str, list[float]]]] = {}
            for number, found in snapshot.since(self._number):
                self._number = number
                vector = embedding_of(found)
                if vector:
                    written.setdefault(len(vector), []).append((number, document_id(found), vector))
            present = np.array(snapshot.numbers(), dtype=np.int64)
            self._vectors = {
                length: vectors
                for length in self._vectors.keys() | written.keys()
                if (vectors := self._joined(length, present, written.get(length, []))).ids
            }
            self._commit = snapshot.commit

    def nearest(self, embedding: Sequence[float], among: Sequence[int] | None, top_k: int) -> list[tuple[str, float]]:
        """
        Find the nearest documents.

        :param embedding: A query's embedding.
        :param among: Numbers of the documents that count; all if left out.
        :param top_k: How many documents, at least 1.
        :returns: Their ids and scores, the nearest first, equal scores by their ids.
        :raises InvalidInputError: If there are embeddings, and none of that length.
        """
        by_length = self._vectors
        if not by_length:
            return []
        if len(embedding) not in by_length:
            lengths = ", ".join(map(str, sorted(by_length)))
            raise InvalidInputError(
                f"the query's embedding has {len(embedding)} numbers, the documents' have {lengths}; index the "
                "documents again with the model that embeds queries"
            )
        return by_length[len(embedding)].nearest(self._rows([list(embedding)])[0], among, top_k)

    def _joined(
        self, length: int, present: NDArray[np.int64], written: Sequence[tuple[int, str, list[float]]]
    ) -> _Vectors:
        """What was there and is there yet, and what has come."""
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


_FOLLOWING: WeakKeyDictionary[SharedIndex, dict[Similarity, VectorIndex]] = WeakKeyDictionary()
_LOCK = Lock()


def vectors_of(index: SharedIndex, similarity: Similarity) -> VectorIndex:
    """
    Give the vectors that follow an index.

    :param index: The index.
    :param similarity: `cosine` or `dot_product`.
    :returns: What all retrievers of this process over the index share.
    """
    with _LOCK:
        following = _FOLLOWING.setdefault(index, {})
        if similarity not in following:
            following[similarity] = VectorIndex(similarity)
        return following[similarity]
