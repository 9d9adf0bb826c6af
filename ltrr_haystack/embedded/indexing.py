"""Indexes a catalogue with an indexing pipeline."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from haystack import Document, Pipeline
from haystack.document_stores.types import DocumentStore

from ltrr_haystack.errors import ConfigurationError

PIPELINE = "indexing"
BATCH = 5_000
"""Number of documents per run of the pipeline. A large batch lets an embedder sort texts by length."""


def index(pipeline: Pipeline, documents: Sequence[Document]) -> int:
    """
    Index documents.

    :param pipeline: A pipeline with the input `documents`, such as `pipelines/indexing/indexing.yml`.
    :param documents: The documents. Documents with known ids are overwritten.
    :returns: The number of documents.
    :raises ConfigurationError: If the pipeline has no input `documents`.
    """
    receivers = [name for name, sockets in pipeline.inputs().items() if "documents" in sockets]
    if not receivers:
        raise ConfigurationError("the indexing pipeline has no component with an open input 'documents'")
    for start in range(0, len(documents), BATCH):
        batch = list(documents[start : start + BATCH])
        pipeline.run({name: {"documents": batch} for name in receivers})
    return len(documents)


def refresh(pipeline: Pipeline, documents: Sequence[Document], record: Path) -> int:
    """
    Index a catalogue, and delete documents of its previous version that are no longer in it.

    Documents that were not indexed by this function are kept.

    :param pipeline: As for `index`. Documents are deleted from the document stores of its components, after each
        `CatalogueWriter` has forgotten them.
    :param documents: The catalogue.
    :param record: File with the ids of the catalogue's documents, which is read and written.
    :returns: The number of documents deleted.
    :raises ConfigurationError: If the pipeline has no input `documents`, or the record cannot be written.
    """
    ids = {document.id for document in documents}
    before = _read_ids(record)
    # All ids that may be in the stores are recorded first, so that an interrupted run leaves no unknown documents.
    _write_ids(record, before | ids)
    index(pipeline, documents)
    gone = sorted(before - ids)
    if gone:
        for part in _parts(pipeline):
            if hasattr(part, "forget"):
                part.forget(gone)
        for store in _stores(pipeline):
            store.delete_documents(gone)
    _write_ids(record, ids)
    return len(gone)


def _parts(pipeline: Pipeline) -> list[Any]:
    return [pipeline.get_component(name) for name in pipeline.graph.nodes]


def _stores(pipeline: Pipeline) -> Iterator[DocumentStore]:
    """The document stores that are written into; who can forget documents only reads them."""
    for part in _parts(pipeline):
        store = getattr(part, "document_store", None)
        if store is not None and not hasattr(part, "forget"):
            yield store


def _read_ids(record: Path) -> set[str]:
    try:
        ids = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {each for each in ids if isinstance(each, str)} if isinstance(ids, list) else set()


def _write_ids(record: Path, ids: set[str]) -> None:
    unfinished = record.with_name(f"{record.name}.unfinished")
    try:
        unfinished.write_text(json.dumps(sorted(ids)), encoding="utf-8")
        unfinished.replace(record)
    except OSError as error:
        raise ConfigurationError(
            f"the ids of the indexed documents cannot be written to '{record}': {error}"
        ) from error
