"""
Limits for a connection: the time and the size of a request's head, and the time in which a client must read.

uvicorn by itself closes only connections that are idle between two requests.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

LONGEST_HEAD = 65_536
"""Maximum size of a request's head, in bytes."""

TOO_LARGE_DETAIL = f"the head of a request may be at most {LONGEST_HEAD:,} bytes long"
TOO_LARGE = (
    "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n"
    f"content-length: {len(TOO_LARGE_DETAIL)}\r\n\r\n{TOO_LARGE_DETAIL}"
).encode()
TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def bounded_protocol(head_seconds: float, stall_seconds: float) -> type[asyncio.Protocol]:
    """
    Make a subclass of uvicorn's protocol that closes slow connections.

    :param head_seconds: Seconds within which the head of a request must arrive, counted from the start of the
        connection, or from the request's first byte if the connection is reused.
    :param stall_seconds: Seconds within which a client must read what waits to be sent to it.
    :returns: The class, for `uvicorn.Config(http=…)`.
    """
    base: Any = AutoHTTPProtocol

    class BoundedProtocol(base):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._head_timer: asyncio.TimerHandle | None = None
            self._head_length = 0
            self._too_large = False
            # Only httptools reports where a head begins and ends; h11 limits its length by itself.
            self._in_head = hasattr(base, "on_message_begin")
            self._stall_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._start_head_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel_head_timer()
            self._cancel_stall_timer()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._cancel_head_timer()
                return
            self._start_head_timer()
            self._head_length += len(data) if self._in_head else 0
            if self._head_length > LONGEST_HEAD:
                self.transport.abort()

        def on_message_begin(self) -> None:
            self._in_head = True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._head_length = 0
            # A head that has arrived with the end of a chunk was not measured on its way.
            if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > LONGEST_HEAD:
                self._too_large = True
                raise ValueError(TOO_LARGE_DETAIL)  # ends the parsing, as all that is no HTTP does
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            if not self._too_large:
                super().send_400_response(msg)
                return
            self.transport.write(TOO_LARGE)
            self.transport.close()

        def pause_writing(self) -> None:
            super().pause_writing()
            if self._stall_timer is None:
                self._stall_timer = self.loop.call_later(stall_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._cancel_stall_timer()
            super().resume_writing()

        def timeout_keep_alive_handler(self) -> None:
            if self.transport.get_write_buffer_size() > 0:
                self.transport.abort()
            else:
                super().timeout_keep_alive_handler()

        def _start_head_timer(self) -> None:
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(head_seconds, self._too_late)

        def _too_late(self) -> None:
            if self._head_length > 0:
                self.transport.write(TOO_LATE)
            self.transport.close()

        def _cancel_head_timer(self) -> None:
            self._head_length = 0
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def _cancel_stall_timer(self) -> None:
            if self._stall_timer is not None:
                self._stall_timer.cancel()
                self._stall_timer = None

    return BoundedProtocol
