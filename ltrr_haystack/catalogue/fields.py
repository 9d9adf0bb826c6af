"""The fields of a document that are read as text."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from haystack import Document

from ltrr_haystack.catalogue.analysis import LONGEST_TEXT
from ltrr_haystack.errors import ConfigurationError

CONTENT = "content"

DEFAULT_FIELDS = (CONTENT, "meta.title")
"""What words are counted in, and what the ranker compares with queries, unless other fields are named."""

MOST_ITEMS = 1_000
"""Items of a list in the metadata that are read; the rest is ignored."""


def require_fields(fields: Iterable[str], where: str) -> tuple[str, ...]:
    """
    Make sure that all names are fields of documents.

    :param fields: The names.
    :param where: Whose fields they are, for the error.
    :returns: The names.
    :raises ConfigurationError: If there is none, one comes twice, or one is neither `content` nor in the metadata.
    """
    names = (fields,) if isinstance(fields, str) else tuple(fields)
    wrong = [name for name in names if name != CONTENT and (not name.startswith("meta.") or "" in name.split("."))]
    if wrong or not names or len(set(names)) < len(names):
        raise ConfigurationError(
            f"fields of {where} must be different names out of 'content' and 'meta.…', such as 'meta.title' or "
            f"'meta.product.brand', got {list(names)}"
        )
    return names


def field_value(document: Document, field: str) -> Any:
    """
    Read a field.

    :param document: The document.
    :param field: `content`, or a place in the metadata such as `meta.title` or `meta.product.brand`.
    :returns: What is there; `None` if nothing is.
    """
    if field == CONTENT:
        return document.content
    value: Any = document.meta
    for name in field.removeprefix("meta.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def field_text(document: Document, field: str) -> str:
    """
    Read a field as text.

    :param document: The document.
    :param field: `content`, or a place in the metadata.
    :returns: The first characters of a text, a number as it is written, the items of a list with spaces between them;
        empty where there is none of these.
    """
    value = field_value(document, field)
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, list | tuple):
        return " ".join(map(_item, islice(value, MOST_ITEMS)))[:LONGEST_TEXT]
    return _item(value)


def _item(value: Any) -> str:
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    # Python refuses to write whole numbers of thousands of digits.
    return str(value) if isinstance(value, float) or value.bit_length() <= 1024 else ""
