"""Whatever a retriever raises, and whatever its documents are made of, costs no more than that."""

import asyncio

import pytest
from haystack import Document

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.types import ArmRequest

REQUEST = ArmRequest("love", 3)
GOOD = [Document(id=str(number), content="love") for number in range(5)]


class SulkingError(Exception):
    def __str__(self):
        raise RuntimeError("no message")


class Raising:
    def __init__(self, error):
        self.error = error

    def run(self, query, filters=None, top_k=None):
        raise self.error


class RaisingAsync(Raising):
    async def run_async(self, query, filters=None, top_k=None):
        await asyncio.sleep(0)
        raise self.error


class RaisingOnCancellation(Raising):
    async def run_async(self, query, filters=None, top_k=None):
        try:
            await asyncio.sleep(10)
        finally:
            raise self.error


class Bringing:
    def __init__(self, documents):
        self.documents = documents

    def run(self, query, filters=None, top_k=None):
        return {"documents": self.documents}


def bad(**fields):
    made = Document(id="bad", content="love")
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


ENDINGS = [
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    SulkingError(),
    BaseExceptionGroup("all", [SystemExit()]),
]


class TestExceptions:
    @pytest.mark.parametrize("error", ENDINGS, ids=lambda error: type(error).__name__)
    @pytest.mark.parametrize("how", ["sync", "thread", "awaited"])
    def test_of_every_kind_are_the_arms_failure(self, error, how):
        arm = RetrievalArm("odd", RaisingAsync(error) if how == "awaited" else Raising(error))
        result = arm.run(REQUEST) if how == "sync" else asyncio.run(arm.run_async(REQUEST))
        assert result["result"].error.startswith(type(error).__name__)
        assert result["result"].documents == ()

    def test_of_a_call_that_was_given_up_end_nothing(self):
        async def search():
            arm = RetrievalArm("odd", RaisingOnCancellation(SystemExit(3)), timeout=0.02)
            result = (await arm.run_async(REQUEST))["result"]
            await asyncio.sleep(0.05)
            return result.error

        assert asyncio.run(search()) == "timeout"

    def test_that_will_not_say_what_they_are_count_against_the_retriever(self):
        arm = RetrievalArm("odd", Raising(SulkingError()), break_after=2)
        assert [arm.run(REQUEST)["result"].error for _ in range(2)] == ["SulkingError: its message cannot be read"] * 2
        assert arm.run(REQUEST)["result"].error.startswith("circuit open")


class TestBadDocuments:
    @pytest.mark.parametrize("how", ["sync", "async"])
    def test_are_left_out_and_counted_and_the_others_brought(self, how):
        arm = RetrievalArm("bm25", Bringing([bad(id=7), GOOD[0], bad(content=7), GOOD[1], GOOD[2], GOOD[3]]))
        result = (arm.run(REQUEST) if how == "sync" else asyncio.run(arm.run_async(REQUEST)))["result"]
        assert [document.id for document in result.documents] == ["0", "1", "2"]
        assert (result.left_out, result.error) == (2, None)

    def test_are_no_failure_of_the_retriever(self):
        arm = RetrievalArm("bm25", Bringing([bad(id=None)]), break_after=1)
        results = [arm.run(REQUEST)["result"] for _ in range(3)]
        assert [(result.documents, result.left_out, result.error) for result in results] == [((), 1, None)] * 3

    def test_are_told_of_once_a_minute(self, caplog):
        arm = RetrievalArm("bm25", Bringing([bad(id=7), bad(meta=None)]))
        for _ in range(20):
            arm.run(REQUEST)
        assert sorted(record.getMessage().rpartition(", ")[2] for record in caplog.records) == [
            "its id is no text",
            "its metadata is no dictionary",
        ]
