"""What an index gets of a document."""

import tantivy
from haystack import Document

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.analysis import prepared
from ltrr_haystack.embedded.tantivy.codec import Stored
from ltrr_haystack.embedded.tantivy.fields import Fields, texts_at, value_at


def indexed(document: Document, stored: Stored, fields: Fields) -> tantivy.Document:
    """
    Make a document findable.

    :param document: The document.
    :param stored: Its bytes.
    :param fields: What the index knows.
    :returns: The index' document.
    """
    made = tantivy.Document()
    made.add_text(schema.KEY, schema.key_of(document.id))
    stored.put(made)
    for text in fields.texts:
        for each in texts_at(document, text.path):
            made.add_text(schema.text_name(text), prepared(each, text.analysis))
    for path in fields.filtered:
        term = schema.term_of(path, value_at(document, path))
        if term is not None:
            made.add_text(schema.TERMS, term)
    for path in fields.numbers:
        value = value_at(document, path)
        number = schema.number_of(value)
        if number is None:
            continue
        made.add_float(schema.number_name(path), number)
        if number != value:
            made.add_text(schema.TERMS, schema.inexact_term(path))
    return made
