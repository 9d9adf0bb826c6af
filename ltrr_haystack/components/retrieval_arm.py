import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager
from typing import Any, Literal
from weakref import WeakSet

from haystack import Document, component, default_to_dict, logging
from haystack.components.retrievers.types import TextRetriever
from haystack.core.serialization import component_to_dict

from ltrr_haystack.components.circuit import Circuit, NotCalledError, never
from ltrr_haystack.components.containment import (
    LateStartError,
    OverrunError,
    StoppedError,
    contained,
    outcome_of,
    reason_of,
)
from ltrr_haystack.components.long_queries import is_long
from ltrr_haystack.components.settings import check_positive, check_whole
from ltrr_haystack.components.signatures import parameters_of
from ltrr_haystack.components.sound_documents import LeftOut, fault_of
from ltrr_haystack.components.workers import Call, Lanes, Workers
from ltrr_haystack.deadline import within
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.types import ArmRequest, ArmResult

logger = logging.getLogger(__name__)

PLAIN, FILTERED, LONG = "plain", "filtered", "long"
"""Sorts of calls, each with threads of its own."""

_SAID = {PLAIN: "", FILTERED: " for searches with filters", LONG: " for long queries"}


@component
class RetrievalArm:
    """
    Runs one retriever on behalf of a BanditRouter: in time, or not at all, and never at the cost of the search.

    A pipeline fails as a whole when one of its retrievers fails, and waits for the slowest. Behind a RetrievalArm a
    retriever that raises or overruns its time limit brings no documents and says why; the joiner reports it, and the
    policy learns from it. One that fails again and again is left alone for a while (`circuit open`), and calls that
    hang cannot pile up: once they hold all threads, the arm answers at once (`busy`). Searches with filters have
    threads of their own, and so have long queries (see `long_queries.LONG_WORDS`), so that however long a caller's
    filters or queries take, nobody else waits for them.

    All callers share the circuit, so nothing opens it that may be one caller's doing: no failure with filters, or of
    one who had less time than the arm's own; no timeout of a long query; no timeout of a call that waited for a thread.

    A document that cannot be carried on (an id that is no text, metadata that holds itself …) is left out, and counted;
    the others are brought.

    ### Usage example

    ```python
    from haystack.components.retrievers import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from ltrr_haystack import ArmRequest, RetrievalArm

    arm = RetrievalArm("bm25", InMemoryBM25Retriever(InMemoryDocumentStore()), timeout=0.5)
    arm.run(ArmRequest(query="taylor swift", depth=30))["result"]
    # ArmResult(arm='bm25', seconds=0.0002, error=None, left_out=0)
    ```
    """

    def __init__(
        self,
        name: str,
        retriever: TextRetriever,
        *,
        timeout: float = 1.0,
        max_workers: int = 8,
        filtered_workers: int | None = None,
        async_mode: Literal["auto", "thread"] = "auto",
        break_after: int | None = 5,
        cool_down: float = 30.0,
    ) -> None:
        """
        Create a RetrievalArm.

        :param name: The arm's name, as the router and the joiner know it.
        :param retriever: Any component with `run(query, filters, top_k)`. Wrap an embedding retriever in Haystack's
            `TextEmbeddingRetriever`. If its `run` has a parameter `understanding`, it is handed the Understanding.
        :param timeout: Seconds after which the retriever's documents are given up. An asynchronous call is then
            cancelled; a call in a thread is left to end by itself.
        :param max_workers: Threads for calls of the retriever's `run` without filters; overrunning calls hold theirs
            until they end.
        :param filtered_workers: Threads for calls with filters, and as many for long queries without; half of
            `max_workers` if left out.
        :param async_mode: `auto` awaits the retriever's `run_async` where it has one; `thread` always calls its `run`
            in a thread of the arm. Choose `thread` for stores whose asynchronous client is another database than the
            synchronous one (Qdrant's local mode), and for retrievers whose `run_async` blocks, or only hands `run` to
            the event loop's executor: a blocked event loop cannot be timed out by anyone.
        :param break_after: Failures and timeouts in a row after which the retriever is left alone; `None` for never.
        :param cool_down: Seconds for which it is then left alone, before one search tries it again.
        :raises ConfigurationError: If a number is not positive, or not whole where it counts something, `async_mode` is
            unknown, or `retriever` has no `run` with `query`, `filters` and `top_k`.
        """
        if not name or not isinstance(name, str):
            raise ConfigurationError(f"name of a RetrievalArm must be a text that is not empty, got {name!r}")
        check_positive(f"timeout of arm '{name}'", timeout)
        check_positive(f"cool_down of arm '{name}'", cool_down)
        check_whole(f"max_workers of arm '{name}'", max_workers)
        if break_after is not None:
            check_whole(f"break_after of arm '{name}'", break_after)
        if filtered_workers is not None:
            check_whole(f"filtered_workers of arm '{name}'", filtered_workers)
        if async_mode not in ("auto", "thread"):
            raise ConfigurationError(f"async_mode of arm '{name}' must be 'auto' or 'thread', got {async_mode!r}")
        self.name = name
        self.retriever = retriever
        self.timeout = timeout
        self.max_workers = max_workers
        self.filtered_workers = filtered_workers
        self.async_mode = async_mode
        self.break_after = break_after
        self.cool_down = cool_down
        self._awaits = async_mode == "auto" and hasattr(retriever, "run_async")
        self._takes_understanding = "understanding" in parameters_of(name, retriever)
        self._circuit = Circuit(break_after, cool_down)
        self._left_out = LeftOut(name)
        self._lifecycle = threading.Lock()
        self._warming = threading.Lock()
        self._pool_lock = threading.Lock()
        self._lanes: Lanes | None = None
        self._warm = False
        self._warm_loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._open = True

    def warm_up(self) -> None:
        """Warm up the retriever."""
        with self._lifecycle:
            if not self._warm and hasattr(self.retriever, "warm_up"):
                self.retriever.warm_up()
            self._warm = self._open = True

    async def warm_up_async(self) -> None:
        """Warm up the retriever for the running event loop."""
        if not hasattr(self.retriever, "warm_up_async"):
            if not self._warm:
                await asyncio.to_thread(self.warm_up)
            return
        loop = asyncio.get_running_loop()
        while loop not in self._warm_loops:
            if self._warming.acquire(blocking=False):
                try:
                    if loop not in self._warm_loops:
                        await self.retriever.warm_up_async()
                        self._warm_loops.add(loop)
                        self._open = True
                finally:
                    self._warming.release()
            else:
                await asyncio.sleep(0.005)

    def close(self) -> None:
        """
        Release the threads and the retriever's resources; calls that overran are left to end by themselves.

        The arm opens again by itself when it is used again.
        """
        with self._lifecycle:
            self._release_threads()
            if self._open and hasattr(self.retriever, "close"):
                self.retriever.close()
            self._open = False

    async def close_async(self) -> None:
        """Do what `close` does, by the retriever's `close_async` where it has one."""
        if not hasattr(self.retriever, "close_async"):
            await asyncio.to_thread(self.close)
            return
        with self._lifecycle:
            self._release_threads()
            was_open, self._open = self._open, False
        if was_open:
            await self.retriever.close_async()

    @component.output_types(result=ArmResult)
    def run(self, request: ArmRequest) -> dict[str, ArmResult]:
        """
        Retrieve for one request.

        :param request: What the router asks for.
        :returns: A dictionary with `result`, the documents or the reason why there are none.
        """
        return {"result": self.retrieve(request)}

    @component.output_types(result=ArmResult)
    async def run_async(self, request: ArmRequest) -> dict[str, ArmResult]:
        """
        Retrieve for one request without blocking the event loop.

        Cancelling it cancels the retrieval, and is not taken for a failure of the retriever.

        :param request: What the router asks for.
        :returns: A dictionary with `result`, the documents or the reason why there are none.
        """
        return {"result": await self.retrieve_async(request)}

    def retrieve(self, request: ArmRequest, at_most: float = math.inf) -> ArmResult:
        """
        Retrieve for one request.

        :param request: What is asked for.
        :param at_most: Seconds after which the documents are given up, where these are fewer than the arm's own.
        :returns: The documents, or the reason why there are none.
        """
        started = time.perf_counter()
        timeout = min(self.timeout, at_most)
        try:
            arguments = self._arguments(request)
            with self._guarded(request, timeout):
                return self._brought(request, self._in_thread(arguments, timeout), started)
        except Exception as error:  # noqa: BLE001 (whatever a retriever raises, the search goes on)
            return self._failed(error, started)

    async def retrieve_async(self, request: ArmRequest, at_most: float = math.inf) -> ArmResult:
        """
        Retrieve for one request without blocking the event loop.

        :param request: What is asked for.
        :param at_most: Seconds after which the documents are given up, where these are fewer than the arm's own.
        :returns: The documents, or the reason why there are none.
        """
        started = time.perf_counter()
        timeout = min(self.timeout, at_most)
        try:
            arguments = self._arguments(request)
            ask = self._awaited if self._awaits else self._in_thread_async
            with self._guarded(request, timeout):
                return self._brought(request, await ask(arguments, timeout), started)
        except Exception as error:  # noqa: BLE001 (whatever a retriever raises, the search goes on)
            return self._failed(error, started)

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the component into a dictionary.

        :returns: `type` and `init_parameters`, with the retriever nested.
        """
        return default_to_dict(
            self,
            name=self.name,
            retriever=component_to_dict(self.retriever, "retriever"),
            timeout=self.timeout,
            max_workers=self.max_workers,
            filtered_workers=self.filtered_workers,
            async_mode=self.async_mode,
            break_after=self.break_after,
            cool_down=self.cool_down,
        )

    def _arguments(self, request: ArmRequest) -> dict[str, Any]:
        if request.depth < 1:
            raise InvalidInputError(f"depth of arm '{self.name}' must be at least 1, got {request.depth}")
        filters = None if request.filters is None else _copied(request.filters)
        arguments = {"query": request.query, "filters": filters, "top_k": request.depth}
        if self._takes_understanding:
            arguments["understanding"] = request.understanding
        return arguments

    def _guarded(self, request: ArmRequest, timeout: float) -> AbstractContextManager[None]:
        """A failure may be the fault of the caller's filters, or of too little time; a timeout that of a long query."""
        sort = _sort_of(request.filters, request.query)
        if sort == FILTERED or timeout < self.timeout:
            return self._circuit.call(tries=False, counts=never)
        return self._circuit.call(tries=sort == PLAIN, counts=_in_time if sort == PLAIN else _no_timeout)

    def _in_thread(self, arguments: dict[str, Any], timeout: float) -> Any:
        workers, call = self._called(arguments, timeout)
        try:
            call.exception(timeout)
        except (TimeoutError, CancelledError):
            pass
        except BaseException:
            workers.give_up(call)
            raise
        return self._outcome(workers, call, timeout)

    async def _in_thread_async(self, arguments: dict[str, Any], timeout: float) -> Any:
        workers, call = self._called(arguments, timeout)
        loop = asyncio.get_running_loop()
        returned = asyncio.Event()
        call.add_done_callback(lambda _: _tell(loop, returned))
        try:
            async with asyncio.timeout(timeout):
                await returned.wait()
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            workers.give_up(call)
            raise
        return self._outcome(workers, call, timeout)

    async def _awaited(self, arguments: dict[str, Any], timeout: float) -> Any:
        retriever: Any = self.retriever
        self._open = True
        with within(timeout):
            call = asyncio.ensure_future(contained(retriever.run_async, arguments))
        try:
            await asyncio.wait({call}, timeout=timeout)
        finally:
            if not call.done():
                call.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
                call.cancel()
        if not call.done():
            raise OverrunError
        if call.cancelled():
            raise StoppedError("CancelledError: the retriever cancelled itself")
        return outcome_of(call)

    def _called(self, arguments: dict[str, Any], timeout: float) -> tuple[Workers, Call]:
        self._open = True
        sort = _sort_of(arguments["filters"], arguments["query"])
        with self._pool_lock:
            if self._lanes is None:
                apart = self.filtered_workers or max(self.max_workers // 2, 1)
                self._lanes = Lanes(f"arm-{self.name}", {PLAIN: self.max_workers, FILTERED: apart, LONG: apart})
            workers = self._lanes.of(sort)
        if workers.all_hang:
            raise NotCalledError(
                f"busy: all {workers.limit} workers{_SAID[sort]} are held by calls that overran their {timeout} s"
            )
        with within(timeout):
            return workers, workers.submit(self.retriever.run, arguments)

    def _outcome(self, workers: Workers, call: Call, timeout: float) -> Any:
        if call.cancelled():
            raise NotCalledError("busy: the arm was closed while the call waited for a worker")
        if not call.done():
            if workers.give_up(call):
                raise LateStartError if call.waited else OverrunError
            raise NotCalledError(f"busy: no worker became free within {timeout} s")
        return outcome_of(call)

    def _release_threads(self) -> None:
        with self._pool_lock:
            lanes, self._lanes = self._lanes, None
        if lanes is not None:
            lanes.close()
        self._warm = False
        self._warm_loops.clear()

    def _brought(self, request: ArmRequest, found: Any, started: float) -> ArmResult:
        documents = found.get("documents") if isinstance(found, Mapping) else None
        if not isinstance(documents, list | tuple):
            raise TypeError(f"{type(self.retriever).__name__} must return a dictionary with a list of `documents`")
        drawn = tuple(documents[: request.depth])
        left_out = 0
        if any(map(fault_of, drawn)):
            drawn, left_out = self._without_faults(documents, request.depth)
        return ArmResult(self.name, drawn, time.perf_counter() - started, left_out=left_out)

    def _without_faults(self, documents: Sequence[Any], depth: int) -> tuple[tuple[Document, ...], int]:
        drawn: list[Document] = []
        faults: Counter[str] = Counter()
        for document in documents:
            if len(drawn) == depth:
                break
            if not isinstance(document, Document):
                raise TypeError(
                    f"{type(self.retriever).__name__} must return Haystack Documents, got {type(document).__name__}"
                )
            if (fault := fault_of(document)) is None:
                drawn.append(document)
            else:
                faults[fault] += 1
        self._left_out.note(faults)
        return tuple(drawn), faults.total()

    def _failed(self, error: Exception, started: float) -> ArmResult:
        reason = str(error) if isinstance(error, NotCalledError) else reason_of(error)
        if isinstance(error, NotCalledError):
            logger.debug("Arm '{arm}' was not asked: {reason}", arm=self.name, reason=reason)
        else:
            logger.warning("Arm '{arm}' brought nothing: {reason}", arm=self.name, reason=reason)
        return ArmResult(self.name, (), time.perf_counter() - started, reason)


def _sort_of(filters: Mapping[str, Any] | None, query: str) -> str:
    return FILTERED if filters else LONG if is_long(query) else PLAIN


def _in_time(error: Exception) -> bool:
    """Whether the retriever had all of its time."""
    return not isinstance(error, LateStartError)


def _no_timeout(error: Exception) -> bool:
    return not isinstance(error, OverrunError | TimeoutError)


def _copied(value: Any) -> Any:
    """Filters travel by reference to several arms; each retriever gets its own to do with as it likes."""
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(inner) for inner in value]
    return value


def _tell(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(event.set)
    except RuntimeError:
        logger.debug("A call returned after its event loop was closed")
