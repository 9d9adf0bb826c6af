"""Labelled data sets in the BEIR layout."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

from haystack import Document

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.understanding import query_type, tokens_of

HEADER = ("query-id", "corpus-id", "score")
HIGHEST_GRADE = 100
"""Graded click models and gains grow by two to the power of a grade."""


@dataclass(frozen=True, slots=True)
class Query:
    """
    A query of a data set.

    :param id: Its id.
    :param text: What is typed.
    :param kind: The sort of query it is, for figures by kind.
    """

    id: str
    text: str
    kind: str


@dataclass(frozen=True)
class DataSet:
    """
    Documents, queries and what answers them.

    :param name: The folder's name.
    :param documents: What can be found.
    :param queries: What people type.
    :param qrels: Query id → document id → grade; documents that are not named have grade 0.
    :param tastes: User id → genre → affinity, where the data set knows its people.
    """

    name: str
    documents: list[Document] = field(repr=False)
    queries: list[Query] = field(repr=False)
    qrels: Mapping[str, Mapping[str, int]] = field(repr=False)
    tastes: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change whenever the documents do: the key of whatever is cached for them."""
        digest = blake2b(digest_size=8)
        for document in self.documents:
            text = json.dumps([document.id, document.content, document.meta], sort_keys=True, ensure_ascii=False)
            digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    @cached_property
    def highest_grade(self) -> int:
        """The best grade that occurs."""
        return max((grade for grades in self.qrels.values() for grade in grades.values()), default=0)

    def answerable(self) -> list[Query]:
        """
        The queries that something answers.

        :returns: Those with at least one document of a grade above 0, in order.
        """
        return [query for query in self.queries if any(grade > 0 for grade in self.qrels.get(query.id, {}).values())]


def load_beir(folder: Path | str, *, split: str = "test") -> DataSet:
    """
    Load a BEIR folder: `corpus.jsonl`, `queries.jsonl` (each may be compressed as `.gz`) and `qrels/<split>.tsv`.

    A document's content is its title and its text. Of its metadata, values and lists of values are kept; nested objects
    are left out, since no retriever filters on them. A query's kind is its metadata's `kind`, or else its query type.
    A `listeners.jsonl` beside them (`{"_id", "genres": {genre: affinity}}`) says who the people are.

    :param folder: The folder.
    :param split: Which judgements to read.
    :returns: The data set.
    :raises InvalidInputError: If a file is missing or a line is not as it should be; the message names file and line.
    """
    folder = Path(folder)
    corpus, queries, qrels = _file(folder, "corpus.jsonl"), _file(folder, "queries.jsonl"), _qrels(folder, split)
    listeners = folder / "listeners.jsonl"
    return DataSet(
        name=folder.resolve().name,
        documents=list(_once(corpus, _documents(corpus))),
        queries=list(_once(queries, _queries(queries))),
        qrels=qrels,
        tastes={row["_id"]: row.get("genres", {}) for _, row in _rows(listeners)} if listeners.exists() else {},
    )


def load_corpus(folder: Path | str) -> list[Document]:
    """
    Load the documents of a BEIR folder: `corpus.jsonl`, which may be compressed as `.gz`; see `load_beir`.

    :param folder: The folder.
    :returns: The documents.
    :raises InvalidInputError: If the file is missing or a line is not as it should be; the message names it.
    """
    path = _file(Path(folder), "corpus.jsonl")
    return list(_once(path, _documents(path)))


def _documents(path: Path) -> Iterator[tuple[int, Document]]:
    for line, row in _rows(path):
        title, text = _text(path, line, row, "title"), _text(path, line, row, "text")
        content = "\n".join(part for part in (title, text) if part)
        meta = _flat(path, line, row) | ({"title": title} if title else {})
        yield line, Document(id=row["_id"], content=content, meta=meta)


def _queries(path: Path) -> Iterator[tuple[int, Query]]:
    for line, row in _rows(path):
        text = _text(path, line, row, "text")
        if not text.strip():
            raise InvalidInputError(f"{path}, line {line}: 'text' of query '{row['_id']}' is empty")
        yield (
            line,
            Query(row["_id"], text, str(_flat(path, line, row).get("kind") or query_type(text, tokens_of(text)))),
        )


def _once(path: Path, numbered: Iterator[tuple[int, Any]]) -> Iterator[Any]:
    seen: dict[str, int] = {}
    for line, item in numbered:
        if item.id in seen:
            raise InvalidInputError(f"{path}, line {line}: '_id' '{item.id}' was already given in line {seen[item.id]}")
        seen[item.id] = line
        yield item


def _qrels(folder: Path, split: str) -> dict[str, dict[str, int]]:
    path = folder / "qrels" / f"{split}.tsv"
    if not path.exists():
        there = sorted(file.stem for file in path.parent.glob("*.tsv"))
        raise InvalidInputError(f"{path} is missing; splits that are there: {', '.join(there) or 'none'}")
    qrels: dict[str, dict[str, int]] = {}
    for line, fields in enumerate(_cells(path), start=1):
        if line == 1:
            if tuple(fields) != HEADER:
                raise InvalidInputError(
                    f"{path}, line 1: expected the header {'<tab>'.join(HEADER)}, got {'<tab>'.join(fields)}"
                )
            continue
        if len(fields) != 3:
            raise InvalidInputError(f"{path}, line {line}: expected 3 fields parted by tabs, got {len(fields)}")
        query_id, document_id, score = fields
        qrels.setdefault(query_id, {})[document_id] = _grade(path, line, score)
    return qrels


def _grade(path: Path, line: int, score: str) -> int:
    try:
        grade = max(0, int(score))
    except ValueError:
        raise InvalidInputError(f"{path}, line {line}: the score must be a whole number, got '{score}'") from None
    if grade > HIGHEST_GRADE:
        raise InvalidInputError(
            f"{path}, line {line}: the score must be at most {HIGHEST_GRADE}, since gains double with each grade; "
            f"got {score[:20]}"
        )
    return grade


def _cells(path: Path) -> Iterator[list[str]]:
    for _, line in _lines(path):
        yield line.rstrip("\r\n").split("\t")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield number, line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise InvalidInputError(f"{path}, line {number}: not UTF-8: {error.reason} at {error.start}") from None


def _file(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise InvalidInputError(
        f"{folder / name} is missing (nor is there a {name}.gz); a BEIR folder has corpus.jsonl, and where it is to be "
        "searched by simulated people queries.jsonl and qrels/test.tsv"
    )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"{path}, line {number}: not JSON: {error}") from None
        if "\\u" in line and not _is_writable(row):
            raise InvalidInputError(f"{path}, line {number}: half a character (a lone surrogate such as \\ud800)")
        if not isinstance(row, dict):
            raise InvalidInputError(f"{path}, line {number}: expected a JSON object, got {type(row).__name__}")
        if not isinstance(row.get("_id"), str) or not row["_id"]:
            raise InvalidInputError(f"{path}, line {number}: '_id' must be text, got {row.get('_id')!r}")
        yield number, row


def _is_writable(row: Any) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(path: Path, line: int, row: Mapping[str, Any], name: str) -> str:
    value = row.get(name) or ""
    if not isinstance(value, str):
        raise InvalidInputError(f"{path}, line {line}: '{name}' must be text, got {type(value).__name__}")
    return value


def _flat(path: Path, line: int, row: Mapping[str, Any]) -> dict[str, Any]:
    metadata = row.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise InvalidInputError(f"{path}, line {line}: 'metadata' must be an object, got {type(metadata).__name__}")
    return {name: value for name, value in metadata.items() if _is_flat(value)}


def _is_flat(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(item, str | int | float | bool) for item in values)
