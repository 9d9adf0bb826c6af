"""Indexing a whole catalogue through the indexing pipeline."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from haystack import Document, Pipeline
from haystack.document_stores.types import DocumentStore

from ltrr_haystack.errors import ConfigurationError

PIPELINE = "indexing"
BATCH = 5_000
"""So many documents go through the pipeline at a time: an embedder that sees many of them can sort them by length."""


def index(pipeline: Pipeline, documents: Sequence[Document]) -> int:
    """
    Make documents findable. What takes long, the embedding, shows a progress bar of its own.

    :param pipeline: A pipeline whose components take `documents`, such as `pipelines/indexing/indexing.yml`.
    :param documents: The documents; those whose ids are known already are overwritten.
    :returns: How many documents went through.
    :raises ConfigurationError: If no component of the pipeline takes documents.
    """
    takers = [name for name, sockets in pipeline.inputs().items() if "documents" in sockets]
    if not takers:
        raise ConfigurationError("the indexing pipeline has no component with an open input 'documents'")
    for start in range(0, len(documents), BATCH):
        batch = list(documents[start : start + BATCH])
        pipeline.run({name: {"documents": batch} for name in takers})
    return len(documents)


def refresh(pipeline: Pipeline, documents: Sequence[Document], record: Path) -> int:
    """
    Make a catalogue findable in the place of the one before, in stores that may have that one yet.

    Documents that came in another way than by this function stay.

    :param pipeline: As in `index`; what it writes to is deleted from, too.
    :param documents: The catalogue.
    :param record: A file that keeps which documents the catalogue had.
    :returns: How many documents of the catalogue before are no longer there.
    :raises ConfigurationError: If no component of the pipeline takes documents, or the record cannot be written.
    """
    ids = {document.id for document in documents}
    before = _recorded(record)
    # What may be in the stores is recorded first: a run that is broken off leaves nothing that is never deleted.
    _keep(record, before | ids)
    index(pipeline, documents)
    gone = sorted(before - ids)
    if gone:
        for store in _stores(pipeline):
            store.delete_documents(gone)
    _keep(record, ids)
    return len(gone)


def _stores(pipeline: Pipeline) -> Iterator[DocumentStore]:
    for name in pipeline.graph.nodes:
        store = getattr(pipeline.get_component(name), "document_store", None)
        if store is not None:
            yield store


def _recorded(record: Path) -> set[str]:
    try:
        ids = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return {each for each in ids if isinstance(each, str)} if isinstance(ids, list) else set()


def _keep(record: Path, ids: set[str]) -> None:
    unfinished = record.with_name(f"{record.name}.unfinished")
    try:
        unfinished.write_text(json.dumps(sorted(ids)), encoding="utf-8")
        unfinished.replace(record)
    except OSError as error:
        raise ConfigurationError(f"which documents are indexed cannot be kept in '{record}': {error}") from error
