import threading

import pytest
from haystack.utils import Secret

from ltrr_haystack.errors import ConfigurationError, StoreError
from ltrr_haystack.store import LTRRStore


def writers():
    return [thread for thread in threading.enumerate() if thread.name == "ltrr-store-writer"]


@pytest.fixture
def open_store(url):
    opened = []

    def make(**settings):
        store = LTRRStore(Secret.from_token(url), **settings)
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()


class TestRegistry:
    def test_stores_of_one_url_share_one_writer(self, open_store):
        before = len(writers())
        stores = [open_store() for _ in range(3)]
        for store in stores:
            store.warm_up()
        assert len(writers()) == before + 1

    def test_threads_that_open_at_once_share_it_too(self, open_store):
        before = len(writers())
        stores = [open_store() for _ in range(8)]
        threads = [threading.Thread(target=store.warm_up) for store in stores * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(writers()) == before + 1

    def test_the_last_one_closes(self, open_store, ranking):
        before = len(writers())
        first, second = open_store(), open_store()
        first.record_search(ranking("q1"))
        assert second.counts().decisions == 1
        first.close()
        first.close()
        second.record_search(ranking("q2"))
        assert len(writers()) == before + 1
        second.close()
        assert len(writers()) == before

    def test_relative_and_absolute_paths_are_one_store(self, tmp_path, monkeypatch, ranking):
        monkeypatch.chdir(tmp_path)
        before = len(writers())
        relative = LTRRStore(Secret.from_token("sqlite:///x.db"))
        absolute = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/x.db"))
        relative.record_search(ranking("q1"))
        assert absolute.counts().decisions == 1
        assert len(writers()) == before + 1
        relative.close()
        absolute.close()

    def test_two_minds_about_synchronous_are_told(self, open_store):
        open_store().warm_up()
        with pytest.raises(ConfigurationError, match="with synchronous=NORMAL, and FULL was asked for"):
            open_store(synchronous="FULL").warm_up()

    def test_a_store_that_did_not_open_is_tried_again(self, tmp_path):
        (tmp_path / "x.db").write_bytes(b"this is no database" * 100)
        store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/x.db"))
        with pytest.raises(StoreError, match=r"its file is not a database.*\n.*x\.db"):
            store.warm_up()
        (tmp_path / "x.db").unlink()
        store.warm_up()
        assert store.counts().decisions == 0
        store.close()


RECORDS = """
import os
from dataclasses import replace
from pathlib import Path
from threading import Thread
from haystack.utils import Secret
from ltrr_haystack.store import LTRRStore

def record(store, name, count):
    for number in range(count):
        store.record_search(replace(ranking, decision=replace(ranking.decision, query_id=f"{name}-{number}")))

def read(store, going_on):
    while going_on:
        store.counts()

def files_of_the_store():
    return [link for link in Path("/proc/self/fd").iterdir() if "ltrr.db" in os.path.realpath(link)]

store = LTRRStore(Secret.from_token(url))
record(store, "before", 5)
"""

FORKS_WHILE_BUSY = (
    RECORDS
    + """
going_on = [True]
busy = [Thread(target=record, args=(store, "parent", 100)), Thread(target=read, args=(store, going_on))]
for thread in busy:
    thread.start()
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        found = len(files_of_the_store())
        record(store, f"child {number}", 20)
        store.close()
        os._exit(found)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
going_on.clear()
for thread in busy:
    thread.join()
record(store, "after", 5)
out.send((codes, store.counts().decisions))
store.close()
"""
)

PARENT_CLOSES_FIRST = (
    RECORDS
    + """
child_is_open, tell_open = os.pipe()
parent_is_closed, tell_closed = os.pipe()
child = os.fork()
if child == 0:
    record(store, "child before", 5)
    os.write(tell_open, b"x")
    os.read(parent_is_closed, 1)
    record(store, "child after", 5)
    os._exit(0)
os.read(child_is_open, 1)
record(store, "parent", 5)
store.close()
os.write(tell_closed, b"x")
os.waitpid(child, 0)
store.warm_up()
out.send(store.counts().decisions)
store.close()
"""
)


STORE_GONE_AT_THE_FORK = """
import os
from pathlib import Path
from haystack.utils import Secret
from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.store import LTRRStore

path = Path(url.removeprefix("sqlite:///"))
store = LTRRStore(Secret.from_token(url))
store.record_search(ranking)
os.rename(path, f"{path}.away")
child = os.fork()
if child == 0:
    said = []
    store.warm_up()
    for ask in (lambda: store.history("love songs"), lambda: store.record_search(ranking, timeout=1.0)):
        try:
            ask()
        except StoreUnavailableError:
            said.append(path.exists())
    os.rename(f"{path}.away", path)
    store.warm_up()
    os._exit(7 if said == [False, False] and store.counts().decisions == 1 else 1)
out.send(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class TestFork:
    def test_a_child_of_a_process_whose_store_is_gone_makes_no_new_one_and_fails_no_warm_up(
        self, sqlite_url, child, ranking
    ):
        _, said = child(STORE_GONE_AT_THE_FORK, url=sqlite_url, ranking=ranking())
        assert said.recv() == 7

    def test_a_child_inherits_no_connection_and_harms_nobody(self, url, child, ranking):
        _, said = child(FORKS_WHILE_BUSY, url=url, ranking=ranking())
        assert said.recv() == ([0, 0, 0, 0], 5 + 100 + 4 * 20 + 5)

    def test_a_child_keeps_what_it_writes_after_its_parent_has_closed(self, url, child, ranking):
        _, said = child(PARENT_CLOSES_FIRST, url=url, ranking=ranking())
        assert said.recv() == 5 + 5 + 5 + 5
