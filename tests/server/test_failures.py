import re

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from haystack import Pipeline, component

from ltrr_haystack.errors import IndexLockedError, InvalidInputError, StoreError
from ltrr_haystack.server.failures import Failure, add_error_handlers, http_errors


@component
class Failing:
    def __init__(self, error: BaseException):
        self.error = error

    @component.output_types(found=str)
    def run(self, query: str):
        raise self.error


def failed(error: BaseException) -> Failure:
    """What a wrapper around a pipeline answers whose component raises."""
    pipeline = Pipeline()
    pipeline.add_component("failing", Failing(error))
    with pytest.raises(HTTPException) as raised, http_errors():
        pipeline.run({"failing": {"query": "love"}})
    return raised.value


class TestHttpErrors:
    def test_the_callers_fault_is_told(self):
        told = failed(InvalidInputError("query: expected text"))
        assert (told.status_code, told.detail) == (422, "query: expected text")

    def test_a_store_that_fails_passes_by_itself(self, caplog):
        error = StoreError("The store cannot be used now.")
        error.add_note("postgresql://ltrr:***@db/ltrr: locked")
        told = failed(error)
        assert told.status_code == 503
        assert told.headers == {"Retry-After": "5"}
        assert re.fullmatch(
            r"the store cannot be used at the moment; try again \(error [0-9a-f]{8} in the server's log\)", told.detail
        )
        [error_id] = re.findall(r"error (\w{8})", told.detail)
        assert error_id in caplog.text
        assert "The store cannot be used now.; postgresql://ltrr:***@db/ltrr: locked" in caplog.text

    def test_an_index_that_another_process_writes_to_passes_by_itself(self, caplog):
        error = IndexLockedError("the index is locked by another process")
        error.add_note("the index in '/var/lib/ltrr/index'")
        told = failed(error)
        assert (told.status_code, told.headers) == (503, {"Retry-After": "5"})
        assert told.detail.startswith("another process is writing to the index; try again when it has finished (error ")
        assert "the index is locked by another process; the index in '/var/lib/ltrr/index'" in caplog.text

    def test_anything_else_is_ours_and_says_nothing_of_the_inside(self, caplog):
        told = failed(OSError("/etc/ltrr/password: permission denied"))
        assert told.status_code == 500
        assert "password" not in told.detail
        [error_id] = re.findall(r"error (\w{8})", told.detail)
        assert f"error {error_id}" in caplog.text
        assert "/etc/ltrr/password" in caplog.text

    def test_an_answer_of_the_wrapper_itself_stays(self):
        with pytest.raises(HTTPException) as raised, http_errors():
            raise HTTPException(413, "events: at most 1,000")
        assert (raised.value.status_code, raised.value.detail) == (413, "events: at most 1,000")

    def test_no_failure_no_answer(self):
        with http_errors():
            pass


@pytest.fixture
async def client():
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/wrapped")
    def wrapped() -> None:
        # As Hayhooks does with what a wrapper raises.
        try:
            raise StoreError("The store at '/var/lib/ltrr.db' failed")
        except StoreError as error:
            raise HTTPException(500, f"Pipeline execution failed: {error}") from error

    @app.get("/plain")
    def plain() -> None:
        raise RuntimeError("/var/lib/ltrr.db")

    @app.get("/found")
    def found() -> None:
        raise HTTPException(404)

    @app.get("/typed")
    def typed(number: int) -> int:
        return number

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


class TestAnswerFailures:
    async def test_what_hayhooks_would_tell_is_not_told(self, client):
        answer = await client.get("/wrapped")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "var" not in answer.text

    async def test_what_nobody_expected_is_json_too(self, client):
        answer = await client.get("/plain")
        assert answer.status_code == 500
        assert "var" not in answer.text
        assert answer.json()["detail"].startswith("the request failed, and not because of what you sent")

    async def test_what_there_is_not_is_told_with_what_there_is(self, client):
        missing = await client.get("/type")
        assert (missing.status_code, missing.json()["detail"]) == (
            404,
            "there is no '/type'; did you mean GET /typed? all calls are listed at /docs",
        )
        wrong = await client.post("/typed")
        assert (wrong.status_code, wrong.headers["allow"], wrong.json()["detail"]) == (
            405,
            "GET",
            "'/typed' does not take POST; possible is GET /typed; all calls are listed at /docs",
        )

    async def test_what_a_call_does_not_find_is_its_own_to_tell(self, client):
        answer = await client.get("/found")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})

    async def test_other_answers_stay(self, client):
        told = {"detail": "there is no '/nowhere'; all calls are listed at /docs"}
        assert (await client.get("/nowhere")).json() == told
        mistakes = await client.get("/typed", params={"number": "x"})
        assert mistakes.status_code == 422
        assert mistakes.json()["detail"][0]["loc"] == ["query", "number"]
