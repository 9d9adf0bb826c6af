from copy import deepcopy

import pytest
from haystack import Document, Pipeline
from haystack.document_stores.in_memory import InMemoryDocumentStore

from factories import ids, remember
from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Understanding

DOCUMENTS = [
    Document(id="song", content="a song", meta={"genre": "pop", "sku": "S"}),
    Document(id="album", content="an album", meta={"genre": "rock", "sku": "A"}),
    Document(id="podcast", content="a podcast", meta={"genre": "pop", "sku": "P"}),
]


@pytest.fixture
def documents():
    documents = InMemoryDocumentStore()
    documents.write_documents(deepcopy(DOCUMENTS))
    return documents


def recall(store, evidence, **others):
    """Object id → (exposures, successes) for the query key "sad songs"."""
    remember(store, {("sad songs", object_id): amounts for object_id, amounts in evidence.items()}, **others)


class TestMemoryIndexRetriever:
    def test_brings_what_people_chose_for_the_query_best_first(self, store, documents):
        recall(store, {"song": (1.0, 1.0), "album": (40.0, 30.0), "podcast": (5.0, 0.0)})
        assert ids(MemoryIndexRetriever(store, documents).run("sad songs")) == ["album", "song"]

    def test_a_document_says_what_spoke_for_it_and_since_when(self, store, documents):
        recall(store, {"album": (30.0, 30.0)}, at=100.0)
        recall(store, {"album": (10.0, 0.0)}, at=200.0)
        (document,) = MemoryIndexRetriever(store, documents).run("sad songs")["documents"]
        assert document.score == pytest.approx((31 / 60 - 0.05) / 0.95)  # (30 + 1) / (40 + 20) above 1 / 20
        assert document.meta["ltrr_memory"] == {
            "query_key": "sad songs",
            "successes": 30.0,
            "looks": 40.0,
            "score": pytest.approx(31 / 60),
            "since": 100.0,
        }
        assert document.content == "an album"
        assert document.meta["genre"] == "rock"

    def test_the_stored_documents_stay_as_they_are(self, store, documents):
        recall(store, {"song": (1.0, 1.0)})
        MemoryIndexRetriever(store, documents).run("sad songs")
        assert documents.storage == {document.id: document for document in DOCUMENTS}

    def test_spelling_in_other_letters_is_the_same_query(self, store, documents):
        recall(store, {"song": (1.0, 1.0)})
        assert ids(MemoryIndexRetriever(store, documents).run("  Sad   SONGS ")) == ["song"]

    def test_the_understanding_says_which_query_it_is(self, store, documents):
        recall(store, {"song": (1.0, 1.0)})
        understood = Understanding("sda songs", "sad songs")
        assert ids(MemoryIndexRetriever(store, documents).run("sda songs", understanding=understood)) == ["song"]

    def test_another_query_brings_nothing(self, store, documents):
        recall(store, {"song": (1.0, 1.0)})
        assert ids(MemoryIndexRetriever(store, documents).run("glad songs")) == []

    def test_keeps_to_the_filters_and_fills_up_to_top_k(self, store, documents):
        recall(store, {"album": (40.0, 30.0), "song": (9.0, 3.0), "podcast": (9.0, 2.0)})
        retriever = MemoryIndexRetriever(store, documents, top_k=1)
        pop = {"field": "meta.genre", "operator": "==", "value": "pop"}
        assert ids(retriever.run("sad songs", filters=pop)) == ["song"]
        assert ids(retriever.run("sad songs", filters=pop, top_k=5)) == ["song", "podcast"]

    def test_what_left_the_catalogue_makes_room_for_what_is_there(self, store, documents):
        recall(store, {"deleted": (90.0, 90.0), "song": (1.0, 1.0)})
        assert ids(MemoryIndexRetriever(store, documents).run("sad songs", top_k=1)) == ["song"]

    def test_object_ids_may_be_a_meta_field(self, store, documents):
        recall(store, {"A": (40.0, 30.0)})
        assert ids(MemoryIndexRetriever(store, documents, key="meta.sku").run("sad songs")) == ["album"]

    def test_needs_as_many_successes_as_it_is_told(self, store, documents):
        recall(store, {"song": (9.0, 2.0), "album": (9.0, 3.0)})
        assert ids(MemoryIndexRetriever(store, documents, min_successes=3.0).run("sad songs")) == ["album"]

    async def test_run_async_brings_the_same(self, store, documents):
        recall(store, {"song": (1.0, 1.0), "album": (40.0, 30.0)})
        retriever = MemoryIndexRetriever(store, documents)
        assert await retriever.run_async("sad songs") == retriever.run("sad songs")

    async def test_refuses_a_top_k_below_one(self, store, documents):
        retriever = MemoryIndexRetriever(store, documents)
        with pytest.raises(InvalidInputError, match="top_k of MemoryIndexRetriever must be at least 1, got 0"):
            retriever.run("sad songs", top_k=0)
        with pytest.raises(InvalidInputError, match="top_k of MemoryIndexRetriever must be at least 1, got -1"):
            await retriever.run_async("sad songs", top_k=-1)

    async def test_refuses_what_is_no_query_or_no_number(self, store, documents):
        retriever = MemoryIndexRetriever(store, documents)
        with pytest.raises(InvalidInputError, match="the query of MemoryIndexRetriever must be a text, got NoneType"):
            retriever.run(None)
        with pytest.raises(InvalidInputError, match="top_k of MemoryIndexRetriever must be a number, got '5'"):
            await retriever.run_async("sad songs", top_k="5")

    def test_refuses_what_is_no_store(self, documents):
        with pytest.raises(ConfigurationError, match="store of MemoryIndexRetriever must be an LTRRStore"):
            MemoryIndexRetriever(documents, documents)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"top_k": 0}, "top_k of MemoryIndexRetriever must be at least 1, got 0"),
            ({"top_k": float("inf")}, "top_k of MemoryIndexRetriever must be a finite number, got inf"),
            ({"top_k": 1.5}, "top_k of MemoryIndexRetriever must be a whole number, got 1.5"),
            ({"key": 5}, "key of MemoryIndexRetriever must be 'id' or like 'meta.sku', got 5"),
            ({"min_successes": float("nan")}, "min_successes of MemoryIndexRetriever must be a finite number, got nan"),
            ({"prior_exposures": "x"}, "prior_exposures of MemoryIndexRetriever must be a number, got 'x'"),
            ({"min_successes": -1.0}, "min_successes of MemoryIndexRetriever must not be negative, got -1.0"),
            ({"prior_successes": 21.0}, "prior_successes must be positive and at most prior_exposures"),
        ],
    )
    def test_refuses_settings_that_cannot_work(self, store, documents, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            MemoryIndexRetriever(store, documents, **settings)

    async def test_can_be_warmed_up_and_closed_again_and_again(self, store, documents):
        recall(store, {"song": (1.0, 1.0)})
        retriever = MemoryIndexRetriever(store, documents)
        retriever.warm_up()
        await retriever.warm_up_async()
        retriever.close()
        await retriever.close_async()
        retriever.warm_up()
        assert ids(retriever.run("sad songs")) == ["song"]

    def test_goes_through_yaml_with_its_stores(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        pipeline = Pipeline()
        retriever = MemoryIndexRetriever(
            LTRRStore(), InMemoryDocumentStore(), key="meta.sku", prior_exposures=20.0, top_k=3
        )
        pipeline.add_component("memory", retriever)
        loaded = Pipeline.loads(pipeline.dumps()).get_component("memory")
        assert (loaded.key, loaded.prior_exposures, loaded.top_k) == ("meta.sku", 20.0, 3)
        assert isinstance(loaded.store, LTRRStore)
        assert loaded.run("sad songs") == {"documents": []}
        loaded.close()
