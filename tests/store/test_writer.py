from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Lock
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.exc import TimeoutError as NoConnection

from ltrr_haystack.errors import StoreError, StoreUnavailableError
from ltrr_haystack.store.health import Health
from ltrr_haystack.store.writer import LARGEST_GROUP, Writer


@pytest.fixture
def engine(engines):
    with engines.writer.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    return engines.writer


@pytest.fixture
def kept(engines):
    def read():
        with engines.reader.connect() as connection:
            return connection.exec_driver_sql("SELECT n FROM numbers ORDER BY n").scalars().all()

    return read


def writing(engine, probe=lambda: None):
    return Writer(engine.begin, probe, Health("numbers"), "numbers")


@pytest.fixture
def writer(engine):
    writer = writing(engine)
    yield writer
    writer.close()


@pytest.fixture
def commits(engine):
    """Counts the commits of the engine."""
    seen = []
    event.listen(engine, "commit", seen.append)
    return seen


class Held:
    """Keeps the writer busy until it is let go, so that what is handed in meanwhile makes one group."""

    def __init__(self, writer):
        self._started, self._free = Event(), Event()
        self._future = writer.submit(self._wait)
        self._started.wait()

    def _wait(self, connection):
        self._started.set()
        self._free.wait()

    def let_go(self):
        self._free.set()
        self._future.result()


def adding(number):
    def add(connection):
        connection.execute(text("INSERT INTO numbers VALUES (:number)"), {"number": number})
        return number

    return add


def raising(error):
    def fail(connection):
        connection.exec_driver_sql("INSERT INTO numbers VALUES (666)")
        raise error

    return fail


class TestGroupCommit:
    def test_what_waits_shares_one_commit(self, writer, commits, kept):
        held = Held(writer)
        futures = [writer.submit(adding(number)) for number in range(20)]
        held.let_go()
        assert [future.result() for future in futures] == list(range(20))
        assert kept() == list(range(20))
        assert len(commits) == 2

    def test_a_group_has_an_end(self, writer, commits):
        held = Held(writer)
        futures = [writer.submit(adding(number)) for number in range(LARGEST_GROUP + 1)]
        held.let_go()
        for future in futures:
            future.result()
        assert len(commits) == 3

    def test_one_that_fails_does_not_harm_its_mates(self, writer, kept):
        held = Held(writer)
        before, bad, after = (writer.submit(work) for work in (adding(1), raising(ValueError("mine")), adding(2)))
        held.let_go()
        with pytest.raises(ValueError, match="mine"):
            bad.result()
        assert (before.result(), after.result()) == (1, 2)
        assert kept() == [1, 2]

    def test_a_statement_that_fails_does_not_harm_its_mates(self, writer, kept):
        held = Held(writer)
        first, twice, last = (writer.submit(adding(number)) for number in (1, 1, 2))
        held.let_go()
        with pytest.raises(StoreError, match=r"refused what it was given\.\nnumbers: "):
            twice.result()
        assert (first.result(), last.result()) == (1, 2)
        assert kept() == [1, 2]

    @settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(plan=st.lists(st.lists(st.booleans(), max_size=8), min_size=2, max_size=6))
    def test_of_many_threads_all_that_succeed_are_kept_and_no_other(self, writer, engines, kept, plan):
        """True is a work that succeeds; each thread hands in its works one after the other."""
        with engines.reader.connect() as connection:
            base = connection.exec_driver_sql("SELECT COALESCE(MAX(n), 0) + 1000 FROM numbers").scalar_one()
        already, expected, lock = kept(), [], Lock()

        def run(thread, works):
            for place, succeeds in enumerate(works):
                number = base + thread * 10 + place
                future = writer.submit(adding(number) if succeeds else raising(ValueError("planned")))
                if succeeds:
                    assert future.result() == number
                    with lock:
                        expected.append(number)
                else:
                    with pytest.raises(ValueError, match="planned"):
                        future.result()

        with ThreadPoolExecutor(len(plan)) as pool:
            for done in [pool.submit(run, thread, works) for thread, works in enumerate(plan)]:
                done.result()
        assert kept() == already + sorted(expected)


class TestSurvival:
    @pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), MemoryError(), UnicodeError("bad")])
    def test_the_thread_lives_whatever_a_work_raises(self, writer, kept, error):
        with pytest.raises(type(error)):
            writer.submit(raising(error)).result()
        assert writer.submit(adding(1)).result() == 1
        assert kept() == [1]

    def test_a_commit_that_fails_fails_its_group_and_nothing_is_kept(self, writer, engine, kept):
        calls = []

        def refuse_the_second(connection):
            calls.append(connection)
            if len(calls) == 2:
                raise OSError("disk full")

        event.listen(engine, "commit", refuse_the_second)
        held = Held(writer)
        futures = [writer.submit(adding(number)) for number in (1, 2)]
        held.let_go()
        for future in futures:
            with pytest.raises(OSError, match="disk full"):
                future.result()
        assert kept() == []
        assert writer.submit(adding(1)).result() == 1

    def test_a_transaction_that_cannot_begin_is_heard_of(self, writer, engine):
        def refuse(connection):
            event.remove(engine, "begin", refuse)
            raise OSError("no lock")

        event.listen(engine, "begin", refuse)
        with pytest.raises(OSError, match="no lock"):
            writer.submit(adding(1)).result()
        assert writer.submit(adding(1)).result() == 1

    def test_what_was_cancelled_before_its_turn_is_not_done(self, writer, kept):
        held = Held(writer)
        cancelled, other = writer.submit(adding(1)), writer.submit(adding(2))
        assert cancelled.cancel()
        held.let_go()
        assert other.result() == 2
        assert kept() == [2]


@pytest.fixture
def broken(engine):
    """Makes every transaction fail from `broken(True)` to `broken(False)`, and counts those that were tried."""
    tried = []

    def refuse(connection):
        tried.append(connection)
        raise NoConnection("the network is down")

    def switch(on):
        (event.listen if on else event.remove)(engine, "begin", refuse)
        return tried

    return switch


class TestOutage:
    def test_whoever_comes_afterwards_does_not_wait(self, engine, broken):
        writer = writing(engine, probe=Mock(side_effect=NoConnection("still down")))
        tried = broken(True)
        with pytest.raises(StoreUnavailableError, match="too many wait for it"):
            writer.submit(adding(1)).result()
        for _ in range(50):
            with pytest.raises(StoreUnavailableError, match="too many wait for it"):
                writer.submit(adding(2))
        assert len(tried) == 1
        writer.close()

    def test_it_finds_out_by_itself_that_it_is_over(self, engine, broken, kept, monkeypatch):
        monkeypatch.setattr("ltrr_haystack.store.writer.TRY_AGAIN_SECONDS", 0.01)
        probe = Mock(side_effect=[NoConnection("down")] * 3 + [None])
        writer = writing(engine, probe)
        broken(True)
        with pytest.raises(StoreUnavailableError):
            writer.submit(adding(1)).result()
        broken(False)
        while probe.call_count < 4:
            pass
        writer.wake()
        submitted = None
        while submitted is None:
            with suppress(StoreUnavailableError):
                submitted = writer.submit(adding(2))
        assert submitted.result() == 2
        assert kept() == [2]
        assert probe.call_count == 4
        writer.close()

    def test_what_waits_behind_a_failure_is_refused_with_it(self, writer, broken):
        held = Held(writer)
        broken(True)
        futures = [writer.submit(adding(number)) for number in range(LARGEST_GROUP + 10)]
        held.let_go()
        for future in futures:
            with pytest.raises(StoreUnavailableError):
                future.result()

    def test_a_work_that_fails_with_the_database_is_followed_by_a_probe_alone(self, engine, kept):
        probe = Mock()
        writer = writing(engine, probe)
        held = Held(writer)
        futures = [
            writer.submit(work)
            for work in (adding(1), raising(NoConnection("this one")), raising(ValueError()), adding(2))
        ]
        held.let_go()
        assert [futures[0].result(), futures[3].result()] == [1, 2]
        with pytest.raises(StoreUnavailableError):
            futures[1].result()
        with pytest.raises(ValueError):  # noqa: PT011 (it is the work's own)
            futures[2].result()
        assert probe.call_count == 1
        assert kept() == [1, 2]
        writer.close()

    def test_tells_how_long_the_commit_under_way_has_taken(self, writer, monkeypatch):
        seconds = [100.0]
        monkeypatch.setattr("ltrr_haystack.store.writer.time.monotonic", lambda: seconds[0])
        assert writer.busy_for() == 0.0
        held = Held(writer)
        seconds[0] = 100.7
        assert writer.busy_for() == pytest.approx(0.7)
        held.let_go()
        writer.submit(adding(1)).result()
        writer.close()
        assert writer.busy_for() == 0.0

    def test_beyond_the_longest_queue_it_refuses_at_once(self, writer, monkeypatch, kept):
        monkeypatch.setattr("ltrr_haystack.store.writer.LONGEST_QUEUE", 3)
        held = Held(writer)
        futures = [writer.submit(adding(number)) for number in range(3)]
        with pytest.raises(StoreUnavailableError, match="too many wait to be written"):
            writer.submit(adding(3))
        held.let_go()
        assert [future.result() for future in futures] == [0, 1, 2]
        assert kept() == [0, 1, 2]


class TestClose:
    def test_finishes_what_was_handed_in(self, engine, kept):
        writer = writing(engine)
        futures = [writer.submit(adding(number)) for number in range(5)]
        writer.close()
        assert all(future.done() for future in futures)
        assert kept() == [0, 1, 2, 3, 4]

    def test_takes_nothing_more(self, engine):
        writer = writing(engine)
        writer.close()
        writer.close()
        with pytest.raises(StoreError, match="The store is closed; warm_up"):
            writer.submit(adding(1))

    def test_nobody_waits_for_a_thread_that_has_ended(self, engine, monkeypatch):
        monkeypatch.setattr("threading.excepthook", lambda arguments: None)
        writer = writing(engine)
        held = Held(writer)
        waiting = writer.submit(adding(1))
        monkeypatch.setattr(writer, "_next_group", lambda: 1 / 0)
        held.let_go()
        with pytest.raises(StoreError, match="is closed"):
            waiting.result()
        with pytest.raises(StoreError, match="is closed"):
            writer.submit(adding(2))
