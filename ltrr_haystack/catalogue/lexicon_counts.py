"""What is counted for the lexicon, so that documents can be taken away again, and the lexicon that it makes."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ltrr_haystack.catalogue.lexicon import Lexicon, LexiconValue
from ltrr_haystack.catalogue.lexicon_fields import LexiconFields, slot_of

MOST_VALUES = 200_000
"""Values of a field that are kept: those of the most documents, the more popular among equals."""

SLACK = 1.25
"""Times that number at which the rest is left out, so that this is not done for every few documents."""

MOST_WRITINGS = 8
"""Ways of writing a value that are kept, the most frequent ones."""

MOST_ALIASES = 32
"""Aliases of a value that are kept, the most frequent ones."""

MOST_CATEGORIES = 64
"""Categories of a value that are kept, the most frequent ones."""

MOST_POPULARITIES = 8
"""Popularities of a value's documents that are kept, the largest ones: the next is known when one of them goes."""

LEAST_SHARE = 0.05
"""
Share of the documents with a value in a field that have to have a list there, or a number, so that it is a field of
lists or of numbers: what fewer have is odd, and changes no filter for all others.
"""

MOST_IDS = 4
"""Documents of a value up to which their ids are kept; when there are more, none are, until all are counted anew."""

Key = TypeVar("Key", str, float)


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """
    What is counted of one value; of a change, counts may be negative.

    :param documents: Documents that have it.
    :param mentions: Those that also have it in their text.
    :param writings: Writing → documents.
    :param categories: Normal form of a category → documents.
    :param aliases: Alias → documents.
    :param popularities: Popularity → documents; empty where no popularity field is declared.
    :param ids: Document id → 1; empty where there are more than `MOST_IDS`.
    """

    documents: int = 0
    mentions: int = 0
    writings: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    popularities: Mapping[float, int] = field(default_factory=dict)
    ids: Mapping[str, int] = field(default_factory=dict)

    def plus(self, change: "ValueCounts") -> "ValueCounts | None":
        """
        Add what has changed.

        What is kept of each kind is bounded. When all writings or popularities that were kept are gone, and documents
        with others remain, the last ones known stand in for those until `ltrr catalogue build` counts anew.

        :param change: The change.
        :returns: The counts with it; `None` if no document is left.
        """
        documents = self.documents + change.documents
        if documents <= 0:
            return None
        writings = _sum(self.writings, change.writings) or self.writings
        ids = dict.fromkeys(_sum(self.ids, change.ids), 1)
        popularities = _sum(self.popularities, change.popularities) or dict(sorted(self.popularities.items())[:1])
        return ValueCounts(
            documents,
            min(max(self.mentions + change.mentions, 0), documents),
            _most_frequent(writings, MOST_WRITINGS),
            _most_frequent(_sum(self.categories, change.categories), MOST_CATEGORIES),
            _most_frequent(_sum(self.aliases, change.aliases), MOST_ALIASES),
            _largest(popularities, MOST_POPULARITIES),
            ids if len(ids) == documents <= MOST_IDS else {},
        )


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """
    What is counted of one field.

    :param documents: Documents that have a value there.
    :param lists: Those that have a list.
    :param numbers: Those that have a number.
    :param values: Normal form of a value → what is counted of it.
    """

    documents: int = 0
    lists: int = 0
    numbers: int = 0
    values: Mapping[str, ValueCounts] = field(default_factory=dict, repr=False)

    @property
    def has_lists(self) -> bool:
        """Whether its values come in lists, in enough documents."""
        return self.lists > 0 and self.lists >= LEAST_SHARE * self.documents

    @property
    def has_numbers(self) -> bool:
        """Whether its values are numbers, in enough documents."""
        return self.numbers > 0 and self.numbers >= LEAST_SHARE * self.documents

    @property
    def odd(self) -> Mapping[str, int]:
        """Documents that filters leave out, since few others have there what they have: `lists` and `numbers`."""
        counted = {
            "lists": 0 if self.has_lists else self.lists,
            "numbers": 0 if self.has_numbers else self.numbers,
        }
        return {sort: documents for sort, documents in counted.items() if documents}


@dataclass(frozen=True, slots=True)
class LexiconCounts:
    """
    What is counted for a lexicon. A value: documents that come or go give another one.

    :param declared: The fields that are counted.
    :param documents: How many documents there are, with and without values.
    :param fields: Field with `meta.`, the category field included → its counts.
    """

    declared: LexiconFields
    documents: int
    fields: Mapping[str, FieldCounts]

    @classmethod
    def empty(cls, declared: LexiconFields) -> "LexiconCounts":
        """
        Give the counts of no documents.

        :param declared: The fields to count.
        :returns: The counts.
        """
        return cls(declared, 0, {name: FieldCounts() for name in declared.counted})

    def lexicon(self) -> Lexicon:
        """
        Make the lexicon.

        :returns: The lexicon: each value with its most frequent writing, the first by alphabet of several; categories
            as shares.
        """
        declared = self.declared
        names = {} if declared.category is None else _writings(self.fields[declared.category].values)
        values = {
            slot_of(name): {
                form: _value(slot_of(name), counts, names) for form, counts in self.fields[name].values.items()
            }
            for name in declared.fields
        }
        return Lexicon(
            fields=tuple(map(slot_of, declared.fields)),
            list_fields=frozenset(slot_of(name) for name, each in self.fields.items() if each.has_lists),
            documents=self.documents,
            values=values,
            number_fields=frozenset(slot_of(name) for name, each in self.fields.items() if each.has_numbers),
            having={slot_of(name): each.documents for name, each in self.fields.items()},
            category=None if declared.category is None else slot_of(declared.category),
            texts=tuple(declared.texts),
        )


def bounded(values: Mapping[str, ValueCounts], most: int = MOST_VALUES) -> Mapping[str, ValueCounts]:
    """
    Bound how many values there are.

    :param values: Normal form → counts.
    :param most: How many to keep once there are `SLACK` times as many.
    :returns: Those of the most documents, the more popular and then the first by alphabet among equals; the same
        mapping if there are not too many.
    """
    if len(values) <= SLACK * most:
        return values
    return dict(heapq.nsmallest(most, values.items(), key=_rank))


def _rank(item: tuple[str, ValueCounts]) -> tuple[int, float, str]:
    form, counts = item
    return -counts.documents, -max(counts.popularities, default=0.0), form


def _value(field: str, counts: ValueCounts, names: Mapping[str, str]) -> LexiconValue:
    in_all = sum(counts.categories.values())
    writing, *others = sorted(counts.writings, key=lambda writing: (-counts.writings[writing], writing))
    return LexiconValue(
        field=field,
        value=writing,
        documents=counts.documents,
        popularity=max(counts.popularities, default=0.0),
        categories={names.get(form, form): having / in_all for form, having in sorted(counts.categories.items())},
        aliases=tuple(sorted(counts.aliases, key=lambda alias: (-counts.aliases[alias], alias))),
        ids=tuple(sorted(counts.ids)),
        mentions=counts.mentions,
        writings=tuple(others),
    )


def _writings(values: Mapping[str, ValueCounts]) -> dict[str, str]:
    return {form: _writing(counts) for form, counts in values.items()}


def _writing(counts: ValueCounts) -> str:
    return min(counts.writings, key=lambda writing: (-counts.writings[writing], writing))


def _sum(before: Mapping[Key, int], change: Mapping[Key, int]) -> Mapping[Key, int]:
    if not change:
        return before
    counted = dict(before)
    for key, times in change.items():
        if (now := counted.get(key, 0) + times) > 0:
            counted[key] = now
        else:
            counted.pop(key, None)
    return counted


def _most_frequent(counted: Mapping[str, int], most: int) -> Mapping[str, int]:
    return _kept(counted, most, lambda key: (-counted[key], key))


def _largest(counted: Mapping[float, int], most: int) -> Mapping[float, int]:
    return _kept(counted, most, lambda key: -key)


def _kept(counted: Mapping[Key, int], most: int, order: Callable[[Key], Any]) -> Mapping[Key, int]:
    if len(counted) <= most:
        return counted
    return {key: counted[key] for key in heapq.nsmallest(most, counted, key=order)}
