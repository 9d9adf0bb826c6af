import asyncio
import threading
import time
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from haystack import Document, component

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.workers import Workers
from ltrr_haystack.types import ArmRequest, Understanding

REQUEST = ArmRequest(query="love", depth=3)
TEN = [Document(id=str(rank), content="love", score=1 / rank) for rank in range(1, 11)]
Filters = dict[str, Any] | None


@component
class TenDocuments:
    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: Filters = None, top_k: int | None = None) -> dict[str, Any]:
        return {"documents": list(TEN)}


@component
class Failing:
    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: Filters = None, top_k: int | None = None) -> dict[str, Any]:
        raise ConnectionError("no route to the index")


@component
class Waiting:
    """Waits until it is let go."""

    def __init__(self):
        self.go = threading.Event()
        self.calls = 0

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: Filters = None, top_k: int | None = None) -> dict[str, Any]:
        self.calls += 1
        self.go.wait(10)
        return {"documents": list(TEN)}


@component
class AsyncWaiting:
    def __init__(self):
        self.events = []

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: Filters = None, top_k: int | None = None) -> dict[str, Any]:
        return {"documents": list(TEN)}

    @component.output_types(documents=list[Document])
    async def run_async(self, query: str, filters: Filters = None, top_k: int | None = None) -> dict[str, Any]:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        return {"documents": []}


@component
class Echo:
    """Tells how it was called."""

    def __init__(self):
        self.seen = []

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: Filters = None, top_k: int | None = None, understanding: Understanding | None = None
    ) -> dict[str, Any]:
        self.seen.append({"query": query, "filters": filters, "top_k": top_k, "understanding": understanding})
        if filters:
            filters.clear()
        return {"documents": []}


class Plain:
    """A retriever that is no component and does what it is told."""

    def __init__(self, behaviour):
        self.behaviour = behaviour

    def run(self, query, filters=None, top_k=None):
        return self.behaviour()


class PlainAsync(Plain):
    async def run_async(self, query, filters=None, top_k=None):
        return self.behaviour()


class Switch:
    """Fails while it is broken."""

    def __init__(self):
        self.broken = True
        self.calls = 0

    def run(self, query, filters=None, top_k=None):
        self.calls += 1
        if self.broken:
            raise ConnectionError("broken")
        return {"documents": list(TEN)}


class Lifecycle(Plain):
    def __init__(self):
        super().__init__(lambda: {"documents": list(TEN)})
        self.calls = []

    def warm_up(self):
        self.calls.append("warm_up")

    def close(self):
        self.calls.append("close")


class AsyncLifecycle(Lifecycle):
    async def warm_up_async(self):
        await asyncio.sleep(0)
        self.calls.append("warm_up_async")

    async def close_async(self):
        self.calls.append("close_async")


def raising(error):
    def behaviour():
        raise error

    return behaviour


def ask(arm, how="sync", request=REQUEST):
    """Ask the arm for one result, synchronously or on an event loop of its own."""
    answer = arm.run(request) if how == "sync" else asyncio.run(arm.run_async(request))
    return answer["result"]


@pytest.fixture
def waiting():
    retriever = Waiting()
    yield retriever
    retriever.go.set()


both_ways = pytest.mark.parametrize("how", ["sync", "async"])


@both_ways
class TestOutcome:
    def test_draws_no_deeper_than_asked(self, how):
        result = ask(RetrievalArm("ten", TenDocuments()), how)
        assert [document.id for document in result.documents] == ["1", "2", "3"]
        assert (result.arm, result.error) == ("ten", None)
        assert result.seconds > 0

    def test_a_failing_retriever_says_why_and_fails_nothing(self, how):
        result = ask(RetrievalArm("failing", Failing()), how)
        assert result.documents == ()
        assert result.error == "ConnectionError: no route to the index"

    def test_a_hanging_retriever_is_given_up_in_time(self, how, waiting):
        result = ask(RetrievalArm("hanging", waiting, timeout=0.05), how)
        assert result.error == "timeout"
        assert result.seconds >= 0.05

    def test_a_timeout_of_the_retrievers_own_is_told_apart(self, how):
        arm = RetrievalArm("es", Plain(raising(TimeoutError("read timed out"))))
        assert ask(arm, how).error == "TimeoutError: read timed out"

    @pytest.mark.parametrize(
        ("returned", "error"),
        [
            (None, "TypeError: Plain must return a dictionary with a list of `documents`"),
            ([], "TypeError: Plain must return a dictionary with a list of `documents`"),
            ({"replies": []}, "TypeError: Plain must return a dictionary with a list of `documents`"),
            ({"documents": None}, "TypeError: Plain must return a dictionary with a list of `documents`"),
            ({"documents": [TEN[0], "2"]}, "TypeError: Plain must return Haystack Documents, got str"),
        ],
    )
    def test_what_is_no_list_of_documents_is_an_error(self, how, returned, error):
        result = ask(RetrievalArm("odd", Plain(lambda: returned)), how)
        assert (result.documents, result.error) == ((), error)

    @pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), StopIteration()])
    def test_a_retriever_cannot_end_the_process(self, how, error):
        result = ask(RetrievalArm("ending", Plain(raising(error))), how)
        assert result.error.startswith(type(error).__name__)

    def test_a_long_reason_is_cut(self, how):
        result = ask(RetrievalArm("verbose", Plain(raising(ValueError("no\n" * 1000)))), how)
        assert result.error.startswith("ValueError: no no no")
        assert len(result.error) == 300

    def test_a_depth_of_nothing_is_an_error(self, how):
        result = ask(RetrievalArm("ten", TenDocuments()), how, ArmRequest("love", 0))
        assert result.error == "InvalidInputError: depth of arm 'ten' must be at least 1, got 0"


class TestArguments:
    def test_understanding_goes_to_a_retriever_that_takes_it(self):
        echo, understanding = Echo(), Understanding("love", "love")
        ask(RetrievalArm("echo", echo), request=ArmRequest("love", 7, understanding=understanding))
        assert echo.seen == [{"query": "love", "filters": None, "top_k": 7, "understanding": understanding}]

    def test_filters_go_as_a_copy_that_the_retriever_may_change(self):
        echo = Echo()
        filters = {"operator": "AND", "conditions": [{"field": "meta.year", "operator": "==", "value": 1999}]}
        request = ArmRequest("love", 7, filters=MappingProxyType(filters))
        arm = RetrievalArm("echo", echo)
        ask(arm, request=request)
        ask(arm, request=request)
        assert filters["conditions"][0]["value"] == 1999
        assert type(echo.seen[0]["filters"]) is dict


class TestBusy:
    @both_ways
    def test_answers_at_once_when_all_workers_hang(self, how, waiting):
        arm = RetrievalArm("hanging", waiting, timeout=0.05, max_workers=2, break_after=None)
        assert [ask(arm, how).error for _ in range(2)] == ["timeout", "timeout"]
        arm.timeout = 30
        assert {ask(arm, how).error for _ in range(50)} == {
            "busy: all 2 workers are held by calls that overran their 30 s"
        }
        assert waiting.calls == 2

    def test_works_again_when_the_hanging_calls_return(self, waiting):
        arm = RetrievalArm("hanging", waiting, timeout=0.05, max_workers=1, break_after=None)
        assert ask(arm).error == "timeout"
        waiting.go.set()
        arm.timeout = 10
        deadline = time.monotonic() + 10
        while (result := ask(arm)).error is not None:
            assert time.monotonic() < deadline
        assert len(result.documents) == 3

    @both_ways
    def test_waiting_for_a_worker_in_vain_is_not_the_retrievers_failure(self, how, waiting):
        arm = RetrievalArm("queue", waiting, timeout=0.05, max_workers=2, break_after=2)
        assert ask(arm, how).error == "timeout"
        arm.timeout = 5.0
        occupied = threading.Thread(target=ask, args=(arm,))
        occupied.start()
        while waiting.calls < 2:
            time.sleep(0.001)
        arm.timeout = 0.05
        assert ask(arm, how).error == "busy: no worker became free within 0.05 s"
        waiting.go.set()
        occupied.join(5)
        arm.timeout = 10
        assert ask(arm, how).error is None

    async def test_a_cancelled_call_holds_its_worker_until_it_returns(self, waiting):
        arm = RetrievalArm("hanging", waiting, timeout=5.0, max_workers=1)
        search = asyncio.create_task(arm.run_async(REQUEST))
        while not waiting.calls:
            await asyncio.sleep(0.001)
        search.cancel()
        with pytest.raises(asyncio.CancelledError):
            await search
        assert (await arm.run_async(REQUEST))["result"].error.startswith("busy: all 1 workers")


class TestCircuit:
    @both_ways
    def test_a_retriever_that_fails_again_and_again_is_left_alone(self, how):
        switch = Switch()
        arm = RetrievalArm("switch", switch, break_after=3, cool_down=60)
        assert [ask(arm, how).error for _ in range(3)] == ["ConnectionError: broken"] * 3
        assert ask(arm, how).error.startswith("circuit open: failed 3 times in a row, next trial in 60")
        assert switch.calls == 3

    @both_ways
    def test_a_failure_over_a_callers_filters_is_not_laid_to_the_retriever(self, how):
        arm = RetrievalArm("switch", Switch(), break_after=2, cool_down=60)
        filtered = replace(REQUEST, filters={"field": "meta.year", "operator": ">", "value": 5})
        assert [ask(arm, how, filtered).error for _ in range(5)] == ["ConnectionError: broken"] * 5
        assert ask(arm, how).error == "ConnectionError: broken"

    def test_a_trial_that_succeeds_brings_it_back(self):
        switch = Switch()
        arm = RetrievalArm("switch", switch, break_after=1, cool_down=0.02)
        ask(arm)
        switch.broken = False
        time.sleep(0.03)
        assert [ask(arm).error for _ in range(3)] == [None] * 3

    @both_ways
    def test_timeouts_open_it_too(self, how, waiting):
        arm = RetrievalArm("hanging", waiting, timeout=0.02, break_after=2)
        assert [ask(arm, how).error for _ in range(2)] == ["timeout"] * 2
        assert ask(arm, how).error.startswith("circuit open: failed 2 times in a row")

    def test_malformed_results_open_it_too(self):
        arm = RetrievalArm("odd", Plain(dict), break_after=1)
        ask(arm)
        assert ask(arm).error.startswith("circuit open")

    def test_can_be_switched_off(self):
        arm = RetrievalArm("failing", Failing(), break_after=None)
        assert {ask(arm).error for _ in range(20)} == {"ConnectionError: no route to the index"}


class TestAsync:
    async def test_a_retriever_that_overruns_is_cancelled(self):
        retriever = AsyncWaiting()
        result = (await RetrievalArm("slow", retriever, timeout=0.02).run_async(REQUEST))["result"]
        await asyncio.sleep(0)
        assert result.error == "timeout"
        assert retriever.events == ["cancelled"]

    async def test_one_that_will_not_be_cancelled_is_left_behind(self):
        answered, left_behind = asyncio.Event(), asyncio.Event()

        class Stubborn(Plain):
            async def run_async(self, query, filters=None, top_k=None):
                try:
                    await asyncio.sleep(10)
                except asyncio.CancelledError:
                    await answered.wait()
                left_behind.set()
                raise ValueError("too late for anybody")

        result = (await RetrievalArm("stubborn", Stubborn(None), timeout=0.02).run_async(REQUEST))["result"]
        answered.set()
        await asyncio.wait_for(left_behind.wait(), 10)
        assert result.error == "timeout"

    async def test_thread_mode_calls_run_instead(self):
        arm = RetrievalArm("qdrant", AsyncWaiting(), async_mode="thread", timeout=5)
        assert len((await arm.run_async(REQUEST))["result"].documents) == 3

    async def test_a_retriever_that_cancels_itself_fails_like_any_other(self):
        arm = RetrievalArm("odd", PlainAsync(raising(asyncio.CancelledError())))
        result = (await arm.run_async(REQUEST))["result"]
        assert result.error == "CancelledError: the retriever cancelled itself"

    @pytest.mark.parametrize("mode", ["auto", "thread"])
    async def test_cancelling_the_search_passes_through_and_is_no_failure(self, mode, waiting):
        arm = RetrievalArm("slow", AsyncWaiting() if mode == "auto" else waiting, timeout=5, break_after=1)
        search = asyncio.create_task(arm.run_async(REQUEST))
        await asyncio.sleep(0.02)
        search.cancel()
        with pytest.raises(asyncio.CancelledError):
            await search
        waiting.go.set()
        assert arm.run(REQUEST)["result"].error is None

    async def test_does_not_block_the_event_loop(self, waiting):
        arm = RetrievalArm("hanging", waiting, timeout=5)
        search = asyncio.create_task(arm.run_async(REQUEST))
        while not waiting.calls:
            await asyncio.sleep(0.001)
        waiting.go.set()
        assert len((await search)["result"].documents) == 3

    def test_serves_one_event_loop_after_another(self):
        arm = RetrievalArm("ten", TenDocuments())
        native = RetrievalArm("native", PlainAsync(lambda: {"documents": list(TEN)}))
        for _ in range(3):
            assert len(ask(arm, "async").documents) == 3
            assert len(ask(native, "async").documents) == 3

    def test_a_call_may_return_after_its_event_loop_is_closed(self, waiting):
        arm = RetrievalArm("hanging", waiting, timeout=0.02)
        assert ask(arm, "async").error == "timeout"
        waiting.go.set()
        arm.timeout = 10
        assert ask(arm).error is None


class TestLifecycle:
    def test_nothing_is_opened_before_it_is_used(self):
        threads = threading.active_count()
        arm = RetrievalArm("ten", TenDocuments())
        arm.warm_up()
        assert threading.active_count() == threads

    def test_warms_up_and_closes_the_retriever_once(self):
        retriever = Lifecycle()
        arm = RetrievalArm("ten", retriever)
        arm.warm_up()
        arm.warm_up()
        arm.close()
        arm.close()
        assert retriever.calls == ["warm_up", "close"]

    @pytest.mark.parametrize(
        ("kind", "calls"), [(Lifecycle, ["warm_up", "close"]), (AsyncLifecycle, ["warm_up_async", "close_async"])]
    )
    async def test_the_async_twins_do_the_same_and_prefer_those_of_the_retriever(self, kind, calls):
        retriever = kind()
        arm = RetrievalArm("ten", retriever)
        await asyncio.gather(*(arm.warm_up_async() for _ in range(5)))
        await arm.close_async()
        await arm.close_async()
        assert retriever.calls == calls

    def test_every_event_loop_is_warmed_up_for(self):
        retriever = AsyncLifecycle()
        arm = RetrievalArm("ten", retriever)
        asyncio.run(arm.warm_up_async())
        asyncio.run(arm.warm_up_async())
        assert retriever.calls == ["warm_up_async", "warm_up_async"]

    @both_ways
    def test_opens_again_when_it_is_used_after_closing(self, how):
        retriever = Lifecycle()
        arm = RetrievalArm("ten", retriever)
        ask(arm, how)
        arm.close()
        assert len(ask(arm, how).documents) == 3
        arm.close()
        assert retriever.calls == ["close", "close"]

    def test_closing_answers_the_calls_that_wait_for_a_worker(self, waiting, monkeypatch):
        submitted, submit = [], Workers.submit
        monkeypatch.setattr(Workers, "submit", lambda *call: submitted.append(submit(*call)) or submitted[-1])
        arm = RetrievalArm("queue", waiting, timeout=5, max_workers=1)
        errors = []
        first = threading.Thread(target=lambda: errors.append(ask(arm).error))
        first.start()
        while not waiting.calls:
            time.sleep(0.001)
        second = threading.Thread(target=lambda: errors.append(ask(arm).error))
        second.start()
        while len(submitted) < 2:
            time.sleep(0.001)
        arm.close()
        second.join(5)
        assert errors == ["busy: the arm was closed while the call waited for a worker"]
        waiting.go.set()
        first.join(5)

    def test_many_threads_share_one_instance(self):
        arm = RetrievalArm("ten", TenDocuments(), timeout=10, max_workers=4)
        results = []
        threads = [threading.Thread(target=lambda: results.append(ask(arm))) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert [result.error for result in results] == [None] * 40
