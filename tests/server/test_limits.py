import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ltrr_haystack.server.limits import BodyLimit


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def client():
    app = Starlette(routes=[Route("/", length, methods=["GET", "POST"])])
    app.add_middleware(BodyLimit, limit=1000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def chunks(count: int):
    for _ in range(count):
        yield b"x" * 100


class TestBodyLimit:
    async def test_lets_through_up_to_the_limit(self, client):
        assert (await client.post("/", content=b"x" * 1000)).text == "1000"
        assert (await client.post("/", content=chunks(10))).text == "1000"
        assert (await client.get("/")).text == "0"

    async def test_refuses_a_body_that_announces_too_much(self, client):
        answer = await client.post("/", content=b"x" * 1001)
        assert (answer.status_code, answer.json()) == (413, {"detail": "the body may be at most 1,000 bytes long"})

    async def test_refuses_a_body_that_turns_out_too_long(self, client):
        answer = await client.post("/", content=chunks(11))
        assert answer.status_code == 413
        assert "at most 1,000 bytes" in answer.text
