"""Retrieval by embedding from the store that has the documents."""

import pytest
from haystack import Document, Pipeline

from factories import ids

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
from ltrr_haystack.embedded.vectors import EmbeddedVectorRetriever
from ltrr_haystack.errors import ConfigurationError, InvalidInputError

NORTH, EAST = [0.0, 1.0], [1.0, 0.0]


def catalogue(*documents, **place):
    made = TantivyDocumentStore(number_fields=["meta.year"], **place)
    made.write_documents(list(documents))
    return made


def compass():
    return [
        Document(id="north", content="up", embedding=NORTH, meta={"year": 1999}),
        Document(id="east", content="right", embedding=EAST, meta={"year": 2005}),
        Document(id="nowhere", content="no embedding", meta={"year": 2005}),
    ]


class TestRun:
    def test_finds_the_nearest_first_and_whole(self):
        found = EmbeddedVectorRetriever(catalogue(*compass())).run([0.1, 1.0], top_k=5)["documents"]
        assert [document.id for document in found] == ["north", "east"]
        assert (found[0].content, found[0].meta, found[0].embedding) == ("up", {"year": 1999}, None)
        assert [document.score for document in found] == pytest.approx([1 / 1.01**0.5, 0.1 / 1.01**0.5])

    def test_by_the_dot_product_longer_ones_are_nearer(self):
        filled = catalogue(Document(id="short", embedding=[0.0, 1.0]), Document(id="long", embedding=[2.0, 2.0]))
        assert ids(EmbeddedVectorRetriever(filled).run(NORTH)) == ["short", "long"]
        found = EmbeddedVectorRetriever(filled, similarity="dot_product").run(NORTH)["documents"]
        assert [(document.id, document.score) for document in found] == [("long", 2.0), ("short", 1.0)]

    def test_equal_ones_are_in_the_order_of_writing(self):
        filled = catalogue(*(Document(id=f"{number}", embedding=NORTH) for number in reversed(range(30))))
        assert ids(EmbeddedVectorRetriever(filled).run(NORTH, top_k=3)) == ["29", "28", "27"]

    def test_filters_are_those_of_the_store(self):
        retriever = EmbeddedVectorRetriever(catalogue(*compass()))
        assert ids(retriever.run(NORTH, filters={"field": "meta.year", "operator": ">", "value": 2000})) == ["east"]
        assert ids(retriever.run(NORTH, filters={"field": "content", "operator": "==", "value": "up"})) == ["north"]
        assert ids(retriever.run(NORTH, filters={"field": "meta.year", "operator": ">", "value": 3000})) == []

    def test_embeddings_of_nothing_and_of_no_number_are_far_away_or_left_out(self):
        filled = catalogue(Document(id="zero", embedding=[0.0, 0.0]), Document(id="nan", embedding=[float("nan"), 1.0]))
        assert ids(EmbeddedVectorRetriever(filled).run(NORTH)) == ["zero"]

    def test_top_k(self):
        retriever = EmbeddedVectorRetriever(catalogue(*compass()), top_k=1)
        assert [len(retriever.run(NORTH, top_k=top_k)["documents"]) for top_k in (None, 2, 0)] == [1, 2, 0]
        with pytest.raises(InvalidInputError, match="must not be negative, got -1"):
            retriever.run(NORTH, top_k=-1)

    def test_an_embedding_of_another_model_is_told(self):
        with pytest.raises(
            InvalidInputError, match="the embedding of the query has 3 dimensions, those of the documents have 2; embed"
        ):
            EmbeddedVectorRetriever(catalogue(*compass())).run([1.0, 0.0, 0.0])

    def test_without_embeddings_nothing_is_found(self):
        assert ids(EmbeddedVectorRetriever(catalogue(Document(id="a"))).run(NORTH)) == []
        assert ids(EmbeddedVectorRetriever(catalogue()).run(NORTH)) == []

    async def test_can_be_awaited(self):
        retriever = EmbeddedVectorRetriever(catalogue(*compass()))
        assert ids(await retriever.run_async(NORTH, None, 1)) == ["north"]
        await retriever.close_async()


class TestSettings:
    def test_that_cannot_work_are_named(self):
        with pytest.raises(ConfigurationError, match="similarity must be one of cosine, dot_product; got 'l2'"):
            EmbeddedVectorRetriever(catalogue(), similarity="l2")
        with pytest.raises(ConfigurationError, match="top_k of EmbeddedVectorRetriever must be at least 1, got 0"):
            EmbeddedVectorRetriever(catalogue(), top_k=0)

    def test_survive_yaml(self, tmp_path):
        pipeline = Pipeline()
        dense = EmbeddedVectorRetriever(
            TantivyDocumentStore(str(tmp_path / "index")), similarity="dot_product", top_k=3
        )
        pipeline.add_component("dense", dense)
        text = pipeline.dumps()
        assert Pipeline.loads(text).dumps() == text
        assert list(tmp_path.iterdir()) == []
