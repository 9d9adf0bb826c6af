import logging
import threading
from queue import Queue

import pytest

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.store import ActiveModel

PATIENCE = 10.0


class Reader:
    """Makes a text of a snapshot, when it is let; and knows in which threads."""

    def __init__(self):
        self.let = threading.Event()
        self.let.set()
        self.began = Queue()

    def __call__(self, snapshot):
        self.began.put(threading.current_thread())
        assert self.let.wait(PATIENCE)
        if snapshot.payload == b"of other settings":
            raise SnapshotError("made with other settings")
        return snapshot.payload.decode()

    def thread(self):
        """The thread that was the next to begin."""
        return self.began.get(timeout=PATIENCE)

    def finish(self, thread):
        self.let.set()
        thread.join(PATIENCE)


@pytest.fixture
def read():
    return Reader()


@pytest.fixture
def clock(monkeypatch):
    seconds = [100.0]
    monkeypatch.setattr("ltrr_haystack.store.active.time.monotonic", lambda: seconds[0])

    def move(by):
        seconds[0] += by

    return move


def make(store, read, **settings):
    return ActiveModel(store, "text", load=read, default="none", **settings)


def add(store, text):
    store.add_snapshot("text", text.encode(), {}, activate=True)


def test_who_asks_first_waits_for_the_model(store, read):
    add(store, "one")
    assert make(store, read, wait=False).current() == ("one", 1)
    assert read.thread() is threading.current_thread()


def test_newer_models_are_read_beside_those_who_ask(store, read, clock):
    active = make(store, read, wait=False)
    assert active.current() == ("none", 0)
    add(store, "one")
    read.let.clear()
    clock(1.0)
    assert active.current() == ("none", 0)
    beside = read.thread()
    assert beside is not threading.current_thread()
    read.finish(beside)
    assert active.current() == ("one", 1)


def test_one_thread_reads_at_a_time(store, read, clock):
    active = make(store, read, wait=False)
    active.current()
    add(store, "one")
    read.let.clear()
    for _ in range(3):
        clock(1.0)
        assert active.current() == ("none", 0)
    read.finish(read.thread())
    assert active.current() == ("one", 1)
    assert read.began.empty()


def test_after_long_reading_it_is_some_time_until_a_newer_model_is_read(store, read, clock):
    active = make(store, read, wait=False)
    active.current()
    add(store, "one")
    read.let.clear()
    clock(1.0)
    active.current()
    beside = read.thread()
    clock(3.0)  # so long it reads
    read.finish(beside)
    add(store, "two")
    for _ in range(29):
        clock(1.0)
        assert active.current() == ("one", 1)
    assert read.began.empty()
    clock(1.1)
    active.current()
    read.finish(read.thread())
    assert active.current() == ("two", 2)


def test_a_way_back_to_an_earlier_model_is_taken_at_once_however_long_the_newer_one_was_read(store, read, clock):
    active = make(store, read, wait=False)
    add(store, "one")
    active.current()
    read.thread()
    add(store, "two")
    read.let.clear()
    clock(1.0)
    active.current()
    beside = read.thread()
    clock(3.0)
    read.finish(beside)
    assert active.current() == ("two", 2)
    store.activate("text", 1)
    clock(1.0)
    active.current()
    read.finish(read.thread())
    assert active.current() == ("one", 1)


def test_at_the_start_one_can_wait_for_what_is_read_beside(store, read):
    active = make(store, read, wait=False)
    assert active.current() == ("none", 0)
    add(store, "one")
    active.catch_up(30.0)
    assert active.held == ("one", 1)


def test_catching_up_takes_no_longer_than_asked_for(store, read):
    active = make(store, read, wait=False)
    active.current()
    add(store, "one")
    read.let.clear()
    active.catch_up(0.01)
    assert active.held == ("none", 0)
    read.finish(read.thread())


@pytest.mark.parametrize(
    "settings", [{"wait": True}, {"wait": False, "poll_interval": 0.0}], ids=["wait", "no interval"]
)
def test_else_who_finds_a_newer_model_waits_for_it(store, read, clock, settings):
    active = make(store, read, **settings)
    active.current()
    add(store, "one")
    clock(1.0)
    assert active.current() == ("one", 1)
    assert read.thread() is threading.current_thread()


def test_a_model_that_cannot_be_read_beside_is_told_once_and_the_one_at_hand_stays(store, read, clock, caplog):
    active = make(store, read, wait=False)
    active.current()
    add(store, "of other settings")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            clock(1.0)
            assert active.current() == ("none", 0)
            read.finish(read.thread())
    (message,) = (record.getMessage() for record in caplog.records)
    assert "version 0 stays in use: SnapshotError: made with other settings" in message
    add(store, "two")
    clock(1.0)
    active.current()
    read.finish(read.thread())
    assert active.current() == ("two", 2)
