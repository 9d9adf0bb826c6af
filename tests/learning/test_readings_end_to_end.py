"""A search, clicks, a pass of the learner, and the same search: a pipeline as people have it."""

import pytest
from haystack import Document
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from ltrr_haystack import (
    CombinedFeatures,
    FeedbackWriter,
    Learner,
    LTRRanker,
    LTRRStore,
    QueryUnderstanding,
    ReadingFeatures,
    StaticPolicy,
    build_search_pipeline,
)
from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, build, publish
from ltrr_haystack.readings.annotator import CatalogueReadings
from ltrr_haystack.readings.evidence import ReadingEvidence
from ltrr_haystack.types import Interpretation

DECLARED = LexiconFields(["meta.artist", "meta.title"])
ARTIST, TITLE, PLAIN = {"artist": "Genesis"}, {"title": "Genesis"}, {}


def song(title, artist):
    return Document(id=f"{title} by {artist}", content=f"{title} {artist}", meta={"title": title, "artist": artist})


CATALOGUE = [
    song("Mama", "Genesis"),
    song("Ripples", "Genesis"),
    song("Genesis", "Grimes"),
    song("Oblivion", "Grimes"),
    song("Genesis", "Justice"),
    song("Halo", "Beyoncé"),
]
BY_GRIMES = "Genesis by Grimes"
AMONG_FEATURES = (ReadingFeatures(),)


class Service:
    """A music service with its people."""

    def __init__(self, store, features=AMONG_FEATURES):
        self.store = store
        documents = InMemoryDocumentStore()
        documents.write_documents(CATALOGUE)
        collector = LexiconCollector(DECLARED)
        build(documents, [collector])
        publish(store, collector.counts())
        self.understanding = QueryUnderstanding(annotators=[CatalogueReadings(store, poll_interval=0.0)])
        self.pipeline = build_search_pipeline(
            {"bm25": InMemoryBM25Retriever(documents)},
            arms={"bm25": {"kind": "lexical", "levels": [10]}},
            budget=10,
            baseline={"bm25": 10},
            store=store,
            policy=StaticPolicy(),
            understanding=self.understanding,
            ranker=LTRRanker(store, features=CombinedFeatures(features), explore=False),
        )
        learner = Learner(store, StaticPolicy(), reward_wait=0.0)
        self.feedback = FeedbackWriter(store, learn="inline", learner=learner)

    def click(self, query, object_id, user_id):
        """Somebody searches and chooses a document; the learner makes its pass at once."""
        found = self.pipeline.run({"understanding": {"query": query}, "router": {"user_id": user_id}})
        query_id = found["impressions"]["query_id"]
        event = {
            "query_id": query_id,
            "action_name": "click",
            "event_attributes": {"object": {"object_id": object_id}},
        }
        assert self.feedback.run([event])["rejected"] == 0

    def readings(self, query):
        """Slots, as pairs, → probability."""
        found = self.understanding.run(query)["understanding"].interpretations
        return {tuple(each.slots.items()): each.probability for each in found}


@pytest.fixture
def service(store):
    return Service(store)


def of(slots):
    return tuple(slots.items())


def test_one_click_moves_the_probabilities_of_the_querys_readings_at_once(service):
    before = service.readings("genesis")
    service.click("Genesis", BY_GRIMES, "u1")
    after = service.readings("genesis")
    assert after[of(TITLE)] > before[of(TITLE)]
    assert after[of(ARTIST)] < before[of(ARTIST)]


def test_what_many_choose_becomes_the_likeliest_reading_whichever_it_was(service):
    for chosen, reading in ((BY_GRIMES, TITLE), ("Mama by Genesis", ARTIST)):
        people = 10 if reading == TITLE else 60
        for person in range(people):
            service.click("genesis", chosen, f"{chosen} {person}")
        readings = service.readings("genesis")
        assert max(readings, key=readings.__getitem__) == of(reading)


def test_the_probabilities_are_those_without_clicks_by_what_clicks_say(service):
    before = service.readings("genesis")
    for person in range(3):
        service.click("genesis", BY_GRIMES, f"u{person}")
    readings = [Interpretation(dict(slots), "", 0.0) for slots in before]
    multipliers = ReadingEvidence(service.store).multipliers("genesis", readings)
    weights = {slots: before[slots] * factor for slots, factor in zip(before, multipliers, strict=True)}
    expected = {slots: weight / sum(weights.values()) for slots, weight in weights.items()}
    assert service.readings("genesis") == pytest.approx(expected)


def test_the_log_alone_determines_them(service, tmp_path, copy_log, state_of):
    """Learned at one go, by another learner, from a copy of the log."""
    for person in range(4):
        service.click("genesis", BY_GRIMES if person % 2 else "Mama by Genesis", f"u{person}")
    database = tmp_path / "ltrr.db"
    copy = copy_log(database, "copy.db")
    again = LTRRStore(Secret.from_token(f"sqlite:///{copy}"))
    Learner(again, StaticPolicy(), reward_wait=0.0, batch=3).run_once()
    readings = [Interpretation(slots, "", 0.3) for slots in (ARTIST, TITLE)]
    learned = ReadingEvidence(again).support("genesis", readings)
    again.close()
    assert learned == ReadingEvidence(service.store).support("genesis", readings)
    assert state_of(copy)["readings"] == state_of(database)["readings"] != []


def test_a_kind_of_reading_gains_for_other_queries_too_and_less(service):
    before, other = service.readings("genesis"), service.readings("oblivion")
    for person in range(10):
        service.click("genesis", BY_GRIMES, f"u{person}")
    gained = service.readings("genesis")[of(TITLE)] / before[of(TITLE)]
    slots = of({"title": "Oblivion"})
    assert 1.0 < service.readings("oblivion")[slots] / other[slots] < gained


def test_without_the_readings_among_the_rankers_features_nothing_is_learned_of_them(store):
    service = Service(store, features=[])
    before = service.readings("genesis")
    service.click("genesis", BY_GRIMES, "u1")
    assert service.readings("genesis") == before
