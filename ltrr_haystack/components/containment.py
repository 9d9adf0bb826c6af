"""Whatever a retriever raises is its arm's failure, and nothing more."""

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

LONGEST_REASON = 300
UNREADABLE = "its message cannot be read"


class OverrunError(Exception):
    """The retriever took longer than it may."""


class LateStartError(OverrunError):
    """The retriever had less than its time, since the call waited for a worker first."""


class StoppedError(Exception):
    """The retriever raised what would end a whole process, task or generator."""


async def contained(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """
    Await a function that may raise what would end the event loop.

    :param function: What gives an awaitable.
    :param arguments: Its keyword arguments.
    :returns: What it returns.
    :raises StoppedError: If it raises SystemExit, or KeyboardInterrupt where nobody pressed Ctrl-C.
    """
    try:
        return await function(**arguments)
    except (SystemExit, KeyboardInterrupt) as error:
        if _pressed(error):
            raise
        raise StoppedError(reason_of(error)) from error


def outcome_of(call: "Future[Any] | asyncio.Future[Any]") -> Any:
    """
    Give what a call returned, or raise what it raised.

    :param call: A call that has ended and was not cancelled.
    :returns: What it returned.
    :raises StoppedError: If it raised what would end more than itself, such as SystemExit or StopIteration.
    """
    error = call.exception()
    if error is not None and (isinstance(error, StopIteration) or not isinstance(error, Exception)):
        raise StoppedError(reason_of(error)) from error
    return call.result()


def reason_of(error: BaseException) -> str:
    """
    Say in one line why a call failed.

    :param error: What it raised.
    :returns: `timeout`, or the error's type and message: text that any log and database takes.
    """
    if isinstance(error, OverrunError):
        return "timeout"
    try:
        message = str(error)[: 2 * LONGEST_REASON]
        told = message if isinstance(error, StoppedError) else f"{type(error).__name__}: {message}"
        return " ".join(told.replace("\0", "").split())[:LONGEST_REASON].encode(errors="replace").decode()
    except BaseException:  # noqa: BLE001 (the message is made by whoever raised it)
        return f"{type(error).__name__}: {UNREADABLE}"


def _pressed(error: BaseException) -> bool:
    """Where nobody else handles Ctrl-C, Python raises it in the main thread, wherever that happens to be."""
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
