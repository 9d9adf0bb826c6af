import pytest
from haystack import Document, Pipeline, component

from lexicons import FIELDS, songs
from ltrr_haystack.catalogue import LexiconCollector, build, publish
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.structured_retriever import StructuredRetriever
from ltrr_haystack.readings.annotator import CatalogueReadings
from ltrr_haystack.readings.keys import reading_key
from ltrr_haystack.server.understood import annotators_of, lexicon_of, understood
from ltrr_haystack.store import LearningUpdate, ReadingClicks
from ltrr_haystack.types import Interpretation, Understanding

pytest.importorskip("starlette")

READINGS = (
    Interpretation({"artist": "Taylor Swift", "genre": "pop"}, "love", 0.75),
    Interpretation({}, "pop tayler love", 0.25),
)
UNDERSTANDING = Understanding(
    "Pop Tayler love", "pop tayler love", intents={"pop": 0.9}, interpretations=READINGS, query_type="topical"
)


@component
class Texts:
    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        return {"documents": []}


@pytest.fixture
def pipeline(store):
    """A pipeline whose lexicon has genres in lists."""
    collector = LexiconCollector(FIELDS)
    build(songs(), [collector])
    store.warm_up()
    publish(store, collector.counts())
    made = Pipeline()
    made.add_component("understanding", QueryUnderstanding(annotators=[CatalogueReadings(store)]))
    return made


def test_says_what_each_reading_would_send():
    assert understood(UNDERSTANDING).model_dump(exclude_unset=True) == {
        "normal_form": "pop tayler love",
        "language": "und",
        "query_type": "topical",
        "intents": {"pop": 0.9},
        "readings": [
            {
                "slots": {"artist": "Taylor Swift", "genre": "pop"},
                "leftover": "love",
                "probability": 0.75,
                "filters": {
                    "operator": "AND",
                    "conditions": [
                        {"field": "meta.artist", "operator": "==", "value": "Taylor Swift"},
                        {"field": "meta.genre", "operator": "==", "value": "pop"},
                    ],
                },
            },
            {"slots": {}, "leftover": "pop tayler love", "probability": 0.25, "filters": {}},
        ],
    }


class TestPipeline:
    def test_its_lexicon_knows_which_fields_hold_lists(self, pipeline):
        pipeline.warm_up()
        conditions = understood(UNDERSTANDING, pipeline).readings[0].filters["conditions"]
        assert {"field": "meta.genre", "operator": "array_contains", "value": ["pop"]} in conditions[1]["conditions"]
        pipeline.close()

    def test_its_structured_arm_says_how_lists_are_asked_for(self, pipeline):
        retriever = StructuredRetriever(Texts(), list_operator=None)
        pipeline.add_component("structured", RetrievalArm("structured", retriever))
        pipeline.warm_up()
        only_the_artist = {"field": "meta.artist", "operator": "==", "value": "Taylor Swift"}
        assert understood(UNDERSTANDING, pipeline).readings[0].filters == only_the_artist

    def test_its_structured_arm_says_where_tags_are(self, pipeline):
        retriever = StructuredRetriever(Texts(), list_operator=None, tags="content_tags")
        pipeline.add_component("structured", RetrievalArm("structured", retriever))
        pipeline.warm_up()
        fields = [each["field"] for each in understood(UNDERSTANDING, pipeline).readings[0].filters["conditions"]]
        assert fields == ["meta.artist", "meta.content_tags.artist"]
        pipeline.close()

    def test_says_what_clicks_say_of_each_reading(self, store, pipeline):
        """(4 + 2) / (1 + 2); nothing is learned of a reading without slots."""
        store.acquire_lease("test", 30.0)
        pair = "pop tayler love", reading_key(READINGS[0])
        readings = {pair: ReadingClicks(4.0, 1.0)}
        store.commit_learning(
            LearningUpdate(holder="test", since=store.watermark(), learned=0, late=0, readings=readings)
        )
        first, plain = understood(UNDERSTANDING, pipeline).readings
        clicks = {"chosen": 4.0, "passed": 1.0, "kind_chosen": 0.0, "kind_passed": 0.0, "multiplier": 2.0}
        assert first.clicks.model_dump() == clicks
        assert plain.clicks is None

    def test_may_have_no_lexicon(self):
        made = Pipeline()
        made.add_component("understanding", QueryUnderstanding())
        assert (annotators_of(made), lexicon_of(made)) == ([], None)
        assert understood(UNDERSTANDING, made) == understood(UNDERSTANDING)
