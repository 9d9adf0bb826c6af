"""A retriever that asks another one once per query, and keeps the answers on disk."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from haystack import Document, component
from haystack.components.retrievers.types import TextRetriever


@component
class CachedRetriever:
    """
    Asks a retriever once per distinct query, to its full depth, and answers from memory from then on.

    Simulated people repeat their queries, and a retriever over a fixed catalogue always gives the same answer, while
    some retrievers take a tenth of a second for it. Wrap only retrievers whose answer depends on query
    and filters alone, and whose first documents do not depend on how many were asked for; never one that learns.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
    from ltrr_haystack.evaluation.replay.cached_retriever import CachedRetriever

    documents, store = [Document(id="song-7", content="Sad songs say so much")], TantivyDocumentStore()
    store.write_documents(documents)
    cached = CachedRetriever(TantivyBM25Retriever(store), depth=100, documents=documents, file="bm25.jsonl")
    cached.warm_up()
    cached.run("sad songs", top_k=10)["documents"]
    ```
    """

    def __init__(
        self,
        retriever: TextRetriever,
        *,
        depth: int = 100,
        documents: list[Document] | None = None,
        file: Path | str | None = None,
    ) -> None:
        """
        Create a CachedRetriever.

        :param retriever: Any component with `run(query, filters, top_k)`.
        :param depth: How many documents to ask for the first time; a deeper request asks again.
        :param documents: What the retriever searches; needed to read results back from `file`.
        :param file: Where results are kept between two runs: a file name that says which data and which retriever they
            come from (see `cache_file`). Left out, they are kept in memory only. A file in which nothing was found for
            any query is removed.
        :raises ValueError: If `depth` is not positive, or `file` is given without `documents`.
        """
        if depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")
        if file is not None and documents is None:
            raise ValueError(f"to read results back from '{file}', documents must be given too")
        self.retriever = retriever
        self.depth = depth
        self.documents = documents
        self.file = file
        self._path = Path(file) if file is not None else None
        self._found: dict[str, tuple[int, list[Document]]] = {}
        self._lock = Lock()
        self._ready = False

    def warm_up(self) -> None:
        """Read what is kept on disk, and warm up the retriever."""
        self._read()
        if hasattr(self.retriever, "warm_up"):
            self.retriever.warm_up()

    def close(self) -> None:
        """Release the retriever's resources."""
        if hasattr(self.retriever, "close"):
            self.retriever.close()

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """
        Retrieve, or remember what was retrieved.

        :param query: The query text.
        :param filters: Haystack filters, handed on.
        :param top_k: How many documents; `depth` if left out.
        :returns: A dictionary with `documents`, the first `top_k` of the retriever's answer.
        """
        self._read()
        wanted = top_k or self.depth
        key = _key(query, filters)
        asked, documents = self._found.get(key, (0, []))
        if asked < wanted and len(documents) == asked:
            asked = max(wanted, self.depth)
            documents = self.retriever.run(query=query, filters=filters, top_k=asked)["documents"]
            self._keep(key, asked, documents)
        return {"documents": documents[:wanted]}

    def remembers(self, query: str, top_k: int) -> bool:
        """
        Say whether the retriever would have to be asked.

        :param query: The query text.
        :param top_k: How many documents.
        :returns: Whether the answer is known.
        """
        self._read()
        asked, documents = self._found.get(_key(query, None), (0, []))
        return asked >= top_k or len(documents) < asked

    def remember(self, query: str, top_k: int, found: Sequence[tuple[str, float | None]]) -> None:
        """
        Remember what the retriever was asked for elsewhere, as in another process.

        :param query: The query text.
        :param top_k: How many documents it was asked for.
        :param found: Ids and scores of what it found. An answer with a document that is not among `documents` is left
            out, and the retriever asked again.
        """
        self._read()
        by_id = self._by_id
        if all(document_id in by_id for document_id, _ in found):
            documents = [replace(by_id[document_id], score=score) for document_id, score in found]
            self._keep(_key(query, None), top_k, documents)

    @cached_property
    def _by_id(self) -> dict[str, Document]:
        return {document.id: document for document in self.documents or []}

    def _keep(self, key: str, asked: int, documents: list[Document]) -> None:
        with self._lock:
            self._found[key] = (asked, documents)
            if self._path is not None:
                row = {"key": key, "asked": asked, "found": [[found.id, found.score] for found in documents]}
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8") as lines:
                    lines.write("\n" + json.dumps(row))  # so a line cut short by a kill spoils no other

    def _read(self) -> None:
        if self._ready:
            return
        with self._lock:
            if not self._ready and self._path is not None and self._path.exists():
                for line in self._path.read_text(encoding="utf-8").splitlines():
                    self._restore(line, self._by_id)
                if not any(documents for _, documents in self._found.values()):
                    # Whoever wrote that searched where nothing was indexed, so it is no answer.
                    self._found.clear()
                    self._path.unlink()
            self._ready = True

    def _restore(self, line: str, by_id: Mapping[str, Document]) -> None:
        try:
            row = json.loads(line)
            documents = [replace(by_id[found], score=score) for found, score in row["found"]]
        except (ValueError, KeyError, TypeError):  # empty, cut short, or of another catalogue: ask again
            return
        self._found[row["key"]] = (row["asked"], documents)


def _key(query: str, filters: dict[str, Any] | None) -> str:
    return json.dumps([query, filters], sort_keys=True, default=str)


def cache_file(folder: Path | str, arm: str, *fingerprints: str) -> Path:
    """
    Name the file in which an arm's results are kept.

    :param folder: Folder of the caches.
    :param arm: The arm's name.
    :param fingerprints: Whatever the results depend on: the data set's fingerprint, the model's name …
    :returns: A path that is another one when any of them is.
    """
    parts = "-".join("".join(sign if sign.isalnum() else "_" for sign in part) for part in (arm, *fingerprints))
    return Path(folder) / f"{parts}.jsonl"
