"""What the words of a query may refer to in the catalogue: exactly, in part, with typos, or unfinished."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import accumulate, zip_longest

from ltrr_haystack.catalogue.lexicon import Lexicon, LexiconValue
from ltrr_haystack.catalogue.statistics import CollectionStatistics
from ltrr_haystack.readings.phrases import MOST_VALUE_WORDS, Phrases
from ltrr_haystack.readings.probabilities import JOINED, misspelt, unfinished
from ltrr_haystack.readings.spelling import Spelling

MOST_WORDS = 24
"""Words of a query that are looked up; whatever comes after them is only text."""

LEAST_GAIN = -8.0
"""Matches that explain a query e^8 times worse than its words do by themselves are not followed."""

MOST_FROM_A_WORD = 16
"""Matches that begin with the same word, the best ones."""

MOST_OF_A_FIELD = 3
"""Values of one field that the same words may refer to."""

MOST_CONTINUED = 32
"""Phrases that are followed from word to word."""

MOST_COMPLETIONS = 12
"""Phrases that an unfinished word is completed to."""

LONGEST_SPLIT = 32
"""Letters of a word behind which it is not split into two."""

SHORTEST_UNFINISHED = 2
"""Letters of the shortest word that is taken for an unfinished one; behind other words a letter is enough."""


Spellings = list[tuple[str, float]]
"""Phrases that what was typed may stand for, with the logarithm of the factor that it costs."""


@dataclass(frozen=True, slots=True)
class ValueMatch:
    """
    Words of a query that may refer to a value.

    :param start: Place of the first word, from 0.
    :param end: Place behind the last word.
    :param value: The value.
    :param whole: Whether all words of the value, or of an alias of it, were typed.
    :param gain: How much better the value explains the words than they do by themselves: the logarithm of the ratio of
        the probabilities, in nats.
    """

    start: int
    end: int
    value: LexiconValue
    whole: bool
    gain: float

    @property
    def field(self) -> str:
        """The field of the value."""
        return self.value.field


class LexiconIndex:
    """
    Finds the values of a lexicon in queries.

    It is built once for a lexicon and never changes, so that any number of threads may use it.
    """

    def __init__(self, lexicon: Lexicon, fields: Collection[str] | None = None, fuzziness: int = 2) -> None:
        """
        Build the index.

        :param lexicon: The values.
        :param fields: The fields whose values are looked for, without `meta.`; all of the lexicon's if left out.
        :param fuzziness: Most typos in one word, 0 to 2.
        """
        self.lexicon = lexicon
        self._phrases = Phrases(lexicon, lexicon.fields if fields is None else fields)
        self._spelling = Spelling(self._phrases.words(), fuzziness)

    def matches(self, words: Sequence[str], statistics: CollectionStatistics | None = None) -> list[ValueMatch]:
        """
        Find what the words of a query may refer to.

        :param words: The words of the query's normal form. The last one may be unfinished.
        :param statistics: The collection statistics, for the words that only the documents' texts have.
        :returns: Matches by the place of their first word, the best first; a bounded number for each word.
        """
        last_is_complete = len(words) > MOST_WORDS
        words = words[:MOST_WORDS]
        log_probability = self._phrases.free_words.log_probability
        free = list(accumulate((log_probability(word, statistics) for word in words), initial=0.0))
        spelling = {word: self._spellings(word) for word in set(words)}
        steps = [
            [(1, spelling[word]), (2, self._joined(word, following))]
            for word, following in zip_longest(words, words[1:])
        ]
        found: list[ValueMatch] = []
        for start in range(len(words)):
            here = _Found()
            paths = self._paths(steps, start)
            for end, phrases in paths.items():
                for phrase, cost in phrases.items():
                    self._add(here, end, phrase, cost)
            if not last_is_complete:
                self._complete(words, start, paths.get(len(words) - 1, {}), here)
            gains = [(weight - free[end] + free[start], end, value) for (end, value), (weight, _) in here.items()]
            found.extend(self._best(start, gains, here))
        return found

    def _spellings(self, word: str) -> Spellings:
        """The phrases that a word may stand for, with the logarithm of what that takes away."""
        phrases = self._phrases
        meant = [(word, 0.0)] if phrases.row(word) is not None else _split(word, phrases)
        meant.extend(
            (other, math.log(misspelt(word, other, edits))) for other, edits in self._spelling.neighbours(word)
        )
        return meant

    def _joined(self, word: str, following: str | None) -> Spellings:
        """The phrases that two words may stand for if the space between them stands at the wrong place."""
        if following is None:
            return []
        word, typed = word + following, f"{word} {following}"
        joined = [(word, math.log(JOINED))] if self._phrases.row(word) is not None else []
        return [*joined, *[each for each in _split(word, self._phrases) if each[0] != typed]]

    def _paths(self, steps: Sequence[Sequence[tuple[int, Spellings]]], start: int) -> dict[int, dict[str, float]]:
        """Place behind a word → the phrases that the words from the start to there may stand for."""
        reached: dict[int, dict[str, float]] = {start: {"": 0.0}}
        for place in range(start, min(len(steps), start + MOST_VALUE_WORDS)):
            paths = reached.get(place)
            if not paths:
                continue
            if len(paths) > MOST_CONTINUED:
                paths = dict(nlargest(MOST_CONTINUED, paths.items(), key=lambda item: item[1]))
            for words, spellings in steps[place]:
                for phrase, cost in self._continued(paths, spellings):
                    behind = reached.setdefault(place + words, {})
                    behind[phrase] = max(cost, behind.get(phrase, -math.inf))
        return reached

    def _continued(self, paths: Mapping[str, float], spellings: Spellings) -> Iterator[tuple[str, float]]:
        for phrase, cost in paths.items():
            for word, more in spellings:
                longer = f"{phrase} {word}" if phrase else word
                if self._phrases.row(longer) is not None:
                    yield longer, cost + more

    def _complete(self, words: Sequence[str], start: int, paths: Mapping[str, float], found: "_Found") -> None:
        """Take the last word for an unfinished one, and all from the start on for the beginning of a phrase."""
        last = words[-1]
        if len(last) + len(words) - 1 - start < SHORTEST_UNFINISHED:
            return
        for phrase, cost in paths.items():
            beginning = f"{phrase} {last}" if phrase else last
            for row in self._phrases.beginning_with(beginning, MOST_COMPLETIONS):
                complete = self._phrases.texts[row]
                left_out = math.log(unfinished(len(beginning), len(complete)))
                self._add(found, len(words), complete, cost + left_out)

    def _add(self, found: "_Found", end: int, phrase: str, cost: float) -> None:
        row = self._phrases.row(phrase)
        if row is None:
            return
        for value, weight, whole in self._phrases.entries(row):
            known = found.get((end, value))
            if known is None or cost + weight > known[0]:
                found[end, value] = (cost + weight, whole)

    def _best(self, start: int, gains: Sequence[tuple[float, int, int]], found: "_Found") -> list[ValueMatch]:
        """The best of the matches that begin with the same word."""
        kept: list[ValueMatch] = []
        of_field: Counter[tuple[int, str]] = Counter()
        # The values' rows are in the order of their fields and forms, so that equal gains are told apart.
        for gain, end, row in sorted(gains, key=lambda each: (-each[0], each[1], each[2])):
            if gain < LEAST_GAIN or len(kept) == MOST_FROM_A_WORD:
                break
            value = self._phrases.values[row]
            of_field[end, value.field] += 1
            if of_field[end, value.field] <= MOST_OF_A_FIELD:
                kept.append(ValueMatch(start, end, value, found[end, row][1], gain))
        return kept


class _Found(dict[tuple[int, int], tuple[float, bool]]):
    """Place behind the last word and row of the value → the likeliest way to it, and whether it is the whole value."""


def _split(word: str, phrases: Phrases) -> Spellings:
    """Two words of the catalogue that were typed as one."""
    parts = [f"{word[:place]} {word[place:]}" for place in range(1, min(len(word), LONGEST_SPLIT))]
    return [(phrase, math.log(JOINED)) for phrase in parts if phrases.row(phrase) is not None]
