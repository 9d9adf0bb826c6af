"""The schema of an index, and the terms by which documents are filtered."""

import math
from hashlib import blake2b
from typing import Any

from tantivy import Schema, SchemaBuilder

from ltrr_haystack.embedded.tantivy.analysis import ANALYSES, tokenizer_name
from ltrr_haystack.embedded.tantivy.fields import Fields, TextField

KEY = "_key"
"""The document's id, as a term."""

SEQUENCE = "_seq"
"""The sequence number of the write, by which documents are ordered."""

TERMS = "_terms"
"""Values for filters: one term for each field, with its path, type and value."""

ID, CONTENT, META, REST, EMBEDDING = "_id", "_content", "_meta", "_rest", "_embedding"
"""The encoded document."""

LONGEST_TERM = 1_000
"""Maximum length of a term in bytes. Longer texts are hashed, since tantivy drops terms from 65,530 bytes on."""

_HASHED = "\0"


def schema_of(fields: Fields) -> Schema:
    """
    Make the schema of an index.

    :param fields: The fields of the index.
    :returns: The schema. Equal fields give equal schemas.
    """
    builder = SchemaBuilder()
    builder.add_text_field(KEY, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field(SEQUENCE, fast=True)
    for name in (ID, CONTENT, META, REST, EMBEDDING):
        builder.add_bytes_field(name, stored=True)
    builder.add_text_field(TERMS, tokenizer_name="raw", index_option="basic")
    for path in fields.numbers:
        builder.add_float_field(number_name(path), fast=True)
    for text in fields.texts:
        builder.add_text_field(
            text_name(text), tokenizer_name=tokenizer_name(text.analysis, fields.language), index_option="freq"
        )
    # No document has this field. Its name makes part of the schema which keyword fields are declared, and that items of
    # lists have terms.
    declared = "|".join(fields.keywords)
    builder.add_text_field(f"_keywords_and_items:{declared}", tokenizer_name="raw", index_option="basic")
    return builder.build()


def text_name(text: TextField) -> str:
    """
    Get the schema's name of a text field.

    :param text: The field.
    :returns: Its name in the schema.
    """
    return f"text:{text.analysis}:{text.path}"


def number_name(path: str) -> str:
    """
    Get the schema's name of a number field.

    :param path: A metadata field.
    :returns: Its name in the schema.
    """
    return f"number:{path}"


def tokenizers(fields: Fields) -> dict[str, str]:
    """
    Get the tokenizers that an index needs.

    :param fields: The fields of the index.
    :returns: Analysis → name of its tokenizer in the schema.
    """
    used = {text.analysis for text in fields.texts}
    return {analysis: tokenizer_name(analysis, fields.language) for analysis in ANALYSES if analysis in used}


def key_of(document_id: str) -> str:
    """
    Get the term for a document's id.

    :param document_id: Any text.
    :returns: The id, or its hash if it is long or cannot be encoded in UTF-8.
    """
    return _short(document_id)


def term_of(path: str, value: Any) -> str | None:
    """
    Get the term for a value of a field. Values that are equal in Python, such as `1` and `1.0`, have the same term.

    :param path: A declared metadata field.
    :param value: The value.
    :returns: The term; `None` for values without one: lists, objects and NaN.
    """
    match value:
        case None:
            kind = "none"
        case str():
            kind = f"text:{_short(value)}"
        case bool() | int():
            kind = f"number:{_digits(int(value))}"
        case float() if math.isfinite(value) and value.is_integer():
            kind = f"number:{_digits(int(value))}"
        case float() if not math.isnan(value):
            kind = f"number:{value!r}"
        case _:
            return None
    return f"{path}\0{kind}"


def item_term_of(path: str, value: Any) -> str | None:
    """
    Get the term for a value within a list.

    :param path: A declared metadata field that holds a list.
    :param value: One of its values.
    :returns: The term, as for `term_of`, but different from that of a value by itself.
    """
    term = term_of(path, value)
    return None if term is None else f"{path}\0item:{term[len(path) + 1 :]}"


def inexact_term(path: str) -> str:
    """
    Get the term for documents whose number is not exactly representable in the index.

    :param path: A declared metadata field.
    :returns: The term.
    """
    return f"{path}\0inexact"


def number_of(value: Any) -> float | None:
    """
    Get the number by which the index orders a value.

    :param value: A value.
    :returns: The nearest double-precision number, or infinity beyond its range; `None` if the value is not a number.
    """
    if not isinstance(value, int | float) or value != value:
        return None
    try:
        return float(value) + 0.0  # not -0.0, which the index would order before 0.0
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _digits(value: int) -> str:
    return hex(value)


def _short(text: str) -> str:
    if text.isascii() and len(text) <= LONGEST_TERM and not text.startswith(_HASHED):
        return text
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= LONGEST_TERM and not text.startswith(_HASHED):
        try:
            return raw.decode()
        except UnicodeDecodeError:
            pass
    return _HASHED + blake2b(raw, digest_size=32).hexdigest()
