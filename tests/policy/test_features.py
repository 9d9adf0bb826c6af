import math
from types import SimpleNamespace

import pytest

from ltrr_haystack.policy.features import LONGEST_TEXT, MOST_CONTEXT, features_of, searched_before
from ltrr_haystack.types import Features, Interpretation, Understanding


class TestFeaturesOf:
    def test_of_a_plain_search(self):
        understanding = Understanding(
            "taylor swift 1989",
            "taylor swift 1989",
            ("taylor", "swift", "1989"),
            "en",
            "navigational",
            True,
            5,
            "evening",
        )
        assert features_of(understanding) == Features(
            query={
                "type": "navigational",
                "language": "en",
                "length": "3-4",
                "digits": "yes",
                "user": "unknown",
                "session": "unknown",
            },
            time={"weekday": "5", "day_part": "evening", "weekend": "no"},
            history={},
        )

    def test_holidays_and_weekends(self):
        sunday = Understanding("love", "love", weekday=6, weekend=True, holiday="Easter Sunday")
        assert features_of(sunday).time == {
            "weekday": "6",
            "day_part": "morning",
            "weekend": "yes",
            "holiday": "yes",
            "holiday.name": "Easter Sunday",
        }

    def test_intents_slots_and_who_searches(self):
        understanding = Understanding(
            "love", "love", intents={"song": 0.7}, interpretations=(Interpretation({"title": "love"}, "", 0.5),)
        )
        query = features_of(understanding, user_id="u1", session_id="s1").query
        assert query["intent.song"] == 0.7
        assert query["slot.title"] == "yes"
        assert (query["user"], query["session"]) == ("known", "known")
        assert "u1" not in query.values()

    @pytest.mark.parametrize(
        ("probabilities", "entropy"),
        [
            ([0.3], 0.0),
            ([0.5, 0.5], math.log10(2)),
            ([0.1, 0.1, 0.1, 0.1], math.log10(4)),
            ([0.1] * 10, 1.0),
            ([0.1] * 1000, 1.0),
            ([0.9, 0.1], -0.9 * math.log10(0.9) - 0.1 * math.log10(0.1)),
            ([1.0, 0.0, -1.0, math.nan, math.inf, 1e300], 0.0),
            ([5e-324, 5e-324], math.log10(2)),
            ([math.nan], 0.0),
        ],
    )
    def test_how_undecided_the_readings_are(self, probabilities, entropy):
        readings = tuple(Interpretation({"title": str(place)}, "", p) for place, p in enumerate(probabilities))
        query = features_of(Understanding("love", "love", interpretations=readings)).query
        assert query["readings.entropy"] == pytest.approx(entropy)
        assert query["readings.entropy"] <= 1.0

    @pytest.mark.parametrize(("words", "length"), [(0, "0"), (1, "1"), (2, "2"), (3, "3-4"), (4, "3-4"), (9, "5+")])
    def test_length_in_steps(self, words, length):
        assert features_of(Understanding("q", "q", ("w",) * words)).query["length"] == length

    def test_context_by_its_types(self):
        context = {"country": "DE", "premium": True, "age": 33, "none": None, "list": [1], "nan": math.nan}
        query = features_of(Understanding("q", "q"), context=context).query
        assert {key: value for key, value in query.items() if key.startswith("context.")} == {
            "context.country": "DE",
            "context.premium": "yes",
            "context.age": pytest.approx(math.log(34)),
        }

    def test_history_worked_by_hand(self):
        entry = SimpleNamespace(draws=4.0, credit=1.0, returned=120.0)
        none = SimpleNamespace(draws=0.0, credit=0.0, returned=0.0)
        history = features_of(Understanding("q", "q"), history={"bm25": entry, "dense": none}).history
        assert history == {"bm25": {"cnt": pytest.approx(math.log(5) / 5), "ctr": 0.25, "ret": pytest.approx(0.3)}}

    def test_of_readings_and_intents_only_so_many_and_so_large_are_taken(self):
        understanding = Understanding(
            "q",
            "q",
            intents={"i" * 1000: 1e300, **{f"intent {number}": -1e300 for number in range(1000)}},
            interpretations=(
                Interpretation({"s" * 1000 + str(number): "x" * 1000 for number in range(1000)}, "", 0.5),
            ),
        )
        features = features_of(understanding)
        assert Features.from_json(features.to_json()) == features
        assert len(features.query) <= 6 + 8 + 1 + 8
        assert all(abs(value) <= 1.0 for value in features.query.values() if isinstance(value, float))
        assert all(len(name) <= LONGEST_TEXT + len("intent.") for name in features.query)

    def test_whatever_comes_is_finite_short_and_goes_through_json(self):
        context = {f"key{i}": "x" * 1_000_000 for i in range(100)}
        context = {"\ud800": "\udfff", "huge": 10**400, "tiny": -(10**400), **context}
        entry = SimpleNamespace(draws=1e308, credit=math.inf, returned=math.nan)
        features = features_of(Understanding("q", "q", intents={"x": math.inf}), None, None, context, {"a": entry})
        assert Features.from_json(features.to_json()) == features
        assert len(features.query) <= 6 + MOST_CONTEXT
        values = [*features.query.values(), *features.history["a"].values()]
        assert all(len(value) <= LONGEST_TEXT if isinstance(value, str) else abs(value) <= 10 for value in values)


class TestSearchedBefore:
    def test_is_how_often_the_arm_ran_that_ran_most(self):
        understanding = Understanding("love", "love")
        history = {
            "bm25": SimpleNamespace(draws=7.0, credit=1.0, returned=70.0),
            "dense": SimpleNamespace(draws=30.0, credit=1.0, returned=70.0),
        }
        assert searched_before(features_of(understanding, history=history)) == pytest.approx(30.0)

    def test_of_a_new_query_is_0(self):
        assert searched_before(Features()) == 0.0

    @pytest.mark.parametrize("count", [math.nan, math.inf, -math.inf, -0.1])
    def test_a_count_that_cannot_be_is_none(self, count):
        assert searched_before(Features(history={"a": {"cnt": count}})) == 0.0
        known = Features(history={"a": {"cnt": count}, "b": {"cnt": math.log1p(30) / 5}})
        assert searched_before(known) == pytest.approx(30.0)

    def test_a_count_beyond_all_bounds_is_very_many(self):
        assert searched_before(Features(history={"a": {"cnt": 1e308}})) == pytest.approx(math.expm1(20.0))
