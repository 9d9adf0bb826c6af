import asyncio
import signal
import subprocess
import sys
import time
from concurrent.futures import Future

import pytest

from ltrr_haystack.components.containment import LONGEST_REASON, OverrunError, StoppedError, contained, outcome_of
from ltrr_haystack.components.containment import reason_of as told


class SulkingError(Exception):
    """An error that will not say what it is about."""

    def __init__(self, error: BaseException):
        self.error = error

    def __str__(self) -> str:
        raise self.error


class TestReason:
    def test_is_type_and_message_in_one_line(self):
        assert told(ConnectionError("no route\nto the  index")) == "ConnectionError: no route to the index"

    def test_of_an_overrun_is_timeout(self):
        assert told(OverrunError()) == "timeout"
        assert told(TimeoutError("read timed out")) == "TimeoutError: read timed out"

    @pytest.mark.parametrize("error", [RuntimeError("deeper"), SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
    def test_of_an_error_that_will_not_tell_is_its_type(self, error):
        assert told(SulkingError(error)) == "SulkingError: its message cannot be read"

    def test_is_short_and_can_be_stored(self):
        reason = told(ValueError("a\x00b \ud800 " + "x" * 10**6))
        assert reason.startswith("ValueError: ab ? xxx")
        assert len(reason) == LONGEST_REASON


def ended(error: BaseException) -> "Future[object]":
    call: Future[object] = Future()
    call.set_exception(error)
    return call


class TestOutcome:
    def test_is_what_was_returned_or_raised(self):
        call: Future[object] = Future()
        call.set_result(7)
        assert outcome_of(call) == 7
        with pytest.raises(KeyError):
            outcome_of(ended(KeyError("x")))

    @pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), StopIteration()])
    def test_of_what_would_end_more_than_itself_is_an_error(self, error):
        with pytest.raises(StoppedError, match=type(error).__name__):
            outcome_of(ended(error))


class TestContained:
    async def test_what_returns_returns(self):
        async def seven() -> int:
            return 7

        assert await contained(seven, {}) == 7

    @pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
    def test_what_would_end_the_event_loop_is_an_error(self, error):
        async def ending() -> None:
            await asyncio.sleep(0)
            raise error

        async def search() -> str:
            with pytest.raises(StoppedError) as stopped:
                await asyncio.ensure_future(contained(ending, {}))
            return str(stopped.value)

        assert asyncio.run(search()).startswith(type(error).__name__)

    def test_a_function_that_raises_before_there_is_anything_to_await_is_contained_too(self):
        def ending() -> None:
            raise SystemExit

        with pytest.raises(StoppedError, match="SystemExit"):
            asyncio.run(contained(ending, {}))


CTRL_C = """
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background does not have
from haystack import Document
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.types import ArmRequest

class Slow:
    def run(self, query, filters=None, top_k=None):
        import time; time.sleep(30)
    async def run_async(self, query, filters=None, top_k=None):
        while True:
            sum(range(1_000_000))
            await asyncio.sleep(0)

arm, request = RetrievalArm("slow", Slow(), timeout=60), ArmRequest("love", 3)
print("searching", flush=True)
if sys.argv[1] == "sync":
    arm.run(request)
elif sys.argv[1] == "run":
    asyncio.run(arm.run_async(request))
else:
    asyncio.new_event_loop().run_until_complete(arm.run_async(request))
print("went on", flush=True)
"""


@pytest.mark.parametrize("how", ["sync", "run", "bare loop"])
def test_ctrl_c_ends_the_process(how):
    process = subprocess.Popen(
        [sys.executable, "-c", CTRL_C, how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "searching\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert out == ""
    assert "KeyboardInterrupt" in err
