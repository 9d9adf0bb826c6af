import asyncio
from copy import deepcopy

import pytest
from haystack import Document, Pipeline
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import ids
from ltrr_haystack.components.related_retriever import RelatedRetriever
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.structured_retriever import StructuredRetriever
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.types import ArmRequest, Interpretation, Understanding

MUSIC = [
    Document(id="swift", content="Taylor Swift", meta={"type": "artist", "plays": 9}),
    Document(id="fearless", content="Fearless", meta={"type": "album", "artist_id": "swift", "plays": 5}),
    Document(
        id="story",
        content="Love Story",
        meta={"type": "song", "artist_id": "swift", "album_id": "fearless", "plays": 8},
    ),
    Document(
        id="white",
        content="White Horse",
        meta={"type": "song", "artist_id": "swift", "album_id": "fearless", "plays": 2},
    ),
    Document(id="lover", content="Lover", meta={"type": "song", "artist_id": "swift", "plays": 7}),
    Document(id="halo", content="Halo", meta={"type": "song", "artist_id": "nobody", "plays": 6}),
]
RELATIONS = ["artist_id", "album_id"]


def roles(found):
    told = {each.id: each.meta["ltrr_related"] for each in found["documents"]}
    return {each: (by["match"], by["role"]) for each, by in told.items()}


def made(retriever, documents, **options):
    return RelatedRetriever(retriever, documents, RELATIONS, **options)


@pytest.fixture(name="music")
def _music():
    tantivy = pytest.importorskip("ltrr_haystack.embedded.tantivy")
    store = tantivy.TantivyDocumentStore(
        keyword_fields=["meta.artist_id", "meta.album_id", "meta.type"], number_fields=["meta.plays"]
    )
    store.write_documents(MUSIC)
    boost = {"field": "meta.plays", "weight": 0.1}
    return tantivy.TantivyBM25Retriever(store, browse=True, boost=boost), store


class TestRelatedRetriever:
    def test_a_song_brings_its_artist_and_its_album(self, music):
        assert roles(made(*music).run("love story")) == {"swift": ("story", "named"), "fearless": ("story", "named")}

    def test_an_artist_brings_what_names_it_the_most_popular_first(self, music):
        found = made(*music).run("taylor swift")
        assert ids(found) == ["story", "lover", "fearless", "white"]
        assert set(roles(found).values()) == {("swift", "naming")}

    def test_an_album_brings_its_artist_first_and_its_songs(self, music):
        assert ids(made(*music).run("fearless")) == ["swift", "story", "white"]

    def test_in_haystacks_own_store_what_names_a_match_has_to_match_the_words(self):
        store = InMemoryDocumentStore(shared=False)
        store.write_documents(deepcopy(MUSIC))
        related = made(InMemoryBM25Retriever(store), store)
        assert roles(related.run("love story", top_k=2)) == {
            "swift": ("story", "named"),
            "fearless": ("story", "named"),
        }

    def test_filters_hold_for_matches_and_for_what_is_related(self, music):
        songs = {"field": "meta.type", "operator": "==", "value": "song"}
        assert ids(made(*music).run("love story", filters=songs)) == []
        assert ids(made(*music).run("taylor swift", filters=songs)) == []
        popular = {"field": "meta.plays", "operator": ">", "value": 6}
        assert ids(made(*music).run("taylor swift", filters=popular)) == ["story", "lover"]

    def test_there_are_no_more_than_asked_for(self, music):
        assert ids(made(*music).run("taylor swift", top_k=2)) == ["story", "lover"]
        assert ids(made(*music, most_naming=1).run("taylor swift")) == ["story"]

    def test_an_id_that_nothing_has_brings_nothing(self, music):
        assert ids(made(*music).run("halo")) == ids(made(*music).run("nothing")) == ids(made(*music).run(" ")) == []

    def test_matches_are_found_by_the_readings_if_the_retriever_takes_them(self, music):
        retriever, store = music
        reading = Interpretation({"type": "artist"}, "swift", 0.9)
        understanding = Understanding("swft", "swft", interpretations=(reading,))
        related = made(StructuredRetriever(retriever), store)
        found = related.run("swft", understanding=understanding)
        assert roles(found)["fearless"] == ("swift", "naming")
        # What names the match was searched by the match, not by the reading.
        assert all("ltrr_reading" not in each.meta for each in found["documents"])
        assert ids(related.run("swft")) == []

    def test_keys_may_be_in_the_metadata(self):
        tantivy = pytest.importorskip("ltrr_haystack.embedded.tantivy")
        store = tantivy.TantivyDocumentStore(keyword_fields=["meta.sku", "meta.parts"])
        store.write_documents(
            [
                Document(id="a", content="bundle", meta={"parts": [1, 2]}),
                Document(id="b", content="hammer", meta={"sku": 1}),
                Document(id="c", content="nail", meta={"sku": 2}),
            ]
        )
        related = RelatedRetriever(tantivy.TantivyBM25Retriever(store, browse=True), store, {"parts": "meta.sku"})
        assert sorted(ids(related.run("bundle"))) == ["b", "c"]
        assert ids(related.run("hammer")) == ids(related.run("nail")) == ["a"]

    def test_synchronous_and_asynchronous_calls_bring_the_same_through_an_arm_too(self, music):
        arm = RetrievalArm("related", made(*music))
        for query in ("love story", "fearless", "taylor swift", "nothing"):
            result = arm.run(ArmRequest(query, 10))["result"]
            assert (result.error, result.left_out) == (None, 0)
            assert asyncio.run(arm.run_async(ArmRequest(query, 10)))["result"].documents == result.documents
        arm.close()

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from("abcd"),
                st.one_of(st.none(), st.sampled_from("abcd"), st.lists(st.sampled_from("abcd"), max_size=3)),
            ),
            max_size=6,
        )
    )
    def test_circles_and_strange_ids_end_and_bring_no_match_itself(self, rows):
        tantivy = pytest.importorskip("ltrr_haystack.embedded.tantivy")
        store = tantivy.TantivyDocumentStore(keyword_fields=["meta.artist_id"])
        store.write_documents(
            [Document(id=each, content=f"love {each}", meta={"artist_id": named}) for each, named in dict(rows).items()]
        )
        related = RelatedRetriever(
            tantivy.TantivyBM25Retriever(store, browse=True), store, ["artist_id"], most_matches=1
        )
        found = related.run("love a")["documents"]
        assert len(set(ids(found))) == len(found) <= 3
        assert all(each.id != each.meta["ltrr_related"]["match"] for each in found)


class TestSettings:
    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"relations": []}, "at least one field"),
            ({"strong": 1.5}, "strong of RelatedRetriever must be from 0 to 1, got 1.5"),
            ({"most_matches": 0}, "most_matches of RelatedRetriever must be at least 1, got 0"),
            ({"most_naming": 0}, "most_naming"),
            ({"top_k": 0}, "top_k"),
            ({"retriever": object()}, "must be a component with run"),
        ],
    )
    def test_that_make_no_sense_are_refused(self, options, reason):
        store = InMemoryDocumentStore()
        given_options = {
            "retriever": InMemoryBM25Retriever(store),
            "document_store": store,
            "relations": RELATIONS,
            **options,
        }
        with pytest.raises(ConfigurationError, match=reason):
            RelatedRetriever(**given_options)

    @pytest.mark.parametrize(("arguments", "reason"), [({"top_k": 0}, "at least 1, got 0"), ({"query": 3}, "got int")])
    def test_impossible_arguments_are_refused(self, music, arguments, reason):
        with pytest.raises(InvalidInputError, match=reason):
            made(*music).run(**{"query": "love", **arguments})

    @pytest.mark.parametrize("relations", [RELATIONS, {"parts": "meta.sku"}])
    def test_travel_in_a_pipeline_file(self, music, relations):
        pipeline = Pipeline()
        retriever, store = music
        pipeline.add_component("related", RelatedRetriever(retriever, store, relations, strong=0.5, most_matches=2))
        text = pipeline.dumps()
        again = Pipeline.loads(text, allowed_modules=["ltrr_haystack"])
        assert again.to_dict() == pipeline.to_dict()


def test_what_the_filters_of_the_wrapped_retriever_exclude_is_nobody_s_relative():
    songs = InMemoryDocumentStore()
    songs.write_documents([*MUSIC[1:], Document(id="swift", content="Taylor Swift", meta={"type": "hidden"})])
    shown = {"field": "meta.type", "operator": "!=", "value": "hidden"}
    over = {own: InMemoryBM25Retriever(songs, filters=own and shown) for own in (None, True)}
    found = {own: ids(RelatedRetriever(each, songs, RELATIONS).run("love story")) for own, each in over.items()}
    assert "swift" in found[None]
    assert "swift" not in found[True]
    assert "fearless" in found[True]
