"""The embeddings in memory are those of the documents in the catalogue."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import ids

pytest.importorskip("tantivy")

from ltrr_haystack.embedded import vector_index
from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
from ltrr_haystack.embedded.vector_index import VectorIndex
from ltrr_haystack.embedded.vectors import EmbeddedVectorRetriever

NORTH, EAST, NORTH_EAST = [0.0, 1.0], [1.0, 0.0], [0.7, 0.7]


def catalogue(*documents, **place):
    made = TantivyDocumentStore(number_fields=["meta.year"], **place)
    made.write_documents(list(documents))
    return made


def compass():
    return [
        Document(id="north", embedding=NORTH),
        Document(id="east", embedding=EAST),
        Document(id="nowhere", content="no embedding"),
    ]


def raise_memory_error(*_):
    raise MemoryError


class TestFollowing:
    def test_what_is_written_changed_and_deleted(self):
        filled = catalogue(*compass())
        retriever = EmbeddedVectorRetriever(filled)
        assert ids(retriever.run(NORTH)) == ["north", "east"]
        filled.write_documents([Document(id="ne", embedding=NORTH_EAST)])
        assert ids(retriever.run(NORTH)) == ["north", "ne", "east"]
        filled.write_documents([Document(id="north", embedding=[0.0, -1.0])], DuplicatePolicy.OVERWRITE)
        assert ids(retriever.run(NORTH)) == ["ne", "east", "north"]
        filled.write_documents([Document(id="ne")], DuplicatePolicy.OVERWRITE)
        assert ids(retriever.run(NORTH)) == ["east", "north"]
        filled.delete_documents(["east"])
        assert ids(retriever.run(NORTH)) == ["north"]
        filled.delete_all_documents()
        assert ids(retriever.run(NORTH)) == []

    def test_an_index_on_disk_that_is_opened_again(self, tmp_path):
        first = catalogue(*compass(), path=str(tmp_path / "index"))
        first.close()
        del first
        again = TantivyDocumentStore(str(tmp_path / "index"), number_fields=["meta.year"])
        assert ids(EmbeddedVectorRetriever(again).run(EAST)) == ["east", "north"]

    def test_what_is_written_after_the_last_was_deleted_and_the_index_was_closed(self, tmp_path):
        filled = catalogue(*compass(), path=str(tmp_path / "index"))
        retriever = EmbeddedVectorRetriever(filled)
        assert ids(retriever.run(NORTH)) == ["north", "east"]
        filled.delete_documents(["nowhere", "east"])
        filled.close()
        filled.write_documents([Document(id="ne", embedding=NORTH_EAST)])
        assert ids(retriever.run(NORTH)) == ["north", "ne"]

    def test_what_failed_is_caught_up_with_the_next_time(self, monkeypatch):
        filled = catalogue(*compass())
        retriever = EmbeddedVectorRetriever(filled)
        with monkeypatch.context() as failing:
            failing.setattr(VectorIndex, "_merged", raise_memory_error)
            with pytest.raises(MemoryError):
                retriever.run(NORTH)
        assert ids(retriever.run(NORTH)) == ["north", "east"]

    def test_embeddings_of_two_models_are_kept_apart(self):
        filled = catalogue(*compass(), Document(id="other", embedding=[1.0, 0.0, 0.0]))
        retriever = EmbeddedVectorRetriever(filled)
        assert ids(retriever.run(NORTH)) == ["north", "east"]
        assert ids(retriever.run([1.0, 0.0, 0.0])) == ["other"]

    def test_many_threads_may_search_while_one_writes(self):
        filled = catalogue(*compass())
        retriever = EmbeddedVectorRetriever(filled)

        def write(number):
            filled.write_documents([Document(id=f"{number}-{each}", embedding=EAST) for each in range(10)])

        with ThreadPoolExecutor(8) as pool:
            writing = [pool.submit(write, number) for number in range(10)]
            found = {tuple(ids(result)) for result in pool.map(lambda _: retriever.run(NORTH, top_k=1), range(60))}
            assert [each.result() for each in writing] == [None] * 10
        assert found == {("north",)}
        assert len(retriever.run(EAST, top_k=200)["documents"]) == 102

    def test_one_copy_serves_all_retrievers_of_an_index(self, monkeypatch):
        filled = catalogue(*compass())
        again = TantivyDocumentStore.from_dict(filled.to_dict())
        first, second = EmbeddedVectorRetriever(filled), EmbeddedVectorRetriever(again)
        assert ids(first.run(NORTH)) == ["north", "east"]
        monkeypatch.setattr(vector_index, "embedding_of", None)  # Nothing is read again.
        assert ids(second.run(NORTH)) == ["north", "east"]


VECTORS = st.lists(st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3).filter(any), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(VECTORS, VECTORS, st.integers(1, 5), st.booleans())
def test_the_nearest_of_all_are_found(first, second, top_k, filtered):
    vectors = {f"{number}": vector for number, vector in enumerate([*first, *second])}
    filled = catalogue(*(Document(id=f"{n}", embedding=vector, meta={"year": n % 2}) for n, vector in enumerate(first)))
    retriever = EmbeddedVectorRetriever(filled, similarity="dot_product")
    retriever.warm_up()
    filled.write_documents(
        [Document(id=f"{n}", embedding=v, meta={"year": n % 2}) for n, v in enumerate(second, start=len(first))]
    )
    filters = {"field": "meta.year", "operator": "==", "value": 1} if filtered else None
    query = [1.0, -2.0, 0.5]
    scores = {
        name: float(np.float32(vector) @ np.float32(query))
        for name, vector in vectors.items()
        if not filtered or int(name) % 2 == 1
    }
    found = retriever.run(query, filters=filters, top_k=top_k)["documents"]
    assert [document.score for document in found] == pytest.approx(
        sorted(scores.values(), reverse=True)[:top_k], abs=1e-4
    )
    assert [scores[document.id] for document in found] == pytest.approx([each.score for each in found], abs=1e-4)
