"""Builds the document that the index stores and searches."""

from collections.abc import Iterable
from typing import Any

import tantivy
from haystack import Document

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.analysis import normalize
from ltrr_haystack.embedded.tantivy.codec import EncodedDocument
from ltrr_haystack.embedded.tantivy.fields import Fields, texts_at, value_at


def build_index_document(document: Document, encoded: EncodedDocument, fields: Fields) -> tantivy.Document:
    """
    Build the document of the index for a Haystack document.

    :param document: The Haystack document.
    :param encoded: The same in bytes, to be stored.
    :param fields: The fields of the index.
    :returns: The document of the index.
    """
    built = tantivy.Document()
    built.add_text(schema.KEY, schema.key_of(document.id))
    encoded.add_to(built)
    for field in fields.texts:
        for text in texts_at(document, field.path):
            built.add_text(schema.text_name(field), normalize(text, field.analysis))
    for path in fields.filterable:
        for term in _terms(path, value_at(document, path)):
            built.add_text(schema.TERMS, term)
    for path in fields.numbers:
        value = value_at(document, path)
        number = schema.number_of(value)
        if number is None:
            continue
        built.add_float(schema.number_name(path), number)
        if number != value:
            built.add_text(schema.TERMS, schema.inexact_term(path))
    return built


def _terms(path: str, value: Any) -> Iterable[str]:
    if isinstance(value, list | tuple):
        terms = [schema.item_term_of(path, each) for each in value]
    else:
        terms = [schema.term_of(path, value)]
    return dict.fromkeys([term for term in terms if term is not None])
