import sqlite3
import threading
from contextlib import closing

import pytest
from haystack.utils import Secret

from ltrr_haystack.errors import SnapshotError, StoreError
from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.learning import Learner, Progress
from ltrr_haystack.learning.amounts import in_steps
from ltrr_haystack.policy import vw
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import PAGE, LTRRStore
from ltrr_haystack.types import Features

# Searches happen at second 0 unless a test says otherwise; the reward wait is over at second 10.
DUE = 10.0


def look(position):
    """What an impression counts by the default curve, in the steps in which it is added up."""
    return in_steps(PageModel().curve.at(position))


class TestSettling:
    def test_learns_from_a_decision_once_its_reward_wait_is_over(self, learner, log):
        log.search("early", at=0.0)
        log.search("later", at=5.0)
        assert learner.run_once(now=9.9).learned == 0
        assert learner.run_once(now=10.0).learned == 1
        assert log.diary() == ["early"]
        assert learner.run_once(now=15.0).learned == 1
        assert log.diary() == ["early", "later"]

    def test_a_clock_that_jumped_ahead_delays_its_own_search_alone(self, learner, log):
        log.search("jumped", at=86_400.0)
        log.search("second", at=0.0)
        assert learner.run_once(now=DUE).learned == 1
        assert learner.run_once(now=86_410.0).learned == 1
        assert log.diary() == ["second", "jumped"]

    def test_learns_nothing_twice(self, learner, log):
        log.search("q1")
        learner.run_once(now=DUE)
        assert learner.run_once(now=DUE) == Progress(settled=1, learned=0, late=0, version=1)
        assert log.diary() == ["q1"]

    def test_goes_through_a_backlog_in_the_order_of_the_log(self, store, diary, log):
        for number in range(7):
            log.search(f"q{number}")
        assert Learner(store, diary(), reward_wait=10.0, batch=3).run_once(now=DUE).learned == 7
        assert log.diary() == [f"q{number}" for number in range(7)]

    def test_stops_between_batches_when_told_to(self, store, diary, log):
        for number in range(4):
            log.search(f"q{number}")
        stop = threading.Event()

        class Interrupted(diary):
            def restored(self, payload):
                stop.set()
                return diary.restored(self, payload)

        learner = Learner(store, Interrupted(), reward_wait=10.0, batch=3)
        assert learner.run_once(now=DUE, stop=stop).learned == 3
        assert learner.run_once(now=DUE).learned == 1


class TestMemoryAndHistory:
    def test_a_click_and_a_pass_count_a_look_as_far_as_their_position_is_examined(self, learner, log):
        log.search("q1", shown=("a", "b", "c", "d"))
        log.event("e1", "q1", "b", reward=1.0)
        learner.run_once(now=DUE)
        assert log.memory() == {"a": (1.0, 0.0), "b": (look(2), 1.0), "c": (look(3), 0.0), "d": (look(4), 0.0)}

    def test_by_the_curve_of_the_page_model_that_ordered_the_page(self, store, learner, log):
        model = PageModel(ExaminationCurve(learned=(1.0, 0.5)))
        assert store.add_snapshot(PAGE, model.to_bytes(), {}, activate=True) == 1
        log.search("q1", query="old", shown=("a", "b"))
        log.search("q2", query="new", shown=("a", "b"), page_version=1)
        log.search("q3", query="gone", shown=("a", "b"), page_version=7)
        learner.run_once(now=DUE)
        assert [log.memory(query)["b"][0] for query in ("old", "new", "gone")] == [look(2), 0.5, 0.5]

    def test_searches_of_one_query_add_up(self, learner, log):
        for number in range(3):
            log.search(f"q{number}", shown=("a", "b"))
        log.event("e1", "q0", "b", reward=3.0)
        log.event("e2", "q1", "b", reward=1.0)
        log.search("other", query="hate", shown=("b",))
        learner.run_once(now=DUE)
        assert log.memory("love") == {"a": (3.0, 0.0), "b": (3 * look(2), 2.0)}
        assert log.memory("hate") == {"b": (1.0, 0.0)}

    def test_an_arm_has_a_draw_its_credit_and_what_it_returned_for_each_search_it_ran_in(self, learner, log):
        log.search("q1", allocation={"bm25": 10, "dense": 30}, returned={"bm25": 10, "dense": 4})
        log.search("q2", allocation={"bm25": 30, "dense": 0}, returned={"bm25": 21})
        log.event("e1", "q1", "a", reward=1.5)
        learner.run_once(now=DUE)
        third = pytest.approx(1 / 3, abs=1e-6)  # of one click, the most that one client adds for a document
        assert log.history() == {"bm25": (2.0, third, 31.0), "dense": (1.0, third, 4.0)}

    def test_a_policy_moves_rewards_by_the_curve_that_its_page_model_learned(self, store, diary, log):
        """As long as none was learned, by the flat one for unions."""

        class Reader(diary):
            def learn(self, settled, curve=None):
                self.entries.append(list(curve.learned) or curve.eta)
                return {}

            def restored(self, payload):
                copy = Reader(self.title)
                copy.entries = super().restored(payload).entries
                return copy

        for curve in (ExaminationCurve(learned=(1.0, 0.25)), ExaminationCurve(2.0)):
            store.add_snapshot(PAGE, PageModel(curve).to_bytes(), {}, activate=True)
        for version in (0, 1, 2):
            log.search(f"q{version}", page_version=version)
        Learner(store, Reader(), reward_wait=0.0).run_once(now=DUE)
        assert log.diary() == [UNION.eta, [1.0, 0.25], UNION.eta]

    def test_an_arm_that_failed_was_drawn_and_returned_nothing(self, learner, log):
        log.search("q1", allocation={"bm25": 10, "dense": 30}, returned={"bm25": 10, "dense": 0})
        learner.run_once(now=DUE)
        assert log.history()["dense"] == (1.0, 0.0, 0.0)


class TestLateRewards:
    def test_a_late_reward_goes_to_the_memory_and_not_to_the_policy(self, learner, log):
        log.search("q1", shown=("a", "b"))
        learner.run_once(now=DUE)
        log.event("e1", "q1", "b", reward=1.0, at=99.0)
        assert learner.run_once(now=DUE) == Progress(settled=1, learned=0, late=1, version=1)
        assert log.memory() == {"a": (1.0, 0.0), "b": (look(2), 1.0)}
        assert log.history() == {"bm25": (1.0, 0.0, 10.0)}
        assert log.diary() == ["q1"]

    def test_a_late_reward_counts_once(self, learner, log):
        log.search("q1")
        learner.run_once(now=DUE)
        log.event("e1", "q1", "b")
        assert learner.run_once(now=DUE).late == 1
        log.event("e1", "q1", "b")
        assert learner.run_once(now=DUE).late == 0

    def test_what_comes_between_settling_and_learning_is_late(self, store, learner, log):
        log.search("q1", shown=("a", "b"))
        log.event("e1", "q1", "a", reward=3.0)
        store.settle(before=0.0)
        log.event("e2", "q1", "a", reward=1.5)
        assert learner.run_once(now=DUE) == Progress(settled=1, learned=1, late=1, version=1)
        assert log.history() == {"bm25": (1.0, pytest.approx(1 / 3, abs=1e-6), 10.0)}
        assert log.memory()["a"] == (1.0, 2.0)

    def test_many_are_taken_in_batches(self, store, diary, log):
        learner = Learner(store, diary(), reward_wait=10.0, batch=2)
        log.search("q1", shown=("a",))
        learner.run_once(now=DUE)
        for number in range(5):
            log.event(f"e{number}", "q1", "a")
        assert learner.run_once(now=DUE).late == 5
        # Five clicks of one person on one document count as one.
        assert log.memory() == {"a": (1.0, 1.0)}


class TestSnapshots:
    def test_one_is_written_only_when_something_was_learned(self, store, learner, log):
        learner.run_once(now=DUE)
        assert store.snapshots("policy") == []
        log.search("q1")
        learner.run_once(now=DUE)
        learner.run_once(now=DUE)
        log.event("e1", "q1")
        learner.run_once(now=DUE)
        assert [info.version for info in store.snapshots("policy")] == [1]

    def test_its_card_says_how_far_the_policy_has_come(self, store, learner, log):
        log.search("q1")
        log.search("q2")
        learner.run_once(now=DUE)
        assert dict(store.snapshot("policy").card) == {"policy": "diary", "entries": 2, "learned": 2}

    def test_the_policy_that_was_handed_in_is_left_alone(self, store, diary, log):
        policy = diary()
        log.search("q1")
        Learner(store, policy, reward_wait=10.0).run_once(now=DUE)
        assert policy.entries == []

    def test_another_learner_goes_on_from_the_snapshot(self, store, diary, learner, log):
        log.search("q1")
        learner.run_once(now=DUE)
        log.search("q2")
        Learner(store, diary(), reward_wait=10.0).run_once(now=DUE)
        log.search("q3")
        learner.run_once(now=DUE)
        assert log.diary() == ["q1", "q2", "q3"]

    def test_after_a_rollback_learning_goes_on_from_the_activated_version(self, store, learner, log):
        for query_id in ("q1", "q2"):
            log.search(query_id)
            learner.run_once(now=DUE)
        store.activate("policy", 1)
        log.search("q3")
        assert learner.run_once(now=DUE).version == 3
        assert log.diary() == ["q1", "q3"]

    def test_a_rollback_in_the_midst_of_a_batch_is_heeded(self, store, diary, log):
        class RolledBack(diary):
            def learn(self, settled, curve=None):
                if settled.decision.query_id == "q3" and store.active_version("policy") == 2:
                    store.activate("policy", 1)
                return diary.learn(self, settled)

            def restored(self, payload):
                copy = RolledBack()
                copy.entries = diary.restored(self, payload).entries
                return copy

        learner = Learner(store, RolledBack(), reward_wait=10.0)
        for query_id in ("q1", "q2"):
            log.search(query_id)
            learner.run_once(now=DUE)
        log.search("q3")
        log.search("q4")
        assert learner.run_once(now=DUE).learned == 2
        assert log.diary() == ["q1", "q3", "q4"]

    def test_goes_on_from_the_newest_good_snapshot_where_the_active_one_is_damaged(self, store, diary, log, damage):
        for number in (1, 2, 3):
            log.search(f"q{number}")
            Learner(store, diary(), reward_wait=10.0).run_once(now=DUE)
        damage(3)
        log.search("q4")
        progress = Learner(store, diary(), reward_wait=10.0).run_once(now=DUE)
        assert (progress.learned, progress.version) == (1, 4)
        assert log.diary() == ["q1", "q2", "q4"]
        assert store.watermark().learned == 4

    def test_a_snapshot_of_other_settings_is_refused_by_name(self, store, diary, learner, log):
        log.search("q1")
        learner.run_once(now=DUE)
        log.search("q2")
        other = Learner(store, diary("another"), reward_wait=10.0)
        with pytest.raises(SnapshotError, match=r"policy snapshot 1 cannot be used: diary '' was read as 'another'"):
            other.run_once(now=DUE)
        assert store.watermark().learned == 1
        assert learner.run_once(now=DUE).learned == 1

    def test_an_installed_policy_becomes_the_active_one_and_learns_on(self, store, diary, learner, log):
        log.search("q1")
        learner.run_once(now=DUE)
        trained = diary()
        trained.entries = ["warm"]
        assert learner.install(trained, {"queries": 300}) == 2
        assert dict(store.snapshot("policy").card) == {"policy": "diary", "entries": 1, "queries": 300}
        log.search("q2")
        learner.run_once(now=DUE)
        assert log.diary() == ["warm", "q2"]

    def test_a_policy_of_other_settings_is_not_installed(self, store, diary, learner):
        with pytest.raises(SnapshotError, match="diary 'another' was read as ''"):
            learner.install(diary("another"))
        assert store.snapshots("policy") == []


class TestLease:
    def test_the_lease_of_another_learner_is_respected_and_handed_over(self, open_store, diary, learner, log):
        log.search("q1")
        other = open_store()
        assert other.acquire_lease("another", 60.0)
        assert learner.run_once(now=DUE) == Progress(busy="lease")
        other.release_lease("another")
        assert learner.run_once(now=DUE).learned == 1
        assert Learner(other, diary(), reward_wait=10.0).run_once(now=DUE).busy is None

    def test_the_lease_of_a_learner_that_fell_silent_runs_out(self, store, learner, log):
        log.search("q1")
        store.acquire_lease("dead", 0.0)
        assert learner.run_once(now=DUE).learned == 1

    def test_install_waits_for_the_lease_no_longer_than_it_can_last(self, store, diary):
        store.acquire_lease("another", 60.0)
        with pytest.raises(StoreError, match=r"another learner has held the lease for 0.1 s"):
            Learner(store, diary(), lease_seconds=0.1).install(diary())

    def test_holders_differ_between_two_learners(self, store, diary):
        assert Learner(store, diary()).holder != Learner(store, diary()).holder

    def test_a_batch_during_which_the_lease_was_lost_is_dropped_and_learned_anew(self, open_store, store, diary, log):
        thief = open_store()

        class Robbed(diary):
            robbed = False

            def learn(self, settled, curve=None):
                if not Robbed.robbed:
                    Robbed.robbed = True
                    thief.release_lease(learner.holder)
                    assert thief.acquire_lease("thief", 60.0)
                return diary.learn(self, settled)

            def restored(self, payload):
                copy = Robbed()
                copy.entries = diary.restored(self, payload).entries
                return copy

        learner = Learner(store, Robbed(), reward_wait=10.0)
        log.search("q1")
        log.search("q2")
        with pytest.raises(StoreError):
            learner.run_once(now=DUE)
        assert (log.diary(), log.memory(), store.watermark().learned) == ([], {}, 0)
        assert learner.run_once(now=DUE) == Progress(busy="lease")
        thief.release_lease("thief")
        assert learner.run_once(now=DUE).learned == 2
        assert log.diary() == ["q1", "q2"]

    def test_a_batch_that_fails_half_way_is_learned_anew(self, store, diary, log):
        class Stumbling(diary):
            stumbled = False

            def learn(self, settled, curve=None):
                if settled.decision.query_id == "q2" and not Stumbling.stumbled:
                    Stumbling.stumbled = True
                    raise RuntimeError("stumbled over q2")
                return diary.learn(self, settled)

            def restored(self, payload):
                copy = Stumbling()
                copy.entries = diary.restored(self, payload).entries
                return copy

        learner = Learner(store, Stumbling(), reward_wait=10.0)
        log.search("q1")
        log.search("q2")
        assert learner.run_once(now=DUE) == Progress(settled=2, learned=2, version=1)
        assert log.diary() == ["q1", "q2"]
        assert log.history() == {"bm25": (2.0, 0.0, 20.0)}


class TestSetAside:
    def test_a_decision_that_cannot_be_read_is_kept_and_stops_nobody(self, store, learner, log, tmp_path, caplog):
        for query_id in ("q1", "q2", "q3"):
            log.search(query_id)
        with closing(sqlite3.connect(tmp_path / "ltrr.db")) as connection:
            connection.execute("UPDATE ltrr_decisions SET payload = x'7b7d' WHERE query_id = 'q2'")
            connection.commit()
        assert learner.run_once(now=DUE) == Progress(settled=3, learned=2, version=1, set_aside=1)
        assert log.diary() == ["q1", "q3"]
        assert (store.counts().set_aside, store.counts().decisions, store.counts().learned) == (1, 3, 3)
        assert "Decision 2 was set aside: it cannot be read: " in caplog.text
        log.search("q4")
        assert learner.run_once(now=DUE).learned == 1

    def test_so_is_one_that_no_policy_can_learn_from(self, store, diary, log):
        class Choosy(diary):
            def learn(self, settled, curve=None):
                if settled.decision.query_id == "q2":
                    raise ZeroDivisionError("a propensity of 0")
                return diary.learn(self, settled)

            def restored(self, payload):
                copy = Choosy()
                copy.entries = diary.restored(self, payload).entries
                return copy

        for query_id in ("q1", "q2", "q3"):
            log.search(query_id)
        progress = Learner(store, Choosy(), reward_wait=10.0).run_once(now=DUE)
        assert progress == Progress(settled=3, learned=2, version=1, set_aside=1)
        assert log.diary() == ["q1", "q3"]
        assert log.history() == {"bm25": (2.0, 0.0, 20.0)}

    def test_where_nearly_all_fail_the_decisions_are_not_to_blame(self, store, diary, log):
        class Broken(diary):
            def learn(self, settled, curve=None):
                raise ZeroDivisionError

            def restored(self, payload):
                return Broken()

        for number in range(30):
            log.search(f"q{number}")
        with pytest.raises(
            StoreError, match=r"more than 15 of 30 decisions cannot be learned from, .*ZeroDivisionError"
        ):
            Learner(store, Broken(), reward_wait=10.0).run_once(now=DUE)
        assert (store.counts().set_aside, store.watermark().learned) == (0, 0)


class TestThreads:
    def test_a_second_caller_returns_at_once(self, store, diary, log):
        inside, go_on = threading.Event(), threading.Event()

        class Slow(diary):
            def restored(self, payload):
                inside.set()
                assert go_on.wait(10)
                return diary.restored(self, payload)

        learner = Learner(store, Slow(), reward_wait=10.0)
        log.search("q1")
        first = threading.Thread(target=learner.run_once, args=(DUE,))
        first.start()
        assert inside.wait(10)
        assert learner.run_once(now=DUE) == Progress(busy="thread")
        go_on.set()
        first.join()
        assert log.diary() == ["q1"]

    def test_many_threads_learn_everything_once_in_order(self, store, diary, log):
        learner = Learner(store, diary(), reward_wait=10.0, batch=2)

        def search_and_learn(worker):
            for number in range(10):
                log.search(f"{worker}-{number}")
                learner.run_once(now=DUE)

        threads = [threading.Thread(target=search_and_learn, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        learner.run_once(now=DUE)
        learned = log.diary()
        assert len(learned) == len(set(learned)) == 40
        assert log.history()["bm25"] == (40.0, 0.0, 400.0)
        settled = store.settled(0, 100)
        assert learned == [decision.decision.query_id for decision in settled]


class TestSerialisation:
    def test_round_trip_with_store_and_policy(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path / 'ltrr.db'}")
        learner = Learner(LTRRStore(), VWPolicy(), reward_wait=5.0, batch=7, lease_seconds=3.0)
        copy = Learner.from_dict(learner.to_dict())
        assert copy.to_dict() == learner.to_dict()
        assert (copy.reward_wait, copy.batch, copy.lease_seconds) == (5.0, 7, 3.0)
        assert isinstance(copy.store, LTRRStore)
        assert isinstance(copy.policy, VWPolicy)

    def test_a_constructor_opens_nothing(self, tmp_path, diary):
        Learner(LTRRStore(Secret.from_token(f"sqlite:///{tmp_path / 'ltrr.db'}")), diary())
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("settings", "complaint"),
        [
            ({"reward_wait": -1.0}, r"reward_wait must be a number of seconds, 0 or more, got -1.0"),
            ({"batch": 0}, "batch must be at least 1, got 0"),
            ({"lease_seconds": 0.0}, r"lease_seconds must be positive, got 0.0"),
        ],
    )
    def test_refuses_settings_that_cannot_work(self, store, diary, settings, complaint):
        with pytest.raises(ValueError, match=complaint):
            Learner(store, diary(), **settings)


def test_after_a_policy_that_an_earlier_version_made_learning_begins_anew(store, log, monkeypatch, caplog):
    monkeypatch.setattr(vw, "_LINES_VERSION", 1)
    older = VWPolicy()
    older.fit(parse_actions({"a": {"levels": [0, 5]}}, 5, {"a": 5}), Features(), {}, counts=900)
    store.add_snapshot("policy", older.to_bytes(), {}, activate=True)
    monkeypatch.undo()
    log.search("q1")
    progress = Learner(store, VWPolicy(), reward_wait=10.0).run_once(now=DUE)
    assert (progress.learned, progress.version) == (1, 2)
    assert VWPolicy().restored(store.snapshot("policy").payload).n == 1
    assert "Learning begins anew; memory and history stay: policy snapshot 1 cannot be used" in caplog.text
