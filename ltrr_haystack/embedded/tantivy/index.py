"""An index that all stores of a process share: snapshots for reading, one writer at a time."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, RLock

from haystack.document_stores.errors import DocumentStoreError
from tantivy import Index, IndexWriter, Query

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.analysis import analyzer
from ltrr_haystack.embedded.tantivy.errors import convert_errors
from ltrr_haystack.embedded.tantivy.fields import Fields
from ltrr_haystack.embedded.tantivy.snapshot import IndexSnapshot
from ltrr_haystack.embedded.tantivy.write_batch import WriteBatch
from ltrr_haystack.errors import ConfigurationError, IndexLockedError

WRITER_MEMORY = 128_000_000
"""Bytes of documents that a commit buffers before it starts a new segment."""

LOCK_TIMEOUT = 10.0
"""Seconds that a write waits for the writes of other processes."""

LOCK_INTERVAL = 0.01
"""Seconds between two attempts to get the lock."""


class SharedIndex:
    """
    An index that all stores with the same folder, or the same name in memory, share within a process.

    Reading needs no lock, since a search uses a snapshot. One thread and one process write at a time: a write batch
    holds the lock of the folder from its start to its commit.
    """

    def __init__(self, fields: Fields, folder: Path | None = None) -> None:
        """
        Open an index, or create it.

        :param fields: The fields of the index.
        :param folder: Its folder; in memory if left out.
        :raises ConfigurationError: If the folder has an index with other fields or of another version, or cannot be
            created.
        """
        self.fields = fields
        self.folder = folder
        self._index = _open(fields, folder)
        for analysis, name in schema.tokenizers(fields).items():
            self._index.register_tokenizer(name, analyzer(analysis, fields.language))
        self._schema = self._index.schema
        self._write_lock = RLock()
        self._reload_lock = Lock()
        self._next_number = 0
        self._loaded: tuple[int, int] | None = None
        self._snapshot = self._reload()

    @property
    def snapshot(self) -> IndexSnapshot:
        """The state after the last commit of any process."""
        if self._commit_stamp() != self._loaded:
            with self._reload_lock:
                if self._commit_stamp() != self._loaded:
                    self._snapshot = self._reload(self._snapshot.commit + 1)
        return self._snapshot

    @contextmanager
    def write_batch(self) -> Iterator[WriteBatch]:
        """
        Write exclusively. The changes are committed at the end of the context, or rolled back after an error.

        :returns: A context manager for the batch.
        :raises IndexLockedError: If another process writes for longer than `LOCK_TIMEOUT`.
        :raises DocumentStoreError: If the changes cannot be committed.
        """
        with self._write_lock:
            writer = self._acquire_writer()
            try:
                batch = self._start_batch(writer)
                try:
                    with convert_errors(f"cannot write to {self}"):
                        yield batch
                        if batch.changed:
                            writer.commit()
                finally:
                    self._next_number = batch.next_number
            except BaseException:
                _try(writer.rollback)
                raise
            finally:
                # Releases the lock. What is committed stays committed, even if merging segments fails.
                _try(writer.wait_merging_threads)
            if batch.changed:
                self._refresh()

    def __str__(self) -> str:
        return f"the index in '{self.folder}'" if self.folder is not None else "an index in memory"

    def _start_batch(self, writer: IndexWriter) -> WriteBatch:
        # Other processes cannot write from here on, but may have written before.
        self._refresh()
        # Based on the clock, so that the sequence number of a deleted document is never used again.
        highest = _highest_number(self._snapshot)
        self._next_number = max(self._next_number, highest + 1, time.time_ns() // 1_000)
        return WriteBatch(writer, self._snapshot, self._next_number)

    def _acquire_writer(self) -> IndexWriter:
        deadline = time.monotonic() + LOCK_TIMEOUT
        while True:
            try:
                with convert_errors(f"cannot write to {self}"):
                    writer = self._index.writer(WRITER_MEMORY, 1)
                    # A process that was killed while writing leaves files that have the names of the next ones.
                    writer.garbage_collect_files()
                    return writer
            except DocumentStoreError as error:
                if "LockBusy" not in str(error):
                    raise
                if time.monotonic() > deadline:
                    raise self._locked() from error
            time.sleep(LOCK_INTERVAL)

    def _locked(self) -> IndexLockedError:
        error = IndexLockedError(
            "the index is locked by another process, and only one can write at a time; try again when that process has "
            "finished"
        )
        error.add_note(str(self))
        return error

    def _refresh(self) -> None:
        with self._reload_lock:
            self._snapshot = self._reload(self._snapshot.commit + 1)

    def _commit_stamp(self) -> tuple[int, int] | None:
        if self.folder is None:
            return None
        try:
            found = os.stat(self.folder / "meta.json")  # noqa: PTH116 (three times as fast as Path.stat, in every search)
        except OSError:
            return self._loaded
        return found.st_mtime_ns, found.st_ino

    def _reload(self, commit: int = 0) -> IndexSnapshot:
        self._loaded = self._commit_stamp()
        with convert_errors(f"cannot read {self}"):
            self._index.reload()
            return IndexSnapshot(self._index.searcher(), self._schema, commit)


def _try(end: Callable[[], object]) -> None:
    with suppress(DocumentStoreError), convert_errors("cannot end a write"):
        end()


def _open(fields: Fields, folder: Path | None) -> Index:
    built = schema.schema_of(fields)
    if folder is None:
        index = Index(built)
    else:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            index = Index(built, path=str(folder))
        except (OSError, ValueError) as error:
            raise ConfigurationError(_open_error(folder, str(error))) from error
    # SharedIndex checks for commits by itself; tantivy would watch the folder in a thread.
    index.config_reader(reload_policy="manual")
    return index


def _open_error(folder: Path, reason: str) -> str:
    if "schema does not match" in reason:
        return (
            f"the index in '{folder}' was created with other fields or another language; delete the folder and index "
            "the documents again, or use another folder"
        )
    if "IncompatibleIndex" in reason:
        return (
            f"the index in '{folder}' was created by an incompatible version of tantivy; delete the folder and index "
            "the documents again"
        )
    return f"the index in '{folder}' cannot be opened: {reason}"


def _highest_number(snapshot: IndexSnapshot) -> int:
    by_number = snapshot.searcher.search(Query.all_query(), 1, count=False, order_by_field=schema.SEQUENCE)
    return int(by_number.hits[0][0]) if by_number.hits else 0
