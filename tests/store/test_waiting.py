import asyncio
from concurrent.futures import Future
from threading import Timer

import pytest

from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.store.waiting import result_of, result_of_async


@pytest.fixture
def future():
    return Future()


def awaited(future, seconds):
    return asyncio.run(result_of_async(future, seconds))


@pytest.mark.parametrize("wait", [result_of, awaited])
class TestEither:
    def test_gives_what_comes_in_time(self, future, wait):
        Timer(0.05, future.set_result, [7]).start()
        assert wait(future, 20.0) == 7

    def test_what_comes_too_late_is_cancelled_if_it_has_not_begun(self, future, wait):
        with pytest.raises(StoreUnavailableError, match="it takes too long to write"):
            wait(future, 0.01)
        assert future.cancelled()

    def test_what_has_begun_goes_on(self, future, wait):
        future.set_running_or_notify_cancel()
        with pytest.raises(StoreUnavailableError):
            wait(future, 0.01)
        future.set_result(7)
        assert future.result() == 7

    def test_a_time_out_of_the_work_itself_is_its_own(self, future, wait):
        future.set_exception(TimeoutError("mine"))
        with pytest.raises(TimeoutError, match="mine"):
            wait(future, 1.0)


class TestResultOfAsync:
    async def test_a_failure_after_that_disturbs_nobody(self, future):
        future.set_running_or_notify_cancel()
        with pytest.raises(StoreUnavailableError):
            await result_of_async(future, 0.01)
        future.set_exception(ValueError("nobody waits for this"))

    async def test_who_is_cancelled_takes_the_work_along(self, future):
        waiting = asyncio.create_task(result_of_async(future, 60.0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(0)
        assert future.cancelled()
