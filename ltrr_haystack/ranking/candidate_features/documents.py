"""Documents split into words, kept for the next search that finds them."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock

from haystack import Document

from ltrr_haystack.catalogue.analysis import analyse
from ltrr_haystack.catalogue.fields import field_text

MOST_CHARACTERS = 16_000_000
"""Characters of all documents together that are kept, some 60 MB in memory: 10,000 documents of 200 words."""

OF_EACH_DOCUMENT = 100
"""Characters that a document counts for besides those of its texts."""

HEAD = 200
"""Characters at the beginning of a field that are compared letter by letter."""


@dataclass(frozen=True, slots=True)
class FieldWords:
    """
    One field of a document.

    :param text: Its words, unstemmed, with single spaces between them.
    :param head: The first `HEAD` characters of these.
    :param stems: Its stems, in order.
    """

    text: str
    head: str
    stems: tuple[str, ...]


class AnalysedDocuments:
    """
    Splits documents into words, each once: by its id, as long as its texts stay the same.

    :param fields: The fields to split.
    :param language: The language to stem in.
    :param most_characters: How many characters to keep; the documents that were not asked for the longest go first.
    """

    def __init__(self, fields: Sequence[str], language: str | None, most_characters: int = MOST_CHARACTERS) -> None:
        self._fields = tuple(fields)
        self._language = language
        self._most_characters = most_characters
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[tuple[str, ...], tuple[FieldWords, ...]]] = OrderedDict()
        self._characters = 0

    @property
    def characters(self) -> int:
        """How many characters are kept, with those that each document counts for."""
        return self._characters

    def of(self, documents: Sequence[Document]) -> list[tuple[FieldWords, ...]]:
        """
        Split documents into words.

        :param documents: The documents.
        :returns: For each document its fields, in the order in which they were declared.
        """
        fields = self._fields
        texts = [tuple([field_text(document, field) for field in fields]) for document in documents]
        found: list[tuple[FieldWords, ...] | None] = []
        with self._lock:
            for document, own in zip(documents, texts, strict=True):
                kept = self._kept.get(document.id)
                if kept is not None and kept[0] == own:
                    self._kept.move_to_end(document.id)
                    found.append(kept[1])
                else:
                    found.append(None)
        return [
            self._add(document.id, own) if words is None else words
            for document, own, words in zip(documents, texts, found, strict=True)
        ]

    def _add(self, document_id: str, texts: tuple[str, ...]) -> tuple[FieldWords, ...]:
        words = tuple(_field_words(text, self._language) for text in texts)
        with self._lock:
            if before := self._kept.pop(document_id, None):
                self._characters -= _size(before[0])
            self._kept[document_id] = (texts, words)
            self._characters += _size(texts)
            while self._characters > self._most_characters:
                _, (oldest, _) = self._kept.popitem(last=False)
                self._characters -= _size(oldest)
        return words


@cache
def shared_documents(fields: tuple[str, ...], language: str | None) -> AnalysedDocuments:
    """
    Give the documents that all of a process share.

    :param fields: The fields to split.
    :param language: The language to stem in.
    :returns: The same object for the same fields and language.
    """
    return AnalysedDocuments(fields, language)


def _field_words(text: str, language: str | None) -> FieldWords:
    words = analyse(text, language)
    joined = " ".join(words.words)
    return FieldWords(joined, joined[:HEAD], words.stems)


def _size(texts: tuple[str, ...]) -> int:
    return OF_EACH_DOCUMENT + sum(map(len, texts))
