"""A real server on a socket, with next to nothing behind it."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("uvicorn")

import uvicorn

from ltrr_haystack.server.protocol import LONGEST_HEAD, TOO_LARGE_DETAIL, bounded_protocol

LINE = b"GET /x HTTP/1.1\r\n"


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def serving():
    config = uvicorn.Config(hello, http=bounded_protocol(5.0, 5.0), lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        running = asyncio.create_task(server.serve(sockets=[bound]))
        yield bound.getsockname()
        server.should_exit = True
        await running


async def answer(*parts: bytes) -> bytes:
    """What a server says to a head that comes in parts; what it says to the first of them goes before the next."""
    async with serving() as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.1)
            return await asyncio.wait_for(reader.read(65536), 10)
        except ConnectionError:
            return b""
        finally:
            writer.close()


def head(size: int) -> bytes:
    """A head with so many bytes in its address and headers."""
    fixed = b"host: localhost\r\nx-long: "
    return LINE + fixed + b"x" * (size - len(b"/x") - len(fixed) - 2) + b"\r\n\r\n"


class TestLongestHead:
    async def test_is_answered(self):
        told = await answer(head(LONGEST_HEAD))
        assert told.startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize("size", [LONGEST_HEAD + 1, 66_000, 90_000])
    async def test_what_is_longer_is_refused_however_it_comes(self, size):
        whole = head(size)
        told = await answer(whole[:60_000], whole[60_000:])
        assert told.startswith(b"HTTP/1.1 431 ")
        assert told.endswith(TOO_LARGE_DETAIL.encode())
        at_once = await answer(whole)
        assert at_once == b"" or at_once.startswith(b"HTTP/1.1 431 ")

    async def test_what_does_not_end_is_cut_off(self):
        assert await answer(head(200_000)[:-4]) == b""

    async def test_what_is_no_http_is_told_as_ever(self):
        assert (await answer(b"love?\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
