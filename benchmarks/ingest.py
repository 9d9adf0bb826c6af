"""
What the log costs: searches and events a second into SQLite, bytes a search, and whether each event arrives once.

Searches are made by the real components: four arms of 50 documents, a memory of what people clicked before, pages of
10. They are logged through one ImpressionWriter, from several threads. Then people click every document of every page:
the clicks go through one FeedbackWriter in batches, and some are sent twice on purpose, in other batches, at other
times. Afterwards every impression must have the reward of exactly one click: less is lost, more is doubled.

    python benchmarks/ingest.py --json ingest.json
"""

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from haystack import Document
from haystack.utils import Secret

from ltrr_haystack import (
    BanditRouter,
    FeedbackWriter,
    ImpressionWriter,
    Learner,
    LTRRanker,
    LTRRStore,
    QueryUnderstanding,
    UnionJoiner,
    VWPolicy,
)
from ltrr_haystack.feedback.ubi import UBIEvent
from ltrr_haystack.memory.index import MemoryIndex
from ltrr_haystack.types import ArmResult, Decision, Ranking, Understanding

SEARCHED = ("bm25", "dense", "sparse")
ARMS = (*SEARCHED, "memory")
DEPTH = 50
SHOWN = 10
SENT_TWICE = 0.1
CLICK_RATE = 0.2
WORDS = ("love", "song", "night", "river", "blue", "train", "summer", "stone", "gold", "fire", "heart", "dance", "road")


class Searches:
    """
    Searches as a pipeline makes them, over queries that people have searched and clicked on before.

    :param store: What was learned from earlier searches.
    :param rng: The source of randomness.
    :param queries: How many different queries there are.
    """

    def __init__(self, store: LTRRStore, rng: random.Random, queries: int) -> None:
        self._rng = rng
        self._documents = [Document(content=f"document {number}") for number in range(5_000)]
        self._by_id = {document.id: document for document in self._documents}
        self._found = {f"{' '.join(rng.sample(WORDS, 3))} {number}": self._results() for number in range(queries)}
        self._understanding = QueryUnderstanding()
        self._router = BanditRouter(
            {arm: {"kind": "memory" if arm == "memory" else "dense", "levels": [0, 10, 30, DEPTH]} for arm in ARMS},
            DEPTH * len(ARMS),
            dict.fromkeys(SEARCHED, DEPTH),
            store,
            policy=VWPolicy(),
            seed=rng.randrange(1_000),
        )
        self._joiner = UnionJoiner(list(ARMS))
        self._ranker = LTRRanker(store, top_k=SHOWN)
        self._memory = MemoryIndex(store)

    def __iter__(self) -> Iterator[Ranking]:
        while True:
            for query, results in self._found.items():
                yield self._ranking(query, results)

    def _results(self) -> dict[str, list[Document]]:
        """What the arms find for a query: some of it twice, with scores that fall."""
        pool = self._rng.sample(self._documents, 2 * DEPTH)
        return {arm: list(self._scored(self._rng.sample(pool, DEPTH))) for arm in SEARCHED}

    def _scored(self, documents: Sequence[Document]) -> Iterator[Document]:
        score = self._rng.uniform(0.5, 20.0)
        for document in documents:
            score *= self._rng.uniform(0.95, 1.0)
            yield Document(id=document.id, content=document.content, score=score)

    def _ranking(self, query: str, results: dict[str, list[Document]]) -> Ranking:
        understood: Understanding = self._understanding.run(query)["understanding"]
        known = self._memory.best(understood.normal_form)[:DEPTH]
        remembered = [
            Document(id=entry.object_id, content=self._by_id[entry.object_id].content, score=entry.weight)
            for entry in known
        ]
        brought = {
            arm: ArmResult(arm, tuple(documents), self._rng.uniform(0.001, 0.1))
            for arm, documents in {**results, "memory": remembered}.items()
        }
        union = self._joiner.run(decision=self._decision(understood), **brought)["candidates"]
        ranking: Ranking = self._ranker.run(union)["ranking"]
        return ranking

    def _decision(self, understood: Understanding) -> Decision:
        """A decision of the router that asks all four arms."""
        person = self._rng.randrange(1_000)
        while True:
            decision: Decision = self._router.run(
                understood,
                user_id=f"user-{person}",
                session_id=f"session-{self._rng.randrange(10_000)}",
                client_id=f"browser-{person}",
            )["decision"]
            if all(decision.allocation.values()):
                return decision


def click(ranking: Ranking, ordinal: int) -> dict[str, Any]:
    """A click as a browser sends it."""
    decision = ranking.decision
    return {
        "application": "shop",
        "action_name": "click",
        "query_id": decision.query_id,
        "session_id": decision.session_id,
        "client_id": decision.client_id,
        "timestamp": datetime.now(UTC).isoformat(),
        "user_query": decision.understanding.query,
        "event_attributes": {
            "object": {"object_id": ranking.candidates[ordinal - 1].object_id, "object_id_field": "id"},
            "position": {"ordinal": ordinal},
        },
    }


def prepared(folder: Path, pages: int, rng: random.Random) -> list[Ranking]:
    """Searches over queries that were searched four times before, clicked on and learned from."""
    queries = max(1, min(250, pages // 4))
    store = LTRRStore(Secret.from_token(f"sqlite:///{folder.resolve()}/earlier.db"))
    searches, impressions, feedback = Searches(store, rng, queries), ImpressionWriter(store), FeedbackWriter(store)
    learner = Learner(store, VWPolicy(), reward_wait=0.0)
    try:
        for _ in range(4):
            for ranking in islice(searches, queries):
                impressions.run(ranking)
                clicks: list[dict[str, Any] | UBIEvent] = [
                    click(ranking, ordinal) for ordinal in range(1, SHOWN + 1) if rng.random() < CLICK_RATE
                ]
                if clicks:
                    feedback.run(clicks)
            learner.run_once(time.time() + 1)
        return list(islice(searches, pages))
    finally:
        store.close()


def batches_of(clicks: list[dict[str, Any]], size: int, rng: random.Random) -> list[list[dict[str, Any]]]:
    """All clicks in random order, some of them twice, cut into batches."""
    sent = clicks + rng.sample(clicks, round(SENT_TWICE * len(clicks)))
    rng.shuffle(sent)
    return [sent[start : start + size] for start in range(0, len(sent), size)]


def rewards_in(store: LTRRStore) -> dict[tuple[str, str], float]:
    """(Query id, object id) → reward, as it would be learned from the log."""
    now, settled = time.time() + 1, -1
    while (reached := store.settle(now)) != settled:
        settled = reached
    rewards: dict[tuple[str, str], float] = {}
    seq = 0
    while decisions := store.settled(seq, 500):
        for each in decisions:
            rewards.update({(each.decision.query_id, object_id): reward for object_id, reward in each.rewards.items()})
        seq = decisions[-1].seq
    return rewards


def bytes_in(database: Path) -> int:
    """The size of a database, its write-ahead log brought into it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return database.stat().st_size


def timed(run: Callable[[Any], Any], calls: Sequence[Any], threads: int) -> tuple[list[Any], float, float]:
    """The answers to calls from several threads, the seconds that all of them took, and those of the processor."""
    with ThreadPoolExecutor(threads) as senders:
        started, worked = time.perf_counter(), time.process_time()
        answers = list(senders.map(run, calls))
        return answers, time.perf_counter() - started, time.process_time() - worked


def alone(run: Callable[[Any], Any], calls: Sequence[Any]) -> float:
    """Milliseconds of a call while nobody else calls: the median."""
    seconds = []
    for call in calls:
        started = time.perf_counter()
        run(call)
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


def measure(
    folder: Path,
    events: int,
    batch: int = 100,
    threads: int = 4,
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL",
    seed: int = 7,
) -> dict[str, Any]:
    """
    Log searches, send clicks, and count what arrived.

    :param folder: Where the database is made.
    :param events: How many different clicks, rounded up to whole pages of 10.
    :param batch: Events in one call.
    :param threads: Senders at a time.
    :param synchronous: SQLite's durability.
    :param seed: Seed of the searches, and of the order in which clicks are sent.
    :returns: The figures and the settings.
    """
    rng = random.Random(seed)
    pages = -(-events // SHOWN)
    rankings = prepared(folder, pages, rng)
    database = folder.resolve() / "ingest.db"
    store = LTRRStore(Secret.from_token(f"sqlite:///{database}"), synchronous=synchronous)
    writer, impressions = FeedbackWriter(store, rewards={"click": 1.0}), ImpressionWriter(store, timeout=60.0)
    writer.warm_up()
    try:
        sizes = [bytes_in(database)]
        few = max(1, pages // 5)
        latency = alone(impressions.run, rankings[:few])
        _, search_seconds, search_work = timed(impressions.run, rankings[few:], threads)
        sizes.append(bytes_in(database))
        clicks = [click(ranking, ordinal) for ranking in rankings for ordinal in range(1, SHOWN + 1)]
        answers, seconds, work = timed(writer.run, batches_of(clicks, batch, rng), threads)
        sizes.append(bytes_in(database))
        found = rewards_in(store)
        sizes.append(bytes_in(database))
    finally:
        writer.close()
    times = [found.get((each["query_id"], each["event_attributes"]["object"]["object_id"]), 0.0) for each in clicks]
    accepted = sum(answer["accepted"] for answer in answers)
    return {
        "searches_per_s": round((pages - few) / search_seconds, 1),
        "search_p50_ms": round(latency, 3),
        "search_cpu_ms": round(1000 * search_work / (pages - few), 3),
        "bytes_per_search": round((sizes[1] - sizes[0] + sizes[3] - sizes[2]) / pages),
        "events_per_s": round(accepted / seconds, 1),
        "event_cpu_ms": round(1000 * work / accepted, 4),
        "bytes_per_event": round((sizes[2] - sizes[1]) / accepted),
        "lost": sum(count < 1 for count in times),
        "doubled": sum(count > 1 for count in times),
        "accepted": accepted,
        "duplicate": sum(answer["duplicate"] for answer in answers),
        "rejected": sum(answer["rejected"] for answer in answers),
        "seconds": round(seconds, 3),
        "settings": {"batch": batch, "threads": threads, "synchronous": synchronous, "seed": seed},
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """
    Run from the command line.

    :param arguments: The arguments, those of the process if left out.
    :returns: The figures.
    """
    parser = argparse.ArgumentParser(description="Searches and events a second into SQLite, and what they take up.")
    parser.add_argument("--events", type=int, default=40_000, help="different clicks to send (default: 40000)")
    parser.add_argument("--batch", type=int, default=100, help="events in one call (default: 100)")
    parser.add_argument("--threads", type=int, default=4, help="senders at a time (default: 4)")
    parser.add_argument("--synchronous", choices=["NORMAL", "FULL"], default="NORMAL", help="SQLite's durability")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.events, options.batch, options.threads, options.synchronous)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return figures


if __name__ == "__main__":
    main()
