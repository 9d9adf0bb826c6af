import logging
import os
import signal
import threading
import time
from dataclasses import replace

import pytest
from haystack.utils import Secret

from factories import record, search
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.learning import Learner, TrainingSchedule
from ltrr_haystack.learning.training_schedule import TRAINING, TrainingRecord, is_due, train_if_due
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.features import FeatureSchema, compute
from ltrr_haystack.store import RANKER, LTRRStore
from serving import eventually

pytest.importorskip("lightgbm")


@pytest.fixture
def store(sqlite_url, monkeypatch):
    """A store whose url is in the environment, as a server has it."""
    monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
    opened = LTRRStore()
    yield opened
    opened.close()


def logged(number):
    """A page of three documents with its features."""
    ranking = search(f"q{number}", ["a", "b", "c"], query=f"query {number % 30}", user_id=f"u{number}")
    schema = FeatureSchema.of_arms(ranking.decision.actions.names)
    values = compute(schema, ranking.candidates, ranking.reports, ranking.decision, {})
    return replace(ranking, features=schema.mappings(values))


def learn(store, count, start=0):
    """So many searches, each with a click, that a learner has been through."""
    record(store, [(logged(number), {"b": 1.0}) for number in range(start, start + count)], settle=False)
    Learner(store, StaticPolicy(), reward_wait=0.0, batch=1_000).run_once(now=1e9)


def over(schedule):
    """Wait for the end of the process that a schedule started."""
    return eventually(lambda: schedule.pid is None)


class TestIsDue:
    def test_after_so_many_searches_that_were_learned_from(self, store):
        learn(store, 9)
        assert not is_due(store, 10)
        learn(store, 1, start=9)
        assert is_due(store, 10)

    def test_and_again_after_as_many(self, store):
        learn(store, 15)
        assert train_if_due(store, 10, lambda store: None)
        assert not is_due(store, 10)
        learn(store, 9, start=15)
        assert not is_due(store, 10)
        learn(store, 1, start=24)
        assert is_due(store, 10)

    def test_a_record_of_a_later_version_is_read_as_far_as_it_is_known(self, store):
        learn(store, 10)
        store.add_snapshot(TRAINING, b"", {"trained": 10, "machine": "elsewhere"}, activate=True)
        assert TrainingRecord.of(store) == TrainingRecord(10)
        assert not is_due(store, 1)

    def test_not_while_somebody_trains(self, store):
        learn(store, 10)
        TrainingRecord(0, "somebody", time.time() + 60).put(store)
        assert not is_due(store, 10)
        TrainingRecord(0, "somebody", time.time() - 1).put(store)
        assert is_due(store, 10)


class TestTrainIfDue:
    def test_of_many_at_once_one_trains(self, store):
        learn(store, 10)
        trained = []
        racers = [
            threading.Thread(target=train_if_due, args=(store, 10, lambda store: trained.append(1))) for _ in range(4)
        ]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert trained == [1]
        assert TrainingRecord.of(store) == TrainingRecord(10)

    def test_what_is_searched_meanwhile_counts_for_the_next_one(self, store):
        learn(store, 10)
        train_if_due(store, 10, lambda store: learn(store, 10, start=10))
        assert TrainingRecord.of(store).trained == 10
        assert is_due(store, 10)

    def test_one_that_fails_is_tried_again_after_as_many_searches(self, store):
        learn(store, 10)

        def fail(store):
            raise RuntimeError("no memory left")

        with pytest.raises(RuntimeError, match="no memory left"):
            train_if_due(store, 10, fail)
        assert not is_due(store, 10)
        learn(store, 10, start=10)
        assert is_due(store, 10)

    def test_one_that_takes_long_is_not_begun_a_second_time(self, store):
        learn(store, 10)
        due = []

        def slow(store):
            until = time.monotonic() + 1.0
            while time.monotonic() < until:
                due.append(is_due(store, 10))
                time.sleep(0.02)

        train_if_due(store, 10, slow, claim_seconds=0.4)
        assert not any(due)

    def test_its_end_is_not_overwritten_by_what_was_on_the_way_to_prolong_it(self, store, monkeypatch):
        learn(store, 10)
        prolonging, put = threading.Event(), TrainingRecord.put

        def slow_put(record, store):
            if threading.current_thread().name == "ltrr-training":
                prolonging.set()
                time.sleep(0.3)
            put(record, store)

        monkeypatch.setattr(TrainingRecord, "put", slow_put)
        train_if_due(store, 10, lambda store: prolonging.wait(10.0), claim_seconds=0.3)
        time.sleep(0.4)
        assert TrainingRecord.of(store) == TrainingRecord(10)

    def test_the_second_in_a_row_that_is_killed_is_tried_again_after_as_many_searches(self, store):
        learn(store, 10)
        claims = []

        def remember(store):
            claims.append(replace(TrainingRecord.of(store), expires_at=time.time() - 1.0))

        train_if_due(store, 10, remember)
        claims[0].put(store)
        assert is_due(store, 10)
        train_if_due(store, 10, remember)
        claims[1].put(store)
        assert not is_due(store, 10)
        learn(store, 10, start=10)
        assert is_due(store, 10)
        train_if_due(store, 10, remember)
        assert TrainingRecord.of(store) == TrainingRecord(20)

    def test_gives_up_where_the_lease_is_not_to_be_had(self, store, monkeypatch, caplog):
        monkeypatch.setattr("ltrr_haystack.learning.training_schedule.LEASE_WAIT", 0.1)
        learn(store, 10)
        assert store.acquire_lease("somebody", 60.0)
        with caplog.at_level(logging.WARNING):
            assert not train_if_due(store, 10, lambda store: pytest.fail("trained without the lease"))
        assert "gave up" in caplog.text
        assert is_due(store, 10)
        assert not store.acquire_lease("else", 1.0), "what somebody else holds is not given back"

    def test_learning_goes_on_meanwhile(self, store):
        learn(store, 10)
        passes = []

        def train(store):
            passes.append(Learner(store, StaticPolicy(), reward_wait=0.0).run_once(now=1e9).busy)

        train_if_due(store, 10, train)
        assert passes == [None]


class TestTrainingSchedule:
    def test_trains_in_a_process_of_its_own_and_leaves_a_card(self, store):
        learn(store, 250)
        schedule = TrainingSchedule(store, every=250)
        schedule.look()
        assert schedule.pid not in (None, os.getpid())
        assert over(schedule)
        (made,) = store.snapshots(RANKER)
        assert made.card["decisions"] == 250
        assert (made.card["gate"]["look"], made.card["gate"]["queries"]) == (1, 30)
        assert made.card["gate"]["passed"] is made.active is True, "what is always clicked is at the second place"
        schedule.look()
        assert schedule.pid is None
        assert TrainingRecord.of(store) == TrainingRecord(250)

    def test_before_it_is_due_nothing_is_started(self, store):
        learn(store, 5)
        schedule = TrainingSchedule(store, every=6)
        schedule.look()
        assert schedule.pid is None
        assert store.snapshots(TRAINING) == []

    def test_of_two_servers_one_trains(self, store):
        learn(store, 250)
        schedules = [TrainingSchedule(store, every=250) for _ in range(2)]
        for schedule in schedules:
            schedule.look()
        assert all(map(over, schedules))
        assert len(store.snapshots(RANKER)) == 1

    def test_one_that_is_killed_loses_nothing_and_is_begun_anew(self, store, caplog):
        learn(store, 250)
        schedule = TrainingSchedule(store, every=250, claim_seconds=1.0)
        schedule.look()
        assert eventually(lambda: TrainingRecord.of(store).is_taken)
        os.kill(schedule.pid, signal.SIGKILL)
        assert over(schedule)
        assert store.snapshots(RANKER) == []
        assert store.counts().decisions == 250

        def trained():
            schedule.look()
            return bool(store.snapshots(RANKER)) and schedule.pid is None

        with caplog.at_level(logging.WARNING):
            assert eventually(trained)
        assert "ended with exit code -9" in caplog.text
        assert TrainingRecord.of(store) == TrainingRecord(250)

    def test_stopped_it_ends_and_is_begun_anew(self, store):
        learn(store, 250)
        schedule = TrainingSchedule(store, every=250, claim_seconds=1.0)
        schedule.look()
        pid = schedule.pid
        assert eventually(lambda: TrainingRecord.of(store).is_taken)
        schedule.stop()
        assert schedule.pid is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert store.snapshots(RANKER) == []

        def trained():
            schedule.look()
            return bool(store.snapshots(RANKER)) and schedule.pid is None

        assert eventually(trained)
        assert TrainingRecord.of(store) == TrainingRecord(250)

    def test_one_that_dies_before_it_begins_is_not_started_with_every_look(self, store, tmp_path, monkeypatch, caplog):
        starts = tmp_path / "starts"
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\necho started >> {starts}\nexit 3\n")
        python.chmod(0o755)
        monkeypatch.setattr("sys.executable", str(python))
        learn(store, 10)

        def looks(schedule, count):
            starts.write_text("")
            for _ in range(count):
                schedule.look()
                assert over(schedule)
            return len(starts.read_text().splitlines())

        with caplog.at_level(logging.WARNING):
            assert looks(TrainingSchedule(store, every=10, claim_seconds=600.0), 5) == 1
        assert "ended with exit code 3" in caplog.text
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            hasty = TrainingSchedule(store, every=10, claim_seconds=1e-3)
            assert eventually(lambda: looks(hasty, 1) >= 0 and len(caplog.records) == 3)
        assert [round(record.wait, 6) for record in caplog.records] == [0.001, 0.002, 0.004]

    def test_one_that_cannot_be_started_is_waited_with_as_well(self, store, tmp_path, monkeypatch, caplog):
        monkeypatch.setattr("sys.executable", str(tmp_path / "nothing"))
        learn(store, 10)
        schedule = TrainingSchedule(store, every=10)
        with caplog.at_level(logging.WARNING):
            schedule.look()
            schedule.look()
        (said,) = caplog.records
        assert "could not be started" in said.getMessage()

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"every": 0}, "every of TrainingSchedule must be at least 1, got 0"),
            ({"claim_seconds": 0.0}, "claim_seconds of TrainingSchedule must be positive, got 0.0"),
        ],
    )
    def test_refuses_settings_that_cannot_work(self, store, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            TrainingSchedule(store, **settings)

    def test_a_url_that_no_other_process_can_be_told_is_refused(self, sqlite_url):
        with pytest.raises(ConfigurationError, match="take it from an environment variable"):
            TrainingSchedule(LTRRStore(Secret.from_token(sqlite_url)))
