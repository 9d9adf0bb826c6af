import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import Unreachable
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.readings.evidence import ReadingEvidence, ReadingSupport
from ltrr_haystack.readings.keys import KINDS, reading_key, reading_kind
from ltrr_haystack.store import LearningUpdate, ReadingClicks
from ltrr_haystack.types import Interpretation

TITLE = Interpretation({"title": "Love"}, "", 0.6)
GENRE = Interpretation({"genre": "Love Songs"}, "", 0.3)
TEXT = Interpretation({}, "love", 0.1)
CLICKS = st.floats(0.0, 1e6)


def learn(store, clicks):
    store.acquire_lease("test", 30.0)
    store.commit_learning(
        LearningUpdate(
            holder="test",
            since=store.watermark(),
            learned=0,
            late=0,
            readings={pair: ReadingClicks(*amounts) for pair, amounts in clicks.items()},
        )
    )


class Told:
    """A store that tells what it was given, and counts how often it is asked."""

    def __init__(self, clicks):
        self.clicks = {pair: ReadingClicks(*amounts) for pair, amounts in clicks.items()}
        self.asked = 0

    def reading_clicks(self, pairs):
        self.asked += 1
        return {pair: self.clicks[pair] for pair in pairs if pair in self.clicks}


def own(reading, query="love"):
    return query, reading_key(reading)


def kind(reading):
    return KINDS, reading_kind(reading)


class TestMultipliers:
    def test_without_clicks_all_readings_stay_as_they_are(self, store):
        assert ReadingEvidence(store).multipliers("love", [TITLE, GENRE, TEXT]) == (1.0, 1.0, 1.0)

    def test_a_reading_that_is_chosen_gains_and_one_that_is_passed_by_loses(self, store):
        """(4 + 2) / (0 + 2) and (0 + 2) / (2 + 2)."""
        learn(store, {own(TITLE): (4.0, 0.0), own(GENRE): (0.0, 2.0)})
        assert ReadingEvidence(store).multipliers("love", [TITLE, GENRE, TEXT]) == (3.0, 0.5, 1.0)
        assert ReadingEvidence(store).multipliers("hate", [TITLE, GENRE, TEXT]) == (1.0, 1.0, 1.0)

    def test_without_clicks_of_its_own_a_reading_does_as_its_kind(self, store):
        """(20 + 20) / (0 + 20), and with clicks on it (1 + 2 · 2) / (3 + 2)."""
        learn(store, {kind(TITLE): (20.0, 0.0), own(TITLE, "halo"): (1.0, 3.0)})
        evidence = ReadingEvidence(store)
        assert evidence.multipliers("love", [TITLE, GENRE]) == (2.0, 1.0)
        assert evidence.multipliers("halo", [TITLE]) == (1.0,)

    def test_the_weights_of_what_nobody_clicked_can_be_set(self, store):
        learn(store, {own(TITLE): (4.0, 0.0), kind(GENRE): (0.0, 5.0)})
        evidence = ReadingEvidence(store, query_prior=1.0, kind_prior=5.0, most=3.0)
        assert evidence.multipliers("love", [TITLE, GENRE]) == (3.0, 0.5)

    def test_many_clicks_make_a_reading_eight_times_as_likely_at_most(self, store):
        learn(store, {own(TITLE): (1e9, 0.0), own(GENRE): (0.0, 1e9)})
        assert ReadingEvidence(store).multipliers("love", [TITLE, GENRE]) == (8.0, 0.125)

    def test_the_same_reading_written_otherwise_has_the_same_clicks(self, store):
        learn(store, {own(GENRE): (2.0, 0.0)})
        again = Interpretation({"genre": "LOVE songs"}, "", 0.9)
        assert ReadingEvidence(store).multipliers("love", [again]) == (2.0,)

    def test_the_store_is_read_once_for_all_readings_and_not_without_any(self):
        told = Told({own(TITLE): (2.0, 0.0)})
        evidence = ReadingEvidence(told)
        assert evidence.multipliers("love", [TITLE, GENRE, TEXT, TITLE]) == (2.0, 1.0, 1.0, 2.0)
        assert told.asked == 1
        assert evidence.multipliers("love", [TEXT]) == (1.0,)
        assert evidence.multipliers("love", []) == ()
        assert told.asked == 1

    def test_of_very_many_readings_the_last_are_not_looked_up(self, store):
        many = [Interpretation({f"field {number}": "x"}, "", 0.001) for number in range(1000)]
        learn(store, {own(many[5]): (2.0, 0.0), own(many[500]): (2.0, 0.0)})
        multipliers = ReadingEvidence(store).multipliers("love", many)
        assert len(multipliers) == 1000
        assert (multipliers[5], multipliers[500]) == (2.0, 1.0)

    @given(CLICKS, CLICKS, CLICKS, CLICKS)
    def test_are_bounded_and_a_click_for_a_reading_never_speaks_against_it(self, chosen, passed, of_kind, against_kind):
        def multiplier(more=0.0, more_against=0.0, more_of_kind=0.0):
            clicks = {
                own(TITLE): (chosen + more, passed + more_against),
                kind(TITLE): (of_kind + more_of_kind, against_kind),
            }
            return ReadingEvidence(Told(clicks)).multipliers("love", [TITLE])[0]

        before = multiplier()
        assert 0.125 <= before <= 8.0
        assert multiplier(more=1.0) >= before >= multiplier(more_against=1.0)
        assert multiplier(more_of_kind=1.0) >= before

    def test_a_store_that_cannot_be_read_leaves_all_as_they_are_and_is_reported_once(self, store, caplog):
        learn(store, {own(TITLE): (2.0, 0.0)})
        unreachable = Unreachable(store)
        evidence = ReadingEvidence(unreachable)
        unreachable.gone = True
        for _ in range(3):
            assert evidence.multipliers("love", [TITLE, TEXT]) == (1.0, 1.0)
        unreachable.gone = False
        assert evidence.multipliers("love", [TITLE]) == (2.0,)
        told = [
            record.getMessage() for record in caplog.records if "weighed without what was clicked" in record.message
        ]
        assert len(told) == 2


class TestSupport:
    def test_says_what_speaks_for_a_reading(self, store):
        learn(store, {own(TITLE): (4.0, 1.0), kind(TITLE): (10.0, 30.0)})
        first, second = ReadingEvidence(store).support("love", [TITLE, TEXT])
        assert first == ReadingSupport('["title"]', 4.0, 1.0, 10.0, 30.0, 0.6, pytest.approx(5.2 / 3.0))
        assert second == ReadingSupport("-")
        assert ReadingSupport.from_json(first.to_json()) == first


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"query_prior": 0.0}, "query_prior of ReadingEvidence must be a positive number of clicks, got 0.0"),
        ({"kind_prior": math.nan}, "kind_prior of ReadingEvidence must be a positive number of clicks, got nan"),
        ({"most": 0.5}, "most of ReadingEvidence must be at least 1, got 0.5"),
        ({"most": math.inf}, "most of ReadingEvidence must be at least 1, got inf"),
    ],
)
def test_refuses_what_cannot_be(store, settings, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        ReadingEvidence(store, **settings)
