from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread

import pytest
from haystack import Document, Pipeline
from haystack.utils import Secret

from lexicons import FIELDS, lexicon_of, songs
from ltrr_haystack.catalogue import LexiconCollector, StatisticsCollector, build, publish
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.readings import annotator
from ltrr_haystack.readings.annotator import CatalogueReadings
from ltrr_haystack.readings.keys import reading_key
from ltrr_haystack.readings.matching import LexiconIndex
from ltrr_haystack.store import LearningUpdate, LTRRStore, ReadingClicks
from ltrr_haystack.types import Interpretation, Understanding
from ltrr_haystack.understanding import normal_form, query_type, tokens_of
from serving import eventually


def publish_lexicon(store, documents):
    collector = LexiconCollector(FIELDS)
    build(documents, [collector])
    return publish(store, collector.counts())


def typed(query):
    form = normal_form(query)
    return Understanding(query, form, tokens_of(form), query_type=query_type(query, tokens_of(form)))


@pytest.fixture
def catalogue(store):
    store.warm_up()
    publish_lexicon(store, songs())
    return store


@pytest.fixture
def reads(open_store):
    """Makes annotators that are closed with the test."""
    made = []

    def make(**settings):
        made.append(CatalogueReadings(open_store(), **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


class TestAnnotate:
    def test_says_what_a_query_may_mean(self, catalogue, reads):
        read = reads()
        read.warm_up()
        understanding = read.annotate(typed("Tayler love"))
        best = understanding.interpretations[0]
        assert (best.slots, best.leftover) == ({"artist": "Taylor Swift"}, "love")
        assert understanding.interpretations[-1].slots == {}
        assert understanding.query == "Tayler love"

    def test_says_the_type_and_the_intents_by_the_readings(self, catalogue, reads):
        understanding = reads().annotate(typed("fleetwod mac"))
        assert understanding.query_type == "navigational"
        assert list(understanding.intents) == ["rock"]
        assert 0.9 < understanding.intents["rock"] <= 1.0

    def test_intents_are_spread_over_the_categories_of_what_may_be_meant(self, catalogue, reads):
        intents = reads().annotate(typed("love")).intents
        assert set(intents) >= {"love songs", "pop"}
        assert list(intents.values()) == sorted(intents.values(), reverse=True)
        assert sum(intents.values()) < 1.0

    def test_keeps_the_intents_of_an_annotator_before_it(self, catalogue, reads):
        before = Understanding("rock", "rock", ("rock",), intents={"geology": 0.9})
        assert reads().annotate(before).intents == {"geology": 0.9}

    def test_warns_once_of_a_field_that_the_lexicon_does_not_have(self, catalogue, reads, caplog):
        read = reads(fields=["meta.gnere", "artist"])
        read.warm_up()
        read.annotate(typed("love"))
        assert caplog.text.count("CatalogueReadings is told to take gnere") == 1

    def test_gives_no_more_readings_than_asked_for_and_looks_only_for_the_fields_asked_for(self, catalogue, reads):
        found = reads(most_readings=2, fields=["meta.genre", "artist"]).annotate(typed("love")).interpretations
        assert len(found) == 2
        assert {tuple(each.slots.items()) for each in found} == {(), (("genre", "love songs"),)}

    def test_a_word_of_the_documents_texts_is_no_typo(self, catalogue, reads):
        assert reads().annotate(typed("live")).interpretations[0].slots == {"playlist": "Love Hits"}
        collector = StatisticsCollector(["content"])
        build([*songs(), Document(content="recorded live")], [collector])
        publish(catalogue, collector.statistics())
        assert reads().annotate(typed("live")).interpretations[0].slots == {}

    def test_without_a_lexicon_an_understanding_stays_as_it_is(self, reads):
        understanding = typed("love")
        assert reads().annotate(understanding) is understanding

    def test_nor_does_a_search_fail_with_the_store(self, caplog):
        understanding = typed("love")
        read = CatalogueReadings(LTRRStore(Secret.from_token("sqlite:////nowhere/at/all/ltrr.db")))
        assert read.annotate(understanding) is understanding
        read.close()

    def test_many_threads_share_one_instance(self, catalogue, reads):
        read = reads(poll_interval=0.0)
        queries = ["love", "tayler love", "beyonce halo", "xyzzy"] * 25
        expected = {query: reads().annotate(typed(query)) for query in set(queries)}
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda query: read.annotate(typed(query)), queries))
        assert found == [expected[query] for query in queries]


class TestClicks:
    def test_move_the_probabilities_of_readings(self, catalogue, reads):
        genre = Interpretation({"genre": "love songs"}, "", 0.0)
        before = reads().annotate(typed("love")).interpretations
        catalogue.acquire_lease("test", 30.0)
        clicks = {("love", reading_key(genre)): ReadingClicks(30.0, 0.0)}
        catalogue.commit_learning(
            LearningUpdate(holder="test", since=catalogue.watermark(), learned=0, late=0, readings=clicks)
        )
        after = reads().annotate(typed("love")).interpretations
        assert before[0].slots != genre.slots
        assert after[0].slots == genre.slots


class TestRenewal:
    def test_a_newer_lexicon_is_taken_up(self, catalogue, reads):
        read = reads(poll_interval=0.0)
        assert read.annotate(typed("xyzzy")).interpretations == (Interpretation({}, "xyzzy", 1.0),)
        song = songs()[0]
        song.meta["title"] = "Xyzzy"
        publish_lexicon(catalogue, [*songs(), song])
        assert read.annotate(typed("xyzzy")).interpretations[0].slots == {"title": "Xyzzy"}

    def test_a_search_does_not_wait_for_it(self, catalogue, reads, monkeypatch):
        read = reads(poll_interval=0.01)
        before = read.annotate(typed("tayler love"))
        begun, go_on, threads = Event(), Event(), []

        def slow(*arguments):
            threads.append(current_thread())
            begun.set()
            assert go_on.wait(30)
            return LexiconIndex(*arguments)

        monkeypatch.setattr(annotator, "LexiconIndex", slow)
        publish_lexicon(catalogue, songs()[:1])
        assert eventually(lambda: read.annotate(typed("tayler love")) == before and begun.is_set())
        assert read.annotate(typed("tayler love")) == before
        go_on.set()
        assert current_thread() not in threads
        assert eventually(lambda: read.annotate(typed("tayler love")) != before)
        assert read.lexicon == lexicon_of(songs()[:1])

    def test_one_that_is_taken_away_is_used_no_more(self, catalogue, reads):
        read = reads(poll_interval=0.0)
        assert read.annotate(typed("rock")).interpretations
        publish_lexicon(catalogue, [])
        assert read.annotate(typed("rock")).interpretations == (Interpretation({}, "rock", 1.0),)

    def test_it_is_looked_for_no_more_often_than_asked_for(self, catalogue, reads):
        read = reads(poll_interval=3600.0)
        read.warm_up()
        publish_lexicon(catalogue, [])
        for _ in range(3):
            read.annotate(typed("rock"))
        assert read.lexicon == lexicon_of(songs())


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"most_readings": 0}, "most_readings of CatalogueReadings must be at least 1, got 0"),
            ({"fuzziness": 3}, "fuzziness of CatalogueReadings must be 0, 1 or 2, got 3"),
            ({"poll_interval": -1.0}, "poll_interval of CatalogueReadings must not be negative, got -1.0"),
        ],
    )
    def test_must_be_within_their_ranges(self, store, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            CatalogueReadings(store, **settings)

    async def test_travel_with_the_pipeline_file(self, catalogue, url, monkeypatch):
        monkeypatch.setenv("LTRR_STORE_URL", url)
        read = CatalogueReadings(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), ["meta.artist"], 3, 1, 2.5)
        pipeline = Pipeline()
        pipeline.add_component("understanding", QueryUnderstanding(annotators=[read]))
        loaded = Pipeline.loads(pipeline.dumps()).get_component("understanding")
        assert loaded.annotators[0].to_dict() == read.to_dict()
        loaded.warm_up()
        understanding = loaded.run("tayler love", now=0.0)["understanding"]
        assert understanding.interpretations[0].slots == {"artist": "Taylor Swift"}
        assert (await loaded.run_async("tayler love", now=0.0))["understanding"] == understanding
        loaded.close()
