import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from haystack import Pipeline

from factories import Unreachable
from ltrr_haystack import QueryUnderstanding
from ltrr_haystack.embedded import MiniLMTextEmbedder
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.intents import QueryIntents, train_understanding
from ltrr_haystack.store import INTENTS, LTRRStore
from ltrr_haystack.types import Understanding
from ltrr_haystack.understanding import QueryAnnotator

LOVE = Understanding("Zoe LOVE", "zoe love", ("zoe", "love"), intents={"from the lexicon": 0.4})


@pytest.fixture
def trained(store, make_labels):
    train_understanding(store, make_labels())
    return store


class TestAnnotate:
    def test_gives_the_likeliest_categories_first(self, trained):
        understanding = QueryIntents(trained, top_k=2).annotate(LOVE)
        assert next(iter(understanding.intents)) == "song"
        assert len(understanding.intents) == 2
        assert 0.5 < understanding.intents["song"] < 1.0
        assert replace(understanding, intents=LOVE.intents) == LOVE

    def test_until_one_is_trained_what_is_there_stays(self, store):
        assert QueryIntents(store).annotate(LOVE) is LOVE

    def test_a_newer_classifier_is_taken_up(self, store, make_labels):
        intents = QueryIntents(store, poll_interval=0)
        assert intents.annotate(LOVE) is LOVE
        train_understanding(store, make_labels())
        assert "song" in intents.annotate(LOVE).intents
        store.activate(INTENTS, 0)
        assert intents.annotate(LOVE) is LOVE

    def test_works_within_query_understanding(self, trained):
        found = QueryUnderstanding(annotators=[QueryIntents(trained)]).run("Zoe   deluxe!")["understanding"]
        assert next(iter(found.intents)) == "album"
        assert isinstance(QueryIntents(trained), QueryAnnotator)

    def test_many_threads_share_one_instance(self, trained):
        intents = QueryIntents(trained, poll_interval=0)
        expected = intents.annotate(LOVE)
        with ThreadPoolExecutor(8) as pool:
            assert all(each == expected for each in pool.map(intents.annotate, [LOVE] * 100))


class TestFailures:
    def test_a_store_that_cannot_be_reached_costs_the_intents_and_no_search(self, trained):
        unreachable = Unreachable(trained)
        unreachable.gone = True
        assert QueryIntents(unreachable).annotate(LOVE) is LOVE

    @pytest.mark.parametrize("payload", [b"", b"no classifier", b'{"format": "ltrr-intents/9", "checksum": ""}\n'])
    def test_a_snapshot_that_cannot_be_used_is_told_and_no_search_fails(self, store, payload, caplog):
        store.add_snapshot(INTENTS, payload, {}, activate=True)
        with caplog.at_level(logging.WARNING):
            assert QueryIntents(store).annotate(LOVE) is LOVE
        assert "No newer intents could be taken up" in caplog.text

    def test_the_newest_good_one_serves_in_the_place_of_a_damaged_one(self, trained):
        whole = trained.snapshot(INTENTS).payload
        trained.add_snapshot(INTENTS, whole[:-3], {}, activate=True)
        assert "song" in QueryIntents(trained).annotate(LOVE).intents


class TestEmbeddings:
    def test_are_read_by_a_classifier_that_was_trained_with_them(self, store, make_labels, embedder):
        train_understanding(store, make_labels(), embedder=embedder)
        assert next(iter(QueryIntents(store, embedder).annotate(LOVE).intents)) == "song"

    def test_without_the_embedder_of_training_there_are_no_intents_and_the_log_says_why(
        self, store, make_labels, embedder, make_embedder, caplog
    ):
        train_understanding(store, make_labels(), embedder=embedder)
        with caplog.at_level(logging.WARNING):
            assert QueryIntents(store).annotate(LOVE) is LOVE
            assert QueryIntents(store, make_embedder(-1.0)).annotate(LOVE) is LOVE
        assert "QueryIntents has no embedder" in caplog.text
        assert "was trained with another embedder than LetterEmbedder" in caplog.text

    def test_while_the_embedder_fails_searches_go_on_and_the_log_says_so_once(
        self, store, make_labels, embedder, caplog
    ):
        train_understanding(store, make_labels(), embedder=embedder)
        intents = QueryIntents(store, embedder)
        intents.annotate(LOVE)
        embedder.failing = True
        with caplog.at_level(logging.WARNING):
            assert [intents.annotate(LOVE) is LOVE for _ in range(3)] == [True] * 3
            assert caplog.text.count("the embedder of QueryIntents fails: RuntimeError: out of memory") == 1
            embedder.failing = False
            assert "song" in intents.annotate(LOVE).intents
            embedder.failing = True
            intents.annotate(LOVE)
        assert caplog.text.count("the embedder of QueryIntents fails") == 2

    def test_a_classifier_without_them_needs_no_embedder_to_work(self, trained, embedder):
        embedder.failing = True
        assert "song" in QueryIntents(trained, embedder).annotate(LOVE).intents


class TestCategoriesOf:
    def test_a_text_has_all_categories_with_their_probabilities(self, trained):
        told = QueryIntents(trained).categories_of("The DELUXE edition")
        assert next(iter(told)) == "album"
        assert set(told) == {"song", "album", "podcast"}
        assert sum(told.values()) == pytest.approx(1.0)

    def test_of_a_long_text_only_the_beginning_is_read(self, trained):
        intents = QueryIntents(trained)
        long = "deluxe " * 200_000
        assert intents.categories_of(long) == intents.categories_of(long[:1_000])

    @pytest.mark.parametrize("text", ["", " \n", "\x00\ud800"])
    def test_of_nothing_visible_there_are_none(self, trained, text):
        assert QueryIntents(trained).categories_of(text) == {}

    def test_until_one_is_trained_there_are_none(self, store):
        assert QueryIntents(store).categories_of("deluxe") == {}


class TestLife:
    def test_the_embedder_is_warmed_up_and_closed(self, store, embedder):
        intents = QueryIntents(store, embedder)
        intents.warm_up()
        intents.close()
        assert embedder.calls == ["warm_up", "close"]

    def test_a_constructor_opens_nothing(self, tmp_path):
        from haystack.utils import Secret

        QueryIntents(LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/none.db")))
        assert list(tmp_path.iterdir()) == []

    def test_travels_with_the_pipeline_file(self, monkeypatch, sqlite_url):
        monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
        pipeline = Pipeline()
        intents = QueryIntents(LTRRStore(), MiniLMTextEmbedder("a model"), top_k=5, poll_interval=2.0)
        pipeline.add_component("understanding", QueryUnderstanding(annotators=[intents]))
        [loaded] = Pipeline.loads(pipeline.dumps()).get_component("understanding").annotators
        assert isinstance(loaded, QueryIntents)
        assert loaded.to_dict() == intents.to_dict()
        assert loaded.embedder.model == "a model"

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"top_k": 0}, "top_k of QueryIntents must be at least 1, got 0"),
            ({"poll_interval": -1.0}, "poll_interval must not be negative"),
            ({"embedder": "minilm"}, r"embedder of QueryIntents needs a method run\(text\), str has none"),
        ],
    )
    def test_settings_that_cannot_work_are_refused(self, store, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            QueryIntents(store, **settings)
