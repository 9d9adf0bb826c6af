"""
The best ways to divide a query into references to values of the catalogue and words that are only text.

The best paths through the query, as in the annotation of queries with structured attributes by Sarkas, Paparizos and
Tsaparas 2010, "Structured annotations of web queries" (SIGMOD), which also leaves words free. They are found word by
word, and the lists of paths that meet behind a word are merged lazily (Huang and Chiang 2005, "Better k-best parsing",
IWPT).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice

from ltrr_haystack.readings.matching import ValueMatch

MOST_PATHS = 24
"""Paths that are followed behind each word: the work grows with the words and the matches of a query alone."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """
    A division of a query.

    :param gain: The sum of the matches' gains, in nats; 0 where all words are only text.
    :param matches: What refers to values, from left to right: no two share a word or a field.
    :param fields: The fields of the matches.
    """

    gain: float = 0.0
    matches: tuple[ValueMatch, ...] = ()
    fields: frozenset[str] = frozenset()

    def leftover(self, words: Sequence[str]) -> tuple[str, ...]:
        """
        Give the words that are only text.

        :param words: The words of the query.
        :returns: Those that no match takes, in order.
        """
        taken = {place for match in self.matches for place in range(match.start, match.end)}
        return tuple([word for place, word in enumerate(words) if place not in taken])


PLAIN = Segmentation()
"""All words are only text."""


def segmentations(length: int, matches: Iterable[ValueMatch], most: int = MOST_PATHS) -> list[Segmentation]:
    """
    Find the best segmentations of a query.

    :param length: Words of the query.
    :param matches: What its words may refer to.
    :param most: How many segmentations to give at most, and to follow behind each word.
    :returns: The segmentations by gain, best first, without duplicates; the plain one is among them, as the last if it
        is not among the best.
    """
    ending: list[list[ValueMatch]] = [[] for _ in range(length + 1)]
    for match in matches:
        ending[match.end].append(match)
    paths = [[PLAIN]]
    for place in range(1, length + 1):
        longer = [_with_match(paths[match.start], match) for match in ending[place]]
        meeting = merge(paths[place - 1], *longer, key=lambda path: path.gain, reverse=True)
        paths.append(list(islice(meeting, most)))
    found = paths[length]
    return found if PLAIN in found else [*found[: most - 1], PLAIN]


def _with_match(paths: Iterable[Segmentation], match: ValueMatch) -> Iterator[Segmentation]:
    """Paths that end with a match, in the same order; those that have a value of its field already are left out."""
    field = match.field
    for path in paths:
        if field not in path.fields:
            yield Segmentation(path.gain + match.gain, (*path.matches, match), path.fields | {field})
