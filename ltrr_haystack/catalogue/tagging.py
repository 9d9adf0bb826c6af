"""What can be said of the metadata that a document lacks: from its text, and from the metadata that it has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from haystack import Document

from ltrr_haystack.catalogue.analysis import folded, stems_of
from ltrr_haystack.catalogue.fields import field_text, field_value
from ltrr_haystack.catalogue.lexicon import Lexicon, LexiconValue
from ltrr_haystack.catalogue.lexicon_fields import field_reading
from ltrr_haystack.catalogue.phrases import LexiconPhrases, Named
from ltrr_haystack.catalogue.statistics import CollectionStatistics

Tags = dict[str, dict[str, float]]
"""Field without `meta.` → value → confidence, 0 to 1."""


@runtime_checkable
class CategoryClassifier(Protocol):
    """
    Tells the categories of texts. It must be safe under concurrent calls.

    Nested in a pipeline's YAML it needs `to_dict` and `from_dict`; `warm_up` and `close` are called where it has them.
    """

    def categories_of(self, text: str) -> Mapping[str, float]:
        """
        Classify a text.

        :param text: A document's free text.
        :returns: Category → probability; empty where nothing can be said, or nothing was trained yet.
        """
        ...


class LexiconTags:
    """
    Finds the values that documents lack in some of a lexicon's fields.

    :param lexicon: The lexicon.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._phrases = LexiconPhrases(lexicon)

    def find(
        self,
        document: Document,
        statistics: CollectionStatistics | None,
        classifier: CategoryClassifier | None = None,
    ) -> Tags:
        """
        Find values for the fields that a document lacks.

        A field that has anything at all in the document is left alone. Confidences:

        - of a value that the text names: `mention_confidence`;
        - of a category: the largest of what the classifier says, and of the category's share among the documents of
          each value that the document has or its text names, times the confidence of that value and n / (n + 1) where
          n documents have it, because few documents say little.

        :param document: The document.
        :param statistics: The collection statistics; without those of the texts' fields nothing is found in texts.
        :param classifier: Tells the categories of texts; `None` for none.
        :returns: The values, whatever their confidence.
        """
        lexicon = self.lexicon
        lacking = {name for name in (*lexicon.fields, lexicon.category) if name and _lacks(document, f"meta.{name}")}
        if not lacking:
            return {}
        named = self._named(document, statistics)
        tags: Tags = {}
        for value, confidence in named:
            if value.field in lacking:
                _note(tags, value.field, value.value, confidence)
        if lexicon.category in lacking:
            for value, confidence in (*self._own(document), *named):
                known = confidence * value.documents / (value.documents + 1.0)
                for category, share in value.categories.items():
                    _note(tags, lexicon.category, category, known * share)
            if classifier is not None:
                text = "\n".join(filter(None, (field_text(document, name) for name in lexicon.texts)))
                for category, probability in classifier.categories_of(text).items() if text else ():
                    _note(tags, lexicon.category, category, probability)
        return tags

    def _named(
        self, document: Document, statistics: CollectionStatistics | None
    ) -> Sequence[tuple[LexiconValue, float]]:
        if statistics is None or not statistics.covers(self.lexicon.texts, statistics.language):
            return ()
        return [
            (named.value, mention_confidence(named, match.words, self.lexicon, statistics))
            for name in self.lexicon.texts
            for match in self._phrases.find(folded(field_text(document, name)).split())
            for named in match.named
        ]

    def _own(self, document: Document) -> Iterator[tuple[LexiconValue, float]]:
        for name in self.lexicon.fields:
            for form in field_reading(document, f"meta.{name}").values:
                if value := self.lexicon.lookup(name, form):
                    yield value, 1.0


def mention_confidence(named: Named, words: Sequence[str], lexicon: Lexicon, statistics: CollectionStatistics) -> float:
    """
    Give the probability that a document whose text has a phrase has the value that the phrase names.

    The share of documents that do, among those that have the field and the phrase: (m + ½) / (n + 1), the mean of a
    proportion under Jeffreys' prior (Jeffreys 1946, An invariant form for the prior probability in estimation
    problems), which says ½ where nothing was seen. m are the documents that have both, as counted. n is estimated
    from above: no phrase is in more documents than its rarest stem, and of these as many have the field as of all. An
    alias has no m of its own: it is as reliable as the value's own name, and no more than if all documents with the
    value had it. So "love" is hardly ever the title of a song, and "Taylor Swift" almost always an artist.

    :param named: The value, and whether it is named by an alias.
    :param words: The phrase's words.
    :param lexicon: The lexicon.
    :param statistics: Statistics of all fields of the lexicon's texts.
    :returns: The probability, above 0 and below 1.
    """
    value = named.value
    share = lexicon.having.get(value.field, 0) / max(lexicon.documents, 1)

    def confidence(true: int, phrase: Iterable[str]) -> float:
        having = max(share * _documents_with(phrase, lexicon, statistics), true)
        return (true + 0.5) / (having + 1.0)

    if not named.by_alias:
        return confidence(value.mentions, words)
    upper = min(share * _documents_with(words, lexicon, statistics), value.documents)
    return min(confidence(value.mentions, folded(value.value).split()), confidence(int(upper), words))


def _documents_with(words: Iterable[str], lexicon: Lexicon, statistics: CollectionStatistics) -> int:
    """Most documents that can have a phrase in one of the texts."""
    stems = stems_of(words, statistics.language)
    found = sum(
        min((statistics.fields[name].frequencies.get(stem, 0) for stem in stems), default=0) for name in lexicon.texts
    )
    return min(found, statistics.documents)


def _lacks(document: Document, field: str) -> bool:
    raw: Any = field_value(document, field)
    items = raw if isinstance(raw, list | tuple) else [raw]
    return all(item is None or (isinstance(item, str) and not item.strip()) for item in items)


def _note(tags: Tags, field: str, value: str, confidence: float) -> None:
    values = tags.setdefault(field, {})
    values[value] = max(values.get(value, 0.0), confidence)
