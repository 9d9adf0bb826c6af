"""Collection statistics: in how many documents each stem occurs, and how long the documents are."""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from haystack import Document

from ltrr_haystack.catalogue.analysis import DEFAULT_LANGUAGE, analyse, require_language
from ltrr_haystack.catalogue.fields import field_text, require_fields

MOST_STEMS = 200_000
"""Stems of a field that a snapshot keeps: the most frequent ones."""


@dataclass(frozen=True, slots=True)
class FieldStatistics:
    """
    Statistics of one field over all documents.

    :param documents: How many documents have a word in the field.
    :param words: How many words these have together.
    :param frequencies: Stem → in how many documents the field has it, at least 1.
    """

    documents: int = 0
    words: int = 0
    frequencies: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def mean_words(self) -> float:
        """Mean length of the field in words, over the documents that have it; 0 if none has."""
        return self.words / self.documents if self.documents else 0.0

    def idf(self, stem: str) -> float:
        """
        Give the inverse document frequency of a stem: log(1 + (N − n + ½) / (n + ½)).

        The Robertson-Sparck Jones weight without relevance information (Robertson and Zaragoza 2009, The probabilistic
        relevance framework, section 3.5), with 1 added under the logarithm as Lucene's BM25Similarity does, so that no
        stem has a negative one. A stem that is not known counts as one of a single document.

        :param stem: The stem.
        :returns: Its weight, above 0; 0 if no document has the field.
        """
        if not self.documents:
            return 0.0
        having = min(self.frequencies.get(stem, 1), self.documents)
        return math.log1p((self.documents - having + 0.5) / (having + 0.5))


@dataclass(frozen=True, slots=True)
class CollectionStatistics:
    """
    Statistics of a collection of documents. A value: documents that come or go give another one.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.catalogue import CollectionStatistics

    statistics = CollectionStatistics.empty(["content"], language="en")
    statistics = statistics.changed(added=[Document(content="Songs of the sea"), Document(content="A song")])
    print(statistics.fields["content"].frequencies["song"], statistics.fields["content"].mean_words)  # 2 3.0
    ```

    :param language: ISO 639-1 code of the language in which words were stemmed; `None` for no stemming.
    :param documents: How many documents there are.
    :param fields: Field → its statistics.
    """

    language: str | None
    documents: int
    fields: Mapping[str, FieldStatistics]

    @classmethod
    def empty(cls, fields: Iterable[str], language: str | None = DEFAULT_LANGUAGE) -> "CollectionStatistics":
        """
        Give the statistics of no documents.

        :param fields: The fields to count in: `content`, `meta.title` …
        :param language: ISO 639-1 code of the language to stem in; `None` for no stemming.
        :returns: The statistics.
        :raises ConfigurationError: If a name is no field, or there is no stemmer for the language.
        """
        names = require_fields(fields, "CollectionStatistics")
        return cls(require_language(language), 0, {name: FieldStatistics() for name in names})

    def changed(self, added: Iterable[Document] = (), removed: Iterable[Document] = ()) -> "CollectionStatistics":
        """
        Give the statistics of the collection with some documents more and some less.

        :param added: Documents that are not among those counted.
        :param removed: Documents that are among them, as they were when they were counted.
        :returns: The statistics. Counts do not fall below 0, whatever is removed.
        """
        tally = Tally(tuple(self.fields), self.language)
        tally.count(added)
        tally.count(removed, -1)
        return tally.onto(self)

    def pruned(self, most_stems: int = MOST_STEMS) -> "CollectionStatistics":
        """
        Bound the size.

        Stems that are left out keep the inverse document frequency that they had if they occur in one document, as
        rare ones mostly do, since a stem that is not known counts as one of a single document. Occurrences from then
        on are counted from 0 again.

        :param most_stems: How many stems of each field to keep: the most frequent, the first by alphabet among equals.
        :returns: The statistics with no more stems than that in each field.
        """
        if all(len(each.frequencies) <= most_stems for each in self.fields.values()):
            return self
        fields = {name: _pruned(each, most_stems) for name, each in self.fields.items()}
        return CollectionStatistics(self.language, self.documents, fields)

    def covers(self, fields: Sequence[str], language: str | None) -> bool:
        """
        Tell whether these are statistics of certain fields.

        :param fields: The fields.
        :param language: The language to stem in.
        :returns: Whether each field has been counted, in that language.
        """
        return self.language == language and set(fields) <= set(self.fields)


class Tally:
    """
    Counts documents, without an intermediate value for each.

    :param fields: The fields to count in.
    :param language: The language to stem in.
    """

    def __init__(self, fields: Sequence[str], language: str | None) -> None:
        self._language = language
        self._documents = 0
        self._having = Counter[str]()
        self._words = Counter[str]()
        self._frequencies = {name: Counter[str]() for name in fields}

    def count(self, documents: Iterable[Document], times: int = 1) -> None:
        """
        Count documents.

        :param documents: The documents.
        :param times: How often; −1 to take them away.
        """
        for document in documents:
            self._documents += times
            for name, frequencies in self._frequencies.items():
                stems = analyse(field_text(document, name), self._language).stems
                if stems:
                    self._having[name] += times
                    self._words[name] += times * len(stems)
                    for stem in set(stems):
                        frequencies[stem] += times

    def onto(self, base: CollectionStatistics) -> CollectionStatistics:
        """
        Add what was counted to statistics.

        :param base: Statistics of the same fields and language.
        :returns: The statistics of both.
        """
        fields = {}
        for name, before in base.fields.items():
            frequencies = dict(before.frequencies)
            for stem, change in self._frequencies[name].items():
                if (now := frequencies.get(stem, 0) + change) > 0:
                    frequencies[stem] = now
                else:
                    frequencies.pop(stem, None)
            having = max(before.documents + self._having[name], 0)
            words = max(before.words + self._words[name], having)
            fields[name] = FieldStatistics(having, words if having else 0, frequencies)
        return CollectionStatistics(base.language, max(base.documents + self._documents, 0), fields)


def _pruned(statistics: FieldStatistics, most_stems: int) -> FieldStatistics:
    kept = heapq.nsmallest(most_stems, statistics.frequencies.items(), key=lambda item: (-item[1], item[0]))
    return FieldStatistics(statistics.documents, statistics.words, dict(kept))
