import logging
import threading

import pytest

from ltrr_haystack.errors import ConfigurationError, SnapshotError, StoreError
from ltrr_haystack.learning import active_policy


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

    def test_a_damaged_snapshot_leaves_the_policy_in_use(self, store, diary, caplog):
        class Careful(diary):
            def restored(self, payload):
                if payload == b"damaged":
                    raise SnapshotError("the checksum differs")
                return diary.restored(self, payload)

        active = active_policy(store, Careful(), poll_interval=0.0)
        store.add_snapshot("policy", written(diary, "q1"), {}, activate=True)
        active.current()
        store.add_snapshot("policy", b"damaged", {}, activate=True)
        with caplog.at_level(logging.WARNING):
            assert active.current()[1] == 1
        assert "policy snapshot 2 cannot be used: the checksum differs" in caplog.text
        store.activate("policy", 1)
        assert active.current()[1] == 1


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
