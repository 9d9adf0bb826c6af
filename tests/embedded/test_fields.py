import pytest
from haystack import Document, Pipeline
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ltrr_haystack.embedded import FieldAsContent, WholeDocuments

RAIN = Document(id="7", content="Sing it again", meta={"title": "Rain", "genre": "pop"}, embedding=[0.1], score=0.5)
SNOW = Document(id="8", content="White and quiet", meta={"title": "Snow in the rain", "genre": "folk"})
SONGS = [RAIN, SNOW]


class Listening:
    """A retriever that finds what it is told and remembers what it was asked."""

    def __init__(self, *found: Document):
        self.found = list(found)
        self.asked = []

    def run(self, query, filters=None, top_k=None):
        self.asked.append((query, filters, top_k))
        return {"documents": self.found}


class TestFieldAsContent:
    def test_the_field_is_the_content_and_the_rest_is_kept(self):
        title, _ = FieldAsContent("title").run(SONGS)["documents"]
        assert (title.id, title.content, title.meta) == ("7", "Rain", RAIN.meta)

    def test_what_was_embedded_was_another_text(self):
        sparse = Document(id="1", content="x", meta={"title": "t"}, embedding=[1.0], sparse_embedding=_sparse())
        (title,) = FieldAsContent("title").run([sparse])["documents"]
        assert (title.embedding, title.sparse_embedding) == (None, None)

    def test_the_documents_are_not_changed(self):
        before = [song.to_dict() for song in SONGS]
        FieldAsContent("title").run(SONGS)
        assert [song.to_dict() for song in SONGS] == before

    @pytest.mark.parametrize("meta", [{}, {"title": None}, {"title": ""}, {"title": " \n"}, {"title": 1984}])
    def test_what_has_no_text_in_the_field_is_left_out(self, meta):
        bare = Document(id="9", content="Nameless", meta=meta)
        assert [title.id for title in FieldAsContent("title").run([bare, SNOW])["documents"]] == ["8"]


def _sparse():
    from haystack.dataclasses import SparseEmbedding

    return SparseEmbedding([0], [1.0])


@pytest.fixture
def stores():
    """The songs, and their titles."""
    songs, titles = InMemoryDocumentStore(), InMemoryDocumentStore()
    songs.write_documents(SONGS)
    titles.write_documents(FieldAsContent("title").run(SONGS)["documents"])
    return songs, titles


class TestWholeDocuments:
    def test_a_hit_in_a_part_answers_with_the_whole_document(self, stores):
        songs, titles = stores
        found = WholeDocuments(InMemoryBM25Retriever(titles), songs).run("snow")["documents"]
        assert [(song.id, song.content) for song in found] == [("8", "White and quiet")]

    def test_order_and_scores_are_those_of_the_parts(self, stores):
        songs, titles = stores
        parts = InMemoryBM25Retriever(titles).run("rain")["documents"]
        found = WholeDocuments(InMemoryBM25Retriever(titles), songs).run("rain")["documents"]
        assert len(found) == 2
        assert [(song.id, song.score) for song in found] == [(part.id, part.score) for part in parts]

    def test_what_was_asked_is_handed_on(self, stores):
        retriever = Listening()
        filters = {"field": "meta.genre", "operator": "==", "value": "pop"}
        WholeDocuments(retriever, stores[0]).run("rain", filters=filters, top_k=3)
        WholeDocuments(retriever, stores[0]).run("rain")
        assert retriever.asked == [("rain", filters, 3), ("rain", None, None)]

    def test_filters_and_depth_hold(self, stores):
        songs, titles = stores
        whole = WholeDocuments(InMemoryBM25Retriever(titles), songs)
        folk = {"field": "meta.genre", "operator": "==", "value": "folk"}
        assert [song.id for song in whole.run("rain", filters=folk)["documents"]] == ["8"]
        assert len(whole.run("rain", top_k=1)["documents"]) == 1

    def test_what_was_deleted_is_left_out(self, stores):
        songs, titles = stores
        songs.delete_documents(["7"])
        found = WholeDocuments(InMemoryBM25Retriever(titles), songs).run("rain")["documents"]
        assert [song.id for song in found] == ["8"]

    def test_the_documents_of_the_store_are_not_changed(self, stores):
        songs, titles = stores
        before = {song.id: song.to_dict() for song in songs.filter_documents()}
        WholeDocuments(InMemoryBM25Retriever(titles), songs).run("rain")
        assert {song.id: song.to_dict() for song in songs.filter_documents()} == before

    def test_finds_nothing_where_the_retriever_finds_nothing(self, stores):
        assert WholeDocuments(Listening(), stores[0]).run("rain")["documents"] == []


def test_both_survive_yaml():
    songs, titles = InMemoryDocumentStore(index="songs"), InMemoryDocumentStore(index="titles of songs")
    pipeline = Pipeline()
    pipeline.add_component("titles", FieldAsContent("title"))
    pipeline.add_component("title", WholeDocuments(InMemoryBM25Retriever(titles), songs))
    text = pipeline.dumps()
    again = Pipeline.loads(text)
    assert again.dumps() == text
    assert again.get_component("titles").field == "title"
    again.get_component("title").document_store.write_documents(SONGS)
    again.get_component("title").retriever.document_store.write_documents(
        again.run({"titles": {"documents": SONGS}, "title": {"query": "nothing"}})["titles"]["documents"]
    )
    found = again.run({"titles": {"documents": []}, "title": {"query": "snow"}})["title"]["documents"]
    assert [song.content for song in found] == ["White and quiet"]
