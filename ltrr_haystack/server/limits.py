"""A bound on what one request may send."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

DRAINED = 16
"""So many times the limit is read and thrown away before the answer: many clients listen only when they have sent."""


class BodyLimit:
    """
    Answers a request whose body is too long with 413, whether it announces its length or not.

    :param app: The application behind it.
    :param limit: Most bytes of a body.
    """

    def __init__(self, app: Application, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """
        Handle one connection.

        :param scope: What it is.
        :param receive: Gives what the client sends.
        :param send: Takes what the client gets.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif _announced(scope) > self.limit:
            await _drain(receive, self.limit * DRAINED)
            await JSONResponse({"detail": self._reason}, 413)(scope, receive, send)
        else:
            await self.app(scope, self._counting(receive), send)

    @property
    def _reason(self) -> str:
        return f"the body may be at most {self.limit:,} bytes long"

    def _counting(self, receive: Receive) -> Receive:
        got = 0

        async def counting() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self.limit:
                await _drain(receive, self.limit * DRAINED)
                raise HTTPException(413, self._reason)
            return message

        return counting


def _announced(scope: Message) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


async def _drain(receive: Receive, most: int) -> None:
    got = 0
    while got <= most:
        message = await receive()
        got += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
