import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ltrr_haystack.server.limits import BodyLimit

asked: list[bytes] = []


async def length(request: Request) -> PlainTextResponse:
    asked.append(await request.body())
    return PlainTextResponse(str(len(asked[-1])))


@pytest.fixture
async def client():
    asked.clear()
    app = Starlette(routes=[Route("/", length, methods=["GET", "POST"])])
    app.add_middleware(BodyLimit, limit=1000, seconds=0.3)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def chunks(count: int, pause: float = 0.0):
    for _ in range(count):
        await asyncio.sleep(pause)
        yield b"x" * 100


class TestBodyLimit:
    async def test_lets_through_up_to_the_limit(self, client):
        assert (await client.post("/", content=b"x" * 1000)).text == "1000"
        assert (await client.post("/", content=chunks(10))).text == "1000"
        assert (await client.get("/")).text == "0"

    async def test_the_body_arrives_as_it_was_sent(self, client):
        await client.post("/", content=bytes(range(256)))
        assert asked == [bytes(range(256))]

    async def test_refuses_a_body_that_announces_too_much(self, client):
        answer = await client.post("/", content=b"x" * 1001)
        assert (answer.status_code, answer.json()) == (413, {"detail": "the body may be at most 1,000 bytes long"})

    @pytest.mark.parametrize("count", [11, 15])
    async def test_refuses_a_body_that_turns_out_too_long(self, client, count):
        answer = await client.post("/", content=chunks(count))
        assert answer.status_code == 413
        assert "at most 1,000 bytes" in answer.text
        assert asked == []

    @pytest.mark.parametrize("headers", [{}, {"Content-Length": "5000"}])
    async def test_a_body_that_comes_too_slowly_is_given_up(self, client, headers):
        answer = await client.post("/", content=chunks(50, 0.02), headers=headers)
        assert (answer.status_code, answer.json()) == (408, {"detail": "the body did not arrive within 0.3 seconds"})
        assert answer.headers["connection"] == "close"
        assert asked == []

    async def test_a_client_that_goes_away_is_not_answered(self):
        async def gone() -> dict:
            return {"type": "http.disconnect"}

        async def never(*_) -> None:
            raise AssertionError

        await BodyLimit(never, 1000, 1.0)({"type": "http", "headers": []}, gone, never)
