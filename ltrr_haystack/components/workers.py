"""Threads for calls that may never return."""

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

IDLE_SECONDS = 60.0


class Call(Future[Any]):
    """A call that a thread carries out, or will."""

    waited = False
    """Whether all threads were taken when it was handed in, so that it had to wait for one."""


class Workers:
    """
    A bounded pool of threads that survives calls which hang.

    A `ThreadPoolExecutor` joins its threads when Python ends, so that one call which never returns keeps the process
    from stopping, and it cannot say how many of its threads are lost to such calls. These threads are daemons; a call
    that its caller gave up counts as hanging until it returns. Threads start when they are needed and end when they
    have been idle for a minute.
    """

    def __init__(self, limit: int, name: str) -> None:
        """
        Create Workers; no thread is started yet.

        :param limit: Most threads.
        :param name: What the threads' names begin with.
        """
        self.limit = limit
        self._name = name
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Call, Callable[[], Any]]] = deque()
        self._threads = 0
        self._idle = 0
        self._hanging = 0
        self._closed = False

    @property
    def all_hang(self) -> bool:
        """Whether every thread there may be is held by a call that was given up."""
        return self._hanging >= self.limit

    def submit(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Call:
        """
        Have a function called in a thread, with the caller's context variables.

        :param function: What to call.
        :param arguments: Its keyword arguments.
        :returns: What will hold its result.
        """
        future = Call()
        context = contextvars.copy_context()
        with self._changed:
            if self._closed:
                future.cancel()
                return future
            if len(self._waiting) >= self._idle:
                if self._threads < self.limit:
                    threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
                    self._threads += 1
                else:
                    future.waited = True
            self._waiting.append((future, lambda: context.run(function, **arguments)))
            self._changed.notify()
        return future

    def give_up(self, future: Call) -> bool:
        """
        Wait no longer for a call.

        :param future: What `submit` gave.
        :returns: Whether the call had begun; if so, it holds its thread until it returns.
        """
        if future.cancel():
            return False
        with self._changed:
            self._hanging += 1
        future.add_done_callback(self._returned)
        return True

    def close(self) -> None:
        """Cancel the calls that wait and let the threads go as they become free; calls that run are left alone."""
        with self._changed:
            self._closed = True
            waiting = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for future, _ in waiting:
            future.cancel()

    def _returned(self, _: Future[Any]) -> None:
        with self._changed:
            self._hanging -= 1

    def _work(self) -> None:
        while (work := self._next()) is not None:
            _carry_out(*work)
            del work

    def _next(self) -> tuple[Call, Callable[[], Any]] | None:
        with self._changed:
            while not self._waiting:
                self._idle += 1
                woken = not self._closed and self._changed.wait(IDLE_SECONDS)
                self._idle -= 1
                if not woken and not self._waiting:
                    self._threads -= 1
                    return None
            return self._waiting.popleft()


class Lanes:
    """
    Workers for several sorts of calls, so that no sort ever waits behind another.

    :param name: What the threads' names begin with.
    :param limits: Sort of call → most threads for it.
    """

    def __init__(self, name: str, limits: Mapping[str, int]) -> None:
        self._workers = {sort: Workers(limit, f"{name}-{sort}") for sort, limit in limits.items()}

    def of(self, sort: str) -> Workers:
        """
        Give the workers of one sort of call.

        :param sort: The sort.
        :returns: The workers.
        """
        return self._workers[sort]

    def close(self) -> None:
        """Close them all."""
        for workers in self._workers.values():
            workers.close()


def _carry_out(future: Call, call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 (the caller gets to see it, whatever it is)
        future.set_exception(error)
    else:
        future.set_result(result)
