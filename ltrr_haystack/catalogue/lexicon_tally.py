"""Counts documents for the lexicon."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from haystack import Document

from ltrr_haystack.catalogue.lexicon_counts import MOST_IDS, FieldCounts, Key, LexiconCounts, ValueCounts, bounded
from ltrr_haystack.catalogue.lexicon_fields import FieldReading, LexiconFields, LexiconReading


@dataclass(slots=True)
class _Change:
    """As `ValueCounts`, and can be added to."""

    documents: int = 0
    mentions: int = 0
    writings: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    popularities: dict[float, int] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)

    def counts(self) -> ValueCounts:
        return ValueCounts(
            self.documents,
            self.mentions,
            self.writings,
            self.categories,
            self.aliases,
            self.popularities,
            self.ids,
        )


class LexiconTally:
    """
    Counts documents, without an intermediate value for each.

    :param declared: The fields to count.
    """

    def __init__(self, declared: LexiconFields) -> None:
        self._declared = declared
        self._documents = 0
        self._having = Counter[str]()
        self._lists = Counter[str]()
        self._numbers = Counter[str]()
        self._values: dict[str, dict[str, _Change]] = {name: {} for name in declared.counted}

    def count(self, documents: Iterable[Document], times: int = 1) -> None:
        """
        Count documents.

        :param documents: The documents.
        :param times: How often; −1 to take them away.
        """
        for document in documents:
            self._documents += times
            reading = self._declared.read(document)
            for name, found in reading.fields.items():
                self._having[name] += times
                self._lists[name] += times * found.is_list
                self._numbers[name] += times * found.has_numbers
                self._count(document, name, found, reading, times)

    def onto(self, base: LexiconCounts) -> LexiconCounts:
        """
        Add what was counted to counts.

        :param base: Counts of the same declaration.
        :returns: The counts of both.
        """
        if not self._documents and not any(self._values.values()):
            return base
        fields = {}
        for name, before in base.fields.items():
            values = dict(before.values)
            for form, change in self._values[name].items():
                if (now := values.get(form, ValueCounts()).plus(change.counts())) is None:
                    values.pop(form, None)
                else:
                    values[form] = now
            fields[name] = FieldCounts(
                max(before.documents + self._having[name], 0),
                max(before.lists + self._lists[name], 0),
                max(before.numbers + self._numbers[name], 0),
                bounded(values),
            )
        return LexiconCounts(base.declared, max(base.documents + self._documents, 0), fields)

    def _count(self, document: Document, name: str, found: FieldReading, reading: LexiconReading, times: int) -> None:
        of_category = reading.fields.get(self._declared.category or "")
        categories: Iterable[str] = () if of_category is None else of_category.values
        aliases = reading.aliases.get(name, {}).values()
        changes = self._values[name]
        for form, written in found.values.items():
            change = changes.get(form)
            if change is None:
                change = changes[form] = _Change()
            change.documents += times
            change.mentions += times * (form in reading.mentioned)
            _add(change.writings, written, times)
            for category in categories:
                _add(change.categories, category, times)
            for alias in aliases:
                _add(change.aliases, alias, times)
            if self._declared.popularity is not None:
                _add(change.popularities, reading.popularity, times)
            if times < 0 or len(change.ids) < MOST_IDS or document.id in change.ids:
                _add(change.ids, document.id, times)


def _add(counted: dict[Key, int], key: Key, times: int) -> None:
    counted[key] = counted.get(key, 0) + times
