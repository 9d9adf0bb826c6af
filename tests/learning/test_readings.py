"""Clicks move readings, through the real joiner, the log and the learner."""

import pytest

from ltrr_haystack.learning import Learner
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.readings.keys import KINDS
from ltrr_haystack.types import evidence_key

TITLE, GENRE = {"title": "Love"}, {"genre": "Love Songs"}
ROCK = {"field": "meta.genre", "operator": "==", "value": "rock"}

AS_TITLE = "love", '[{"title":"love"},""]'
AS_GENRE = "love", '[{"genre":"love songs"},""]'
TITLES, GENRES = (KINDS, '["title"]'), (KINDS, '["genre"]')

SECOND = PageModel().curve.at(2)
"""What a look at the second place counts, in units of one at the first."""


def steps(number):
    """Amounts are kept in steps of 2**-24."""
    return pytest.approx(number, abs=1e-6)


@pytest.fixture
def clicked(store):
    def of(*pairs):
        return {pair: (each.chosen, each.passed) for pair, each in store.reading_clicks(pairs).items()}

    return of


class TestAClick:
    def test_speaks_for_the_reading_by_the_looks_that_others_had_and_against_the_others_by_theirs(
        self, learner, log, clicked
    ):
        """a is a title, b of the genre; a had 1 look of 1 + s, so b's click is a choice against 1 / (1 + s)."""
        log.search("q1", shown=("a", "b"), readings=[(TITLE, "a"), (GENRE, "b")])
        log.event("e1", "q1", "b")
        learner.run_once(now=100.0)
        share = 1.0 / (1.0 + SECOND)
        assert clicked(AS_TITLE, AS_GENRE, TITLES, GENRES) == {
            AS_TITLE: (0.0, steps(share)),
            AS_GENRE: (steps(share), 0.0),
            TITLES: (0.0, steps(share)),
            GENRES: (steps(share), 0.0),
        }

    def test_counts_in_part_for_a_reading_that_the_document_agrees_with_in_part(self, learner, log, clicked):
        log.search("q1", shown=("a",), readings=[(TITLE, {"a": 0.25})])
        log.event("e1", "q1", "a")
        learner.run_once(now=100.0)
        assert clicked(AS_TITLE) == {AS_TITLE: (steps(0.25 * 0.75), steps(0.75 * 0.25))}

    def test_says_nothing_where_all_documents_agree_or_none(self, learner, log, clicked):
        log.search("q1", shown=("a", "b"), readings=[(TITLE, "ab"), (GENRE, "")])
        log.event("e1", "q1", "a")
        learner.run_once(now=100.0)
        assert clicked(AS_TITLE, AS_GENRE, TITLES, GENRES) == {}

    def test_by_the_examination_curve_of_the_page(self, store, learner, log, clicked):
        log.search("q1", shown=("a", "b", "c"), readings=[(TITLE, "a")])
        log.event("e1", "q1", "a")
        learner.run_once(now=100.0)
        others = SECOND + PageModel().curve.at(3)
        assert clicked(AS_TITLE) == {AS_TITLE: (steps(others / (1.0 + others)), 0.0)}

    def test_adds_up_over_searches_of_the_query_and_over_queries_of_the_kind(self, learner, log, clicked):
        for number, (query, title) in enumerate([("love", "Love"), ("love", "Love"), ("halo", "Halo")]):
            log.search(f"q{number}", query, readings=[({"title": title}, "a")])
            log.event(f"e{number}", f"q{number}", "a")
        learner.run_once(now=100.0)
        each = SECOND / (1.0 + SECOND)
        as_halo = "halo", '[{"title":"halo"},""]'
        assert clicked(AS_TITLE, as_halo, TITLES) == {
            AS_TITLE: (steps(2 * each), 0.0),
            as_halo: (steps(each), 0.0),
            TITLES: (steps(3 * each), 0.0),
        }

    def test_a_dislike_says_the_opposite(self, learner, log, clicked):
        log.search("q1", readings=[(TITLE, "a")])
        log.event("e1", "q1", "a", reward=-1.0)
        learner.run_once(now=100.0)
        assert clicked(AS_TITLE) == {AS_TITLE: (0.0, steps(SECOND / (1.0 + SECOND)))}

    def test_on_a_page_whose_ranker_compares_no_readings_says_nothing(self, store, learner, log, clicked):
        log.search("q1", readings=[({}, "a")])
        log.event("e1", "q1", "a")
        assert learner.run_once(now=100.0).learned == 1
        assert clicked((KINDS, "-"), ("love", '[{},"love"]')) == {}


class TestAFilteredSearch:
    def test_says_nothing_of_readings_in_time_or_late(self, learner, log, clicked):
        """Filters choose what can be shown, and readings are looked up without them."""
        log.search("q1", readings=[(TITLE, "a")], filters=ROCK)
        log.event("e1", "q1", "a")
        learner.run_once(now=100.0)
        log.event("late", "q1", "a", at=101.0)
        assert learner.run_once(now=100.0).late == 1
        assert clicked(AS_TITLE, (evidence_key("love", ROCK), AS_TITLE[1]), TITLES) == {}


class TestALateClick:
    def test_says_what_it_would_have_said_in_time(self, learner, log, clicked):
        for query_id, query in (("q1", "love"), ("q2", "hate")):
            log.search(query_id, query, shown=("a", "b", "c"), readings=[(TITLE, "a"), (GENRE, {"b": 0.5})])
        log.event("in time", "q1", "b", reward=1.0)
        learner.run_once(now=100.0)
        log.event("late", "q2", "b", reward=1.0, at=101.0)
        assert learner.run_once(now=100.0).late == 1
        for reading in (AS_TITLE[1], AS_GENRE[1]):
            found = clicked(("love", reading), ("hate", reading))
            assert found["love", reading] == found["hate", reading]
        assert clicked(TITLES)[TITLES] == (0.0, steps(2 * clicked(AS_TITLE)[AS_TITLE][1]))

    def test_counts_as_far_as_it_counts_for_the_memory(self, learner, log, clicked):
        log.search("q1", readings=[(TITLE, "a")])
        learner.run_once(now=100.0)
        log.event("late", "q1", "a", reward=5.0, at=101.0)
        learner.run_once(now=100.0)
        assert log.memory()["a"][1] == 1.0
        assert clicked(AS_TITLE) == {AS_TITLE: (steps(SECOND / (1.0 + SECOND)), 0.0)}

    def test_that_takes_a_click_back_takes_back_what_it_said(self, learner, log, clicked):
        log.search("q1", readings=[(TITLE, "a")])
        log.event("e1", "q1", "a", reward=1.0)
        learner.run_once(now=100.0)
        log.event("e2", "q1", "a", reward=-1.0, at=101.0)
        learner.run_once(now=100.0)
        assert clicked(AS_TITLE) == {AS_TITLE: (0.0, 0.0)}


class TestOneClient:
    @pytest.mark.parametrize("late", [False, True])
    def test_a_thousand_clicks_leave_a_reading_as_the_first_ones_do(self, store, diary, log, clicked, late):
        learner = Learner(store, diary(), reward_wait=10.0, batch=1000)
        pairs = AS_TITLE, AS_GENRE, TITLES, GENRES

        def click(first, last):
            for number in range(first, last):
                log.search(f"q{number}", user_id="u", readings=[(TITLE, "a"), (GENRE, "b")])
            if late:
                learner.run_once(now=100.0)
            store.record_events([log.made(f"e{number}", f"q{number}", "a") for number in range(first, last)])
            learner.run_once(now=100.0)
            return clicked(*pairs)

        few = click(0, 5)
        assert few[AS_TITLE][0] == steps(SECOND / (1.0 + SECOND))
        assert click(5, 1000) == few

    def test_of_many_clients_each_counts(self, learner, log, clicked):
        for number in range(30):
            log.search(f"q{number}", readings=[(TITLE, "a")])
            log.event(f"e{number}", f"q{number}", "a")
        learner.run_once(now=100.0)
        assert clicked(AS_TITLE) == {AS_TITLE: (steps(30 * SECOND / (1.0 + SECOND)), 0.0)}

    def test_one_who_clicks_for_many_queries_moves_their_kind_by_its_share(self, learner, log, clicked):
        """Each query is another, and the clicks count for it; for their kind as many as for a document count."""
        for number in range(40):
            log.search(
                f"q{number}",
                f"query {number}",
                shown=(f"a{number}", "b"),
                user_id="u",
                readings=[(TITLE, f"a{number}")],
            )
            log.event(f"e{number}", f"q{number}", f"a{number}")
        learner.run_once(now=100.0)
        each = SECOND / (1.0 + SECOND)
        assert clicked(TITLES) == {TITLES: (10.0, 0.0)}
        assert clicked(("query 39", AS_TITLE[1])) == {("query 39", AS_TITLE[1]): (steps(each), 0.0)}

    def test_one_query_of_many_people_moves_its_kind_by_its_share(self, learner, log, clicked):
        for number in range(40):
            log.search(f"q{number}", readings=[(TITLE, "a")])
            log.event(f"e{number}", f"q{number}", "a")
        learner.run_once(now=100.0)
        each = SECOND / (1.0 + SECOND)
        assert clicked(AS_TITLE, TITLES) == {AS_TITLE: (steps(40 * each), 0.0), TITLES: (10.0, 0.0)}
