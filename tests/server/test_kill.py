"""
Servers that are killed under load, one and two on one store: nothing acknowledged is lost, nothing is doubled.

`LTRR_KILL_ROUNDS=50,20` kills one process fifty times and two twenty times; `LTRR_FIGURES=file` writes down what was
counted.
"""

import json
import os
import random
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from haystack.utils import Secret

from ltrr_haystack import FeedbackWriter, LTRRStore
from serving import Load, always, eventually

pytest.importorskip("hayhooks")

ROUNDS = [int(rounds) for rounds in os.environ.get("LTRR_KILL_ROUNDS", "3,2").split(",")]
SONGS = [{"id": f"song-{number}", "content": f"a song about love, number {number}"} for number in range(20)]


@pytest.fixture
def always_lexical(lexical_pipelines):
    """Every page shows something that can be clicked."""
    always(lexical_pipelines, "bm25")
    return lexical_pipelines


def kept(database):
    """Query ids, and how often each event is there by the id it was sent with."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        queries = [query_id for (query_id,) in connection.execute("SELECT query_id FROM ltrr_decisions")]
        payloads = connection.execute("SELECT payload FROM ltrr_events").fetchall()
        incomplete = connection.execute(
            """
            SELECT query_id FROM ltrr_decisions LEFT JOIN ltrr_pages ON decision_seq = seq WHERE decision_seq IS NULL
            """
        ).fetchall()
    assert incomplete == []
    return queries, Counter(json.loads(payload)["event_id"] for (payload,) in payloads)


@pytest.mark.parametrize(("processes", "rounds"), [(1, ROUNDS[0]), (2, ROUNDS[1])], ids=["one", "two"])
def test_nothing_acknowledged_is_lost_or_doubled(start, always_lexical, tmp_path, processes, rounds):
    rng = random.Random(processes)
    home = tmp_path / "home"
    searches, accepted, unsure, kills = set(), [], [], 0

    def serve(_):
        server = start(always_lexical, home)
        assert server.url, server.log.read_text()
        assert server.post("indexing", {"documents": SONGS}).status_code == 200
        return server

    for _ in range(rounds):
        with ThreadPoolExecutor(processes) as starting:
            servers = list(starting.map(serve, range(processes)))
        with ExitStack() as people:
            loads = [people.enter_context(Load(server.url)) for server in servers]
            assert all(eventually(load.is_under_way) for load in loads)
            for server in servers:
                time.sleep(rng.uniform(0.0, 0.5))
                server.kill()
                kills += 1
        for load in loads:
            searches |= {search["query_id"] for search in load.searches if search.get("logged")}
            accepted += [sent["event"] for sent in load.feedback if sent["accepted"]]
            answered = {sent["event"]["event_id"] for sent in load.feedback if sent["accepted"]}
            unsure += [event for event in load.events if event["event_id"] not in answered]

    queries, events = kept(home / "ltrr.db")
    lost = [event for event in accepted if events[event["event_id"]] != 1]
    assert searches <= set(queries)
    assert lost == []
    assert len(queries) == len(set(queries))

    # What was cut off is sent again, as is what was acknowledged: each counts once.
    feedback = FeedbackWriter(LTRRStore(Secret.from_token(f"sqlite:///{home}/ltrr.db")))
    for event in [*unsure, *accepted]:
        assert feedback.run([event])["rejected"] == 0
    feedback.close()
    _, events = kept(home / "ltrr.db")
    sent = {event["event_id"] for event in [*unsure, *accepted]}
    assert {event_id: events[event_id] for event_id in sent} == dict.fromkeys(sent, 1)
    assert sum(events.values()) == len(sent)
    if file := os.environ.get("LTRR_FIGURES"):
        figures = {
            "processes": processes,
            "kills": kills,
            "searches": len(searches),
            "events": len(accepted),
            "cut_off": len(unsure),
            "lost": len(lost),
            "doubled": sum(count > 1 for count in events.values()),
        }
        with Path(file).open("a") as out:
            out.write(json.dumps(figures) + "\n")
