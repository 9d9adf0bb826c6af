"""One index of this process: who may write to it, and what may be read of it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, RLock

import tantivy
from haystack.document_stores.errors import DocumentStoreError
from tantivy import DocAddress, FieldType, Index, IndexWriter, Order, Query, Schema, Searcher

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.analysis import analyzer
from ltrr_haystack.embedded.tantivy.fields import Fields
from ltrr_haystack.errors import ConfigurationError

MEMORY_WHILE_WRITING = 128_000_000
"""Bytes of documents that a commit collects before it begins a new segment."""

_INHERITED: list[IndexWriter] = []
"""Writers of the process that this one was forked from: to let go of one would wait for threads that are not here."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """
    An index as one commit left it. It may be searched by many threads, and does not change.

    :param searcher: Searches it.
    :param schema: Its schema.
    :param commit: Another number after every commit that this process has seen.
    """

    searcher: Searcher
    schema: Schema
    commit: int

    def find(self, document_id: str) -> tantivy.Document | None:
        """
        Look a document up.

        :param document_id: Its id.
        :returns: What the index has of it, or `None`.
        """
        query = Query.term_query(self.schema, schema.KEY, schema.key_of(document_id), index_option="basic")
        hits = self.searcher.search(query, 1, count=False).hits
        return self.searcher.doc(hits[0][1]) if hits else None

    def all(self, query: Query) -> list[tuple[int, DocAddress]]:
        """
        Find all documents that match a query.

        :param query: The query.
        :returns: The numbers of their writes, and where they are, in the order in which they were written.
        """
        if not self.searcher.num_docs:
            return []
        hits: list[tuple[int, DocAddress]] = self.searcher.search(
            query, self.searcher.num_docs, count=False, order_by_field=schema.NUMBER, order=Order.Asc
        ).hits
        return hits

    def numbers(self) -> list[int]:
        """
        Give the numbers of all documents.

        :returns: The numbers of their writes, in order.
        """
        return [number for number, _ in self.all(Query.all_query())]

    def since(self, number: int) -> list[tuple[int, tantivy.Document]]:
        """
        Find what was written lately.

        :param number: The number of a write.
        :returns: The documents that were written after it and are there yet, each with its number.
        """
        later = Query.range_query(
            self.schema, schema.NUMBER, FieldType.Unsigned, lower_bound=number, include_lower=False
        )
        return [(written, self.searcher.doc(address)) for written, address in self.all(later)]


class SharedIndex:
    """
    An index that all stores of one folder, or of one name in memory, share within a process.

    Reading needs no lock: a search holds a snapshot. Writing is done by one thread at a time, and by one process at a
    time: the first write takes the folder's lock, `close` gives it back.
    """

    def __init__(self, fields: Fields, folder: Path | None = None) -> None:
        """
        Open an index, or make it.

        :param fields: What it knows.
        :param folder: Its folder; in memory if left out.
        :raises ConfigurationError: If the folder holds an index of other fields or another version, or cannot be made.
        """
        self.fields = fields
        self.folder = folder
        self._index = _opened(fields, folder)
        for analysis, name in schema.tokenizers(fields).items():
            self._index.register_tokenizer(name, analyzer(analysis, fields.language))
        self._schema = self._index.schema
        self._writing = RLock()
        self._reading = Lock()
        self._writer: IndexWriter | None = None
        self._writer_process = 0
        self._next_number = 0
        self._seen: tuple[int, int] | None = None
        self._snapshot = self._reloaded()

    @property
    def snapshot(self) -> Snapshot:
        """The last commit, whichever process made it."""
        if self._committed() != self._seen:
            with self._reading:
                if self._committed() != self._seen:
                    self._snapshot = self._reloaded(self._snapshot.commit + 1)
        return self._snapshot

    @contextmanager
    def writing(self) -> Iterator["Writing"]:
        """
        Write, alone: what was written is committed in the end, or, after an error, given up.

        :returns: A context manager that gives what writes.
        :raises DocumentStoreError: If another process is writing, or what was written cannot be committed.
        """
        with self._writing:
            writer = self._taken()
            write = Writing(writer, self.snapshot, self._next_number, str(self))
            try:
                yield write
                if write.changes:
                    with _failures(f"cannot write to {self}"):
                        writer.commit()
            except BaseException:
                if write.changes:
                    self._give_up(writer)
                raise
            if write.changes:
                self._next_number = write.number
                self._look_again()

    def close(self) -> None:
        """Let other processes write, until this one writes again. Searching goes on."""
        with self._writing:
            writer, self._writer = self._writer, None
            if writer is not None and self._writer_process == os.getpid():
                with _failures(f"cannot end the writing to {self}"):
                    writer.wait_merging_threads()

    def __str__(self) -> str:
        return f"the index in '{self.folder}'" if self.folder is not None else "an index in memory"

    def _taken(self) -> IndexWriter:
        if self._writer is not None and self._writer_process != os.getpid():
            _INHERITED.append(self._writer)
            self._writer = None
        if self._writer is None:
            with _failures(f"cannot write to {self}", _locked):
                self._writer = self._index.writer(MEMORY_WHILE_WRITING, 1)
            self._writer_process = os.getpid()
            # From here on no other process writes; what one wrote before is to be seen.
            self._look_again()
            self._next_number = 1 + _highest_number(self._snapshot)
        return self._writer

    def _give_up(self, writer: IndexWriter) -> None:
        try:
            with _failures(f"cannot give up what was written to {self}"):
                writer.rollback()
        except DocumentStoreError:
            # A writer that is broken is dropped, and with it what it has not committed.
            self._writer = None

    def _look_again(self) -> None:
        with self._reading:
            self._snapshot = self._reloaded(self._snapshot.commit + 1)

    def _committed(self) -> tuple[int, int] | None:
        if self.folder is None:
            return None
        try:
            found = os.stat(self.folder / "meta.json")  # noqa: PTH116 (a third of the time of Path.stat, in every search)
        except OSError:
            return self._seen
        return found.st_mtime_ns, found.st_ino

    def _reloaded(self, commit: int = 0) -> Snapshot:
        self._seen = self._committed()
        with _failures(f"cannot read {self}"):
            self._index.reload()
            return Snapshot(self._index.searcher(), self._schema, commit)


class Writing:
    """
    What is written between two commits.

    :param writer: Writes.
    :param before: The index before.
    :param number: The number that the next document gets.
    :param where: How errors name the index.
    """

    def __init__(self, writer: IndexWriter, before: Snapshot, number: int, where: str) -> None:
        self.before = before
        self.number = number
        self.changes = False
        self._writer = writer
        self._where = where

    def add(self, document: tantivy.Document) -> None:
        """
        Add a document.

        :param document: The index' document; it gets its number here.
        """
        document.add_unsigned(schema.NUMBER, self.number)
        self.number += 1
        with self._changing():
            self._writer.add_document(document)

    def delete(self, document_id: str) -> None:
        """
        Delete a document.

        :param document_id: Its id.
        """
        with self._changing():
            self._writer.delete_documents_by_term(schema.KEY, schema.key_of(document_id))

    def delete_all(self) -> None:
        """Delete all documents."""
        with self._changing():
            self._writer.delete_all_documents()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self.changes = True
        with _failures(f"cannot write to {self._where}"):
            yield


@contextmanager
def no_panic(what: str) -> Iterator[None]:
    """
    Turn what tantivy raises where it should not have failed at all into an error; by itself it is none that is caught.

    :param what: What is being done.
    :raises DocumentStoreError: If it happens.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DocumentStoreError(f"{what}: {error}") from error


@contextmanager
def _failures(what: str, explained: Callable[[str], str] = str) -> Iterator[None]:
    """Tantivy raises a ValueError for whatever fails."""
    try:
        with no_panic(what):
            yield
    except DocumentStoreError:
        raise
    except Exception as error:
        raise DocumentStoreError(f"{what}: {explained(str(error))}") from error


def _locked(reason: str) -> str:
    if "LockBusy" not in reason:
        return reason
    return "another process is writing to it, and one writes at a time; write through that one, or end it first"


def _opened(fields: Fields, folder: Path | None) -> Index:
    made = schema.schema_of(fields)
    if folder is None:
        return Index(made)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        index = Index(made, path=str(folder))
    except (OSError, ValueError) as error:
        raise ConfigurationError(_why(folder, str(error))) from error
    # Snapshot looks for commits by itself; tantivy would watch the folder in a thread.
    index.config_reader(reload_policy="manual")
    return index


def _why(folder: Path, reason: str) -> str:
    if "schema does not match" in reason:
        return (
            f"the index in '{folder}' was made with other fields, or for another language, than are asked for now; "
            "delete the folder and index the documents again, or name another folder"
        )
    if "IncompatibleIndex" in reason:
        return (
            f"the index in '{folder}' was made by a version of tantivy whose format this version cannot read; "
            "delete the folder and index the documents again"
        )
    return f"the index in '{folder}' cannot be opened: {reason}"


def _highest_number(snapshot: Snapshot) -> int:
    by_number = snapshot.searcher.search(Query.all_query(), 1, count=False, order_by_field=schema.NUMBER)
    return int(by_number.hits[0][0]) if by_number.hits else 0
