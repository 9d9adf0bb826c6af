"""
Limits the number of searches that run at once.

Too many concurrent searches slow each other down until their arms exceed their time limits and their pages are empty.
So only as many searches run as the arms can serve; a few more wait for up to two seconds, and all others are answered
503 at once.
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
As many as an arm has threads (eight), and fewer on a small machine: if retrieval is computed in this process, more
searches at once are not answered sooner, and each of them is closer to the time limits of its arms.
"""

WAITING = 64
LONGEST_WAIT = 2.0
RETRY_SECONDS = 1.0


class BusyError(Exception):
    """There is no free place for a request, and none became free while it waited."""


class Places:
    """
    A number of places for requests, and a bounded queue of requests that wait for one.

    :param at_once: Number of places.
    :param waiting: Maximum number of requests that wait.
    :param longest_wait: Seconds that a request waits at most.
    """

    def __init__(self, at_once: int, waiting: int = WAITING, longest_wait: float = LONGEST_WAIT) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._longest_wait = longest_wait
        self._waiting = 0

    async def acquire(self) -> None:
        """
        Take a place.

        :raises BusyError: If none is free and too many requests wait already, or none became free in time.
        """
        if self._free.locked() and self._waiting >= self._most_waiting:
            raise BusyError
        self._waiting += 1
        try:
            async with asyncio.timeout(self._longest_wait):
                await self._free.acquire()
        except TimeoutError:
            raise BusyError from None
        finally:
            self._waiting -= 1

    def release(self) -> None:
        """Give a place back."""
        self._free.release()


class Admission:
    """
    Runs a limited number of searches at once, and answers 503 to searches beyond it.

    Searches with filters have places of their own: a retriever may need far longer for them, and searches without
    filters should not have to wait for those. A place is released when the response is ready, however slowly the client
    reads it. The body must have been read already (see `BodyLimit`).

    :param app: The next application.
    :param paths: The paths of searches; other requests are not limited.
    :param at_once: Maximum number of searches without filters; half as many with filters may run in addition.
    """

    def __init__(self, app: Application, paths: Collection[str], at_once: int = AT_ONCE) -> None:
        self.app = app
        self.paths = paths
        self.plain = Places(at_once)
        self.filtered = Places(max(1, at_once // 2))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """
        Handle one connection.

        :param scope: The ASGI connection scope.
        :param receive: Receives messages from the client.
        :param send: Sends messages to the client.
        """
        if scope["type"] != "http" or route(scope) not in self.paths:
            await self.app(scope, receive, send)
            return
        first = await receive()
        if first["type"] != "http.request":
            return
        body = first.get("body", b"")
        places = self.filtered if has_filters(body) else self.plain
        try:
            async with _place(places, send) as send_and_release:
                await self.app(scope, replayed(body, receive), send_and_release)
        except BusyError:
            detail = "too many searches at once; try again later"
            await refusal(503, detail, retry_after(RETRY_SECONDS))(scope, receive, send)


@asynccontextmanager
async def _place(places: Places, send: Send) -> AsyncIterator[Send]:
    await places.acquire()
    held = True

    def release() -> None:
        nonlocal held
        if held:
            held = False
            places.release()

    async def send_and_release(message: Message) -> None:
        release()
        await send(message)

    try:
        yield send_and_release
    finally:
        release()


def has_filters(body: bytes) -> bool:
    """
    Check whether a search has filters.

    :param body: The request's body. An invalid one counts as without filters, and is refused later.
    :returns: Whether it has filters.
    """
    try:
        search: Any = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(search, Mapping) and search.get("filters") not in (None, {})
