"""Bounds on what one request may send: how much, and for how long."""

import asyncio

from ltrr_haystack.server.asgi import Application, Message, Receive, Send, header, refusal, replayed

DRAINED = 16
"""So many times the limit is read and thrown away before the answer: many clients listen only when they have sent."""


class BodyLimit:
    """
    Reads a request's body before anything works for it: what is too long gets 413, what is too slow 408.

    :param app: The application behind it.
    :param limit: Most bytes of a body.
    :param seconds: Within which it must have come.
    """

    def __init__(self, app: Application, limit: int, seconds: float) -> None:
        self.app = app
        self.limit = limit
        self.seconds = seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """
        Handle one connection.

        :param scope: What it is.
        :param receive: Gives what the client sends.
        :param send: Takes what the client gets.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.seconds):
                body = await self._body(scope, receive)
        except TimeoutError:
            late = f"the body did not arrive within {self.seconds:g} seconds"
            await refusal(408, late, {"Connection": "close"})(scope, receive, send)
            return
        except _TooLong:
            await refusal(413, f"the body may be at most {self.limit:,} bytes long")(scope, receive, send)
            return
        if body is not None:
            await self.app(scope, replayed(body, receive), send)

    async def _body(self, scope: Message, receive: Receive) -> bytes | None:
        if _announced(scope) > self.limit:
            await _drain(receive, self.limit * DRAINED)
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
                    await _drain(receive, self.limit * DRAINED)
                raise _TooLong
            if not more:
                return b"".join(parts)


class _TooLong(Exception):  # noqa: N818 (it never leaves this module)
    """The body has more bytes than it may."""


def _announced(scope: Message) -> int:
    length = header(scope, b"content-length") or ""
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else 0


async def _drain(receive: Receive, most: int) -> None:
    got = 0
    while got <= most:
        message = await receive()
        got += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
