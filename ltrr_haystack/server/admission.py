"""
How many searches are at work at once.

Searches that all run together take each other's time until their arms overrun and their pages are empty. So only as
many run as the arms can serve; a few more wait a moment, and the rest are told at once to come again.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ltrr_haystack.server.asgi import Application, Message, Receive, Send, refusal, replayed, retry_after, route

AT_ONCE = min(8, 2 * (os.cpu_count() or 2))
"""
What the arms' threads take (eight each), and less on a small machine: where retrieval is computed here, more at once
are not served sooner, and each of them comes nearer to its arms' time limits.
"""

WAITING = 64
LONGEST_WAIT = 2.0
RETRY_SECONDS = 1.0


class FullError(Exception):
    """There is no room, and there was none within the time that a request may wait."""


class Lane:
    """
    Room for a number of requests, and for some more that wait for it in turn.

    :param at_once: Most requests at work.
    :param waiting: Most requests that wait.
    :param longest_wait: Seconds that one of them waits at most.
    """

    def __init__(self, at_once: int, waiting: int = WAITING, longest_wait: float = LONGEST_WAIT) -> None:
        self._room = asyncio.Semaphore(at_once)
        self._may_wait = waiting
        self._longest_wait = longest_wait
        self._waiting = 0

    async def enter(self) -> None:
        """
        Take a place; `leave` gives it back.

        :raises FullError: If none is free and too many wait for one, or none became free in time.
        """
        if self._room.locked() and self._waiting >= self._may_wait:
            raise FullError
        self._waiting += 1
        try:
            async with asyncio.timeout(self._longest_wait):
                await self._room.acquire()
        except TimeoutError:
            raise FullError from None
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Give a place back."""
        self._room.release()


class Admission:
    """
    Lets as many searches through at a time as can be served, and answers the others with 503.

    Searches with filters have room of their own: a retriever may need far longer for them, and people who search
    without one should not wait behind those. A place is free again when the answer is ready, however slowly the client
    takes it. The body must have been read already (see `BodyLimit`).

    :param app: The application behind it.
    :param paths: The paths of searches; other requests pass.
    :param at_once: Most searches without filters at work; of those with filters half as many.
    """

    def __init__(self, app: Application, paths: Collection[str], at_once: int = AT_ONCE) -> None:
        self.app = app
        self.paths = paths
        self.plain = Lane(at_once)
        self.filtered = Lane(max(1, at_once // 2))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """
        Handle one connection.

        :param scope: What it is.
        :param receive: Gives what the client sends.
        :param send: Takes what the client gets.
        """
        if scope["type"] != "http" or route(scope) not in self.paths:
            await self.app(scope, receive, send)
            return
        first = await receive()
        if first["type"] != "http.request":
            return
        body = first.get("body", b"")
        lane = self.filtered if has_filters(body) else self.plain
        try:
            async with _place(lane, send) as send_and_leave:
                await self.app(scope, replayed(body, receive), send_and_leave)
        except FullError:
            busy = "too many searches at once; try again in a moment"
            await refusal(503, busy, retry_after(RETRY_SECONDS))(scope, receive, send)


@asynccontextmanager
async def _place(lane: Lane, send: Send) -> AsyncIterator[Send]:
    await lane.enter()
    held = True

    def leave() -> None:
        nonlocal held
        if held:
            held = False
            lane.leave()

    async def send_and_leave(message: Message) -> None:
        leave()
        await send(message)

    try:
        yield send_and_leave
    finally:
        leave()


def has_filters(body: bytes) -> bool:
    """
    Say whether a search has filters.

    :param body: Its body; what is no search is refused later.
    :returns: Whether it names any.
    """
    try:
        asked: Any = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(asked, Mapping) and asked.get("filters") is not None
