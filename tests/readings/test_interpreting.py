import pytest
from haystack import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicons import lexicon_of, lexicon_with, songs
from ltrr_haystack.catalogue import CollectionStatistics
from ltrr_haystack.readings.interpreting import interpret
from ltrr_haystack.readings.matching import LexiconIndex
from ltrr_haystack.types import Interpretation
from ltrr_haystack.understanding import normal_form

TEXTS = [*songs(), *(Document(content=text) for text in ("recorded live", "sad songs about rain", "live in Paris"))]
STATISTICS = CollectionStatistics.empty(["content"]).changed(added=TEXTS)
SONGS = LexiconIndex(lexicon_of(songs()))


def readings(query, index=SONGS, feedback=None, most=5, statistics=STATISTICS):
    return [each.interpretation for each in interpret(index, normal_form(query), feedback, most, statistics)]


def best(query, index=SONGS, statistics=STATISTICS):
    first = readings(query, index, statistics=statistics)[0]
    return first.slots, first.leftover


def odds(found, field):
    """How much likelier the reading with a field is than the plain one."""
    by_fields = {tuple(each.slots): each.probability for each in reversed(found)}
    return by_fields[field,] / by_fields[()]


class Clicks:
    """What people clicked: a multiplier for the readings with a field, 1 for the others."""

    def __init__(self, field, multiplier):
        self.field = field
        self.multiplier = multiplier

    def multipliers(self, normal_form, readings):
        return [self.multiplier if self.field in reading.slots else 1.0 for reading in readings]


class TestAmbiguity:
    def test_love_may_be_a_title_a_genre_a_playlist_or_just_a_word(self):
        found = readings("love")
        assert {tuple(each.slots.items()) for each in found} >= {
            (),
            (("title", "Love Story"),),
            (("genre", "love songs"),),
            (("playlist", "Love Hits"),),
        }
        assert max(each.probability for each in found) < 0.5

    def test_a_typo_in_the_name_leaves_the_rest_to_be_searched_as_text(self):
        assert best("tayler love") == ({"artist": "Taylor Swift"}, "love")

    def test_text_is_searched_where_the_catalogue_knows_nothing(self):
        assert readings("xyzzy quux") == [Interpretation({}, "xyzzy quux", 1.0)]

    def test_a_word_of_the_texts_is_no_typo(self):
        assert best("live", statistics=None) == ({"playlist": "Love Hits"}, "")
        assert best("live") == ({}, "live")


class TestReadings:
    @pytest.mark.parametrize(
        ("query", "slots", "leftover"),
        [
            ("Taylor Swift", {"artist": "Taylor Swift"}, ""),
            ("cafe tacuba ingrata", {"artist": "Café Tacvba", "title": "Ingrata"}, ""),
            ("so what miles davis", {"title": "So What", "artist": "Miles Davis"}, ""),
            ("daftpunk one more tme", {"artist": "Daft Punk", "title": "One More Time"}, ""),
            ("fab four live 1966", {"artist": "The Beatles"}, "live 1966"),
            ("sad pop taylor", {"genre": "pop", "artist": "Taylor Swift"}, "sad"),
            ("utada hikaru 花束", {"artist": "宇多田ヒカル", "title": "花束を君に"}, ""),
            ("shake it off tayl", {"title": "Shake It Off", "artist": "Taylor Swift"}, ""),
        ],
    )
    def test_the_best_is_what_a_person_would_say(self, query, slots, leftover):
        assert best(query) == (slots, leftover)

    def test_the_slots_stand_in_the_order_of_the_query(self):
        assert list(readings("halo beyonce")[0].slots) == ["title", "artist"]
        assert list(readings("beyonce halo")[0].slots) == ["artist", "title"]

    def test_the_plain_one_is_always_there(self):
        for most in (1, 2, 5):
            found = readings("shake it off taylor swift", most=most)
            assert len(found) <= most
            assert found[-1].slots == {}
            assert found[-1].leftover == "shake it off taylor swift"

    def test_those_with_the_same_slots_are_one(self):
        found = readings("taylor swift taylor swift")
        assert len({tuple(sorted(each.slots.items())) for each in found}) == len(found)

    def test_the_more_popular_artist_is_meant(self):
        index = LexiconIndex(
            lexicon_with(
                artist=[
                    ("Taylor Swift", {"popularity": 9.0}),
                    ("James Taylor", {"popularity": 2.0}),
                    *map(str, range(50)),
                ]
            )
        )
        swift, james, _ = readings("taylor", index)
        assert (swift.slots, james.slots) == ({"artist": "Taylor Swift"}, {"artist": "James Taylor"})
        assert swift.probability > 1.2 * james.probability

    def test_without_popularity_the_one_with_more_documents_is_meant(self):
        index = LexiconIndex(lexicon_with(artist=["James Taylor", ("Taylor Swift", {"documents": 30})]))
        assert best("taylor", index) == ({"artist": "Taylor Swift"}, "")


class TestFeedback:
    def test_moves_the_odds_and_the_order(self):
        before, after = readings("love", most=24), readings("love", feedback=Clicks("genre", 8.0), most=24)
        assert "genre" not in before[0].slots
        assert "genre" in after[0].slots
        assert odds(after, "genre") == pytest.approx(8.0 * odds(before, "genre"))
        assert sum(each.probability for each in after) == pytest.approx(1.0)

    def test_a_multiplier_of_one_changes_nothing(self):
        assert readings("love", feedback=Clicks("genre", 1.0)) == readings("love")


VOCABULARY = sorted({word for song in songs() for word in normal_form(song.content).split()})


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(VOCABULARY), max_size=100).map(" ".join)))
@settings(deadline=None)
def test_whatever_is_typed(query):
    form = normal_form(query)
    found = interpret(SONGS, form)
    interpretations = [each.interpretation for each in found]
    probabilities = [each.probability for each in interpretations]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0.0 < sum(probabilities) <= 1.0 + 1e-9
    assert any(each.slots == {} and each.leftover == form for each in interpretations)
    for reading in found:
        places = [place for match in reading.matches for place in range(match.start, match.end)]
        assert len(places) == len(set(places))
        assert len(places) + len(reading.interpretation.leftover.split()) == len(form.split())
    assert interpretations == [each.interpretation for each in interpret(SONGS, form)]
