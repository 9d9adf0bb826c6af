"""
What our components cost beside Haystack's own, in one run, with the same arms and depths.

Four arms bring 100 documents each, at once; so what is measured is the pipeline around them. Theirs: the retrievers and
a `DocumentJoiner` with reciprocal rank fusion. Ours: understanding, router, the same retrievers as arms, union, ranker
that explores, and the committed impressions. The policy is a static one, so that all four arms run, and the pages
are live. They are ranked without a trained model, and once more with one that knows the texts of documents of 200 words
(`ratio_async_trained`). What a decision of VWPolicy costs is measured apart.

    python benchmarks/overhead.py --json overhead.json
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from haystack import Document, Pipeline, component
from haystack.components.joiners import DocumentJoiner
from haystack.utils import Secret

from ltrr_haystack import (
    BanditRouter,
    FeedbackWriter,
    ImpressionWriter,
    Learner,
    LTRRanker,
    LTRRStore,
    QueryUnderstanding,
    StaticPolicy,
    UnionJoiner,
    VWPolicy,
    build_search_pipeline,
)
from ltrr_haystack.catalogue import StatisticsCollector, build, publish
from ltrr_haystack.ranking.training import train_ranker
from ltrr_haystack.store import POLICY, RANKER
from ltrr_haystack.types import ArmResult, CandidateSet, SettledDecision, Understanding

ARMS = ("bm25", "dense", "sparse", "structured")
DEPTH = 100
QUERIES = tuple(f"love song {number}" for number in range(50))


@component
class Prepared:
    """A retriever that has its documents at hand."""

    def __init__(self, documents: list[Document]) -> None:
        self.documents = documents

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None) -> dict[str, Any]:
        """Hand out the first documents; `query` and `filters` are not looked at."""
        return {"documents": self.documents[:top_k]}


def prepared_documents(dimensions: int, pool: int = 250) -> dict[str, list[Document]]:
    """Four overlapping results of 100 documents with contents and metadata of an ordinary size."""
    rng = random.Random(7)
    documents = [
        Document(
            id=f"d{number}",
            content=" ".join(rng.choices(["love", "song", "night", "river", "blue", "train", "summer"], k=40)),
            meta={"title": f"title {number}", "genre": "pop", "year": 1990 + number % 30, "tags": ["a", "b", "c"]},
            embedding=[rng.random() for _ in range(dimensions)] or None,
        )
        for number in range(pool)
    ]
    return {
        arm: [_scored(document, 1 / rank) for rank, document in enumerate(rng.sample(documents, DEPTH), start=1)]
        for arm in ARMS
    }


def _scored(document: Document, score: float) -> Document:
    return Document(
        id=document.id, content=document.content, meta=document.meta, embedding=document.embedding, score=score
    )


def theirs(results: dict[str, list[Document]]) -> Pipeline:
    """The hybrid pipeline that Haystack's documentation shows."""
    pipeline = Pipeline()
    pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=10))
    for arm, documents in results.items():
        pipeline.add_component(arm, Prepared(documents))
        pipeline.connect(f"{arm}.documents", "joiner.documents")
    return pipeline


def ours(results: dict[str, list[Document]], store: LTRRStore) -> Pipeline:
    """The same retrievers in a learned pipeline."""
    return build_search_pipeline(
        {arm: Prepared(documents) for arm, documents in results.items()},
        arms={arm: {"levels": [0, 10, 30, DEPTH]} for arm in ARMS},
        budget=DEPTH * len(ARMS),
        baseline=dict.fromkeys(ARMS, DEPTH),
        store=store,
        policy=StaticPolicy(),
        log_timeout=60.0,
    )


def milliseconds(call: Callable[[], object]) -> float:
    """One call's wall-clock time."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


async def milliseconds_async(call: Callable[[], Awaitable[object]]) -> float:
    """One awaited call's wall-clock time."""
    started = time.perf_counter()
    await call()
    return (time.perf_counter() - started) * 1000


def ratio_sync(results: dict[str, list[Document]], store: LTRRStore, runs: int) -> float:
    """Median of ours over theirs, pair by pair, through `Pipeline.run`."""
    own, other = ours(results, store), theirs(results)
    data_own, data_other = _inputs_own(0), _inputs_other(0)
    own.run(data_own)
    other.run(data_other)
    return statistics.median(
        milliseconds(partial(own.run, _inputs_own(n))) / milliseconds(partial(other.run, _inputs_other(n)))
        for n in range(runs)
    )


async def ratio_async(
    results: dict[str, list[Document]], store: LTRRStore, runs: int, queries: Sequence[str] = QUERIES
) -> float:
    """Median of ours over theirs, pair by pair, through `Pipeline.run_async`."""
    own, other = ours(results, store), theirs(results)
    await own.run_async(_inputs_own(0, queries))
    await other.run_async(_inputs_other(0, queries))
    ratios = []
    for n in range(runs):
        mine = await milliseconds_async(partial(own.run_async, _inputs_own(n, queries)))
        yours = await milliseconds_async(partial(other.run_async, _inputs_other(n, queries)))
        ratios.append(mine / yours)
    return statistics.median(ratios)


def _inputs_own(number: int, queries: Sequence[str] = QUERIES) -> dict[str, Any]:
    return {"understanding": {"query": queries[number % len(queries)]}}


def _inputs_other(number: int, queries: Sequence[str] = QUERIES) -> dict[str, Any]:
    return {arm: {"query": queries[number % len(queries)], "top_k": DEPTH} for arm in ARMS}


def own_components(results: dict[str, list[Document]], store: LTRRStore, runs: int) -> list[float]:
    """Milliseconds of understanding, router, joiner, ranker (no model yet) and the impressions' commit, together."""
    understanding = QueryUnderstanding()
    router = _router(store)
    joiner = UnionJoiner(list(ARMS))
    ranker, writer = LTRRanker(store), ImpressionWriter(store)
    brought = {arm: ArmResult(arm, tuple(documents), 0.001) for arm, documents in results.items()}

    def search(number: int) -> None:
        understood = understanding.run(f"love song {number % 50}")["understanding"]
        decision = router.run(understood, user_id="u1", session_id="s1")["decision"]
        candidates = joiner.run(decision=decision, **brought)["candidates"]
        writer.run(ranker.run(candidates)["ranking"])

    for number in range(20):
        search(number)
    return [milliseconds(partial(search, n)) for n in range(runs)]


def decisions(store: LTRRStore, runs: int) -> list[float]:
    """Milliseconds of the router's decision among 6 arms of 4 levels, with a policy that has learned."""
    names = [f"arm{number}" for number in range(6)]
    policy = VWPolicy()
    router = BanditRouter(
        {name: {"kind": "lexical", "levels": [0, 10, 30, 100]} for name in names},
        180,
        dict.fromkeys(names, 30),
        store,
        policy=policy,
        poll_interval=3600,
    )
    understood = [QueryUnderstanding().run(f"love song {n}")["understanding"] for n in range(50)]
    for seq, query in enumerate(understood, start=1):
        policy.learn(SettledDecision(seq, router.run(query)["decision"], (), {}))
    store.add_snapshot(POLICY, policy.to_bytes(), {}, activate=True)
    router.warm_up()
    return [milliseconds(partial(router.run, understood[n % 50], user_id="u1")) for n in range(runs)]


def texts() -> tuple[list[Document], list[str]]:
    """
    Documents of 200 words with a title, and queries of three and four words.

    Words are as rare and as frequent as in texts (Zipf).
    """
    rng = random.Random(11)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 10))) for _ in range(20_000)]
    drawn = partial(rng.choices, words, cum_weights=list(accumulate(1 / rank for rank in range(1, len(words) + 1))))
    documents = [
        Document(id=f"d{number}", content=" ".join(drawn(k=200)), meta={"title": " ".join(drawn(k=6))})
        for number in range(800)
    ]
    return documents, [" ".join(drawn(k=3 + number % 2)) for number in range(50)]


def trained(documents: list[Document], store: LTRRStore) -> dict[str, list[Document]]:
    """What four arms bring of documents with collection statistics, and a ranker trained on it."""
    collector = StatisticsCollector(["content", "meta.title"])
    build(documents, [collector])
    publish(store, collector.statistics())
    rng = random.Random(11)
    results = {
        arm: [_scored(document, 1 / rank) for rank, document in enumerate(rng.sample(documents, DEPTH), start=1)]
        for arm in ARMS
    }
    train(store, results)
    return results


def ranks(results: dict[str, list[Document]], queries: Sequence[str], store: LTRRStore, runs: int) -> list[float]:
    """
    Milliseconds of a trained ranker on unions of 300 documents, of which it orders the first 50 by all features, those
    of the texts included.

    All documents have been split into words before, as those of a catalogue are after a while.
    """
    understanding = QueryUnderstanding()
    unions = [_union(results, understanding.run(query)["understanding"], store) for query in queries]
    unions = [replace(each, candidates=each.candidates[:300]) for each in unions]
    assert all(len(each.candidates) == 300 for each in unions), "a union has fewer than 300 candidates"
    ranker = LTRRanker(store)
    ranker.warm_up()
    assert ranker.run(unions[0])["ranking"].ranker_version > 0, "the ranker has no trained model"
    return [milliseconds(partial(ranker.run, unions[n % len(unions)])) for n in range(runs)]


def train(store: LTRRStore, results: dict[str, list[Document]]) -> None:
    """Train a ranker on 400 searches in which people click what two arms found; live, whether it is better or not."""
    pipeline, feedback = ours(results, store), FeedbackWriter(store)
    for number in range(400):
        inputs = {**_inputs_own(number), "router": {"user_id": f"person {number}"}}
        page = pipeline.run(inputs)["impressions"]
        clicked = max(page["ranking"].candidates[number % 5 :], key=lambda candidate: len(candidate.arms))
        event = {
            "action_name": "click",
            "query_id": page["query_id"],
            "event_attributes": {"object": {"object_id": clicked.object_id}},
        }
        assert feedback.run([event])["accepted"] == 1
    Learner(store, StaticPolicy(), reward_wait=0.0).run_once(time.time() + 1)
    report = train_ranker(store, activate_if_passed=False)
    store.activate(RANKER, report.version)


def _union(results: dict[str, list[Document]], understood: Understanding, store: LTRRStore) -> CandidateSet:
    decision = _router(store).run(understood)["decision"]
    brought = {arm: ArmResult(arm, tuple(documents), 0.001) for arm, documents in results.items()}
    union: CandidateSet = UnionJoiner(list(ARMS)).run(decision=decision, **brought)["candidates"]
    return union


def _router(store: LTRRStore) -> BanditRouter:
    return BanditRouter(
        {arm: {"levels": [0, 10, 30, DEPTH]} for arm in ARMS},
        DEPTH * len(ARMS),
        dict.fromkeys(ARMS, DEPTH),
        store,
        policy=StaticPolicy(),
    )


def measure(runs: int) -> dict[str, float]:
    """All figures, each with a store of its own."""
    plain, embedded = prepared_documents(0), prepared_documents(384)
    with tempfile.TemporaryDirectory() as folder:
        stores = [LTRRStore(Secret.from_token(f"sqlite:///{folder}/{name}.db")) for name in "abcdef"]
        own = own_components(plain, stores[3], runs * 3)
        documents, queries = texts()
        worded = trained(documents, stores[5])
        ranked = ranks(worded, queries, stores[5], runs * 3)
        figures = {
            "ratio_sync": ratio_sync(plain, stores[0], runs),
            "ratio_async": asyncio.run(ratio_async(plain, stores[1], runs)),
            "ratio_async_trained": asyncio.run(ratio_async(worded, stores[5], runs, queries)),
            "ratio_async_384d": asyncio.run(ratio_async(embedded, stores[2], max(20, runs // 3))),
            "ours_p50_ms": statistics.median(own),
            "ours_p99_ms": statistics.quantiles(own, n=100)[98],
            "decision_p50_ms": statistics.median(decisions(stores[4], runs * 3)),
            "rank50_text_p50_ms": statistics.median(ranked),
            "rank50_text_p99_ms": statistics.quantiles(ranked, n=100)[98],
        }
        for store in stores:
            store.close()
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--runs", type=int, default=300, help="pairs of runs for each ratio")
    arguments = parser.parse_args()
    figures = measure(arguments.runs)
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
