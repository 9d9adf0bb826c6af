"""What our retrievers write into the metadata of a document about why they brought it."""

from collections.abc import Mapping
from typing import Any, Final

MEMORY_REASON: Final = "ltrr_memory"
"""What memory knows of the document for the query."""

READING_REASON: Final = "ltrr_reading"
"""The reading of the query that brought it."""

RELATED_REASON: Final = "ltrr_related"
"""The match that it is related to, and how."""

REASONS: Final = frozenset((MEMORY_REASON, READING_REASON, RELATED_REASON))
"""Metadata fields that are ours, whatever a document has there: it may have been indexed as a search returned it."""


def with_reasons(metadata: Mapping[str, Any], reasons: Mapping[str, Any]) -> dict[str, Any]:
    """
    Write why a document was brought into its metadata.

    :param metadata: The document's metadata, with what an earlier search, or a retriever within another, may have said.
    :param reasons: Field out of `REASONS` → what is said in it; empty to say nothing.
    :returns: New metadata, with these reasons alone.
    """
    return {name: value for name, value in metadata.items() if name not in REASONS} | dict(reasons)
