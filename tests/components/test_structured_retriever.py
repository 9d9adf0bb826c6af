"""Readings become searches: over the store that production has, over Haystack's own, and behind a RetrievalArm."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from haystack import Document, Pipeline
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.errors import FilterError
from haystack.utils import Secret
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import decision, ids, unite
from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, StatisticsCollector, build, publish
from ltrr_haystack.components.content_tagger import ContentTagger
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.sound_documents import fault_of
from ltrr_haystack.components.structured_retriever import StructuredRetriever
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import ArmRequest, Interpretation, Understanding

SONGS = [
    ("story", "Love Story", "Taylor Swift", ["Pop", "Country"], 900, 2008),
    ("lover", "Lover", "Taylor Swift", ["Pop"], 500, 2019),
    ("mine", "Mine", "Taylor Swift", ["Country"], 100, 2010),
    ("do", "Love Me Do", "The Beatles", ["Rock"], 700, 1962),
    ("all", "All You Need Is Love", "The Beatles", ["Rock", "Pop"], 800, 1967),
    ("taylor", "Taylor", "Jack Johnson", ["Rock"], 50, 2003),
]
DOCUMENTS = [
    Document(
        id=each,
        content=f"{title}, by {artist}",
        meta={"title": title, "artist": artist, "genre": genre, "plays": plays, "year": year},
    )
    for each, title, artist, genre, plays, year in SONGS
]
SWIFT = Interpretation({"artist": "Taylor Swift"}, "love", 0.7)
POP = Interpretation({"genre": "Pop"}, "", 0.8)


def understood(*readings, query="tayler love"):
    return Understanding(query, query, tuple(query.split()), interpretations=readings)


@pytest.fixture(name="tantivy")
def _tantivy():
    return pytest.importorskip("ltrr_haystack.embedded.tantivy")


@pytest.fixture(name="songs")
def _songs(tantivy):
    store = tantivy.TantivyDocumentStore(
        text_fields={"content": "words"},
        keyword_fields=["meta.artist", "meta.genre"],
        number_fields=["meta.plays", "meta.year"],
    )
    store.write_documents(DOCUMENTS)
    return store


@pytest.fixture(name="lexicon")
def _lexicon(store):
    collector = LexiconCollector(LexiconFields(["meta.artist", "meta.genre", "meta.year"]))
    build(DOCUMENTS, [collector])
    publish(store, collector.counts())
    return store


def in_memory():
    store = InMemoryDocumentStore(shared=False)
    store.write_documents(DOCUMENTS)
    return InMemoryBM25Retriever(store)


class Recording:
    """Notes what it is asked for and brings what it is given."""

    def __init__(self, *documents):
        self.documents = documents
        self.asked = []

    def run(self, query, filters=None, top_k=None):
        self.asked.append((query, filters, top_k))
        return {"documents": list(self.documents)}


class TestReadings:
    def test_a_reading_is_searched_within_its_filters_and_comes_before_the_words_alone(self, tantivy, songs):
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(songs))
        found = retriever.run("tayler love", understanding=understood(SWIFT))["documents"]
        assert ids(found)[0] == "story"
        assert {"do", "all"} < set(ids(found))
        assert found[0].meta["ltrr_reading"] == {
            "slots": {"artist": "Taylor Swift"},
            "leftover": "love",
            "probability": 0.7,
            "relaxed": [],
        }

    def test_an_artist_with_a_common_name_is_not_drowned_by_others_whose_text_shares_its_small_words(
        self, tantivy, store
    ):
        name = "The Thieves of the Sea"
        artist = Document(id="artist", content=name, meta={"artist": name})
        songs = [Document(id=f"song-{each}", content=f"Number {each}", meta={"artist": name}) for each in range(9)]
        others = [
            Document(id=f"other-{each}", content=f"The Gardens of the North {each}", meta={"artist": f"Other {each}"})
            for each in range(20)
        ]
        documents = tantivy.TantivyDocumentStore(text_fields={"content": "words"}, keyword_fields=["meta.artist"])
        documents.write_documents([artist, *songs, *others])
        collector = LexiconCollector(LexiconFields(["meta.artist"]))
        build([artist, *songs, *others], [collector])
        publish(store, collector.counts())
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(documents, browse=True), store)
        reading = Interpretation({"artist": name}, "", 0.9)
        found = retriever.run(name, top_k=10, understanding=understood(reading, query=name))["documents"]
        # 0.9 and 0.3 of ten places: quotas 7.5 and 2.5.
        assert [each.meta["artist"] == name for each in found] == [True] * 8 + [False] * 2

    def test_what_a_document_has_of_its_own_is_left_to_it(self, tantivy):
        store = tantivy.TantivyDocumentStore(text_fields={"content": "words"}, keyword_fields=["meta.artist"])
        own = {"artist": "Taylor Swift", "reading": "easy", "ltrr_related": "indexed as a search returned it"}
        store.write_documents([Document(id="story", content="Love Story", meta=own)])
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(store))
        [found] = retriever.run("tayler love", understanding=understood(SWIFT))["documents"]
        assert set(found.meta) == {"artist", "reading", "ltrr_reading"}
        assert (found.meta["reading"], found.meta["ltrr_reading"]["probability"]) == ("easy", 0.7)

    def test_a_value_within_a_list_is_found_as_the_lexicon_says(self, tantivy, songs, lexicon):
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(songs, browse=True), lexicon)
        found = retriever.run("pop", understanding=understood(POP, query="pop"))["documents"]
        assert sorted(ids(found)) == ["all", "lover", "story"]
        assert {tuple(each.meta["ltrr_reading"]["slots"].items()) for each in found} == {(("genre", "Pop"),)}

    @pytest.mark.parametrize(("tags", "expected"), [(None, []), ("content_tags", ["live"])])
    def test_a_document_without_the_field_is_found_by_what_it_was_tagged_with(self, tantivy, store, tags, expected):
        words, values = StatisticsCollector(["content"]), LexiconCollector(LexiconFields(["meta.artist"]))
        build(DOCUMENTS, [words, values])
        publish(store, words.statistics(), values.counts())
        untagged = Document(id="live", content="Live in Tokyo: Taylor Swift")
        [live] = ContentTagger(store).run([untagged])["documents"]
        documents = tantivy.TantivyDocumentStore(
            text_fields={"content": "words"}, keyword_fields=["meta.artist", "meta.content_tags.artist"]
        )
        documents.write_documents([*DOCUMENTS, live])
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(documents), store, plain=0.0, tags=tags)
        reading = Interpretation({"artist": "Taylor Swift"}, "tokyo", 1.0)
        found = retriever.run("tayler tokyo", understanding=understood(reading, query="tayler tokyo"))["documents"]
        told = {each.id: each.meta["ltrr_reading"] for each in found}
        assert [each for each, by in told.items() if by["slots"] and not by["relaxed"]] == expected

    def test_in_stores_without_an_operator_for_lists_they_are_filtered_afterwards(self, lexicon):
        retriever = StructuredRetriever(in_memory(), lexicon, plain=0.0)
        reading = Interpretation({"genre": "Pop", "artist": "Taylor Swift"}, "love", 1.0)
        found = retriever.run("love", understanding=understood(reading, query="love"), top_k=1)["documents"]
        assert ids(found) == ["story"]
        assert found[0].meta["ltrr_reading"]["relaxed"] == []

    def test_numbers_of_the_catalogue_are_found_by_their_text(self, tantivy, songs, lexicon):
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(songs), lexicon, plain=0.0)
        reading = Interpretation({"year": "1962"}, "love", 0.9)
        found = retriever.run("love 1962", understanding=understood(reading), top_k=1)["documents"]
        assert (ids(found), found[0].meta["ltrr_reading"]["relaxed"]) == (["do"], [])

    def test_filters_of_the_caller_hold_whatever_the_readings_say(self, tantivy, songs):
        beatles = {"field": "meta.artist", "operator": "==", "value": "The Beatles"}
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(songs, browse=True))
        found = retriever.run("tayler love", filters=beatles, understanding=understood(SWIFT))["documents"]
        assert sorted(ids(found)) == ["all", "do"]
        assert beatles == {"field": "meta.artist", "operator": "==", "value": "The Beatles"}

    def test_slots_are_given_up_where_nothing_matches_all_of_them(self, tantivy, songs):
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(songs))
        nothing = Interpretation({"artist": "Taylor Swift", "album": "1900"}, "love", 0.9)
        found = retriever.run("adores 1900", understanding=understood(nothing))["documents"]
        brought = [(each.id, each.meta["ltrr_reading"]["relaxed"]) for each in found]
        assert brought[0] == ("story", ["album"])
        assert {each for each, relaxed in brought if relaxed == ["album", "artist"]} >= {"do", "all"}

    def test_without_understanding_the_query_is_searched_as_it_is(self, tantivy, songs):
        plain = tantivy.TantivyBM25Retriever(songs)
        found = StructuredRetriever(plain).run("love")["documents"]
        assert ids(found) == ids(plain.run("love"))
        assert found[0].meta["ltrr_reading"] == {"slots": {}, "leftover": "love", "probability": 1.0, "relaxed": []}

    def test_a_popular_track_comes_before_another_of_the_same_title(self):
        same = [Document(id=each, content="Halo", meta={"plays": plays}) for each, plays in (("a", 5), ("b", 5000))]
        retriever = StructuredRetriever(
            Recording(*same), popularity={"field": "meta.plays", "weight": 0.5, "half_at": 1000}
        )
        assert ids(retriever.run("halo")) == ["b", "a"]

    def test_the_newer_one_does_too(self):
        same = [Document(id=each, content="Halo", meta={"year": year}) for each, year in (("a", 1990), ("b", 2024))]
        retriever = StructuredRetriever(
            Recording(*same), freshness={"field": "meta.year", "weight": 0.5, "half_at": 365}
        )
        assert ids(retriever.run("halo")) == ["b", "a"]


class TestDocuments:
    def test_are_new_ones_that_can_be_carried_and_keep_id_and_embedding(self):
        own = Document(id="a", content="love", meta={"sku": 7}, embedding=[0.5], score=3.0)
        (found,) = StructuredRetriever(Recording(own)).run("love", understanding=understood(SWIFT))["documents"]
        assert (found.id, found.embedding, found.meta["sku"]) == ("a", [0.5], 7)
        assert (own.meta, own.score) == ({"sku": 7}, 3.0)
        assert fault_of(found) is None

    def test_are_united_with_the_same_ones_of_another_arm(self, tantivy, songs):
        plain = tantivy.TantivyBM25Retriever(songs)
        found = StructuredRetriever(plain).run("love", understanding=understood(SWIFT))["documents"]
        union = unite(decision(), {"bm25": plain.run("love")["documents"]})
        both = unite(decision(), {"bm25": [*found, *plain.run("love")["documents"]]})
        assert {each.object_id for each in union.candidates} <= {each.object_id for each in both.candidates}
        assert len(both.candidates) == len({each.id for each in found})

    def test_that_no_search_can_carry_are_left_out(self):
        broken = Document(id="a", content="love")
        object.__setattr__(broken, "meta", None)
        found = StructuredRetriever(Recording(broken, Document(id="b", content="love"))).run("love")["documents"]
        assert ids(found) == ["b"]


class TestEnough:
    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_no_query_brings_fewer_documents_than_the_words_alone(self, data):
        tantivy = pytest.importorskip("ltrr_haystack.embedded.tantivy")
        store = tantivy.TantivyDocumentStore(keyword_fields=["meta.artist", "meta.genre"])
        store.write_documents(DOCUMENTS)
        slots = st.dictionaries(
            st.sampled_from(["artist", "genre", "year", "x", ""]),
            st.sampled_from(["Taylor Swift", "Pop", "1962", "nobody"]),
        )
        readings = data.draw(
            st.lists(
                st.builds(Interpretation, slots, st.sampled_from(["", "love", "?"]), st.floats(0.0, 1.0)), max_size=5
            )
        )
        query, depth = data.draw(st.sampled_from(["love", "taylor", "nothing at all"])), data.draw(st.integers(1, 8))
        plain = tantivy.TantivyBM25Retriever(store, browse=data.draw(st.booleans()))
        found = StructuredRetriever(plain).run(query, top_k=depth, understanding=understood(*readings, query=query))
        assert len(plain.run(query, top_k=depth)["documents"]) <= len(found["documents"]) <= depth
        assert len(set(ids(found))) == len(ids(found))


class TestAReadingThatCannotBeSearched:
    """A document store may refuse what a reading comes to as a filter."""

    class RefusesFilters:
        """Brings three documents for a search without filters."""

        def run(self, query, filters=None, top_k=None):
            if filters:
                raise ValueError(f"no such filters: {filters}")
            return {"documents": [Document(id=name, content="love", score=1.0) for name in "abc"]}

    class Fails(RefusesFilters):
        def run(self, query, filters=None, top_k=None):
            raise OSError("the store is down")

    def test_leaves_what_the_query_finds_as_it_was_typed(self, caplog):
        reading = Interpretation({"artist": "Taylor Swift"}, "love", 0.9)
        retriever = StructuredRetriever(self.RefusesFilters())
        for _ in range(2):
            assert ids(retriever.run("love", understanding=understood(reading, query="love"))) == ["a", "b", "c"]
            found = asyncio.run(retriever.run_async("love", understanding=understood(reading, query="love")))
            assert ids(found) == ["a", "b", "c"]
        assert caplog.text.count("Queries are searched without some of their readings") == 1

    def test_a_query_that_cannot_be_searched_as_it_was_typed_fails(self):
        reading = Interpretation({"artist": "Taylor Swift"}, "love", 0.9)
        with pytest.raises(OSError, match="the store is down"):
            StructuredRetriever(self.Fails()).run("love", understanding=understood(reading, query="love"))


class TestHostileInput:
    @pytest.mark.parametrize(
        "typed",
        [
            '"',
            "') OR 1=1 --",
            "meta.artist == 'x'",
            '{"operator": "OR"}',
            "\0",
            "\ud800",
            "🎵" * 1000,
            "$where",
            "(" * 500,
        ],
    )
    def test_what_is_typed_stays_a_value(self, tantivy, songs, lexicon, typed):
        reading = Interpretation({"artist": typed, typed: "Pop"}, typed, 0.9)
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(songs), lexicon)
        found = retriever.run("love", understanding=understood(reading, query="love"))["documents"]
        assert sorted(ids(found)) == ["all", "do", "story"]

    def test_a_blank_query_finds_nothing(self):
        recording = Recording(*DOCUMENTS)
        assert StructuredRetriever(recording).run(" \n")["documents"] == recording.asked == []

    @pytest.mark.parametrize(("arguments", "reason"), [({"top_k": 0}, "at least 1, got 0"), ({"query": 3}, "got int")])
    def test_impossible_arguments_are_refused(self, arguments, reason):
        with pytest.raises(InvalidInputError, match=reason):
            StructuredRetriever(Recording()).run(**{"query": "love", **arguments})

    def test_wrong_filters_of_the_caller_are_told(self, tantivy, songs):
        with pytest.raises(FilterError):
            StructuredRetriever(tantivy.TantivyBM25Retriever(songs)).run("love", filters={"field": "meta.x"})


class TestSettings:
    @pytest.mark.parametrize(
        ("given_settings", "reason"),
        [
            ({"readings": 0}, "readings of StructuredRetriever must be at least 1, got 0"),
            ({"plain": 1.5}, "plain of StructuredRetriever must be from 0 to 1, got 1.5"),
            ({"rrf_k": -1}, "rrf_k of StructuredRetriever must not be negative, got -1"),
            ({"top_k": 0}, "top_k of StructuredRetriever must be at least 1"),
            ({"top_k": 1.5}, "top_k of StructuredRetriever must be a whole number, got 1.5"),
            ({"list_operator": "contains"}, "list_operator .* got 'contains'"),
            ({"tags": "content.tags"}, "tags of StructuredRetriever must be a name without dots or None"),
            ({"popularity": {"field": "meta.plays"}}, "popularity of StructuredRetriever must be"),
            ({"freshness": {"field": "year", "weight": 1, "half_at": 1}}, "freshness of StructuredRetriever: field"),
        ],
    )
    def test_that_make_no_sense_are_refused(self, given_settings, reason):
        with pytest.raises(ConfigurationError, match=reason):
            StructuredRetriever(Recording(), **given_settings)

    def test_a_retriever_that_cannot_be_asked_is_refused(self):
        with pytest.raises(ConfigurationError, match="must be a component with run"):
            StructuredRetriever(object())

    def test_travel_in_a_pipeline_file(self, tantivy, songs, monkeypatch, sqlite_url):
        monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
        store = LTRRStore(Secret.from_env_var("LTRR_STORE_URL"))
        pipeline = Pipeline()
        made = StructuredRetriever(
            tantivy.TantivyBM25Retriever(songs, browse=True),
            store,
            readings=2,
            plain=0.3,
            rrf_k=5.0,
            list_operator=None,
            tags="content_tags",
            popularity={"field": "meta.plays", "weight": 0.5, "half_at": 1000},
            freshness={"field": "meta.year", "weight": 0.1, "half_at": 1000},
            top_k=7,
        )
        pipeline.add_component("structured", made)
        text = pipeline.dumps()
        again = Pipeline.loads(text, allowed_modules=["ltrr_haystack"])
        assert again.dumps() == text
        assert again.get_component("structured").to_dict() == made.to_dict()


class TestConcurrency:
    def test_an_arm_hands_on_the_understanding_either_way(self, tantivy, songs):
        arm = RetrievalArm("structured", StructuredRetriever(tantivy.TantivyBM25Retriever(songs)))
        request = ArmRequest("tayler love", 3, None, understood(SWIFT))
        result = arm.run(request)["result"]
        assert (result.error, result.left_out, result.documents[0].id) == (None, 0, "story")
        assert asyncio.run(arm.run_async(request))["result"].documents == result.documents
        arm.close()

    def test_readings_are_searched_together_where_the_retriever_can(self):
        class Meeting:
            def __init__(self):
                self.both = asyncio.Barrier(2)

            def run(self, query, filters=None, top_k=None):
                raise AssertionError

            async def run_async(self, query, filters=None, top_k=None):
                await asyncio.wait_for(self.both.wait(), 10)
                return {"documents": [Document(id=query, content=query)]}

        async def search():
            retriever = StructuredRetriever(Meeting())
            return await retriever.run_async("tayler love", top_k=2, understanding=understood(SWIFT))

        assert ids(asyncio.run(search())) == ["love", "tayler love"]

    def test_one_instance_serves_many_searches_at_a_time(self, tantivy, songs, lexicon):
        retriever = StructuredRetriever(tantivy.TantivyBM25Retriever(songs, browse=True), lexicon)
        cases = [("tayler love", understood(SWIFT)), ("pop", understood(POP, query="pop")), ("love", None)] * 20
        expected = [ids(retriever.run(query, understanding=each)) for query, each in cases]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda case: ids(retriever.run(case[0], understanding=case[1])), cases))
        assert found == expected

    def test_is_warmed_up_and_closed_with_what_it_wraps(self):
        calls = []

        class Noting(Recording):
            def warm_up(self):
                calls.append("warm_up")

            def close(self):
                calls.append("close")

        retriever = StructuredRetriever(Noting())
        retriever.warm_up()
        retriever.close()
        asyncio.run(retriever.warm_up_async())
        asyncio.run(retriever.close_async())
        assert calls == ["warm_up", "close", "warm_up", "close"]
