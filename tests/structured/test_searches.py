import pytest

from ltrr_haystack.structured.searches import ReadingSearch, relaxations, searches_of
from ltrr_haystack.types import Interpretation, Understanding

ARTIST = Interpretation({"artist": "Taylor Swift"}, "love", 0.5)
SONG = Interpretation({"title": "Love", "genre": "Pop"}, "", 0.3)
PLAIN = Interpretation({}, "tayler love", 0.1)


def understood(*interpretations: Interpretation) -> Understanding:
    return Understanding("tayler love", "tayler love", interpretations=interpretations)


def asked(searches):
    return [(search.text, dict(search.slots), round(search.reading.probability, 6)) for search in searches]


class TestSearchesOf:
    def test_each_reading_is_searched_by_what_it_leaves_over_and_else_by_its_values(self):
        assert asked(searches_of("tayler love", understood(PLAIN, SONG, ARTIST), 3, 0.0)) == [
            ("love", {"artist": "Taylor Swift"}, 0.5),
            ("Love Pop", {"title": "Love", "genre": "Pop"}, 0.3),
            ("tayler love", {}, 0.2),
        ]

    def test_the_query_itself_has_at_least_its_probability_and_the_others_are_limited(self):
        searches = searches_of("tayler love", understood(ARTIST, SONG), 1, 0.25)
        assert asked(searches) == [("love", {"artist": "Taylor Swift"}, 0.5), ("tayler love", {}, 0.25)]

    def test_without_readings_the_query_is_searched_as_it_is(self):
        for understanding in (None, understood(), understood(PLAIN)):
            assert asked(searches_of("tayler love", understanding, 3, 0.2)) == [("tayler love", {}, 1.0)]

    def test_readings_that_cannot_be_searched_are_passed_over(self):
        impossible = [
            Interpretation({"artist": ""}, "", 0.3),
            Interpretation({"artist": "Zaz"}, "x", 0.0),
            Interpretation({"artist": "Zaz"}, "x", float("nan")),
        ]
        assert asked(searches_of("x", understood(*impossible), 3, 0.2)) == [("x", {}, 1.0)]


class TestRelaxations:
    def test_the_weakest_slot_goes_first_and_its_value_is_searched_for_as_text(self):
        both = Interpretation({"artist": "Taylor Swift", "genre": "Pop"}, "love", 0.4)
        relaxed = list(relaxations(ReadingSearch(both, "love", both.slots), [both, ARTIST]))
        assert asked(relaxed) == [
            ("love Pop", {"artist": "Taylor Swift"}, 0.4),
            ("love Pop Taylor Swift", {}, 0.4),
        ]
        assert [search.relaxed for search in relaxed] == [("genre",), ("genre", "artist")]

    def test_equally_strong_slots_go_in_the_order_of_their_names(self):
        relaxed = relaxations(ReadingSearch(SONG, "Love Pop", SONG.slots), [SONG])
        assert asked(relaxed) == [("Pop", {"title": "Love"}, 0.3), ("Pop Love", {}, 0.3)]

    def test_a_retriever_that_browses_is_asked_for_all_that_matches_before_a_slot_goes(self):
        relaxed = list(relaxations(ReadingSearch(ARTIST, "love", ARTIST.slots), [ARTIST], browse=True))
        assert asked(relaxed) == [("", {"artist": "Taylor Swift"}, 0.5), ("love Taylor Swift", {}, 0.5)]

    def test_the_query_itself_has_nothing_to_give_up(self):
        assert list(relaxations(ReadingSearch(PLAIN, "tayler love"), [ARTIST], browse=True)) == []


def test_a_search_says_what_it_is_in_values_of_its_own():
    search = ReadingSearch(SONG, "Love", {"title": "Love"}, ("genre",))
    explained = search.explained()
    assert explained == {
        "slots": {"title": "Love", "genre": "Pop"},
        "leftover": "",
        "probability": 0.3,
        "relaxed": ["genre"],
    }
    explained["slots"]["title"] = "Hate"
    assert search.explained()["slots"]["title"] == "Love"


def test_searches_that_ask_the_same_have_one_key():
    assert (
        ReadingSearch(ARTIST, " Love  me", {"a": "1", "b": "2"}).key
        == ReadingSearch(SONG, "love me", {"b": "2", "a": "1"}).key
    )
    assert ReadingSearch(ARTIST, "love", {"a": "1"}).key != ReadingSearch(ARTIST, "love", {"a": "2"}).key


@pytest.mark.parametrize(
    ("query", "slots", "leftover", "expected"),
    [
        ("tayler swft", {"artist": "Taylor Swift"}, "", True),
        ("pop taylor swift", {"genre": "Pop", "artist": "Taylor Swift"}, "", True),
        ("swift", {"artist": "Taylor Swift"}, "", False),
        ("tayler swift love", {"artist": "Taylor Swift"}, "love", False),
    ],
)
def test_what_has_the_values_has_all_that_a_query_says_which_is_their_name(query, slots, leftover, expected):
    understanding = Understanding(query, query, interpretations=(Interpretation(slots, leftover, 0.9),))
    strict, plain = searches_of(query, understanding, 3, 0.0)
    browsing, *relaxed = relaxations(strict, understanding.interpretations, browse=True)
    assert (strict.whole, browsing.whole) == (expected, expected)
    assert not any(each.whole for each in (plain, *relaxed))
