"""Whatever moment a process is killed at, nothing acknowledged is lost and nothing is learned twice."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from haystack.utils import Secret

from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.store import LTRRStore

PROCESSES = Path(__file__).with_name("processes.py")
ROUNDS = 50
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HAYSTACK_TELEMETRY_ENABLED": "False"}


def run(*arguments):
    finished = subprocess.run(
        [sys.executable, str(PROCESSES), *map(str, arguments)],
        env={**os.environ, **QUIET, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def learn_all(database):
    store = LTRRStore(Secret.from_token(f"sqlite:///{database}"))
    try:
        Learner(store, VWPolicy(), reward_wait=0.0, batch=1000).run_once(now=time.time() + 60.0)
        return store.counts()
    finally:
        store.close()


def rows(database, query):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def killed(tmp_path_factory, copy_log):
    """A database that was written and learned from by fifty processes, each killed; and a copy learned at one go."""
    database = tmp_path_factory.mktemp("kill") / "log.db"
    report = run("kill", database, ROUNDS, 7)
    counts = learn_all(database)
    copy = copy_log(database, "uninterrupted.db")
    learn_all(copy)
    return database, copy, report, counts


class TestKilledFiftyTimes:
    def test_most_rounds_got_to_work_and_learned_before_they_were_killed(self, killed):
        database, _, report, counts = killed
        ((commits,),) = rows(database, "SELECT version FROM ltrr_active")
        assert report["rounds_with_work"] > ROUNDS / 2
        assert commits > ROUNDS / 3
        assert 0 < counts.late_events < counts.events

    def test_every_acknowledged_search_and_event_is_there_once(self, killed):
        database, _, report, counts = killed
        assert {query_id for (query_id,) in rows(database, "SELECT query_id FROM ltrr_decisions")} == set(
            report["searches"]
        )
        sent = [json.loads(payload)["event_id"] for (payload,) in rows(database, "SELECT payload FROM ltrr_events")]
        assert sorted(sent) == sorted(set(report["events"]))
        assert (counts.decisions, counts.events) == (len(set(report["searches"])), len(set(report["events"])))

    def test_every_search_has_its_whole_page(self, killed):
        database, _, _, counts = killed
        assert counts.impressions > 0
        broken = """
            SELECT query_id FROM ltrr_decisions LEFT JOIN ltrr_pages ON decision_seq = seq WHERE decision_seq IS NULL
            """
        assert rows(database, broken) == []

    def test_every_settled_decision_was_learned_from_once(self, killed):
        database, _, _, counts = killed
        assert counts.learned == counts.decisions
        draws = dict(rows(database, "SELECT arm, sum(draws) FROM ltrr_history GROUP BY arm"))
        store = LTRRStore(Secret.from_token(f"sqlite:///{database}"))
        allocations = [settled.decision.allocation for settled in store.settled(0, counts.decisions)]
        store.close()
        assert draws == Counter(arm for allocation in allocations for arm, depth in allocation.items() if depth > 0)

    def test_what_was_learned_equals_learning_without_interruption_to_the_bit(self, killed, state_of):
        database, copy, _, _ = killed
        interrupted, uninterrupted = state_of(database), state_of(copy)
        assert len(uninterrupted["policy"]) == 1
        assert uninterrupted["memory"]
        assert uninterrupted["readings"]
        assert interrupted == uninterrupted


def test_two_processes_never_learn_at_the_same_time(tmp_path):
    database = tmp_path / "log.db"
    report = run("rivals", database)
    assert report["both"] == 0
    written = [query_id for (query_id,) in rows(database, "SELECT query_id FROM ltrr_decisions ORDER BY seq")]
    assert report["learned"] == written
    assert len(written) == 80
