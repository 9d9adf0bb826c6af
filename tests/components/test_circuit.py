import threading
from contextlib import suppress

import pytest

from ltrr_haystack.components.circuit import Circuit, NotCalledError, never


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def fail(circuit):
    with suppress(ConnectionError), circuit.call():
        raise ConnectionError


def succeed(circuit):
    with circuit.call():
        pass


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def circuit(clock):
    return Circuit(3, 10.0, clock)


def opened(circuit):
    for _ in range(3):
        fail(circuit)
    return circuit


def test_opens_after_so_many_failures_in_a_row(circuit):
    opened(circuit)
    with pytest.raises(NotCalledError, match=r"circuit open: failed 3 times in a row, next trial in 10\.0 s"):
        succeed(circuit)


def test_a_success_in_between_starts_the_count_anew(circuit):
    for _ in range(5):
        fail(circuit)
        fail(circuit)
        succeed(circuit)
    succeed(circuit)


def test_a_cancelled_or_uncalled_call_counts_neither_way(circuit):
    fail(circuit)
    fail(circuit)
    for error in (KeyboardInterrupt, NotCalledError):
        with suppress(KeyboardInterrupt, NotCalledError), circuit.call():
            raise error
    succeed(circuit)
    fail(circuit)
    succeed(circuit)


def test_lets_one_trial_through_after_the_cool_down(circuit, clock):
    opened(circuit)
    clock.now += 10.0
    with circuit.call(), pytest.raises(NotCalledError, match="a trial is under way"):
        succeed(circuit)
    succeed(circuit)


def test_a_failed_trial_opens_it_again(circuit, clock):
    opened(circuit)
    clock.now += 10.0
    fail(circuit)
    clock.now += 9.0
    with pytest.raises(NotCalledError, match=r"failed 4 times in a row, next trial in 1\.0 s"):
        succeed(circuit)


def test_a_cancelled_trial_leaves_the_trial_to_the_next(circuit, clock):
    opened(circuit)
    clock.now += 10.0
    with suppress(KeyboardInterrupt), circuit.call():
        raise KeyboardInterrupt
    succeed(circuit)
    fail(circuit)
    succeed(circuit)


def test_calls_from_before_it_opened_do_not_close_it(circuit):
    with circuit.call():
        opened(circuit)
    with pytest.raises(NotCalledError):
        succeed(circuit)


def test_never_opens_without_a_limit(clock):
    circuit = Circuit(None, 10.0, clock)
    for _ in range(100):
        fail(circuit)
    succeed(circuit)


def test_of_many_threads_one_tries(circuit, clock):
    opened(circuit)
    clock.now += 10.0
    let_through, refused = [], []
    all_asked = threading.Barrier(8)

    def ask():
        try:
            with circuit.call():
                let_through.append(1)
                all_asked.wait(5)
        except NotCalledError:
            refused.append(1)
            all_asked.wait(5)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert (len(let_through), len(refused)) == (1, 7)


class TestACallThatDoesNotCount:
    def test_takes_the_trial_from_nobody(self, circuit, clock):
        opened(circuit)
        clock.now += 10
        with circuit.call(tries=False, counts=never):
            succeed(circuit)
        succeed(circuit)

    def test_leaves_it_open_when_it_fails(self, circuit, clock):
        opened(circuit)
        clock.now += 10
        for _ in range(5):
            with suppress(ConnectionError), circuit.call(tries=False, counts=never):
                raise ConnectionError
        fail(circuit)
        with pytest.raises(NotCalledError, match="failed 4 times in a row, next trial in 10"):
            succeed(circuit)

    def test_closes_it_when_it_succeeds(self, circuit, clock):
        opened(circuit)
        clock.now += 10
        with circuit.call(tries=False, counts=never):
            pass
        for _ in range(2):
            fail(circuit)
        succeed(circuit)

    def test_is_not_let_through_while_it_cools_down(self, circuit):
        opened(circuit)
        with pytest.raises(NotCalledError, match="circuit open"), circuit.call(tries=False, counts=never):
            pass


def no_timeout(error):
    return not isinstance(error, TimeoutError)


class TestACallWhoseTimeoutsDoNotCount:
    def test_opens_nothing_by_timeouts(self, circuit):
        for _ in range(5):
            with suppress(TimeoutError), circuit.call(counts=no_timeout):
                raise TimeoutError
        succeed(circuit)

    def test_opens_it_by_other_failures(self, circuit):
        for _ in range(3):
            with suppress(ConnectionError), circuit.call(tries=False, counts=no_timeout):
                raise ConnectionError
        with pytest.raises(NotCalledError, match="failed 3 times in a row"):
            succeed(circuit)

    def test_leaves_the_trial_to_the_next_when_it_was_the_trial(self, circuit, clock):
        opened(circuit)
        clock.now += 10
        with suppress(TimeoutError), circuit.call(counts=no_timeout):
            raise TimeoutError
        succeed(circuit)
        succeed(circuit)

    def test_fails_for_all_after_the_cool_down_when_it_fails_otherwise(self, circuit, clock):
        opened(circuit)
        clock.now += 10
        with suppress(ConnectionError), circuit.call(tries=False, counts=no_timeout):
            raise ConnectionError
        with pytest.raises(NotCalledError, match="failed 4 times in a row, next trial in 10"):
            succeed(circuit)
