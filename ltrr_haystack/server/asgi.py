"""What the parts of the server that stand before Hayhooks share: the types of ASGI, and short answers."""

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
    :param name: The header's name in small letters.
    :returns: Its value; of several the values parted by commas; `None` if it is not there.
    """
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return ", ".join(values) if values else None


def route(scope: Message) -> str:
    """
    Give the path of a request as the router sees it.

    :param scope: The request.
    :returns: The path without the root path of a proxy.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Application:
    """
    Make an answer that says why a request is not handled.

    :param status: The HTTP status.
    :param detail: What is wrong, and what would be right.
    :param headers: Headers besides.
    :returns: The answer, in the form of all others: `{"detail": …}`.
    """
    body = json.dumps({"detail": detail}, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    told = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in told.items()],
    }

    async def answer(scope: Message, _receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})

    return answer


def retry_after(seconds: float) -> dict[str, str]:
    """
    Say when it is worth trying again.

    :param seconds: In how many seconds; the next whole one is told, and at least one.
    :returns: The header `Retry-After`.
    """
    return {"Retry-After": str(max(1, ceil(seconds)))}


def replayed(body: bytes, receive: Receive) -> Receive:
    """
    Give a body that was read already to whoever reads next.

    :param body: The body.
    :param receive: Gives what the client sends afterwards.
    :returns: Gives the body as one message, then what the client sends.
    """
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
