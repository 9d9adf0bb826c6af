"""
How long a search takes over HTTP, for one client or several, against the running demo (`make demo`).

    python benchmarks/http_latency.py --url http://127.0.0.1:1416 --json latency.json
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.server.bundled import music


def queries() -> list[str]:
    """What the listeners of the fictional music service type."""
    with tempfile.TemporaryDirectory() as folder:
        return [query.text for query in load_beir(music(Path(folder))).queries]


def milliseconds(client: httpx.Client, query: str) -> float:
    """One search, from the first byte sent to the last received."""
    started = time.perf_counter()
    client.post("/search/run", json={"query": query, "user_id": "benchmark"}).raise_for_status()
    return (time.perf_counter() - started) * 1000


def measure(url: str, searches: int, clients: int) -> dict[str, float]:
    """Median and 99th percentile in milliseconds, and searches a second, over distinct queries."""
    typed = queries()
    with httpx.Client(base_url=url, timeout=60) as client, ThreadPoolExecutor(clients) as pool:
        for query in typed[-10:]:
            milliseconds(client, query)
        started = time.perf_counter()
        times = list(pool.map(lambda number: milliseconds(client, typed[number % len(typed)]), range(searches)))
        seconds = time.perf_counter() - started
    return {
        "clients": clients,
        "searches": searches,
        "p50_ms": round(statistics.median(times), 1),
        "p99_ms": round(statistics.quantiles(times, n=100)[98], 1),
        "searches_per_s": round(searches / seconds, 1),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description="How long a search takes over HTTP.")
    parser.add_argument("--url", default="http://127.0.0.1:1416", help="the running demo")
    parser.add_argument("--searches", type=int, default=300)
    parser.add_argument("--clients", type=int, default=1, help="how many search at once")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args(argv)
    text = json.dumps(measure(arguments.url, arguments.searches, arguments.clients), indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
