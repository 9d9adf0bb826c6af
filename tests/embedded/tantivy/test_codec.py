import pytest
from haystack import Document
from haystack.dataclasses import ByteStream, SparseEmbedding
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tantivy")

import tantivy

from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
from ltrr_haystack.embedded.tantivy.codec import Stored, decoded
from ltrr_haystack.errors import InvalidInputError

TEXT = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("ab\0")))
"""Lone surrogates and NUL included."""

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=10,
)
DOCUMENTS = st.builds(
    Document,
    id=TEXT.filter(bool),
    content=st.one_of(st.none(), TEXT),
    blob=st.one_of(st.none(), st.builds(ByteStream, data=st.binary(), mime_type=st.sampled_from([None, "image/png"]))),
    meta=st.dictionaries(TEXT, JSON, max_size=4),
    score=st.one_of(st.none(), st.floats(allow_nan=False)),
    embedding=st.one_of(st.none(), st.lists(st.floats(allow_nan=False), max_size=5)),
    sparse_embedding=st.sampled_from([None, SparseEmbedding([1, 5], [0.25, 1e-300])]),
)


@pytest.fixture(scope="module", name="store")
def _store():
    return TantivyDocumentStore()


@settings(max_examples=150, deadline=None)
@given(st.lists(DOCUMENTS, max_size=4, unique_by=lambda document: document.id))
def test_documents_come_back_as_they_were_written(store, documents):
    store.delete_all_documents()
    store.write_documents(documents)
    assert store.filter_documents() == documents
    assert store.get_documents_by_id([document.id for document in documents]) == documents


class TestStored:
    def test_an_embedding_takes_half_the_room_where_nothing_is_lost(self):
        short = Stored.of(Document(id="a", embedding=[0.5, -2.0])).embedding
        long = Stored.of(Document(id="a", embedding=[0.1, 1e300])).embedding
        assert (len(short), len(long)) == (1 + 2 * 4, 1 + 2 * 8)

    def test_of_equal_documents_is_equal_and_of_others_is_not(self):
        document = Document(id="a", content="x", meta={"a": [1, {"b": None}]}, embedding=[1.0])
        assert Stored.of(document) == Stored.of(Document.from_dict(document.to_dict()))
        others = [
            Document(id="a", content="y", meta=document.meta, embedding=[1.0]),
            Document(id="a", content="x", meta={}, embedding=[1.0]),
            Document(id="a", content="x", meta=document.meta, embedding=[2.0]),
            Document(id="a", content="x", meta=document.meta),
            Document(id="a", content="x", meta=document.meta, embedding=[1.0], score=0.5),
        ]
        assert Stored.of(document) not in [Stored.of(other) for other in others]

    @pytest.mark.parametrize(
        ("meta", "message"),
        [
            ({"a": (1, 2)}, r"document 'x' cannot be stored: meta\.a must be JSON .*got tuple"),
            ({"a": [{"b": {3}}]}, r"meta\.a\.0\.b must be JSON .*got set"),
            ({"a": {1: "x"}}, r"the keys of meta\.a must be text, got 1"),
            ({"a": 10**5_000}, "document 'x' cannot be stored"),
        ],
    )
    def test_what_could_not_come_back_is_refused_by_its_place(self, meta, message):
        with pytest.raises(InvalidInputError, match=message):
            Stored.of(Document(id="x", meta=meta))

    def test_metadata_without_an_end_are_refused(self):
        deep, cyclic = {}, {}
        inner = deep
        for _ in range(3_000):
            inner["a"] = inner = {}
        cyclic["a"] = cyclic
        for meta in (deep, cyclic):
            document = Document(id="x")
            document.__dict__["meta"] = meta
            with pytest.raises(InvalidInputError, match="it is nested too deeply"):
                Stored.of(document)

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"id": 7}, "the id of a document must be text, got 7"),
            ({"id": ""}, "the id of a document must be text, got ''"),
            ({"content": 7}, "the content of document 'x' must be text or None"),
            ({"embedding": ["1.5"]}, "the embedding of document 'x' must be a list of numbers"),
        ],
    )
    def test_a_document_that_is_none_is_refused(self, changed, message):
        document = Document(id="x")
        document.__dict__.update(changed)
        with pytest.raises(InvalidInputError, match=message):
            Stored.of(document)


def test_a_search_leaves_the_embedding_and_sets_the_score():
    made = tantivy.Document()
    Stored.of(Document(id="a", embedding=[1.0], score=0.5)).put(made)
    found = decoded(made, embedding=False, score=2.0)
    assert (found.embedding, found.score) == (None, 2.0)
    assert decoded(made).embedding == [1.0]
