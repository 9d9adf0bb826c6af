"""What one client can add, through the learner."""

import sqlite3
from contextlib import closing

import pytest

from ltrr_haystack.learning import Learner


class TestClients:
    @pytest.fixture
    def earned(self, store, diary):
        """A learner whose policy writes down what each search earned."""

        class Bookkeeper(diary):
            def learn(self, settled, curve=None):
                self.entries.append(sum(settled.rewards.values()))
                return {}

            def restored(self, payload):
                copy = Bookkeeper(self.title)
                copy.entries = super().restored(payload).entries
                return copy

        return Learner(store, Bookkeeper(), reward_wait=60.0)

    def test_no_more_than_one_click_of_one_on_each_document_goes_to_policy_and_memory(self, earned, log):
        for query_id in ("q1", "q2"):
            log.search(query_id, user_id="u")
            for object_id in ("a", "b"):
                log.event(f"{object_id} {query_id}", query_id, object_id, reward=5.0)
        assert earned.run_once(now=100.0).uncounted == 0
        assert log.diary() == [2.0, 0.0]
        assert [successes for _, successes in log.memory().values()] == [1.0, 1.0]

    def test_what_one_chooses_again_is_neither_a_click_nor_a_pass(self, learner, log):
        """Three pages count, "a" first on each; what is passed by on all three has looks from each."""
        for number in range(3):
            log.search(f"q{number}", user_id="u")
            log.event(f"e{number}", f"q{number}", "a")
        learner.run_once(now=100.0)
        seen = log.memory()
        assert seen["a"] == (1.0, 1.0)
        assert seen["b"] == (pytest.approx(3 * 2**-0.7, abs=1e-6), 0.0)

    def test_a_click_of_which_half_counts_is_half_a_look(self, learner, log):
        """Fifteen others leave room for a click and a half."""
        for number in range(15):
            log.search(f"theirs {number}", user_id=f"person {number}")
            log.event(f"their click {number}", f"theirs {number}", "a")
        for number in range(3):
            log.search(f"mine {number}", user_id="u")
            log.event(f"my click {number}", f"mine {number}", "a")
        learner.run_once(now=100.0)
        assert log.memory()["a"] == (16.5, 16.5)

    def test_pages_beyond_the_third_of_one_are_no_evidence(self, learner, log):
        for number in range(5):
            log.search(f"q{number}", user_id="u")
        assert learner.run_once(now=100.0).uncounted == 2
        assert log.memory()["a"] == (3.0, 0.0)
        assert log.history()["bm25"][0] == 3.0

    def test_what_one_added_in_earlier_passes_counts_for_a_week(self, earned, log):
        week = 7 * 86_400.0
        for number, at in enumerate((0.0, week - 86_400.0, week)):
            log.search(f"q{number}", user_id="u", at=at)
            log.event(f"e{number}", f"q{number}", reward=5.0, at=at)
            earned.run_once(now=at + 100.0)
        assert log.diary() == [1.0, 0.0, 1.0]

    def test_one_in_time_and_one_late_and_no_more(self, earned, log):
        log.search("q1", user_id="u")
        log.event("in time", "q1", "a", reward=5.0)
        earned.run_once(now=100.0)
        for number in range(3):
            log.event(f"late {number}", "q1", "a", reward=2.0, at=101.0)
        earned.run_once(now=200.0)
        assert log.memory()["a"] == (1.0, 2.0)

    def test_what_one_added_in_time_is_forgotten_after_two_weeks(self, learner, log, tmp_path):
        for day in (0, 14, 15):
            log.search(f"q{day}", user_id="u", at=day * 86_400.0)
            learner.run_once(now=day * 86_400.0 + 100.0)
        with closing(sqlite3.connect(tmp_path / "ltrr.db")) as connection:
            days = {day for (day,) in connection.execute("SELECT day FROM ltrr_client_counts")}
        assert days == {14, 15}

    @pytest.mark.parametrize("passes", [1, 4])
    def test_weeks_later_it_is_one_late_too_however_often_a_learner_came_by(self, earned, log, passes):
        weeks = 20 * 86_400.0
        log.search("old", user_id="u")
        earned.run_once(now=100.0)
        for number in range(passes):
            at = weeks + 100.0 * number
            log.search(f"theirs {number}", query="rain", user_id=f"u{number}", at=at)
            for late in range(4 // passes):
                log.event(f"late {number} {late}", "old", "a", reward=2.0, at=at)
            earned.run_once(now=at + 90.0)
        assert log.memory()["a"] == (1.0, 1.0)

    @pytest.mark.parametrize("others", [0, 10])
    def test_who_takes_back_late_what_never_counted_takes_nothing_from_others(self, earned, log, others):
        for number in range(others):
            log.search(f"theirs {number}", user_id=f"u{number}")
            log.event(f"click {number}", f"theirs {number}", "a")
        for number in range(3):
            log.search(f"mine {number}", user_id="u")
            log.event(f"like {number}", f"mine {number}", "a", reward=5.0)
        earned.run_once(now=100.0)
        before = log.memory()["a"]
        assert before[1] == others + 1.0
        for number in range(1, 3):
            log.event(f"dislike {number}", f"mine {number}", "a", reward=-5.0, at=101.0)
        earned.run_once(now=200.0)
        exposures, successes = log.memory()["a"]
        assert successes == before[1]
        assert exposures <= before[0] + 3.0

    def test_what_counts_of_an_impression_is_kept_through_batches_of_late_events(self, store, earned, log):
        log.search("q1", user_id="u")
        log.event("in time", "q1", "a", reward=5.0)
        earned.run_once(now=100.0)
        for number in range(6):
            log.event(f"late {number}", "q1", "a", reward=1.0 if number < 4 else -1.0, at=101.0)
            if number % 2:
                earned.run_once(now=200.0)
        (settled,) = store.learned(0, 10)
        assert settled.rewards == {"a": 7.0}
        assert settled.counted_rewards == {"a": 2.0}

    @pytest.mark.parametrize(("who", "level"), [({"user_id": "u"}, "INFO"), ({"user_id": None}, "WARNING")])
    def test_that_most_searches_name_nobody_is_a_warning(self, learner, log, caplog, who, level):
        caplog.set_level("INFO")
        for number in range(10):
            log.search(f"q{number}", f"query {number}", **who)
        learner.run_once(now=100.0)
        told = [record for record in caplog.records if "beyond their client's share" in record.getMessage()]
        assert [record.levelname for record in told] == [level]
