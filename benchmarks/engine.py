"""
The embedded lexical engines beside each other: how good what they find is, how fast, how large, in one run.

    python benchmarks/engine.py --json engine.json

Quality is nDCG@10 over the graded queries of three public data sets, by the arms of `benchmarks/hybrid`: words of title
and text, words of the title, and three characters at a time. The settings are the same for all three data sets.

Speed is measured over documents that this program makes up: thirty words each, drawn by Zipf's law from 100,000 words.
A query has one to three words of such a document, beyond the hundred most frequent words, which stand for those that
people leave out. Haystack's InMemoryBM25Retriever goes through all documents for each query, so it is left out of the
large sizes. Every time is a whole call of a retriever, documents included.
"""

import argparse
import json
import random
import re
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from haystack import Document
from haystack.components.retrievers import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DuplicatePolicy
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
from ltrr_haystack.evaluation.datasets import DataSet, load_beir
from ltrr_haystack.evaluation.replay.relevance import ToJudge, judged

SETS = ("icecat", "medquad", "lastfm")
ARMS = ("words", "title", "trigrams")
TOP = 10
VOCABULARY, WORDS, TITLE, STOP_WORDS = 100_000, 30, 5, 100
BATCH = 20_000
LARGEST_IN_MEMORY = 20_000

console = Console(stderr=True)


class Engine(Protocol):
    """Documents written once, and searched in several ways."""

    def search(self, arm: str, query: str, top_k: int) -> list[str]:
        """Ids of what an arm finds."""


class Tantivy:
    """The store and the retrievers of `benchmarks/hybrid`."""

    def __init__(self, folder: Path, trigrams: bool = True) -> None:
        """Open the index."""
        analyses = ["words", "trigrams"] if trigrams else ["words"]
        self.store = TantivyDocumentStore(
            str(folder),
            text_fields={"content": analyses, "meta.title": analyses},
            keyword_fields=["meta.genre"],
            number_fields=["meta.plays"],
            language="en",
        )
        self.arms = {
            "words": TantivyBM25Retriever(self.store, fields={"content": 1.0, "meta.title": 1.5}),
            "title": TantivyBM25Retriever(self.store, fields={"meta.title": 1.0}),
        }
        if trigrams:
            fields = {"content:trigrams": 1.0, "meta.title:trigrams": 1.0}
            self.arms["trigrams"] = TantivyBM25Retriever(self.store, fields=fields)

    def write(self, documents: list[Document]) -> None:
        """Write documents; they are on disk afterwards."""
        self.store.write_documents(documents, DuplicatePolicy.OVERWRITE)

    def search(self, arm: str, query: str, top_k: int) -> list[str]:
        """Ids of what an arm finds."""
        return [document.id for document in self.arms[arm].run(query, top_k=top_k)["documents"]]


class InMemory:
    """Haystack's in-memory store, one for each arm, as `benchmarks/hybrid` had it before."""

    def __init__(self) -> None:
        """Make the stores."""
        self.stores = {
            "words": InMemoryDocumentStore(shared=False),
            "title": InMemoryDocumentStore(shared=False),
            "trigrams": InMemoryDocumentStore(shared=False, bm25_tokenization_regex=r"(?=(\w\w\w))"),
        }

    def write(self, documents: list[Document], arms: Sequence[str] = ARMS) -> None:
        """Write documents."""
        for arm in arms:
            parts = list(map(_titled, documents)) if arm == "title" else documents
            self.stores[arm].write_documents(parts)

    def search(self, arm: str, query: str, top_k: int) -> list[str]:
        """Ids of what an arm finds."""
        return [found.id for found in InMemoryBM25Retriever(self.stores[arm]).run(query, top_k=top_k)["documents"]]


class FTS5:
    """SQLite's full-text search: Porter's stems, or its own trigrams; the same weights as Tantivy."""

    def __init__(self, file: Path, trigrams: bool = True) -> None:
        """Open the database."""
        self.connection = sqlite3.connect(file)
        tokenizers = {"words": "porter unicode61 remove_diacritics 2"}
        if trigrams:
            tokenizers["trigrams"] = "trigram"
        for table, tokenizer in tokenizers.items():
            self.connection.execute(
                f"CREATE VIRTUAL TABLE IF NOT EXISTS {table} "
                f"USING fts5(id UNINDEXED, meta UNINDEXED, content, title, tokenize = '{tokenizer}')"
            )
        self.tables = tuple(tokenizers)

    def write(self, documents: list[Document]) -> None:
        """Write documents; they are on disk afterwards."""
        rows = [(each.id, json.dumps(each.meta), each.content or "", _title(each)) for each in documents]
        with self.connection:
            for table in self.tables:
                self.connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", rows)  # noqa: S608 (our own)

    def search(self, arm: str, query: str, top_k: int) -> list[str]:
        """Ids of what an arm finds."""
        table = "trigrams" if arm == "trigrams" else "words"
        weights = {"words": "0, 0, 1.0, 1.5", "title": "0, 0, 0.0, 1.0", "trigrams": "0, 0, 1.0, 1.0"}[arm]
        words = re.findall(r"\w+", query.lower())
        if arm == "trigrams":
            words = [word[start : start + 3] for word in words for start in range(len(word) - 2)]
        asked = " OR ".join(f'"{word}"' for word in dict.fromkeys(words))
        if not asked:
            return []
        if arm == "title":
            asked = f"title : ({asked})"
        found = self.connection.execute(
            f"SELECT id, meta, content FROM {table} WHERE {table} MATCH ? "  # noqa: S608 (our own)
            f"ORDER BY bm25({table}, {weights}) LIMIT ?",
            (asked, top_k),
        )
        return [Document(id=row[0], content=row[2], meta=json.loads(row[1])).id for row in found]


def quality(data: DataSet, engine: Engine, label: str) -> dict[str, dict[str, float]]:
    """nDCG@10 of each arm, and the time a query takes to its 50th document."""
    figures = {}
    for arm in ARMS:
        answers, times = [], []
        told = f"{data.name}: {label}, {arm}"
        for query in track(data.answerable(), told, console=console, disable=not console.is_terminal):
            started = time.perf_counter()
            page = engine.search(arm, query.text, 50)
            times.append((time.perf_counter() - started) * 1000)
            answers.append(ToJudge(query.id, tuple(page[:TOP]), tuple(page)))
        scores = judged(answers, data.qrels)["nDCG@10"]
        figures[arm] = {"ndcg": round(statistics.mean(scores), 4), **percentiles(times)}
        said(f"{data.name:8} {label:9} {arm:9} nDCG@10 {figures[arm]['ndcg']:.3f}  p50 {figures[arm]['p50_ms']} ms")
    return figures


def speed(folder: Path, size: int, queries: int) -> dict[str, Any]:
    """How long searches take among made-up documents, how fast these are indexed, and how much room they take."""
    folder.mkdir()
    made = MadeUp(seed=size)
    typed, mistyped = made.queries(queries, size)
    tantivy, fts5 = Tantivy(folder / "tantivy", trigrams=False), FTS5(folder / "fts5.db", trigrams=False)
    in_memory = InMemory()
    seconds = {"Tantivy": 0.0, "FTS5": 0.0, "InMemory": 0.0}
    for batch in made.documents(size):
        seconds["Tantivy"] += timed(partial(tantivy.write, batch))
        seconds["FTS5"] += timed(partial(fts5.write, batch))
        if size <= LARGEST_IN_MEMORY:
            seconds["InMemory"] += timed(partial(in_memory.write, batch, ["words"]))
    rock = {"field": "meta.genre", "operator": "==", "value": "genre-3"}
    popular = {"field": "meta.plays", "operator": ">", "value": 500}
    words = tantivy.arms["words"]
    fuzzy = TantivyBM25Retriever(tantivy.store, fields=words.fields, fuzziness=1)
    boosted = TantivyBM25Retriever(tantivy.store, fields=words.fields, boost={"field": "meta.plays", "weight": 0.5})
    searches: dict[str, tuple[Callable[[str], object], Sequence[str]]] = {
        "Tantivy": (lambda query: words.run(query, top_k=TOP), typed),
        "Tantivy, top 50": (lambda query: words.run(query, top_k=50), typed),
        "Tantivy, a keyword": (lambda query: words.run(query, filters=rock, top_k=TOP), typed),
        "Tantivy, a range": (lambda query: words.run(query, filters=popular, top_k=TOP), typed),
        "Tantivy, boosted": (lambda query: boosted.run(query, top_k=TOP), typed),
        "Tantivy, one letter wrong": (lambda query: fuzzy.run(query, top_k=TOP), mistyped),
        "FTS5": (lambda query: fts5.search("words", query, TOP), typed),
    }
    if size <= LARGEST_IN_MEMORY:
        searches["InMemory"] = (lambda query: in_memory.search("words", query, TOP), typed[:100])
    figures: dict[str, Any] = {}
    for name, (search, asked) in searches.items():
        for query in asked[:10]:
            search(query)
        found = percentiles([timed(partial(search, query)) * 1000 for query in asked])
        said(f"{size:>9,} documents  {name:26} p50 {found['p50_ms']:>8} ms  p99 {found['p99_ms']:>8} ms")
        figures[name] = found
    for name, taken in seconds.items():
        if taken:
            figures[name]["documents_per_s"] = round(size / taken)
    tantivy.store.close()
    fts5.connection.close()
    figures["Tantivy"]["megabytes"] = megabytes(folder / "tantivy")
    figures["FTS5"]["megabytes"] = megabytes(folder / "fts5.db")
    shutil.rmtree(folder)
    return figures


class MadeUp:
    """Documents that nobody wrote, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        """Make the vocabulary."""
        self._rng = np.random.default_rng(seed)
        self._chance = random.Random(seed)
        syllables = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou"]
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            words["".join(self._chance.choices(syllables, k=self._chance.randint(1, 5)))] = None
        self._words = np.array(list(words))
        shares = 1 / np.arange(1, VOCABULARY + 1)
        self._up_to = np.cumsum(shares / shares.sum())

    def documents(self, size: int) -> Iterator[list[Document]]:
        """Batches of documents."""
        for start in range(0, size, BATCH):
            rows = self._rows(min(BATCH, size - start))
            yield [
                Document(
                    id=f"document-{start + place}",
                    content=" ".join(row),
                    meta={"title": " ".join(row[:TITLE]), "genre": f"genre-{place % 20}", "plays": place % 997},
                )
                for place, row in enumerate(self._words[rows].tolist())
            ]

    def queries(self, number: int, size: int) -> tuple[list[str], list[str]]:
        """Queries as they are typed, and with a slip of the finger in each word of four letters and more."""
        typed: list[str] = []
        while len(typed) < number:
            (row,) = self._rows(1)
            rare = [self._words[each] for each in dict.fromkeys(row.tolist()) if each >= STOP_WORDS]
            if rare:
                typed.append(" ".join(self._chance.sample(rare, min(len(rare), self._chance.randint(1, 3)))))
        return typed, [" ".join(map(self._slip, query.split())) for query in typed]

    def _rows(self, number: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        return np.searchsorted(self._up_to, self._rng.random((number, WORDS))).clip(0, VOCABULARY - 1)

    def _slip(self, word: str) -> str:
        if len(word) < 4:
            return word
        place = self._chance.randrange(1, len(word) - 1)
        return f"{word[:place]}{word[place + 1]}{word[place]}{word[place + 2 :]}"


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Median and 99th percentile."""
    return {
        "p50_ms": round(statistics.median(milliseconds), 2),
        "p99_ms": round(float(np.percentile(milliseconds, 99)), 2),
    }


def megabytes(place: Path) -> float:
    """Room that a file or a folder takes."""
    files = [file for file in place.rglob("*") if file.is_file()] if place.is_dir() else [place]
    return round(sum(file.stat().st_size for file in files) / 1e6, 1)


def said(line: str) -> None:
    """Say how far it has come."""
    console.print(line, markup=False, highlight=False)


def _title(document: Document) -> str:
    title = document.meta.get("title")
    return title if isinstance(title, str) else ""


def _titled(document: Document) -> Document:
    return Document(id=document.id, content=_title(document), meta=document.meta)


def qualities(folder: Path, sets: Sequence[str], engines: Sequence[str]) -> dict[str, Any]:
    """Quality of every engine on every data set that is there."""
    figures: dict[str, Any] = {}
    for name in sets:
        if not (folder / name).is_dir():
            said(f"{folder / name} is not there, and left out")
            continue
        data = load_beir(folder / name)
        figures[name] = {}
        with tempfile.TemporaryDirectory() as place:
            if "Tantivy" in engines:
                tantivy = Tantivy(Path(place) / "tantivy")
                tantivy.write(data.documents)
                figures[name]["Tantivy"] = quality(data, tantivy, "Tantivy")
                tantivy.store.close()
            if "FTS5" in engines:
                fts5 = FTS5(Path(place) / "fts5.db")
                with closing(fts5.connection):
                    fts5.write(data.documents)
                    figures[name]["FTS5"] = quality(data, fts5, "FTS5")
        if "InMemory" in engines:
            in_memory = InMemory()
            in_memory.write(data.documents)
            figures[name]["InMemory"] = quality(data, in_memory, "InMemory")
    return figures


def show(figures: Mapping[str, Any]) -> None:
    """Print two tables."""
    table = Table("data", "engine", *(f"{arm}: nDCG@10, p50 ms" for arm in ARMS))
    for name, engines in figures["quality"].items():
        for engine, arms in engines.items():
            table.add_row(name, engine, *(f"{arms[arm]['ndcg']:.3f}, {arms[arm]['p50_ms']}" for arm in ARMS))
    Console().print(table)
    table = Table("documents", "search", "p50 ms", "p99 ms", "documents/s", "MB")
    for size, searches in figures["speed"].items():
        for name, each in searches.items():
            rest = (str(each.get(figure, "")) for figure in ("documents_per_s", "megabytes"))
            table.add_row(f"{int(size):,}", name, str(each["p50_ms"]), str(each["p99_ms"]), *rest)
    Console().print(table)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description="The embedded lexical engines beside each other.")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data", help="BEIR folders")
    parser.add_argument("--sets", nargs="*", default=list(SETS), help="which of them; none leaves quality out")
    parser.add_argument("--engines", nargs="*", default=["Tantivy", "FTS5", "InMemory"], help="whose quality")
    parser.add_argument("--sizes", nargs="*", type=int, default=[20_000, 1_000_000], help="made-up documents")
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as place:
        figures = {
            "quality": qualities(arguments.data, arguments.sets, arguments.engines),
            "speed": {str(size): speed(Path(place) / str(size), size, arguments.queries) for size in arguments.sizes},
        }
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return figures


if __name__ == "__main__":
    main()
