from datetime import UTC, date, datetime

import numpy as np
import pytest
from haystack import Document
from hypothesis import given
from hypothesis import strategies as st

from factories import ids
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.structured.quality import Quality, QualityField, freshness, saturation

NOW = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
PLAYS = QualityField("meta.plays", 0.5, 1000.0)
RELEASED = QualityField("meta.released", 0.2, 365.0)
ANYTHING = st.one_of(st.none(), st.text(max_size=12), st.integers(), st.floats(), st.lists(st.integers(), max_size=2))


def track(document_id, score, **meta):
    return Document(id=document_id, content="Love Story", meta=meta, score=score)


class TestRescored:
    def test_of_two_tracks_with_the_same_title_the_more_popular_comes_first(self):
        tracks = [track("obscure", 2.0, plays=10), track("known", 2.0, plays=1000), track("famous", 2.0, plays=9000)]
        found = Quality(PLAYS).rescored(tracks, NOW)
        assert ids(found) == ["famous", "known", "obscure"]
        assert [round(document.score, 6) for document in found] == [2.9, 2.5, 2.009901]
        assert [document.score for document in tracks] == [2.0, 2.0, 2.0]

    def test_no_popularity_makes_up_for_a_score_that_is_higher_by_more_than_the_weight(self):
        found = Quality(PLAYS).rescored([track("match", 3.0), track("popular", 2.0, plays=10**12)], NOW)
        assert ids(found) == ["match", "popular"]

    def test_of_two_equal_ones_the_newer_comes_first(self):
        tracks = [track("old", 1.0, released="2018-01-01"), track("new", 1.0, released="2019-01-01")]
        found = Quality(freshness=RELEASED).rescored(tracks, NOW)
        assert ids(found) == ["new", "old"]
        assert found[0].score == pytest.approx(1.1)  # a year ago: half of the weight

    def test_where_a_score_is_missing_the_ranks_count(self):
        found = Quality(PLAYS).rescored([track("a", None), track("b", 0.5, plays=10_000)], NOW)
        assert ids(found) == ["b", "a"]
        assert found[0].score == pytest.approx((1 + 0.5 * 10 / 11) / 62)

    def test_scores_that_are_not_positive_stay_as_they_are(self):
        tracks = [track("a", 0.0, plays=10), track("b", -1.0, plays=10_000)]
        assert [each.score for each in Quality(PLAYS).rescored(tracks, NOW)] == [0.0, -1.0]

    def test_without_settings_nothing_changes(self):
        tracks = [track("a", None), track("b", 3.0)]
        assert Quality().rescored(tracks, NOW) == tracks

    @given(st.lists(st.tuples(st.floats(0.1, 100.0), ANYTHING, ANYTHING), max_size=6))
    def test_whatever_the_metadata_hold_a_score_grows_by_less_than_the_weights(self, given_tracks):
        tracks = [
            track(f"{place}", score, plays=plays, released=released)
            for place, (score, plays, released) in enumerate(given_tracks)
        ]
        before = {each.id: each.score for each in tracks}
        for each in Quality(PLAYS, RELEASED).rescored(tracks, NOW):
            assert before[each.id] <= each.score <= before[each.id] * 1.7


class TestShapes:
    def test_saturation_is_a_half_at_the_number_named(self):
        assert [saturation(number, 10.0) for number in (-5.0, 0.0, 10.0, 30.0, float("inf"))] == [0, 0, 0.5, 0.75, 1]
        assert saturation(float("nan"), 10.0) == 0.0

    def test_freshness_is_a_half_at_the_age_named(self):
        assert [freshness(age, 10.0) for age in (-5.0, 0.0, 10.0, 30.0)] == [1, 1, 0.5, 0.25]

    @pytest.mark.parametrize(
        "released",
        ["2019-01-01", "2019-01-01T00:00:00+00:00", datetime(2019, 1, 1), date(2019, 1, 1), 2019],  # noqa: DTZ001
    )
    def test_dates_may_be_written_in_several_ways(self, released):
        assert Quality(freshness=RELEASED).factor(track("a", 1.0, released=released), NOW) == pytest.approx(1.1)

    @pytest.mark.parametrize("released", ["spring", None, True, 0, 10**9, ["2019-01-01"], "", np.float64(3.0)])
    def test_what_is_no_date_adds_nothing(self, released):
        assert Quality(freshness=RELEASED).factor(track("a", 1.0, released=released), NOW) == 1.0

    def test_fields_may_be_nested(self):
        nested = Quality(QualityField("meta.counts.plays", 1.0, 5.0))
        assert nested.factor(track("a", 1.0, counts={"plays": 5}), NOW) == 1.5
        assert nested.factor(track("a", 1.0, counts=[5]), NOW) == 1.0


@pytest.mark.parametrize(
    ("given_settings", "reason"),
    [
        ({"field": "meta.plays"}, "popularity must be .*half_at"),
        ("meta.plays", "popularity must be"),
        (
            {"field": "plays", "weight": 1, "half_at": 1},
            "field must be a metadata field such as 'meta.plays', got 'plays'",
        ),
        ({"field": "meta.plays", "weight": 0, "half_at": 1}, "weight must be a number above 0, got 0"),
        ({"field": "meta.plays", "weight": 1, "half_at": float("inf")}, "half_at must be a number above 0, got inf"),
        ({"field": "meta.plays", "weight": True, "half_at": 1}, "weight must be a number above 0, got True"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given_settings, reason):
    with pytest.raises(ConfigurationError, match=reason):
        QualityField.of("popularity", given_settings)
