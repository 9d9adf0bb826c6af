import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from haystack import Pipeline
from haystack.core.serialization import default_from_dict, default_to_dict

from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.errors import ConfigurationError, InvalidInputError, MissingExtraError
from ltrr_haystack.types import Understanding

MONDAY_MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()


class Names:
    def __init__(self, intent="artist"):
        self.intent = intent
        self.calls = []

    def to_dict(self):
        return default_to_dict(self, intent=self.intent)

    @classmethod
    def from_dict(cls, data):
        return default_from_dict(cls, data)

    def warm_up(self):
        self.calls.append("warm_up")

    def close(self):
        self.calls.append("close")

    def annotate(self, understanding):
        return replace(understanding, intents={**understanding.intents, self.intent: 0.8})


class TestQueryUnderstanding:
    def test_says_what_can_be_said(self):
        understanding = QueryUnderstanding().run("Who sang\x00 “Halo 2”?", now=MONDAY_MORNING)["understanding"]
        assert understanding == Understanding(
            query="Who sang “Halo 2”?",
            normal_form="who sang halo 2",
            tokens=("who", "sang", "halo", "2"),
            language="und",
            query_type="question",
            has_digits=True,
            weekday=0,
            day_part="morning",
        )

    def test_the_time_is_told_in_the_time_zone(self):
        understanding = QueryUnderstanding(timezone="Asia/Tokyo").run("love", now=MONDAY_MORNING)["understanding"]
        assert (understanding.weekday, understanding.day_part) == (0, "evening")

    def test_the_weekend_is_saturday_and_sunday_in_the_time_zone(self):
        friday_night = datetime(2026, 3, 6, 23, tzinfo=UTC).timestamp()
        told = [QueryUnderstanding(timezone=zone).run("love", now=friday_night) for zone in ("UTC", "Asia/Tokyo")]
        assert [each["understanding"].weekend for each in told] == [False, True]
        assert {each["understanding"].holiday for each in told} == {None}

    def test_holidays_and_weekends_are_those_of_the_country(self):
        epiphany, friday = (datetime(2026, *day, 9, tzinfo=UTC).timestamp() for day in ((1, 6), (3, 6)))
        bavaria, israel = QueryUnderstanding(country="DE", subdivision="BY"), QueryUnderstanding(country="IL")
        assert bavaria.run("love", now=epiphany)["understanding"].holiday == "Epiphany"
        assert israel.run("love", now=epiphany)["understanding"].holiday is None
        assert not bavaria.run("love", now=friday)["understanding"].weekend
        assert israel.run("love", now=friday)["understanding"].weekend

    def test_takes_the_present_where_no_time_is_given(self):
        assert 0 <= QueryUnderstanding().run("love")["understanding"].weekday <= 6

    def test_tells_the_language_by_script_without_a_detector(self):
        assert QueryUnderstanding().run("노래 추천")["understanding"].language == "ko"
        assert QueryUnderstanding().run("wie heißt das lied")["understanding"].language == "und"

    def test_tells_the_language_among_those_named(self):
        component = QueryUnderstanding(languages=["en", "de", "it"])
        assert component.run("wie heißt das lied")["understanding"].language == "de"
        pizza = component.run("come si fa la pizza napoletana")["understanding"]
        assert (pizza.language, pizza.query_type) == ("it", "question")

    async def test_answers_alike_when_awaited(self):
        component = QueryUnderstanding()
        assert await component.run_async("AC/DC", now=0.0) == component.run("AC/DC", now=0.0)

    async def test_annotators_do_not_block_the_event_loop(self):
        class Slow(Names):
            def annotate(self, understanding):
                asked.wait(5.0)
                return super().annotate(understanding)

        asked = threading.Event()
        running = asyncio.create_task(QueryUnderstanding(annotators=[Slow("song")]).run_async("halo"))
        await asyncio.sleep(0.01)
        assert not running.done()
        asked.set()
        assert (await running)["understanding"].intents == {"song": 0.8}

    def test_many_threads_share_one_instance(self):
        component = QueryUnderstanding(languages=["en", "de"])
        queries = [f"surround sound speakers {number}" for number in range(200)]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda query: component.run(query, now=0.0)["understanding"], queries))
        assert [understanding.query for understanding in found] == queries
        assert {understanding.language for understanding in found} == {"en"}


class TestInput:
    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("", "query is empty; send at least one visible character"),
            (" \t\n", "query is only white space and control characters"),
            ("\x00\x01\ud800\u200b", "query is only white space and control characters"),
            ("x" * 1001, "query has 1001 characters, at most 1000 are allowed; shorten it"),
            (None, "query must be text, got NoneType"),
            (["love"], "query must be text, got list"),
        ],
    )
    def test_what_nobody_could_search_is_turned_away(self, query, message):
        with pytest.raises(InvalidInputError, match=message):
            QueryUnderstanding().run(query)

    def test_the_longest_allowed_query_is_understood(self):
        assert QueryUnderstanding(max_length=4).run("love")["understanding"].normal_form == "love"

    def test_a_time_that_cannot_be_is_refused(self):
        with pytest.raises(InvalidInputError, match="now must be seconds since 1970, got nan"):
            QueryUnderstanding().run("love", now=float("nan"))

    @pytest.mark.parametrize("query", ["a|b:c\nd", "'; DROP TABLE decisions; --", "\\", "%s {0}", "?" * 1000])
    def test_hostile_text_is_only_text(self, query):
        understanding = QueryUnderstanding().run(query)["understanding"]
        assert understanding.normal_form
        assert Understanding.from_json(understanding.to_json()) == understanding


class TestSettings:
    def test_max_length_must_be_positive(self):
        with pytest.raises(ConfigurationError, match="max_length of QueryUnderstanding must be at least 1, got 0"):
            QueryUnderstanding(max_length=0)

    def test_an_annotator_must_annotate(self):
        with pytest.raises(ConfigurationError, match=r"need a method annotate.*str has none"):
            QueryUnderstanding(annotators=["lexicon"])

    def test_a_subdivision_needs_a_country(self):
        with pytest.raises(ConfigurationError, match="subdivision 'BY' of QueryUnderstanding needs a country"):
            QueryUnderstanding(subdivision="BY")

    def test_a_country_that_is_not_known_is_named_before_the_first_search(self):
        with pytest.raises(ConfigurationError, match="country 'XX' and subdivision 'None' are not known"):
            QueryUnderstanding(country="XX").warm_up()

    def test_a_missing_extra_is_named_when_it_is_needed(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "lingua", None)
        component = QueryUnderstanding(languages=["en", "de"])
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[language\]"'):
            component.warm_up()
        with pytest.raises(MissingExtraError):
            component.run("love")


class TestAnnotators:
    def test_refine_the_understanding_in_order(self):
        understanding = QueryUnderstanding(annotators=[Names("artist"), Names("song")]).run("halo")["understanding"]
        assert list(understanding.intents.items()) == [("artist", 0.8), ("song", 0.8)]

    async def test_are_warmed_up_and_closed_once(self):
        names = Names()
        component = QueryUnderstanding(annotators=[names])
        component.warm_up()
        await asyncio.gather(component.warm_up_async(), component.warm_up_async())
        component.close()
        await component.close_async()
        assert names.calls == ["warm_up", "close"]

    def test_travel_with_the_pipeline_file(self, monkeypatch):
        monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", f"ltrr_haystack,{__name__}")
        pipeline = Pipeline()
        pipeline.add_component("understanding", QueryUnderstanding(annotators=[Names("song")]))
        loaded = Pipeline.loads(pipeline.dumps())
        assert loaded.run({"understanding": {"query": "halo"}})["understanding"]["understanding"].intents == {
            "song": 0.8
        }


def test_is_written_to_yaml_and_read_back():
    pipeline = Pipeline()
    pipeline.add_component(
        "understanding",
        QueryUnderstanding(200, ["en", "de"], "Europe/Berlin", country="DE", subdivision="BY"),
    )
    loaded = Pipeline.loads(pipeline.dumps()).get_component("understanding")
    assert loaded.to_dict() == {
        "type": "ltrr_haystack.components.query_understanding.QueryUnderstanding",
        "init_parameters": {
            "max_length": 200,
            "languages": ["en", "de"],
            "timezone": "Europe/Berlin",
            "annotators": None,
            "country": "DE",
            "subdivision": "BY",
        },
    }
