"""Which past queries others get to see, with those who would plant one or read one that is private."""

from itertools import count

import pytest

import factories
from factories import decision, page, unite
from ltrr_haystack.server.past_queries import PastQueries, is_showable

NUMBERS = count()
ROCK = {"field": "meta.genre", "operator": "==", "value": "rock"}


def searched(query="sad songs", rewards=None, **who):
    made = decision(f"q{next(NUMBERS)}", query, **who)
    return factories.settled(page(unite(made, {"bm25": ["a", "b"]})), {"a": 1.0} if rewards is None else rewards)


def showable(*searches, **how):
    past = PastQueries(**how)
    for each in searches:
        past.add(each)
    return past.showable()


def people(number, query="sad songs", **others):
    return [searched(query, user_id=f"user {query} {person}", **others) for person in range(number)]


class TestWhoSees:
    def test_a_query_of_five_people_is_shown_and_one_of_four_is_not(self):
        assert showable(*people(5)) == ["sad songs"]
        assert showable(*people(4)) == []

    def test_what_one_person_searches_for_stays_theirs_however_often(self):
        assert showable(*[searched("my diagnosis", user_id="ann", session_id=f"s{each}") for each in range(50)]) == []

    @pytest.mark.parametrize("same", ["session_id", "client_id", "client_address"])
    def test_one_client_with_many_user_ids_plants_nothing(self, same):
        assert showable(*people(50, "buy pills at evil.example", **{same: "one"})) == []

    def test_one_client_adds_one_to_the_people_that_there_are(self):
        assert showable(*people(3), *[searched(user_id=f"u{each}", session_id="one") for each in range(9)]) == []

    def test_nobody_can_take_a_query_away_by_searching_under_the_ids_of_others(self):
        forged = [searched(user_id=f"user sad songs {each}", session_id="one") for each in range(5)]
        assert showable(*forged, *people(5)) == ["sad songs"]

    def test_searches_without_any_id_are_one_client(self):
        assert showable(*[searched() for _ in range(20)]) == []

    def test_without_a_click_that_counts_nothing_is_shown(self):
        assert showable(*people(9, rewards={})) == []
        assert showable(*people(9, rewards={"a": -1.0})) == []

    def test_what_was_searched_with_filters_is_left_out(self):
        assert showable(*people(9, filters=ROCK)) == []


class TestOrder:
    def test_the_most_chosen_come_first(self):
        assert showable(*people(6, "rain"), *people(9, "love"), *people(5, "storm")) == ["love", "rain", "storm"]

    def test_too_many_queries_cost_those_of_the_fewest_people(self):
        flood = [searched(f"flood {each}", user_id="eve") for each in range(100)]
        assert showable(*people(5), *flood, *people(5, "rain"), most=10) == ["rain", "sad songs"]


class TestIsShowable:
    @pytest.mark.parametrize("form", ["love", "r&b", "beyonce", "北京 音乐", "don t stop", "x" * 80])
    def test_words_are(self, form):
        assert is_showable(form)

    @pytest.mark.parametrize(
        "form",
        [
            "",
            "Love",
            " love",
            "love\u202eevol",
            "lo\u200bve",
            "love\x00",
            "love\x1b[31m",
            "\ue000",
            "x" * 81,
            "ann@example",
            "call 0301234567",
        ],
    )
    def test_hidden_signs_long_texts_and_what_is_personal_are_not(self, form):
        assert not is_showable(form)
