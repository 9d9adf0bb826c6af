import logging
import threading

import pytest

from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.learning import BackgroundLearner, Learner, follow
from ltrr_haystack.learning.background import LONGEST_PAUSE, _pause

PATIENCE = 20.0


class Passes:
    """Stands for a learner: counts its passes, and fails those it is told to."""

    def __init__(self, enough, failing=()):
        self.enough = enough
        self.failing = failing
        self.count = 0
        self.reached = threading.Event()
        self.stop = None

    def run_once(self, now=None, *, stop=None):
        self.count += 1
        self.stop = stop
        if self.count >= self.enough:
            self.reached.set()
        if self.count in self.failing:
            raise RuntimeError(f"pass {self.count} failed")
        return self.count


class TestFollow:
    def test_learns_until_told_to_stop_and_tells_of_each_pass(self):
        passes, stop, seen = Passes(enough=3), threading.Event(), []

        def on_progress(progress):
            seen.append(progress)
            if progress == 3:
                stop.set()

        follow(passes, 0.001, stop, on_progress)
        assert seen == [1, 2, 3]

    def test_goes_on_after_passes_that_fail_and_says_so(self, caplog):
        passes, stop, seen = Passes(enough=4, failing=(1, 2)), threading.Event(), []

        def on_progress(progress):
            seen.append(progress)
            if progress == 4:
                stop.set()

        with caplog.at_level(logging.ERROR):
            follow(passes, 0.001, stop, on_progress)
        assert seen == [3, 4]
        assert [record.exc_info[1].args[0] for record in caplog.records] == ["pass 1 failed", "pass 2 failed"]

    def test_waits_for_a_store_that_cannot_be_used_and_says_so_once(self, caplog):
        stop, outcomes = threading.Event(), iter([StoreUnavailableError("it is gone")] * 3 + ["learned"])

        class Waiting:
            def run_once(self, now=None, *, stop=None):
                outcome = next(outcomes)
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome

        with caplog.at_level(logging.WARNING):
            follow(Waiting(), 0.001, stop, lambda _: stop.set())
        assert [record.getMessage() for record in caplog.records] == [
            "The learner waits for its store, until this is mended: StoreUnavailableError: it is gone",
            "The learner waits for its store: mended after 0 s",
        ]
        assert all(record.exc_info is None for record in caplog.records)

    def test_what_fails_after_a_pass_is_said_once_and_is_no_failure_of_the_pass(self, caplog):
        passes, stop, seen = Passes(enough=5), threading.Event(), []

        def on_progress(progress):
            seen.append(progress)
            if progress == 5:
                stop.set()
            elif progress > 1:
                raise RuntimeError("cannot look")

        with caplog.at_level(logging.WARNING):
            follow(passes, 0.001, stop, on_progress)
        assert seen == [1, 2, 3, 4, 5]
        assert [record.getMessage() for record in caplog.records] == [
            "The learner goes on without what is done after its passes, until this is mended: "
            "RuntimeError: cannot look",
            "The learner goes on without what is done after its passes: mended after 0 s",
        ]

    def test_the_pass_hears_of_the_stop(self):
        passes, stop = Passes(enough=1), threading.Event()
        follow(passes, 0.001, stop, lambda _: stop.set())
        assert passes.stop is stop

    def test_does_nothing_when_stopped_before(self):
        passes, stop = Passes(enough=1), threading.Event()
        stop.set()
        follow(passes, 0.001, stop)
        assert passes.count == 0

    @pytest.mark.parametrize(
        ("interval", "failures", "pause"),
        [
            (2.0, 0, 2.0),
            (2.0, 1, 4.0),
            (2.0, 3, 16.0),
            (2.0, 5, LONGEST_PAUSE),
            (2.0, 5000, LONGEST_PAUSE),
            (90.0, 3, 90.0),
        ],
    )
    def test_the_pause_doubles_with_each_failure_up_to_a_minute(self, interval, failures, pause):
        assert _pause(interval, failures) == pause


class TestBackgroundLearner:
    def test_learns_in_a_thread_of_its_own_until_stopped(self):
        passes = Passes(enough=3)
        background = BackgroundLearner(passes, interval=0.001)
        assert not background.running
        background.start()
        assert passes.reached.wait(PATIENCE)
        background.stop()
        assert not background.running
        count = passes.count
        assert not threading.Event().wait(0.02)
        assert passes.count == count

    def test_stop_does_not_wait_for_the_interval_to_pass(self):
        passes = Passes(enough=1)
        background = BackgroundLearner(passes, interval=3600.0)
        background.start()
        assert passes.reached.wait(PATIENCE)
        stopper = threading.Thread(target=background.stop, daemon=True)
        stopper.start()
        stopper.join(PATIENCE)
        assert not stopper.is_alive()

    def test_survives_the_errors_of_a_pass(self):
        passes = Passes(enough=3, failing=(1, 2))
        background = BackgroundLearner(passes, interval=0.001)
        background.start()
        assert passes.reached.wait(PATIENCE)
        assert background.running
        background.stop()

    def test_a_second_start_changes_nothing_and_a_stopped_one_starts_again(self):
        passes = Passes(enough=1)
        background = BackgroundLearner(passes, interval=3600.0)
        background.stop()
        background.start()
        background.start()
        assert passes.reached.wait(PATIENCE)
        background.stop()
        background.stop()
        assert passes.count == 1
        background.start()
        background.stop()
        assert not background.running

    def test_looks_after_every_pass_whether_the_ranker_is_to_be_trained_and_ends_that_with_itself(self):
        class Training:
            looks, stopped = 0, False

            def look(self):
                self.looks += 1

            def stop(self):
                self.stopped = True

        passes, training = Passes(enough=3), Training()
        background = BackgroundLearner(passes, interval=0.001, training=training)
        background.start()
        assert passes.reached.wait(PATIENCE)
        background.stop()
        assert training.looks == passes.count
        assert training.stopped

    def test_does_not_keep_a_process_alive(self):
        background = BackgroundLearner(Passes(enough=1), interval=3600.0)
        background.start()
        (thread,) = (thread for thread in threading.enumerate() if thread.name == "ltrr-learner")
        assert thread.daemon
        background.stop()

    def test_refuses_an_interval_that_is_not_positive(self):
        with pytest.raises(ValueError, match=r"interval must be positive, got 0"):
            BackgroundLearner(Passes(enough=1), interval=0)

    def test_learns_what_people_do(self, store, diary, log):
        learned = threading.Event()

        class Telling(diary):
            def learn(self, settled, curve=None):
                learned.set()
                return diary.learn(self, settled)

            def restored(self, payload):
                copy = Telling()
                copy.entries = diary.restored(self, payload).entries
                return copy

        background = BackgroundLearner(Learner(store, Telling(), reward_wait=0.0), interval=0.01)
        background.start()
        log.search("q1")
        assert learned.wait(PATIENCE)
        background.stop()
        assert log.diary() == ["q1"]
