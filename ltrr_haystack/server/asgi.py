"""Helpers for ASGI middleware: types, headers, and short responses."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from math import ceil
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def header(scope: Message, name: bytes) -> str | None:
    """
    Read a header.

    :param scope: The request.
    :param name: The header's name in lower case.
    :returns: Its value, several values joined by commas; `None` if it is missing.
    """
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return ", ".join(values) if values else None


def route(scope: Message) -> str:
    """
    Get the path of a request without the root path of a proxy.

    :param scope: The request.
    :returns: The path.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Application:
    """
    Make an error response.

    :param status: The HTTP status.
    :param detail: What is wrong, and how to correct it.
    :param headers: Additional headers.
    :returns: The response, in FastAPI's form `{"detail": …}`.
    """
    body = json.dumps({"detail": detail}, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
    }

    async def answer(scope: Message, _receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})

    return answer


def retry_after(seconds: float) -> dict[str, str]:
    """
    Make the header `Retry-After`.

    :param seconds: After how many seconds a retry makes sense; rounded up to at least one whole second.
    :returns: The header.
    """
    return {"Retry-After": str(max(1, ceil(seconds)))}


def replayed(body: bytes, receive: Receive) -> Receive:
    """
    Make a body that was read already available to the next application.

    :param body: The body.
    :param receive: Receives further messages from the client.
    :returns: A function that returns the body as one message, then further messages from the client.
    """
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
