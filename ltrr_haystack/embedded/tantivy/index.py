"""One index of this process: who may write to it, and what may be read of it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, RLock

from haystack.document_stores.errors import DocumentStoreError
from tantivy import Index, IndexWriter, Query

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.analysis import analyzer
from ltrr_haystack.embedded.tantivy.failures import failures
from ltrr_haystack.embedded.tantivy.fields import Fields
from ltrr_haystack.embedded.tantivy.snapshot import Snapshot
from ltrr_haystack.embedded.tantivy.writing import Writing
from ltrr_haystack.errors import ConfigurationError

MEMORY_WHILE_WRITING = 128_000_000
"""Bytes of documents that a commit collects before it begins a new segment."""

_INHERITED: list[IndexWriter] = []
"""Writers of the process that this one was forked from: to let go of one would wait for threads that are not here."""


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
    def writing(self) -> Iterator[Writing]:
        """
        Write, alone: what was written is committed in the end, or, after an error, given up.

        :returns: A context manager that gives what writes.
        :raises DocumentStoreError: If another process is writing, or what was written cannot be committed.
        """
        with self._writing:
            writer = self._taken()
            write = Writing(writer, self.snapshot, self._next_number)
            try:
                with failures(f"cannot write to {self}"):
                    yield write
                    if write.changes:
                        writer.commit()
            except BaseException:
                if write.changes:
                    self._give_up(writer)
                raise
            finally:
                self._next_number = write.number
            if write.changes:
                self._look_again()

    def close(self) -> None:
        """Let other processes write, until this one writes again. Searching goes on."""
        with self._writing:
            writer, self._writer = self._writer, None
            if writer is not None and self._writer_process == os.getpid():
                with failures(f"cannot end the writing to {self}"):
                    writer.wait_merging_threads()

    def __str__(self) -> str:
        return f"the index in '{self.folder}'" if self.folder is not None else "an index in memory"

    def _taken(self) -> IndexWriter:
        if self._writer is not None and self._writer_process != os.getpid():
            _INHERITED.append(self._writer)
            self._writer = None
        if self._writer is None:
            with failures(f"cannot write to {self}", _locked):
                self._writer = self._index.writer(MEMORY_WHILE_WRITING, 1)
            self._writer_process = os.getpid()
            # From here on no other process writes; what one wrote before is to be seen.
            self._look_again()
            # By the clock, so that the number of what was deleted since is not given again.
            highest = _highest_number(self._snapshot)
            self._next_number = max(self._next_number, highest + 1, time.time_ns() // 1_000)
        return self._writer

    def _give_up(self, writer: IndexWriter) -> None:
        try:
            with failures(f"cannot give up what was written to {self}"):
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
        with failures(f"cannot read {self}"):
            self._index.reload()
            return Snapshot(self._index.searcher(), self._schema, commit)


def _locked(reason: str) -> str:
    if "LockBusy" not in reason:
        return reason
    return "another process is writing to it, and one writes at a time; write through that one, or end it first"


def _opened(fields: Fields, folder: Path | None) -> Index:
    made = schema.schema_of(fields)
    if folder is None:
        index = Index(made)
    else:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            index = Index(made, path=str(folder))
        except (OSError, ValueError) as error:
            raise ConfigurationError(_why(folder, str(error))) from error
    # SharedIndex looks for commits by itself; tantivy would watch the folder in a thread.
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
