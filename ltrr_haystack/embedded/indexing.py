"""Indexing a whole catalogue through the indexing pipeline."""

from collections.abc import Sequence

from haystack import Document, Pipeline

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
