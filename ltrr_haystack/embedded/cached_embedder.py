import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from haystack import Document, component
from haystack.core.serialization import component_to_dict, default_from_dict, default_to_dict
from rich.console import Console
from rich.progress import track

from ltrr_haystack.errors import ConfigurationError

IRRELEVANT_SETTINGS = {"device", "batch_size", "progress_bar", "token", "local_files_only"}
"""Settings of embedders that do not change the embeddings."""

KEYS_PER_QUERY = 500
"""Number of keys in one query, since SQLite limits the number of parameters."""


class DocumentEmbedder(Protocol):
    """Any component that embeds documents."""

    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Embed documents."""


@component
class CachedDocumentEmbedder:
    """
    Wraps a document embedder with a cache on disk, so that each text is embedded only once with a model.

    Embedding takes most of the time of indexing on a CPU, and most of a catalogue does not change between two runs. The
    cache is a SQLite file that may be deleted at any time. An interrupted run keeps the embeddings that it has made.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.embedded import CachedDocumentEmbedder, MiniLMDocumentEmbedder

    embedder = CachedDocumentEmbedder(MiniLMDocumentEmbedder(), directory="embeddings")
    embedder.run([Document(content="A song about rain.")])["documents"]
    ```
    """

    def __init__(
        self,
        embedder: DocumentEmbedder,
        *,
        directory: str | None = None,
        batch_size: int = 128,
        progress_bar: bool = True,
    ) -> None:
        """
        Create a CachedDocumentEmbedder. The cache is opened by `run`.

        :param embedder: The embedder for texts that are not in the cache.
        :param directory: Folder of the cache; `embeddings` in the folder `LTRR_HOME` (or `.ltrr`) if left out.
        :param batch_size: Number of documents to embed and cache at a time.
        :param progress_bar: Whether to show a progress bar if there is more than one batch. Where the output is no
            terminal, it is one line at the beginning.
        :raises ConfigurationError: If `batch_size` is not positive.
        """
        if batch_size <= 0:
            raise ConfigurationError(f"batch_size must be positive, got {batch_size}")
        self.embedder = embedder
        self.directory = directory
        self.batch_size = batch_size
        self.progress_bar = progress_bar

    def warm_up(self) -> None:
        """Warm up the embedder."""
        if hasattr(self.embedder, "warm_up"):
            self.embedder.warm_up()

    def close(self) -> None:
        """Release the embedder's resources."""
        if hasattr(self.embedder, "close"):
            self.embedder.close()

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the component.

        :returns: A dictionary for `from_dict`.
        """
        return default_to_dict(
            self,
            embedder=component_to_dict(self.embedder, "embedder"),
            directory=self.directory,
            batch_size=self.batch_size,
            progress_bar=self.progress_bar,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "CachedDocumentEmbedder":
        """
        Deserialise the component.

        :param data: A dictionary from `to_dict`.
        :returns: The component.
        """
        return default_from_dict(cls, data)

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """
        Embed documents.

        :param documents: The documents. They are not modified.
        :returns: A dictionary with `documents`: copies with embeddings, in the same order.
        :raises ConfigurationError: If the cache cannot be used.
        """
        keys = [self._key(document) for document in documents]
        model = self._model()
        path = self._path()
        try:
            with closing(_open(path)) as cache:
                vectors = dict(_read(cache, model, keys))
                missing = {key: document for key, document in zip(keys, documents, strict=True) if key not in vectors}
                # Texts of similar length are embedded together, since all texts of a batch are padded to the longest.
                for batch in self._batches(sorted(missing, key=lambda key: len(missing[key].content or ""))):
                    embedded = self.embedder.run(documents=[missing[key] for key in batch])["documents"]
                    fresh = {key: document.embedding for key, document in zip(batch, embedded, strict=True)}
                    _write(cache, model, fresh)
                    vectors.update(fresh)
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(f"the embedding cache {path} cannot be used ({error}); delete it") from error
        return {
            "documents": [
                replace(document, embedding=vectors[key]) for key, document in zip(keys, documents, strict=True)
            ]
        }

    def _path(self) -> Path:
        folder = self.directory or Path(os.environ.get("LTRR_HOME", ".ltrr")) / "embeddings"
        return Path(folder) / "embeddings.db"

    def _batches(self, keys: list[bytes]) -> Iterator[list[bytes]]:
        starts = range(0, len(keys), self.batch_size)
        console, description = Console(stderr=True), f"Embedding {len(keys):,} documents"
        told = self.progress_bar and len(starts) > 1
        if told and not console.is_terminal:
            console.print(f"{description} …", highlight=False)
        shown = track(starts, description=description, console=console, disable=not told or not console.is_terminal)
        return (keys[start : start + self.batch_size] for start in shown)

    def _model(self) -> str:
        data = component_to_dict(self.embedder, "embedder")
        settings = {name: value for name, value in data["init_parameters"].items() if name not in IRRELEVANT_SETTINGS}
        resolved = getattr(self.embedder, "resolved_model", None)
        return json.dumps([data["type"], settings, resolved], sort_keys=True, default=str)

    def _key(self, document: Document) -> bytes:
        # Embedders that add metadata to the text name the fields. For others, all metadata may matter.
        fields = getattr(self.embedder, "meta_fields_to_embed", document.meta) or ()
        meta = {field: document.meta[field] for field in fields if field in document.meta}
        text = json.dumps([document.content, meta], sort_keys=True, default=str)
        return blake2b(text.encode(), digest_size=16).digest()


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=60.0)
    connection.execute(
        "CREATE TABLE IF NOT EXISTS embeddings (model TEXT, content BLOB, vector BLOB, PRIMARY KEY (model, content)) "
        "WITHOUT ROWID"
    )
    return connection


def _read(cache: sqlite3.Connection, model: str, keys: Sequence[bytes]) -> Iterator[tuple[bytes, list[float]]]:
    for start in range(0, len(keys), KEYS_PER_QUERY):
        some = keys[start : start + KEYS_PER_QUERY]
        marks = ",".join("?" * len(some))
        found = cache.execute(
            f"SELECT content, vector FROM embeddings WHERE model = ? AND content IN ({marks})",  # noqa: S608 (marks)
            (model, *some),
        )
        yield from ((key, np.frombuffer(vector, np.float32).tolist()) for key, vector in found)


def _write(cache: sqlite3.Connection, model: str, vectors: dict[bytes, list[float]]) -> None:
    with cache:
        cache.executemany(
            "INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)",
            [(model, key, np.asarray(vector, np.float32).tobytes()) for key, vector in vectors.items()],
        )
