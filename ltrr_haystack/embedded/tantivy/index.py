"""One index of this process: who may write to it, and what may be read of it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, RLock

from haystack.document_stores.errors import DocumentStoreError
from tantivy import Index, IndexWriter, Query

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.analysis import analyzer
from ltrr_haystack.embedded.tantivy.failures import failures
from ltrr_haystack.embedded.tantivy.fields import Fields
from ltrr_haystack.embedded.tantivy.snapshot import IndexSnapshot
from ltrr_haystack.embedded.tantivy.writing import Writing
from ltrr_haystack.errors import ConfigurationError

MEMORY_WHILE_WRITING = 128_000_000
"""Bytes of documents that a commit collects before it begins a new segment."""

LONGEST_WAIT = 10.0
"""Seconds that a write waits for those of other processes."""

PAUSE = 0.01
"""Seconds between two looks at whether another process still writes."""


class SharedIndex:
    """
    An index that all stores of one folder, or of one name in memory, share within a process.

    Reading needs no lock: a search holds a snapshot. One write is made at a time, by whichever thread or process: a
    write holds the folder's lock from its beginning to its commit.
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
        self._next_number = 0
        self._seen: tuple[int, int] | None = None
        self._snapshot = self._reloaded()

    @property
    def snapshot(self) -> IndexSnapshot:
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
        :raises DocumentStoreError: If another process writes for longer than `LONGEST_WAIT`, or what was written cannot
            be committed.
        """
        with self._writing:
            writer = self._taken()
            write = Writing(writer, self.snapshot, self._next_number)
            try:
                with failures(f"cannot write to {self}"):
                    yield write
                    if write.changes:
                        writer.commit()
                    writer.wait_merging_threads()
            except BaseException:
                _give_up(writer)
                raise
            finally:
                self._next_number = write.number
            if write.changes:
                self._look_again()

    def __str__(self) -> str:
        return f"the index in '{self.folder}'" if self.folder is not None else "an index in memory"

    def _taken(self) -> IndexWriter:
        writer = self._wait_for_writer()
        # What other processes wrote before is to be seen; from here on none does.
        self._look_again()
        # By the clock, so that the number of what was deleted since is not given again.
        highest = _highest_number(self._snapshot)
        self._next_number = max(self._next_number, highest + 1, time.time_ns() // 1_000)
        return writer

    def _wait_for_writer(self) -> IndexWriter:
        given_up = time.monotonic() + LONGEST_WAIT
        while True:
            try:
                with failures(f"cannot write to {self}", _locked):
                    writer = self._index.writer(MEMORY_WHILE_WRITING, 1)
                    # A process that was killed in mid-write leaves files whose names the next write would give again.
                    writer.garbage_collect_files()
                    return writer
            except DocumentStoreError as error:
                if _LOCKED not in str(error) or time.monotonic() > given_up:
                    raise
            time.sleep(PAUSE)

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

    def _reloaded(self, commit: int = 0) -> IndexSnapshot:
        self._seen = self._committed()
        with failures(f"cannot read {self}"):
            self._index.reload()
            return IndexSnapshot(self._index.searcher(), self._schema, commit)


def _give_up(writer: IndexWriter) -> None:
    """Forget what was not committed, and give the folder's lock back."""
    for end in (writer.rollback, writer.wait_merging_threads):
        with suppress(DocumentStoreError), failures("cannot end a write"):
            end()


_LOCKED = "another process is writing to it, and one writes at a time; try again when it has ended"


def _locked(reason: str) -> str:
    return _LOCKED if "LockBusy" in reason else reason


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


def _highest_number(snapshot: IndexSnapshot) -> int:
    by_number = snapshot.searcher.search(Query.all_query(), 1, count=False, order_by_field=schema.NUMBER)
    return int(by_number.hits[0][0]) if by_number.hits else 0
