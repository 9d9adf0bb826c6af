"""Limits for the body of a request: its size, and the time in which it must arrive."""

import asyncio

from ltrr_haystack.server.asgi import Application, Message, Receive, Send, header, refusal, replayed

DRAIN_FACTOR = 16
"""
A body that is too long is read and discarded up to this multiple of the limit before the response is sent, since many
clients read a response only after they have sent their whole request.
"""


class BodyLimit:
    """
    Reads a request's whole body before the next application sees it, and answers 413 or 408 if it is too long or late.

    :param app: The next application.
    :param limit: Maximum size of a body, in bytes.
    :param seconds: Seconds within which the body must arrive.
    """

    def __init__(self, app: Application, limit: int, seconds: float) -> None:
        self.app = app
        self.limit = limit
        self.seconds = seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """
        Handle one connection.

        :param scope: The ASGI connection scope.
        :param receive: Receives messages from the client.
        :param send: Sends messages to the client.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.seconds):
                body = await self._body(scope, receive)
        except TimeoutError:
            detail = f"the body did not arrive within {self.seconds:g} seconds"
            await refusal(408, detail, {"Connection": "close"})(scope, receive, send)
            return
        except _TooLong:
            await refusal(413, f"the body may be at most {self.limit:,} bytes long")(scope, receive, send)
            return
        if body is not None:
            await self.app(scope, replayed(body, receive), send)

    async def _body(self, scope: Message, receive: Receive) -> bytes | None:
        if _content_length(scope) > self.limit:
            await _drain(receive, self.limit * DRAIN_FACTOR)
            raise _TooLong
        parts: list[bytes] = []
        length = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            length += len(parts[-1])
            more = message.get("more_body", False)
            if length > self.limit:
                if more:
                    await _drain(receive, self.limit * DRAIN_FACTOR)
                raise _TooLong
            if not more:
                return b"".join(parts)


class _TooLong(Exception):  # noqa: N818 (it never leaves this module)
    """The body is longer than the limit."""


def _content_length(scope: Message) -> int:
    length = header(scope, b"content-length") or ""
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


async def _drain(receive: Receive, most: int) -> None:
    length = 0
    while length <= most:
        message = await receive()
        length += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
