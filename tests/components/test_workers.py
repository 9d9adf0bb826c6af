import contextvars
import subprocess
import sys
import threading
import time

import pytest

from ltrr_haystack.components.workers import Lanes, Workers

REQUEST = contextvars.ContextVar("REQUEST")


@pytest.fixture
def workers():
    workers = Workers(2, "test")
    yield workers
    workers.close()


@pytest.fixture
def release():
    event = threading.Event()
    yield event
    event.set()


def occupy(workers, release):
    """Have both threads wait until they are released."""
    calls = [workers.submit(release.wait, {}) for _ in range(2)]
    while not all(call.running() for call in calls):
        time.sleep(0.001)
    return calls


def test_carries_out_calls_and_hands_on_what_they_raise(workers):
    assert isinstance(workers.submit(max, {}).exception(5), TypeError)
    assert workers.submit(dict, {"a": 1}).result(5) == {"a": 1}


def test_calls_see_the_context_of_their_caller(workers):
    REQUEST.set("mine")
    assert workers.submit(REQUEST.get, {}).result(5) == "mine"


def test_runs_as_many_calls_at_a_time_as_there_are_threads(workers):
    both = threading.Barrier(2)
    calls = [workers.submit(both.wait, {"timeout": 5}) for _ in range(2)]
    assert sorted(call.result(5) for call in calls) == [0, 1]


def test_starts_no_thread_before_it_is_needed_and_uses_idle_ones_again():
    before = threading.active_count()
    workers = Workers(8, "lazy")
    assert threading.active_count() == before
    names = {workers.submit(lambda: threading.current_thread().name, {}).result(5) for _ in range(50)}
    assert len(names) <= 2
    workers.close()


def test_many_calls_all_return(workers):
    calls = [workers.submit(int, {}) for _ in range(500)]
    assert [call.result(5) for call in calls] == [0] * 500


def test_counts_calls_that_were_given_up_until_they_return(workers, release):
    calls = occupy(workers, release)
    assert workers.give_up(calls[0])
    assert not workers.all_hang
    assert workers.give_up(calls[1])
    assert workers.all_hang
    release.set()
    assert [call.result(5) for call in calls] == [True, True]
    workers.submit(int, {}).result(5)
    assert not workers.all_hang


def test_a_call_that_waits_is_given_up_without_a_trace(workers, release):
    running = occupy(workers, release)
    waiting = workers.submit(release.wait, {})
    assert not workers.give_up(waiting)
    assert waiting.cancelled()
    release.set()
    assert [call.result(5) for call in running] == [True, True]


def test_closing_cancels_what_waits_and_takes_nothing_more(workers, release):
    running = occupy(workers, release)
    waiting = workers.submit(release.wait, {})
    workers.close()
    assert waiting.cancelled()
    assert workers.submit(int, {}).cancelled()
    release.set()
    assert [call.result(5) for call in running] == [True, True]


def test_threads_end_after_closing():
    workers = Workers(4, "ending")
    workers.submit(int, {}).result(5)
    thread = next(thread for thread in threading.enumerate() if thread.name.startswith("ending"))
    workers.close()
    thread.join(5)
    assert not thread.is_alive()


def test_a_call_that_never_returns_does_not_keep_the_process_from_ending():
    program = (
        "import threading; from ltrr_haystack.components.workers import Lanes, Workers; "
        "Workers(1, 'hanging').submit(threading.Event().wait, {}); print('done')"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, check=True).stdout


def test_the_workers_of_one_lane_are_not_those_of_the_other(release):
    lanes = Lanes("lanes", {"plain": 2, "filtered": 1})
    waiting = lanes.of("filtered").submit(release.wait, {})
    assert lanes.of("plain").submit(int, {}).result(5) == 0
    assert (lanes.of("plain").limit, lanes.of("filtered").limit) == (2, 1)
    release.set()
    assert waiting.result(5)
    lanes.close()
    assert all(lanes.of(sort).submit(int, {}).cancelled() for sort in ("plain", "filtered"))


def test_a_call_knows_whether_it_had_to_wait_for_a_thread(workers, release):
    assert [call.waited for call in occupy(workers, release)] == [False, False]
    late = workers.submit(int, {})
    release.set()
    assert (late.waited, late.result(5)) == (True, 0)
    while workers._idle < 2:
        time.sleep(0.001)
    assert not workers.submit(int, {}).waited
