"""Searches with filters do not stand in the way of searches without."""

import asyncio
import threading
import time

import pytest
from haystack import Document

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.deadline import time_left
from ltrr_haystack.types import ArmRequest

FOUND = {"documents": [Document(id="a", content="love")]}
PLAIN = ArmRequest("love", 3)
FILTERED = ArmRequest("love", 3, filters={"field": "meta.year", "operator": "==", "value": 1999})


class HangsOnFilters:
    """Hangs until it is let go if there are filters; fails without them while it is broken."""

    def __init__(self):
        self.go = threading.Event()
        self.broken = False
        self.hanging = 0

    def run(self, query, filters=None, top_k=None):
        if filters:
            self.hanging += 1
            self.go.wait(20)
        if self.broken:
            raise ConnectionError("broken")
        return FOUND


@pytest.fixture
def retriever():
    made = HangsOnFilters()
    yield made
    made.go.set()


def ask(arm, request, how="sync"):
    answer = arm.run(request) if how == "sync" else asyncio.run(arm.run_async(request))
    return answer["result"]


@pytest.mark.parametrize("how", ["sync", "async"])
class TestLanes:
    def test_filters_that_hang_hold_none_of_the_other_workers(self, retriever, how):
        arm = RetrievalArm("bm25", retriever, timeout=0.05, max_workers=2, filtered_workers=2, break_after=1)
        assert [ask(arm, FILTERED, how).error for _ in range(2)] == ["timeout", "timeout"]
        assert ask(arm, FILTERED, how).error == (
            "busy: all 2 workers for searches with filters are held by calls that overran their 0.05 s"
        )
        arm.timeout = 10
        assert [ask(arm, PLAIN, how).error for _ in range(5)] == [None] * 5

    def test_calls_that_hang_without_filters_hold_none_of_the_filtered_workers(self, how):
        go = threading.Event()

        class HangsWithout:
            def run(self, query, filters=None, top_k=None):
                if not filters:
                    go.wait(20)
                return FOUND

        arm = RetrievalArm("bm25", HangsWithout(), timeout=0.05, max_workers=1, break_after=None)
        assert ask(arm, PLAIN, how).error == "timeout"
        arm.timeout = 10
        assert ask(arm, FILTERED, how).error is None
        go.set()

    def test_filters_have_half_as_many_workers_unless_told_otherwise(self, retriever, how):
        arm = RetrievalArm("bm25", retriever, timeout=0.05, max_workers=8)
        errors = [ask(arm, FILTERED, how).error for _ in range(6)]
        assert errors[:4] == ["timeout"] * 4
        assert errors[4].startswith("busy: all 4 workers for searches with filters")
        assert retriever.hanging == 4

    def test_an_empty_filter_is_none(self, retriever, how):
        arm = RetrievalArm("bm25", retriever, timeout=10)
        assert ask(arm, ArmRequest("love", 3, filters={}), how).error is None
        assert retriever.hanging == 0

    def test_a_search_without_filters_tries_again_while_filters_fail(self, retriever, how):
        """An open circuit lets one call try: filters that hang must not take its place again and again."""
        arm = RetrievalArm("bm25", retriever, timeout=0.05, break_after=1, cool_down=0.02)
        retriever.broken = True
        assert ask(arm, PLAIN, how).error == "ConnectionError: broken"
        retriever.broken = False
        time.sleep(0.03)
        flood = threading.Thread(target=ask, args=(arm, FILTERED))
        flood.start()
        while not retriever.hanging:
            time.sleep(0.001)
        assert ask(arm, PLAIN, how).error is None
        flood.join()


class TestDeadline:
    @pytest.mark.parametrize("how", ["sync", "async", "awaited"])
    def test_a_retriever_can_know_how_long_it_is_waited_for(self, how):
        seen = []

        class Asking:
            def run(self, query, filters=None, top_k=None):
                seen.append(time_left())
                return FOUND

        class AskingAsync(Asking):
            async def run_async(self, query, filters=None, top_k=None):
                return self.run(query)

        arm = RetrievalArm("bm25", AskingAsync() if how == "awaited" else Asking(), timeout=5)
        assert ask(arm, PLAIN, how).error is None
        assert 4 < seen[0] <= 5
        assert time_left() is None

    @pytest.mark.parametrize("how", ["sync", "async"])
    def test_one_who_has_less_time_is_answered_earlier_and_blames_nobody(self, retriever, how):
        arm = RetrievalArm("bm25", retriever, timeout=20, break_after=1)
        retrieve = arm.retrieve if how == "sync" else lambda *asked: asyncio.run(arm.retrieve_async(*asked))
        result = retrieve(FILTERED, 0.05)
        assert (result.error, result.seconds < 10) == ("timeout", True)
        hanging = threading.Event()
        arm.retriever = Hanging(hanging)
        assert retrieve(PLAIN, 0.05).error == "timeout"
        hanging.set()
        assert ask(arm, PLAIN, how).error is None


class Hanging:
    def __init__(self, go):
        self.go = go

    def run(self, query, filters=None, top_k=None):
        self.go.wait(20)
        return FOUND
