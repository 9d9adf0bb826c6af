"""A bad document costs that document, and a retriever that fails costs its arm: no search, no caller, no server."""

from textwrap import dedent

import pytest

from serving import Server

pytest.importorskip("hayhooks")

pytestmark = pytest.mark.security

WRAPPER = '''
"""A search over three arms: one is good, and two do what the query says."""

import asyncio
import math
from pathlib import Path

from hayhooks import BasePipelineWrapper
from haystack import Document
from haystack.utils import Secret

from ltrr_haystack import LTRRStore, RetrievalArm, build_search_pipeline
from ltrr_haystack.server.answers import JSONAnswer, search_answer
from ltrr_haystack.server.failures import http_errors
from ltrr_haystack.server.schemas import QueryText


class SulkingError(Exception):
    def __str__(self):
        raise RuntimeError("it has no message")


def with_fields(**fields):
    made = Document(id="bad", content="love")
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def tower(levels):
    built = []
    for _ in range(levels):
        built = [built]
    return {"tower": built}


def cycle():
    meta = {}
    meta["again"] = [meta, meta]
    return meta


class Raises:
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


BAD = {
    "id that is a number": lambda: with_fields(id=7),
    "no id": lambda: with_fields(id=None),
    "long id": lambda: with_fields(id="x" * 5000),
    "id with NUL": lambda: with_fields(id="a\\0b"),
    "id with half a sign": lambda: with_fields(id="a\\ud800"),
    "content that is a number": lambda: with_fields(content=7),
    "content that is a list": lambda: with_fields(content=["love"]),
    "no metadata": lambda: with_fields(meta=None),
    "metadata key that is a number": lambda: with_fields(meta={7: "x"}),
    "cyclic metadata": lambda: with_fields(meta=cycle()),
    "deep metadata": lambda: with_fields(meta=tower(3000)),
    "many digits": lambda: with_fields(meta={"number": 10**5000}),
    "value that raises": lambda: with_fields(meta={"x": Raises()}),
}
ODD = {
    "NaN": lambda: with_fields(id="odd", meta={"price": math.nan, "most": math.inf}, score=math.nan),
    "a score that is text": lambda: with_fields(id="odd", score="high"),
    "a score that raises": lambda: with_fields(id="odd", score=Raises()),
    "half a sign in the text": lambda: with_fields(id="odd", content="a\\ud800b", meta={"title": "\\udc00"}),
}
ERRORS = {
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "StopIteration": StopIteration,
    "CancelledError": asyncio.CancelledError,
    "SulkingError": SulkingError,
    "RecursionError": RecursionError,
    "MemoryError": MemoryError,
    "half a sign": lambda: ValueError("\\ud800\\0"),
    "a secret": lambda: ConnectionError("https://admin:hunter2@10.0.0.7:9200/songs?password=hunter2 /srv/index"),
}


class Good:
    def run(self, query, filters=None, top_k=None):
        if query == "nothing at all":
            return {"documents": []}
        return {"documents": [Document(id=f"good-{n}", content="love", score=1.0) for n in range(3)]}


class Odd:
    """Brings bad documents between good ones, or raises, as the query says."""

    def run(self, query, filters=None, top_k=None):
        if query in ERRORS:
            raise ERRORS[query]()
        found = [Document(id="good-0", content="love"), Document(id="fine", content="love")]
        for made in (BAD.get(query), ODD.get(query)):
            if made is not None:
                found.insert(1, made())
        return {"documents": [] if query == "nothing at all" else found}


class OddAsync(Odd):
    async def run_async(self, query, filters=None, top_k=None):
        await asyncio.sleep(0)
        return self.run(query)


class PipelineWrapper(BasePipelineWrapper):
    def setup(self):
        odd = {"odd": Odd(), "odd_async": OddAsync()}
        self.pipeline = build_search_pipeline(
            {"good": Good(), **{name: RetrievalArm(name, each, break_after=None) for name, each in odd.items()}},
            arms={name: {"kind": "other", "levels": [0, 10]} for name in ("good", "odd", "odd_async")},
            budget=30,
            baseline={"good": 10, "odd": 10, "odd_async": 10},
            store=LTRRStore(Secret.from_env_var("LTRR_STORE_URL")),
            mode="baseline",
        )

    async def run_api_async(self, query: QueryText) -> JSONAnswer:
        with http_errors():
            found = await self.pipeline.run_async({"understanding": {"query": query}}, concurrency_limit=16)
        return JSONAnswer(search_answer(found["impressions"]["ranking"]))
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipelines")
    (folder / "search").mkdir()
    (folder / "search" / "pipeline_wrapper.py").write_text(dedent(WRAPPER))
    running = Server(folder, tmp_path_factory.mktemp("home"))
    assert running.url, running.log.read_text()
    yield running
    assert running.process.poll() is None, running.log.read_text()
    running.kill()


BAD = [
    "id that is a number",
    "no id",
    "long id",
    "id with NUL",
    "id with half a sign",
    "content that is a number",
    "content that is a list",
    "no metadata",
    "metadata key that is a number",
    "cyclic metadata",
    "deep metadata",
    "many digits",
    "value that raises",
]
ODD = ["NaN", "a score that is text", "a score that raises", "half a sign in the text"]
ERRORS = [
    "SystemExit",
    "KeyboardInterrupt",
    "GeneratorExit",
    "StopIteration",
    "CancelledError",
    "SulkingError",
    "RecursionError",
    "MemoryError",
    "half a sign",
    "a secret",
]


def ids(answer: dict) -> set[str]:
    return {document["id"] for document in answer["documents"]}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_document_is_left_out_and_the_others_are_found(server, kind):
    answer = server.search(kind)
    assert ids(answer) == {"good-0", "good-1", "good-2", "fine"}
    assert answer["missing_arms"] == []
    assert answer["warnings"] == [
        f"1 documents found by arm '{arm}' cannot be shown and were left out" for arm in ("odd", "odd_async")
    ]


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_document_that_can_be_shown_is_shown(server, kind):
    answer = server.search(kind)
    assert ids(answer) == {"good-0", "good-1", "good-2", "fine", "odd"}
    assert (answer["missing_arms"], answer["warnings"]) == ([], [])


@pytest.mark.parametrize("kind", ERRORS)
def test_whatever_is_raised_is_the_arms_failure(server, kind):
    answer = server.search(kind)
    assert ids(answer) == {"good-0", "good-1", "good-2"}
    assert answer["missing_arms"] == [{"arm": arm, "reason": "failed"} for arm in ("odd", "odd_async")]
    assert server.search("love")["missing_arms"] == []


def test_the_log_says_more_than_the_answer(server):
    answer = server.post("search", {"query": "a secret"})
    for inner in ("hunter2", "10.0.0.7", "/srv/index", "ConnectionError"):
        assert inner not in answer.text
    assert "10.0.0.7" in server.log.read_text()


def test_the_log_does_not_tell_of_every_search(server):
    for _ in range(20):
        server.search("id that is a number")
    assert server.log.read_text().count("its id is no text") <= 4


def test_an_empty_page_says_that_it_is_one(server):
    answer = server.search("nothing at all")
    assert answer["documents"] == []
    assert answer["warnings"] == ["no arm found a document (none failed)"]
