"""
Bounds on a connection: how long the head of a request may take, how long it may be, and how slowly a client may read.

uvicorn itself ends connections that rest between two requests, and no others.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

LONGEST_HEAD = 65_536
"""Bytes of a request before its body."""

TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def bounded_protocol(head_seconds: float, stall_seconds: float) -> type[asyncio.Protocol]:
    """
    Make uvicorn's protocol with bounds.

    :param head_seconds: Within which the head of a request must have come, counted from the connection's beginning, or
        from the request's first byte on a connection that is used again.
    :param stall_seconds: Within which a client must have taken what waits to be sent to it.
    :returns: The class, for `uvicorn.Config(http=…)`.
    """
    base: Any = AutoHTTPProtocol

    class BoundedProtocol(base):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._head_timer: asyncio.TimerHandle | None = None
            self._head_length = 0
            # Only httptools says where a head begins and ends; h11 bounds its length by itself.
            self._in_head = hasattr(base, "on_message_begin")
            self._stall_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_came()
            self._moves()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._head_came()
                return
            self._await_head()
            self._head_length += len(data) if self._in_head else 0
            if self._head_length > LONGEST_HEAD:
                self.transport.abort()

        def on_message_begin(self) -> None:
            self._in_head = True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._head_length = 0
            super().on_headers_complete()

        def pause_writing(self) -> None:
            super().pause_writing()
            if self._stall_timer is None:
                self._stall_timer = self.loop.call_later(stall_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._moves()
            super().resume_writing()

        def timeout_keep_alive_handler(self) -> None:
            if self.transport.get_write_buffer_size() > 0:
                self.transport.abort()
            else:
                super().timeout_keep_alive_handler()

        def _await_head(self) -> None:
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(head_seconds, self._too_late)

        def _too_late(self) -> None:
            if self._head_length > 0:
                self.transport.write(TOO_LATE)
            self.transport.close()

        def _head_came(self) -> None:
            self._head_length = 0
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def _moves(self) -> None:
            if self._stall_timer is not None:
                self._stall_timer.cancel()
                self._stall_timer = None

    return BoundedProtocol
