"""
What it brings to search the readings of a query: the structured arm beside plain BM25, by kind of query.

    python benchmarks/understanding.py --json understanding.json
    python benchmarks/understanding.py --write folder

Recall of the first 50 and nDCG@10 over the labelled queries of two public data sets, with the same retriever by itself
and within a StructuredRetriever, and times of a whole call. The lexicon is counted over the metadata alone: supplier
and text attributes of the products (those that at least a hundredth of them have), names and tags of the artists.
Nothing is learned from clicks, but the defaults of the retriever were chosen on these queries. Queries with a slot are
those whose readings have at least one; for all others both searches are the same.

`--write` writes the data sets with these fields as metadata, for `ltrr benchmark --data folder/lastfm --pipelines
benchmarks/structured`.
"""

import argparse
import gzip
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy
from haystack.utils import Secret
from rich.console import Console
from rich.table import Table

from ltrr_haystack import LTRRStore, QueryUnderstanding, StructuredRetriever, Understanding
from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, build, publish
from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
from ltrr_haystack.evaluation.datasets import DataSet, load_beir
from ltrr_haystack.evaluation.replay.relevance import ToJudge, judged
from ltrr_haystack.evaluation.replay.statistics import Clusters
from ltrr_haystack.readings.annotator import CatalogueReadings

DEPTH, TOP = 50, 10
RECALL, NDCG = "recall@50", "nDCG@10"
BM25, STRUCTURED = "bm25", "structured"
LEAST_SHARE = 0.01
"""Share of the products that have an attribute, from which on its values are in the lexicon."""

console = Console(stderr=True)


@dataclass(frozen=True)
class Catalogue:
    """
    How a data set's metadata are searched.

    :param fields: The fields of the lexicon.
    :param popularity: The field with a popularity, if there is one.
    """

    fields: tuple[str, ...]
    popularity: str | None = None


def products(rows: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], Catalogue]:
    """Supplier, and the values of the text attributes that many products have, as a list."""
    attributes = [row["metadata"].get("attrs") or {} for row in rows]
    having = Counter(name for each in attributes for name, value in each.items() if isinstance(value, str))
    common = {name for name, count in having.items() if count >= LEAST_SHARE * len(rows)}
    metadata = [
        {
            "supplier": row["metadata"].get("supplier"),
            "attributes": list(dict.fromkeys(value for name, value in each.items() if name in common)),
        }
        for row, each in zip(rows, attributes, strict=True)
    ]
    return metadata, Catalogue(("supplier", "attributes"))


def artists(rows: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], Catalogue]:
    """Names, tags as a list, and listeners."""
    metadata = [
        {
            "artist": row["title"],
            "tags": sorted(row["metadata"]["tags"], key=lambda tag: (-row["metadata"]["tags"][tag], tag)),
            "listeners": row["metadata"]["listeners"],
        }
        for row in rows
    ]
    return metadata, Catalogue(("artist", "tags"), "listeners")


SETS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], tuple[list[dict[str, Any]], Catalogue]]] = {
    "icecat": products,
    "lastfm": artists,
}


def load(folder: Path) -> tuple[DataSet, Catalogue]:
    """A data set with the fields of its catalogue as metadata."""
    data = load_beir(folder)
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        metadata, catalogue = SETS[folder.name]([json.loads(line) for line in lines])
    documents = [
        replace(document, meta={**_known({"title": document.meta.get("title")}), **_known(extra)})
        for document, extra in zip(data.documents, metadata, strict=True)
    ]
    return replace(data, documents=documents), catalogue


def measure(folder: Path, place: Path) -> dict[str, Any]:
    """Both searches over one data set."""
    data, catalogue = load(folder)
    store = TantivyDocumentStore(
        str(place / "index"),
        text_fields={"content": "words", "meta.title": "words"},
        keyword_fields=[f"meta.{field}" for field in catalogue.fields],
        language="en",
    )
    store.write_documents(data.documents, DuplicatePolicy.OVERWRITE)
    log = LTRRStore(Secret.from_token(f"sqlite:///{place / 'ltrr.db'}"))
    collector = LexiconCollector(
        LexiconFields(
            [f"meta.{field}" for field in catalogue.fields],
            popularity=catalogue.popularity and f"meta.{catalogue.popularity}",
        )
    )
    build(data.documents, [collector])
    publish(log, collector.counts())
    understanding = QueryUnderstanding(annotators=[CatalogueReadings(log)])
    understanding.warm_up()
    bm25 = TantivyBM25Retriever(store, fields={"content": 1.0, "meta.title": 1.5}, browse=True)
    structured = StructuredRetriever(bm25, log)
    structured.warm_up()
    values = len(collector.lexicon())
    console.print(
        f"{data.name}: {len(data.documents):,} documents, {values:,} values in {len(catalogue.fields)} fields"
    )
    queries = data.answerable()
    understood, reading_times = _timed(lambda query: understanding.run(query.text)["understanding"], queries)
    pairs = list(zip(queries, understood, strict=True))
    found: dict[str, list[list[Document]]] = {}
    times: dict[str, list[float]] = {"understanding": reading_times}
    found[BM25], times[BM25] = _timed(lambda pair: bm25.run(pair[0].text, top_k=DEPTH)["documents"], pairs)
    found[STRUCTURED], times[STRUCTURED] = _timed(
        lambda pair: structured.run(pair[0].text, top_k=DEPTH, understanding=pair[1])["documents"], pairs
    )
    scores = {arm: _scores(data, documents) for arm, documents in found.items()}
    kinds = _kinds([query.kind for query in queries], understood)
    structured.close()
    understanding.close()
    log.close()
    return {
        "documents": len(data.documents),
        "fields": len(catalogue.fields),
        "values": values,
        "kinds": {kind: _compared(scores, places) for kind, places in kinds.items()},
        "p50_ms": {part: round(statistics.median(each), 2) for part, each in times.items()},
        "p99_ms": {part: round(float(np.percentile(each, 99)), 2) for part, each in times.items()},
    }


def _known(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if value is not None}


def _timed(work: Callable[[Any], Any], given: Sequence[Any]) -> tuple[list[Any], list[float]]:
    """What comes of each, and the milliseconds that it took; the first ten are done once before, to warm up."""
    for each in given[:10]:
        work(each)
    results, times = [], []
    for each in given:
        started = time.perf_counter()
        results.append(work(each))
        times.append((time.perf_counter() - started) * 1000)
    return results, times


def _scores(data: DataSet, found: Sequence[Sequence[Document]]) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    answers = []
    for query, documents in zip(data.answerable(), found, strict=True):
        ids = tuple(document.id for document in documents)
        answers.append(ToJudge(query.id, ids[:TOP], ids))
    figures = judged(answers, data.qrels)
    return {NDCG: np.array(figures["nDCG@10"]), RECALL: np.array(figures["candidate_recall"])}


def _kinds(kinds: Sequence[str], understood: Sequence[Understanding]) -> dict[str, list[int]]:
    """Kind → places of its queries, and of those with a slot."""
    has_slot = [any(reading.slots for reading in each.interpretations) for each in understood]
    places = {"all": list(range(len(kinds))), "with a slot": [place for place, has in enumerate(has_slot) if has]}
    for kind in sorted(set(kinds)):
        of_kind = [place for place, each in enumerate(kinds) if each == kind]
        places[kind] = of_kind
        places[f"{kind}, with a slot"] = [place for place in of_kind if has_slot[place]]
    return {kind: each for kind, each in places.items() if each}


def _compared(scores: Mapping[str, Mapping[str, Any]], places: Sequence[int]) -> dict[str, Any]:
    clusters = Clusters([str(place) for place in places], [0] * len(places))
    figures: dict[str, Any] = {"queries": len(places)}
    for measure_name in (RECALL, NDCG):
        of = {arm: each[measure_name][list(places)] for arm, each in scores.items()}
        difference = clusters.compare(of[STRUCTURED], of[BM25])
        figures[measure_name] = {
            **{arm: round(float(each.mean()), 4) for arm, each in of.items()},
            "difference": round(difference.difference.mean, 4),
            "interval": [round(difference.difference.low, 4), round(difference.difference.high, 4)],
            "p": round(difference.p, 4),
        }
    return figures


def write(folder: Path, out: Path) -> None:
    """Write a data set with the fields of its catalogue as metadata, in the BEIR layout."""
    data, _ = load(folder)
    (out / "qrels").mkdir(parents=True, exist_ok=True)
    for name in ("queries.jsonl", "qrels/test.tsv"):
        (out / name).write_bytes((folder / name).read_bytes())
    with (
        gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines,
        gzip.open(out / "corpus.jsonl.gz", "wt", encoding="utf-8") as written,
    ):
        for line, document in zip(lines, data.documents, strict=True):
            metadata = {name: value for name, value in document.meta.items() if name != "title"}
            written.write(json.dumps({**json.loads(line), "metadata": metadata}, ensure_ascii=False) + "\n")


def table(figures: Mapping[str, Any]) -> Table:
    """The figures as a table."""
    shown = Table(
        "data", "queries", "", "recall@50: BM25, structured", "difference", "nDCG@10: BM25, structured", "difference"
    )
    for name, of_set in figures.items():
        for kind, each in of_set["kinds"].items():
            cells = []
            for measure_name in (RECALL, NDCG):
                one = each[measure_name]
                low, high = one["interval"]
                cells += [
                    f"{one[BM25]:.3f} {one[STRUCTURED]:.3f}",
                    f"{one['difference']:+.3f} ({low:+.3f} to {high:+.3f})",
                ]
            shown.add_row(name, kind, str(each["queries"]), *cells)
        p50 = ", ".join(f"{part} {milliseconds} ms" for part, milliseconds in of_set["p50_ms"].items())
        shown.add_row(name, f"p50: {p50}", end_section=True)
    return shown


def _folders(data: Path, sets: Sequence[str]) -> Iterator[Path]:
    for name in sets:
        if (data / name).is_dir():
            yield data / name
        else:
            console.print(f"{data / name} is not there, and left out")


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print, and write JSON if asked; or write the data sets."""
    parser = argparse.ArgumentParser(description="The structured arm beside plain BM25, by kind of query.")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data", help="BEIR folders")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument(
        "--write", type=Path, help="where to write the data sets with their fields, instead of measuring"
    )
    arguments = parser.parse_args(argv)
    figures: dict[str, Any] = {}
    for folder in _folders(arguments.data, arguments.sets):
        if arguments.write:
            write(folder, arguments.write / folder.name)
            continue
        with tempfile.TemporaryDirectory() as place:
            figures[folder.name] = measure(folder, Path(place))
    if figures:
        Console(width=200).print(table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return figures


if __name__ == "__main__":
    main()
