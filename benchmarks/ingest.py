"""
How many events a second FeedbackWriter takes into SQLite, and whether each of them arrives once.

Searches are logged with all that they showed. Then people click every document of every page: the clicks go through one
FeedbackWriter in batches, from several threads, and some are sent twice on purpose, in other batches, at other times.
Afterwards every impression must have the reward of exactly one click: less is lost, more is doubled.

    python benchmarks/ingest.py --json ingest.json
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from haystack import Document
from haystack.utils import Secret

from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import ActionSet, Arm, Candidate, Decision, Provenance, Ranking, Understanding

SHOWN = 20
SENT_TWICE = 0.1
ACTIONS = ActionSet((Arm("bm25", "lexical", (0, 30)), Arm("dense", "dense", (0, 30))), 60, {"bm25": 30, "dense": 30})


def page(number: int) -> Ranking:
    """One search with 20 documents shown."""
    query = f"query {number % 500}"
    decision = Decision(
        query_id=f"search-{number}",
        decided_at=time.time(),
        understanding=Understanding(query, query, tuple(query.split())),
        actions=ACTIONS,
        allocation=ACTIONS.baseline,
        propensity=1.0,
        mode="baseline",
        policy="static",
    )
    candidates = tuple(
        Candidate(
            object_id=f"document-{number}-{ordinal}",
            document=Document(id=f"document-{number}-{ordinal}", content="A document."),
            arms={"bm25": Provenance(ordinal, 1 / ordinal, 1 / ordinal)},
            score=1 / ordinal,
        )
        for ordinal in range(1, SHOWN + 1)
    )
    return Ranking(decision, candidates, tuple({"bm25_rank": 1 / ordinal} for ordinal in range(1, SHOWN + 1)))


def click(number: int, ordinal: int) -> dict[str, Any]:
    """A click as a browser sends it."""
    return {
        "application": "shop",
        "action_name": "click",
        "query_id": f"search-{number}",
        "session_id": f"session-{number}",
        "client_id": f"browser-{number % 1000}",
        "timestamp": datetime.now(UTC).isoformat(),
        "user_query": f"query {number % 500}",
        "event_attributes": {
            "object": {"object_id": f"document-{number}-{ordinal}", "object_id_field": "id"},
            "position": {"ordinal": ordinal},
        },
    }


def batches_of(clicks: list[dict[str, Any]], size: int, rng: random.Random) -> list[list[dict[str, Any]]]:
    """All clicks in random order, some of them twice, cut into batches."""
    sent = clicks + rng.sample(clicks, round(SENT_TWICE * len(clicks)))
    rng.shuffle(sent)
    return [sent[start : start + size] for start in range(0, len(sent), size)]


def rewards_in(store: LTRRStore) -> dict[str, float]:
    """Object id → reward, as it would be learned from the log; no object is shown twice."""
    now, settled = time.time() + 1, -1
    while (reached := store.settle(now)) != settled:
        settled = reached
    rewards: dict[str, float] = {}
    seq = 0
    while decisions := store.settled(seq, 500):
        for decision in decisions:
            rewards.update(decision.rewards)
        seq = decisions[-1].seq
    return rewards


def measure(
    folder: Path,
    events: int,
    batch: int = 100,
    threads: int = 4,
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL",
    seed: int = 7,
) -> dict[str, Any]:
    """
    Send clicks and count what arrived.

    :param folder: Where the database is made.
    :param events: How many different clicks, rounded up to whole pages of 20.
    :param batch: Events in one call.
    :param threads: Senders at a time.
    :param synchronous: SQLite's durability.
    :param seed: Seed of the order in which clicks are sent.
    :returns: The figures and the settings.
    """
    url = Secret.from_token(f"sqlite:///{folder.resolve()}/ingest.db")
    store = LTRRStore(url, synchronous=synchronous)
    writer = FeedbackWriter(store, rewards={"click": 1.0})
    impressions = ImpressionWriter(store, timeout=60.0)
    writer.warm_up()
    try:
        pages = -(-events // SHOWN)
        with ThreadPoolExecutor(threads) as senders:
            list(senders.map(impressions.run, map(page, range(pages))))
        clicks = [click(number, ordinal) for number in range(pages) for ordinal in range(1, SHOWN + 1)]
        batches = batches_of(clicks, batch, random.Random(seed))
        with ThreadPoolExecutor(threads) as senders:
            started = time.perf_counter()
            answers = list(senders.map(writer.run, batches))
            seconds = time.perf_counter() - started
        found = rewards_in(store)
    finally:
        writer.close()
    times = [found.get(each["event_attributes"]["object"]["object_id"], 0.0) for each in clicks]
    accepted = sum(answer["accepted"] for answer in answers)
    return {
        "events_per_s": round(accepted / seconds, 1),
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
    parser = argparse.ArgumentParser(description="Events a second through FeedbackWriter into SQLite.")
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
