import logging
import threading
from unittest.mock import Mock

import pytest

from ltrr_haystack.errors import ConfigurationError, SnapshotError, StoreError
from ltrr_haystack.learning import active_policy, load_policy


def written(diary, *entries):
    policy = diary()
    policy.entries = list(entries)
    return policy.to_bytes()


class TestActivePolicy:
    def test_is_the_policy_as_configured_until_a_snapshot_is_active(self, store, diary):
        policy = diary()
        assert active_policy(store, policy).current() == (policy, 0)

    def test_takes_up_what_is_active(self, store, diary):
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        store.add_snapshot("policy", written(diary, "q1", "q2"), {}, activate=False)
        policy, version = active_policy(store, diary()).current()
        assert (policy.entries, version) == (["q1"], 1)

    def test_with_no_interval_it_looks_each_time(self, store, diary):
        active = active_policy(store, diary(), poll_interval=0.0)
        for number in (1, 2, 3):
            store.add_snapshot("policy", written(diary, f"q{number}"), {}, activate=True)
            policy, version = active.current()
            assert (policy.entries, version) == ([f"q{number}"], number)
        store.activate("policy", 1)
        assert active.current()[1] == 1

    def test_looks_no_more_often_than_its_interval(self, store, diary, monkeypatch):
        seconds = [100.0]
        monkeypatch.setattr("ltrr_haystack.store.active.time.monotonic", lambda: seconds[0])
        active = active_policy(store, diary(), poll_interval=1.0)
        assert active.current()[1] == 0
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        seconds[0] = 100.9
        assert active.current()[1] == 0
        seconds[0] = 101.0
        assert active.current()[1] == 1

    def test_an_unchanged_version_is_not_loaded_again(self, store, diary):
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        active = active_policy(store, diary(), poll_interval=0.0)
        assert active.current()[0] is active.current()[0]

    def test_the_constructor_opens_nothing(self, tmp_path, open_store, diary):
        active_policy(open_store(), diary())
        assert list(tmp_path.iterdir()) == []

    def test_refuses_a_negative_interval(self, store, diary):
        with pytest.raises(ConfigurationError, match=r"poll_interval must not be negative, got -1"):
            active_policy(store, diary(), poll_interval=-1)


class TestFailures:
    def test_a_failing_store_leaves_the_policy_in_use_and_is_logged_once(self, store, diary, monkeypatch, caplog):
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        active = active_policy(store, diary(), poll_interval=0.0)
        active.current()

        def fail(kind):
            raise StoreError("the disk is gone")

        with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
            broken.setattr(store, "active_version", fail)
            for _ in range(3):
                policy, version = active.current()
                assert (policy.entries, version) == (["q1"], 1)
        (message,) = (record.getMessage() for record in caplog.records)
        assert "version 1 stays in use: StoreError: the disk is gone" in message
        store.add_snapshot("policy", written(diary, "q2"), {}, activate=True)
        assert active.current()[1] == 2

    def test_a_snapshot_of_other_settings_leaves_the_policy_in_use(self, store, diary, caplog):
        active = active_policy(store, diary(), poll_interval=0.0)
        for entry in ("q1", "q2"):
            store.add_snapshot("policy", written(diary, entry), {}, activate=True)
        active.current()
        store.add_snapshot("policy", diary("another").to_bytes(), {}, activate=True)
        with caplog.at_level(logging.WARNING):
            assert active.current()[1] == 2
        assert "version 2 stays in use: SnapshotError: policy snapshot 3 cannot be used: diary 'another'" in caplog.text
        store.activate("policy", 1)
        assert active.current()[1] == 1


class TestDamage:
    def test_the_newest_good_one_that_is_older_is_used_and_told(self, store, diary, damage, caplog):
        for number in range(1, 6):
            store.add_snapshot("policy", written(diary, f"q{number}"), {}, activate=number == 4)
        damage(4)
        damage(3)
        active = active_policy(store, diary(), poll_interval=0.0)
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                policy, version = active.current()
                assert (policy.entries, version) == (["q2"], 2)
        (message,) = (record.getMessage() for record in caplog.records)
        assert message.startswith("policy 2 is used in the place of policy 4, until another version is activated")
        assert "(ltrr activate policy 2): Snapshot 4 of 'policy' is damaged" in message

    def test_what_was_at_hand_gives_way_to_what_is_older_than_the_damaged_one(self, store, diary, damage):
        """Whoever goes back to 2 does not want 3, and gets 1."""
        for number in (1, 2, 3):
            store.add_snapshot("policy", written(diary, f"q{number}"), {}, activate=True)
        active = active_policy(store, diary(), poll_interval=0.0)
        assert active.current()[1] == 3
        store.activate("policy", 2)
        damage(2)
        assert active.current()[1] == 1

    def test_the_next_version_is_taken_up_as_ever(self, store, diary, damage):
        for number in (1, 2):
            store.add_snapshot("policy", written(diary, f"q{number}"), {}, activate=True)
        damage(2)
        active = active_policy(store, diary(), poll_interval=0.0)
        assert active.current()[1] == 1
        store.add_snapshot("policy", written(diary, "q3"), {}, activate=True)
        assert active.current()[1] == 3

    def test_with_none_that_is_good_the_policy_at_hand_stays_and_nothing_is_read_again(
        self, store, diary, damage, caplog, monkeypatch
    ):
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        damage(1)
        policy = diary()
        active = active_policy(store, policy, poll_interval=0.0)
        with caplog.at_level(logging.WARNING):
            assert active.current() == (policy, 0)
        assert "version 0 stays in use: DamagedSnapshotError: Snapshot 1 of 'policy' is damaged" in caplog.text
        read = Mock()
        monkeypatch.setattr(store, "snapshot", read)
        assert active.current() == (policy, 0)
        assert not read.called

    def test_one_that_is_active_and_not_there_is_damaged_too(self, store, diary, database):
        for number in (1, 2):
            store.add_snapshot("policy", written(diary, f"q{number}"), {}, activate=True)
        database("DELETE FROM ltrr_snapshots WHERE version = 2")
        assert active_policy(store, diary()).current()[1] == 1

    def test_one_of_other_settings_is_no_stand_in(self, store, diary, damage):
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        store.add_snapshot("policy", diary("another").to_bytes(), {}, activate=True)
        store.add_snapshot("policy", written(diary, "q3"), {}, activate=True)
        damage(3)
        assert active_policy(store, diary()).current()[1] == 1


class TestLoadPolicy:
    def test_a_damaged_one_is_stood_in_for_and_stays_the_one_to_be_replaced(self, store, diary, damage):
        for number in (1, 2):
            store.add_snapshot("policy", written(diary, f"q{number}"), {}, activate=True)
        damage(2)
        policy, replaced = load_policy(store, diary())
        assert (policy.entries, replaced) == (["q1"], 2)

    def test_with_none_that_is_good_learning_begins_anew(self, store, diary, damage, caplog):
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        damage(1)
        policy = diary()
        with caplog.at_level(logging.WARNING):
            assert load_policy(store, policy) == (policy, 1)
        assert "Learning begins anew; memory and history stay: Snapshot 1 of 'policy' is damaged" in caplog.text

    def test_one_of_other_settings_is_refused(self, store, diary):
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        store.add_snapshot("policy", diary("another").to_bytes(), {}, activate=True)
        with pytest.raises(SnapshotError, match="policy snapshot 2 cannot be used: diary 'another'"):
            load_policy(store, diary())


class TestThreads:
    def test_whoever_asks_first_waits_for_the_store_rather_than_decide_without_it(self, store, diary):
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        active = active_policy(store, diary(), poll_interval=60.0)
        together, versions = threading.Barrier(8), []

        def ask():
            together.wait()
            versions.append(active.current()[1])

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert versions == [1] * 8

    def test_while_one_thread_loads_the_others_go_on_with_the_old_policy(self, store, diary, monkeypatch):
        inside, go_on = threading.Event(), threading.Event()

        class Slow(diary):
            def restored(self, payload):
                inside.set()
                assert go_on.wait(20)
                return diary.restored(self, payload)

        seconds = [100.0]
        monkeypatch.setattr("ltrr_haystack.store.active.time.monotonic", lambda: seconds[0])
        active = active_policy(store, Slow(), poll_interval=1.0)
        active.current()
        seconds[0] = 101.0
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        loading = threading.Thread(target=active.current)
        loading.start()
        assert inside.wait(20)
        assert active.current()[1] == 0
        go_on.set()
        loading.join()
        assert active.current()[1] == 1

    def test_a_policy_and_its_version_always_belong_together(self, store, diary):
        active = active_policy(store, diary(), poll_interval=0.0)
        done, mixed = threading.Event(), []

        def ask():
            while not done.is_set():
                policy, version = active.current()
                if policy.entries != [str(number) for number in range(1, version + 1)]:
                    mixed.append((policy.entries, version))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for version in range(1, 21):
            entries = [str(number) for number in range(1, version + 1)]
            store.add_snapshot("policy", written(diary, *entries), {}, activate=True)
        done.set()
        for thread in threads:
            thread.join()
        assert mixed == []
