"""The searches that the readings of a query stand for, from the strictest to the query alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ltrr_haystack.types import Interpretation, Understanding
from ltrr_haystack.understanding import normal_form


@dataclass(frozen=True, slots=True)
class ReadingSearch:
    """
    What is asked of a retriever for one reading.

    :param reading: The reading.
    :param text: The text to search for.
    :param slots: Field → value: the slots that documents have to match.
    :param relaxed: The fields of the reading's slots that documents need not match any more, in the order in which they
        were given up.
    :param whole: Whether what matches the slots has all that the query says: it names their values, with no word of
        theirs left out and none of its own left over.
    """

    reading: Interpretation
    text: str
    slots: Mapping[str, str] = field(default_factory=dict)
    relaxed: tuple[str, ...] = ()
    whole: bool = False

    @property
    def filtered(self) -> Interpretation:
        """The reading as its filters have it: with the slots that are left."""
        return Interpretation(self.slots, self.text, self.reading.probability)

    @property
    def key(self) -> tuple[frozenset[tuple[str, str]], str]:
        """Equal for searches that ask the same."""
        return frozenset(self.slots.items()), " ".join(self.text.casefold().split())

    def explained(self) -> dict[str, Any]:
        """
        Say which reading brought a document, for its metadata.

        :returns: A new dictionary with `slots`, `leftover` and `probability` of the reading, and the `relaxed` fields.
        """
        return {
            "slots": dict(self.reading.slots),
            "leftover": self.reading.leftover,
            "probability": self.reading.probability,
            "relaxed": list(self.relaxed),
        }


def searches_of(query: str, understanding: Understanding | None, most: int, plain: float) -> list[ReadingSearch]:
    """
    Give the searches of the likeliest readings, each as strict as its reading is, and of the query as it was typed.

    The text of a reading is what no slot took; where the slots took everything, their values are searched for.

    :param query: The query as it was typed.
    :param understanding: What was understood of it.
    :param most: The most readings with slots.
    :param plain: Least probability of the reading without slots: the one given to it, or what the others leave to it.
    :returns: Readings with slots, the likeliest first, and at the end the one without.
    """
    given = understanding.interpretations if understanding is not None else ()
    searchable = [each for each in given if each.probability > 0 and each.slots and _text(each, ()).strip()]
    readings = sorted(searchable, key=lambda each: -each.probability)
    rest = 1.0 - sum(each.probability for each in readings)
    unread = Interpretation({}, query, min(1.0, max(plain, rest)))
    best = readings[:most]
    strict = [ReadingSearch(each, _text(each, ()), each.slots, whole=_is_named(each, query)) for each in best]
    return [*strict, ReadingSearch(unread, query)]


def relaxations(
    search: ReadingSearch, readings: Sequence[Interpretation], *, browse: bool = False
) -> Iterator[ReadingSearch]:
    """
    Give what a search becomes when too little matches it: one slot less each time, the weakest first.

    A slot is as strong as the probabilities of all readings that have it add up to; of equally strong ones the first in
    the order of their fields goes first. The value of a slot that is given up is searched for as text, as the
    catalogue writes it.

    :param search: The search of a reading.
    :param readings: All readings of the query.
    :param browse: Whether the retriever can be asked for what matches filters, whatever its text (by a query without
        words). It then is, before any slot is given up.
    :returns: The searches, the last one without slots; none for a search that has none.
    """
    if browse and search.slots:
        yield ReadingSearch(search.reading, "", search.slots, whole=search.whole)
    relaxed: tuple[str, ...] = ()
    for weakest in sorted(search.slots, key=lambda name: (_strength(name, search.slots[name], readings), name)):
        relaxed = (*relaxed, weakest)
        left = {name: value for name, value in search.slots.items() if name not in relaxed}
        yield ReadingSearch(search.reading, _text(search.reading, relaxed), left, relaxed)


def _text(reading: Interpretation, relaxed: Sequence[str]) -> str:
    words = " ".join([reading.leftover, *(reading.slots[name] for name in relaxed)]).strip()
    return words or " ".join(reading.slots.values())


def _is_named(reading: Interpretation, query: str) -> bool:
    """Whether a query is the name of a reading's values, misspelt or not."""
    values = [normal_form(value).split() for value in reading.slots.values()]
    return not reading.leftover.strip() and sum(map(len, values)) <= len(normal_form(query).split())


def _strength(name: str, value: str, readings: Sequence[Interpretation]) -> float:
    return sum(reading.probability for reading in readings if reading.slots.get(name) == value)
