"""The schema of an index, and the terms by which documents are filtered."""

import math
from hashlib import blake2b
from typing import Any

from tantivy import Schema, SchemaBuilder

from ltrr_haystack.embedded.tantivy.analysis import ANALYSES, tokenizer_name
from ltrr_haystack.embedded.tantivy.fields import Fields, TextField

KEY = "_key"
"""Finds a document by its id."""

NUMBER = "_seq"
"""Counts the writes: orders documents by when they were written."""

TERMS = "_terms"
"""What a document is filtered by: path, kind and value in one term."""

ID, CONTENT, META, REST, EMBEDDING = "_id", "_content", "_meta", "_rest", "_embedding"
"""The document as it was written."""

LONGEST_TERM = 1_000
"""Bytes; of longer texts a term holds a hash. Tantivy leaves out terms of 65,530 bytes."""

_HASHED = "\0"


def schema_of(fields: Fields) -> Schema:
    """
    Make the schema of an index.

    :param fields: What the index knows.
    :returns: The schema; equal fields have equal schemas.
    """
    builder = SchemaBuilder()
    builder.add_text_field(KEY, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field(NUMBER, fast=True)
    for name in (ID, CONTENT, META, REST, EMBEDDING):
        builder.add_bytes_field(name, stored=True)
    builder.add_text_field(TERMS, tokenizer_name="raw", index_option="basic")
    for path in fields.numbers:
        builder.add_float_field(number_name(path), fast=True)
    for text in fields.texts:
        builder.add_text_field(
            text_name(text), tokenizer_name=tokenizer_name(text.analysis, fields.language), index_option="freq"
        )
    # A field that is in no document: of its settings only the name counts, and with it which keywords are declared.
    builder.add_text_field(f"_keywords:{'|'.join(fields.keywords)}", tokenizer_name="raw", index_option="basic")
    return builder.build()


def text_name(text: TextField) -> str:
    """
    Name a text field of the index.

    :param text: The field.
    :returns: Its name in the schema.
    """
    return f"text:{text.analysis}:{text.path}"


def number_name(path: str) -> str:
    """
    Name a number field of the index.

    :param path: A place in the metadata.
    :returns: Its name in the schema.
    """
    return f"number:{path}"


def tokenizers(fields: Fields) -> dict[str, str]:
    """
    Say which analyzers an index needs.

    :param fields: What the index knows.
    :returns: Analysis → the name that the schema knows its analyzer by.
    """
    used = {text.analysis for text in fields.texts}
    return {analysis: tokenizer_name(analysis, fields.language) for analysis in ANALYSES if analysis in used}


def key_of(document_id: str) -> str:
    """
    Give the term that finds a document by its id.

    :param document_id: Any text.
    :returns: The id itself, or a hash of one that is long or cannot be written in UTF-8.
    """
    return _short(document_id)


def term_of(path: str, value: Any) -> str | None:
    """
    Give the term that finds documents by a value. Values that are equal to Python have one term, `1` and `1.0` too.

    :param path: A declared place in the metadata.
    :param value: The value.
    :returns: The term; `None` if the value is none that a term stands for: a list, an object, or not a number.
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


def inexact_term(path: str) -> str:
    """
    Give the term of the documents whose number is not exactly the one in the index.

    :param path: A declared place in the metadata.
    :returns: The term.
    """
    return f"{path}\0inexact"


def number_of(value: Any) -> float | None:
    """
    Give the number that the index orders a value by.

    :param value: A value.
    :returns: The nearest number of double precision, infinity beyond it; `None` for what is no number.
    """
    if not isinstance(value, int | float) or value != value:
        return None
    try:
        return float(value) + 0.0  # no -0.0: the index would put it before 0.0
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
