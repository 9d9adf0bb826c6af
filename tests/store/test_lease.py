from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("ltrr_haystack.store.lease.time.time", lambda: now[0])
    return now


class TestLease:
    def test_one_holds_it(self, store, clock):
        assert store.acquire_lease("ann", 30)
        assert not store.acquire_lease("bob", 30)

    def test_its_holder_prolongs_it(self, store, clock):
        store.acquire_lease("ann", 30)
        clock[0] += 29
        assert store.acquire_lease("ann", 30)
        clock[0] += 29
        assert not store.acquire_lease("bob", 30)

    def test_another_takes_it_when_it_has_run_out(self, store, clock):
        store.acquire_lease("ann", 30)
        clock[0] += 30
        assert store.acquire_lease("bob", 30)
        assert not store.acquire_lease("ann", 30)

    def test_given_back_it_is_free(self, store, clock):
        store.acquire_lease("ann", 30)
        store.release_lease("bob")
        assert not store.acquire_lease("bob", 30)
        store.release_lease("ann")
        assert store.acquire_lease("bob", 30)

    def test_of_many_at_once_one_gets_it(self, store):
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda number: store.acquire_lease(f"learner {number}", 60), range(16)))
        assert sum(got) == 1
