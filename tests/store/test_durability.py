"""What was acknowledged survives `kill -9`."""

import pytest
from haystack.utils import Secret

from ltrr_haystack.store import LTRRStore

WRITES_UNTIL_KILLED = """
from dataclasses import replace
from itertools import count
from threading import Lock, Thread
from haystack.utils import Secret
from ltrr_haystack.store import EventRecord, LTRRStore

store = LTRRStore(Secret.from_token(url))
store.warm_up()
speaking = Lock()

def work(thread):
    for number in count():
        query_id = f"{run}-{thread}-{number}"
        store.record_search(replace(ranking, decision=replace(ranking.decision, query_id=query_id)))
        with speaking:
            out.send(("search", query_id))
        ids = [f"{query_id}-{event}" for event in range(3)]
        store.record_events([EventRecord(each, query_id, "a", "click", 1.0, 2.0, 1.0) for each in ids])
        with speaking:
            out.send(("events", query_id))

for thread in range(4):
    Thread(target=work, args=(thread,)).start()
"""


@pytest.mark.parametrize("acknowledgements", [1, 40, 150])
def test_what_was_acknowledged_survives_a_kill(url, ranking, child, acknowledgements):
    said = []
    for run in range(2):
        process, out = child(WRITES_UNTIL_KILLED, url=url, run=run, ranking=ranking())
        said += [out.recv() for _ in range(acknowledgements)]
        process.kill()
        process.join()
        try:
            while True:
                said.append(out.recv())
        except EOFError:
            pass
    searched = [query_id for what, query_id in said if what == "search"]
    clicked = [query_id for what, query_id in said if what == "events"]
    store = LTRRStore(Secret.from_token(url))
    found = store.searches(searched)
    assert set(found) == set(searched)
    assert all(record.ordinals == {"a": 1, "b": 2, "c": 3} for record in found.values())
    store.settle(before=1e9, limit=100_000)
    rewards = {settled.decision.query_id: settled.rewards for settled in store.settled(0, 100_000)}
    assert all(rewards[query_id] == {"a": 3.0} for query_id in clicked)
    assert all(each in ({}, {"a": 3.0}) for each in rewards.values())
    store.close()
