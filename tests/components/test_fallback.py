import asyncio
import threading
import time
from dataclasses import replace

import pytest
from haystack import Document, Pipeline
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

import factories
from factories import result
from ltrr_haystack.components.fallback import Fallback
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.types import ActionSet, Arm, ArmReport, ArmResult, CandidateSet, Provenance, Understanding

BASELINE = {"bm25": 3, "dense": 2, "memory": 5, "sparse": 0}
ACTIONS = ActionSet(tuple(Arm(name, name, (0, 1, 2, 3, 5)) for name in BASELINE), 20, BASELINE)
LOVE = Understanding("Love", "love")


class Asked:
    """A retriever that writes down how it was asked, and brings what it is told to."""

    def __init__(self, *object_ids, error=None):
        self.object_ids, self.error = object_ids, error
        self.asked = []

    def run(self, query, filters=None, top_k=None, understanding=None):
        self.asked.append((query, filters, top_k, understanding))
        if self.error is not None:
            raise self.error
        return {"documents": [Document(id=each, content=each, score=1.0) for each in self.object_ids]}


class Lifecycle(Asked):
    def __init__(self):
        super().__init__("a")
        self.calls = []

    def warm_up(self):
        self.calls.append("warm_up")

    def close(self):
        self.calls.append("close")


def decision(filters=None, at=0.0, **allocation):
    drawn = {name: allocation.get(name, 0) for name in BASELINE}
    return factories.decision(
        actions=ACTIONS, understanding=LOVE, decided_at=time.time() - at, allocation=drawn, filters=filters
    )


def joiner_of(timeout=5.0, **retrievers):
    arms = {name: RetrievalArm(name, retriever, timeout=10) for name, retriever in retrievers.items()}
    return UnionJoiner(list(BASELINE), fallback=arms, fallback_timeout=timeout)


def unite(joiner, how, asked, **results):
    brought = {arm: each if isinstance(each, ArmResult) else result(arm, each) for arm, each in results.items()}
    answer = joiner.run(asked, **brought) if how == "sync" else asyncio.run(joiner.run_async(asked, **brought))
    return answer["candidates"]


def ids(united):
    return [each.object_id for each in united.candidates]


@pytest.mark.parametrize("how", ["sync", "async"])
class TestFallback:
    @pytest.mark.parametrize("result", [(), result("bm25", (), error="timeout"), None])
    def test_arms_of_the_baseline_that_were_not_drawn_are_asked_where_those_that_were_brought_nothing(
        self, how, result
    ):
        dense, memory = Asked("a", "b", "c"), Asked("b")
        filters = {"field": "meta.year", "operator": "==", "value": 1999}
        brought = {} if result is None else {"bm25": result}
        united = unite(joiner_of(dense=dense, memory=memory), how, decision(filters, bm25=1), **brought)
        assert sorted(ids(united)) == ["a", "b"]
        assert dense.asked == [("Love", filters, 2, LOVE)]
        assert memory.asked == [("Love", filters, 5, LOVE)]
        assert united.candidates[0].arms == {"dense": Provenance(2, 1.0, 1.0), "memory": Provenance(1, 1.0, 1.0)}

    def test_each_is_reported_and_marked(self, how):
        joiner = joiner_of(dense=Asked("a"), memory=Asked(error=ConnectionError("gone")))
        united = unite(joiner, how, decision(bm25=1), bm25=result("bm25", (), error="timeout"))
        drawn, dense, memory = united.reports
        assert (drawn.arm, drawn.fallback, drawn.error) == ("bm25", False, "timeout")
        assert replace(dense, seconds=0.0) == ArmReport("dense", 2, 1, 0.0, 1.0, found=(1,), fallback=True)
        assert (memory.arm, memory.depth, memory.fallback, memory.error) == ("memory", 5, True, "ConnectionError: gone")
        assert united.missing == {"bm25": "timeout", "memory": "ConnectionError: gone"}
        assert CandidateSet.from_json(united.to_json()).reports == united.reports

    def test_one_document_is_enough_to_ask_nobody_else(self, how):
        dense = Asked("a")
        united = unite(joiner_of(dense=dense), how, decision(bm25=3, memory=5), bm25=(), memory=("m",))
        assert ids(united) == ["m"]
        assert dense.asked == []
        assert [report.fallback for report in united.reports] == [False, False]

    def test_what_was_drawn_or_is_no_part_of_the_baseline_is_not_asked(self, how):
        bm25, sparse, dense = Asked("a"), Asked("a"), Asked("d")
        united = unite(joiner_of(bm25=bm25, sparse=sparse, dense=dense), how, decision(bm25=1), bm25=())
        assert ids(united) == ["d"]
        assert bm25.asked == sparse.asked == []

    def test_a_page_is_empty_only_if_all_bring_nothing(self, how):
        united = unite(joiner_of(dense=Asked(), memory=Asked(error=ValueError("no"))), how, decision(bm25=1), bm25=())
        assert united.candidates == ()
        assert [(each.arm, each.returned, each.error) for each in united.reports] == [
            ("bm25", 0, None),
            ("dense", 0, None),
            ("memory", 0, "ValueError: no"),
        ]

    def test_without_a_fallback_an_empty_union_stays_empty(self, how):
        united = unite(UnionJoiner(["bm25"]), how, decision(bm25=1), bm25=())
        assert (united.candidates, len(united.reports)) == ((), 1)

    def test_nobody_is_asked_when_there_is_no_time_left(self, how):
        dense = Asked("a")
        united = unite(joiner_of(dense=dense), how, decision(at=5.0, bm25=1), bm25=())
        assert dense.asked == []
        assert united.missing == {"dense": "timeout: no time was left"}

    def test_a_clock_that_was_set_back_gives_no_more_time_than_there_is(self, how):
        hanging = Hanging()
        started = time.monotonic()
        united = unite(joiner_of(timeout=0.1, dense=hanging), how, decision(at=-3600.0, bm25=1), bm25=())
        hanging.go.set()
        assert united.missing == {"dense": "timeout"}
        assert time.monotonic() - started < 5

    def test_an_arm_that_hangs_is_given_up_in_time(self, how):
        hanging = Hanging()
        united = unite(joiner_of(timeout=0.3, dense=hanging, memory=Asked("m")), how, decision(bm25=1), bm25=())
        hanging.go.set()
        assert united.missing["dense"] == "timeout"
        if how == "async":
            assert ids(united) == ["m"]


class Hanging:
    def __init__(self):
        self.go = threading.Event()

    def run(self, query, filters=None, top_k=None):
        self.go.wait(20)
        return {"documents": []}


class TestTogether:
    async def test_all_are_asked_at_once(self):
        """Each waits for the other to be asked, so one after the other they would never end."""
        both = threading.Barrier(2, timeout=5)

        class Waiting(Asked):
            def run(self, *arguments, **keywords):
                both.wait()
                return super().run(*arguments, **keywords)

        joiner = joiner_of(dense=Waiting("a"), memory=Waiting("b"))
        united = (await joiner.run_async(decision(bm25=1), bm25=result("bm25", ())))["candidates"]
        assert sorted(ids(united)) == ["a", "b"]


class TestLifecycle:
    def test_is_that_of_its_arms(self):
        retriever = Lifecycle()
        joiner = joiner_of(dense=retriever)
        joiner.warm_up()
        joiner.warm_up()
        joiner.close()
        assert retriever.calls == ["warm_up", "close"]

    async def test_has_async_twins(self):
        retriever = Lifecycle()
        joiner = joiner_of(dense=retriever)
        await joiner.warm_up_async()
        await joiner.close_async()
        assert retriever.calls == ["warm_up", "close"]


class TestSettings:
    def test_survive_yaml(self):
        arm = RetrievalArm("bm25", InMemoryBM25Retriever(InMemoryDocumentStore(index="fallback")), timeout=0.5)
        pipeline = Pipeline()
        pipeline.add_component("joiner", UnionJoiner(["bm25"], fallback={"bm25": arm}, fallback_timeout=3.0))
        pipeline.add_component("bare", UnionJoiner(["bm25"]))
        loaded = Pipeline.loads(pipeline.dumps())
        assert loaded.to_dict() == pipeline.to_dict()
        joiner = loaded.get_component("joiner")
        assert isinstance(joiner.fallback["bm25"], RetrievalArm)
        assert (joiner.fallback["bm25"].timeout, joiner.fallback_timeout) == (0.5, 3.0)
        assert loaded.get_component("bare").fallback is None

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"fallback": {"dense": RetrievalArm("dense", Asked())}}, r"names the unknown arms \['dense'\]"),
            ({"fallback": {"bm25": Asked()}}, "fallback 'bm25' must be a RetrievalArm, got Asked"),
            ({"fallback": {"bm25": RetrievalArm("dense", Asked())}}, "fallback 'bm25' is the arm 'dense'"),
            ({"fallback_timeout": 0}, "fallback_timeout of UnionJoiner must be positive, got 0"),
        ],
    )
    def test_that_cannot_work_are_refused(self, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            UnionJoiner(["bm25"], **settings)

    def test_without_arms_it_asks_nobody(self):
        assert Fallback({}, 1.0).ask(decision(bm25=1)) == {}
