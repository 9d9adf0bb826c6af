"""No caller takes a retriever away from the others, by long queries or by many."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from haystack import Document

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.types import ArmRequest

FOUND = {"documents": [Document(id="a", content="love")]}
SHORT = ArmRequest("love", 3)
LONG = ArmRequest(" ".join(f"w{number}" for number in range(240)), 3)

both_ways = pytest.mark.parametrize("how", ["sync", "async"])
all_ways = pytest.mark.parametrize("how", ["sync", "async", "awaited"])


class SlowOnLongQueries:
    """Takes until it is let go over a long query; fails at others while it is broken."""

    def __init__(self):
        self.go = threading.Event()
        self.broken = False
        self.error = None
        self.asked = 0

    def run(self, query, filters=None, top_k=None):
        self.asked += 1
        if query == LONG.query:
            if self.error is not None:
                raise self.error
            self.go.wait(20)
        elif self.broken:
            raise ConnectionError("broken")
        return FOUND


class SlowOnLongQueriesAsync(SlowOnLongQueries):
    async def run_async(self, query, filters=None, top_k=None):
        if query == LONG.query and self.error is None:
            await asyncio.sleep(20)
        return self.run(query)


@pytest.fixture
def retriever(how):
    made = SlowOnLongQueriesAsync() if how == "awaited" else SlowOnLongQueries()
    yield made
    made.go.set()


def ask(arm, request, how="sync"):
    answer = arm.run(request) if how == "sync" else asyncio.run(arm.run_async(request))
    return answer["result"]


class TestLongQueries:
    @all_ways
    def test_a_dozen_that_time_out_close_the_arm_to_nobody(self, retriever, how):
        arm = RetrievalArm("bm25", retriever, timeout=0.05, max_workers=24, break_after=5)
        with ThreadPoolExecutor(12) as pool:
            errors = list(pool.map(lambda _: ask(arm, LONG, how).error, range(12)))
        assert errors == ["timeout"] * 12
        arm.timeout = 10
        assert ask(arm, SHORT, how).error is None

    @both_ways
    def test_those_that_hang_hold_none_of_the_other_workers(self, retriever, how):
        arm = RetrievalArm("bm25", retriever, timeout=0.05, max_workers=4)
        assert [ask(arm, LONG, how).error for _ in range(2)] == ["timeout", "timeout"]
        assert ask(arm, LONG, how).error == (
            "busy: all 2 workers for long queries are held by calls that overran their 0.05 s"
        )
        arm.timeout = 10
        filtered = ArmRequest("love", 3, filters={"field": "meta.year", "operator": "==", "value": 1999})
        assert [ask(arm, request, how).error for request in (SHORT, filtered)] == [None, None]

    @all_ways
    def test_a_timeout_of_the_retrievers_own_does_not_count_either(self, retriever, how):
        arm = RetrievalArm("bm25", retriever, timeout=10, break_after=1)
        retriever.error = TimeoutError("read timed out")
        assert ask(arm, LONG, how).error == "TimeoutError: read timed out"
        assert ask(arm, SHORT, how).error is None

    @all_ways
    def test_other_failures_count(self, retriever, how):
        arm = RetrievalArm("bm25", retriever, timeout=10, break_after=2)
        retriever.error = ConnectionError("no route")
        assert [ask(arm, LONG, how).error for _ in range(2)] == ["ConnectionError: no route"] * 2
        assert ask(arm, SHORT, how).error.startswith("circuit open: failed 2 times in a row")

    @both_ways
    def test_a_slow_one_takes_the_trial_from_nobody(self, retriever, how):
        arm = RetrievalArm("bm25", retriever, timeout=0.5, break_after=1, cool_down=0.02)
        retriever.broken = True
        assert ask(arm, SHORT, how).error == "ConnectionError: broken"
        retriever.broken = False
        time.sleep(0.03)
        slow = threading.Thread(target=ask, args=(arm, LONG))
        slow.start()
        while retriever.asked < 2:
            time.sleep(0.001)
        assert ask(arm, SHORT, how).error is None
        slow.join()
        assert ask(arm, SHORT, how).error is None


@both_ways
class TestOverload:
    def test_a_timeout_after_waiting_for_a_worker_is_not_the_retrievers_failure(self, how):
        """Two workers are taken for most of the time that the third call has, and the retriever is no slower then."""
        first, second = threading.Event(), threading.Event()
        asked = []

        class OneAfterAnother:
            def run(self, query, filters=None, top_k=None):
                asked.append(query)
                (second if query == "late" else first).wait(20)
                return FOUND

        arm = RetrievalArm("bm25", OneAfterAnother(), timeout=20, max_workers=2, break_after=1)
        occupied = [threading.Thread(target=ask, args=(arm, SHORT)) for _ in range(2)]
        for thread in occupied:
            thread.start()
        while len(asked) < 2:
            time.sleep(0.001)
        arm.timeout = 2.0
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(ask, arm, ArmRequest("late", 3), how)
            while not arm._lanes.of("plain")._waiting:
                time.sleep(0.001)
            first.set()
            for thread in occupied:
                thread.join(10)
            assert late.result(10).error == "timeout"
        assert asked[-1] == "late"
        second.set()
        arm.timeout = 10
        assert ask(arm, SHORT, how).error is None

    def test_a_retriever_that_hangs_is_still_left_alone(self, how):
        go = threading.Event()

        class Hanging:
            def run(self, query, filters=None, top_k=None):
                go.wait(20)
                return FOUND

        arm = RetrievalArm("bm25", Hanging(), timeout=0.2, max_workers=8, break_after=5)
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: ask(arm, SHORT, how), range(16)))
        assert ask(arm, SHORT, how).error.startswith("circuit open")
        go.set()
