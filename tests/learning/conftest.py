import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from haystack.core.serialization import default_from_dict, default_to_dict

from factories import TWO_ARMS, decision, page, understood, unite
from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.learning import Learner
from ltrr_haystack.readings.clicks import agreement_feature
from ltrr_haystack.store import EventRecord, LTRRStore
from ltrr_haystack.types import SettledDecision


class Diary:
    """A policy that writes down what it learns, so that a test can read what was learned, in which order."""

    name = "diary"

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.entries: list[str] = []

    def card(self):
        return {"policy": self.name, "entries": len(self.entries)}

    def to_dict(self):
        return default_to_dict(self, title=self.title)

    @classmethod
    def from_dict(cls, data):
        return default_from_dict(cls, data)

    def learn(self, settled: SettledDecision, curve=None) -> Mapping[str, float]:
        self.entries.append(settled.decision.query_id)
        rewarded = sum(settled.rewards.values())
        return {arm: rewarded / 3.0 for arm, depth in settled.decision.allocation.items() if depth > 0}

    def to_bytes(self) -> bytes:
        return json.dumps([self.title, self.entries]).encode()

    def restored(self, payload: bytes) -> "Diary":
        title, entries = json.loads(payload)
        if title != self.title:
            raise SnapshotError(f"diary '{title}' was read as '{self.title}'")
        copy = Diary(self.title)
        copy.entries = entries
        return copy


@dataclass
class Log:
    """Writes searches and events the way a pipeline does, with short names."""

    store: LTRRStore

    def search(
        self,
        query_id,
        query="love",
        shown=("a", "b"),
        allocation=None,
        returned=None,
        at=0.0,
        page_version=0,
        readings=(),
        filters=None,
        **who,
    ):
        """
        Record a search.

        :param readings: Each reading's slots, with the documents that agree with it, wholly or as far as is given.
        """
        allocation = {"bm25": 10, "dense": 0} if allocation is None else allocation
        returned = {arm: depth for arm, depth in allocation.items() if depth} if returned is None else returned
        found = {arm: [f"{arm}-{rank}" for rank in range(1, count + 1)] for arm, count in returned.items()}
        found[next(iter(found))][: len(shown)] = shown
        who = who or {"user_id": f"user of {query_id}"}
        who["understanding"] = understood(query, *[slots for slots, _ in readings])
        made = decision(query_id, actions=TWO_ARMS, allocation=allocation, decided_at=at, filters=filters, **who)
        features = [agreements(object_id, readings) for object_id in shown]
        self.store.record_search(page(unite(made, found), shown, features, page_version=page_version))

    def event(self, event_id, query_id, object_id="a", reward=1.0, at=1.0):
        return self.store.record_events([self.made(event_id, query_id, object_id, reward, at)])

    def made(self, event_id, query_id, object_id="a", reward=1.0, at=1.0):
        return EventRecord(event_id, query_id, object_id, "click", at, at, reward, payload="{}")

    def memory(self, query="love"):
        return {entry.object_id: (entry.exposures, entry.successes) for entry in self.store.memory(query)}

    def history(self, query="love"):
        return {arm: (entry.draws, entry.credit, entry.returned) for arm, entry in self.store.history(query).items()}

    def diary(self):
        snapshot = self.store.snapshot("policy")
        return [] if snapshot is None else json.loads(snapshot.payload)[1]


def agreements(object_id, readings):
    """What a ranker logs of a document: how far it agrees with each reading that has slots."""
    return {
        agreement_feature(place): float(
            agreeing.get(object_id, 0.0) if isinstance(agreeing, dict) else object_id in agreeing
        )
        for place, (slots, agreeing) in enumerate(readings, start=1)
        if slots
    }


def learned_state(database: Path):
    """All that was learned: the active policy, memory, history and clicks on readings, to the bit."""
    with closing(sqlite3.connect(database)) as connection:
        return {
            "policy": connection.execute(
                "SELECT payload FROM ltrr_snapshots NATURAL JOIN ltrr_active WHERE kind = 'policy'"
            ).fetchall(),
            "memory": connection.execute(
                "SELECT query_key, object_id, exposures, successes FROM ltrr_memory ORDER BY 1, 2"
            ).fetchall(),
            "history": connection.execute(
                "SELECT query_key, arm, draws, credit, returned FROM ltrr_history ORDER BY 1, 2"
            ).fetchall(),
            "readings": connection.execute("SELECT * FROM ltrr_readings ORDER BY query_key, reading").fetchall(),
            "clients": connection.execute("SELECT * FROM ltrr_client_counts ORDER BY 1, 2, 3").fetchall(),
            "rewards": connection.execute("SELECT * FROM ltrr_counted_rewards ORDER BY 1, 2").fetchall(),
            "counted": connection.execute(
                "SELECT settled_no, counted, fault FROM ltrr_decisions ORDER BY 1"
            ).fetchall(),
        }


def unlearned_copy(database: Path, name: str) -> Path:
    """Copy the log alone: nothing of it is learned yet, and late is what was late."""
    copy = database.with_name(name)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        for table in ("memory", "history", "readings", "snapshots", "active", "client_counts", "counted_rewards"):
            target.execute(f"DELETE FROM ltrr_{table}")  # noqa: S608
        target.execute("UPDATE ltrr_learner SET learned = 0, late = 0")
        target.execute("UPDATE ltrr_decisions SET counted = 3, fault = NULL")
        target.commit()
    return copy


@pytest.fixture(scope="session")
def state_of():
    return learned_state


@pytest.fixture(scope="session")
def copy_log():
    return unlearned_copy


@pytest.fixture(scope="session")
def diary():
    return Diary


@pytest.fixture
def log(store):
    return Log(store)


@pytest.fixture
def database(tmp_path):
    """Does to the test's database what the store would not: `database("DELETE FROM …")`."""

    def run(statement):
        with closing(sqlite3.connect(tmp_path / "ltrr.db")) as connection:
            connection.execute(statement)
            connection.commit()

    return run


@pytest.fixture
def damage(database):
    """Damages a snapshot of the policy."""
    statement = "UPDATE ltrr_snapshots SET payload = x'00' WHERE version = {}"
    return lambda version: database(statement.format(int(version)))


@pytest.fixture(scope="session")
def log_of():
    return Log


@pytest.fixture
def learner(store, diary):
    return Learner(store, diary(), reward_wait=10.0)
