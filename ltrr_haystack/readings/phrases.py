"""Everything that people may type for a value of the catalogue, whole or in part, and how likely they do."""

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.catalogue.lexicon import Lexicon, LexiconValue
from ltrr_haystack.readings.background import FreeWords
from ltrr_haystack.readings.probabilities import ALIAS, WHOLE, typed_in_part, value_shares
from ltrr_haystack.understanding.normalisation import normal_form, tokens_of

MOST_VALUE_WORDS = 12
"""Words of the longest value that is found in a query; longer ones are texts, for which text is searched."""

LONGEST_PART = 3
"""Words of the longest part of a value that does not begin where the value does."""

MOST_PER_FIELD = 4
"""Values of one field that a phrase may stand for: the most prominent, those of which it is the whole first."""

_LAST = "\U0010ffff"


class Phrases:
    """
    The phrases that stand for values: whole values, aliases, and parts of them that are next to each other.

    With a phrase all of its beginnings are phrases, too, so that a query can be followed word by word. A phrase that is
    part of many values stands for the most prominent ones.
    """

    def __init__(self, lexicon: Lexicon, fields: Collection[str]) -> None:
        """
        Build the table.

        :param lexicon: The values.
        :param fields: The fields whose values are wanted.
        """
        chosen = [field for field in lexicon.fields if field in fields and lexicon.values.get(field)]
        known = [(form, value) for field in chosen for form, value in sorted(lexicon.values[field].items())]
        self.values: list[LexiconValue] = [value for _, value in known]
        shares = [_shares(lexicon.values[field]) / len(chosen) for field in chosen]
        self._shares = np.concatenate(shares) if shares else np.empty(0)
        forms = [(row, words, alias) for row, entry in enumerate(known) for words, alias in _forms(*entry)]
        counts: Counter[str] = Counter()
        documents: Counter[str] = Counter()
        for value_row, words, alias in forms:
            for word in () if alias else set(words):
                counts[word] += 1
                documents[word] += self.values[value_row].documents
        self.free_words = FreeWords(counts, documents)
        information = {word: math.log1p(len(self.values) / count) for word, count in counts.items()}
        rarest = math.log1p(len(self.values))
        rows: dict[str, int] = {}
        phrases, values, probabilities = array("i"), array("i"), array("d")
        for value_row, words, alias in forms:
            for phrase, probability in _parts(words, [information.get(word, rarest) for word in words]):
                phrases.append(rows.setdefault(phrase, len(rows)))
                values.append(value_row)
                probabilities.append(probability * ALIAS if alias else probability)
        self._index(rows, np.frombuffer(phrases, np.int32), np.frombuffer(values, np.int32), np.array(probabilities))

    def row(self, phrase: str) -> int | None:
        """
        Find a phrase.

        :param phrase: Words with single spaces between them.
        :returns: Its row, or `None` if it stands for nothing.
        """
        return self._rows.get(phrase)

    def entries(self, row: int) -> Iterator[tuple[int, float, bool]]:
        """
        Give what a phrase stands for.

        :param row: The phrase's row.
        :returns: For each value its row in `values`, the logarithm of the probability that the value is meant and typed
            so, and whether the phrase is the whole of it.
        """
        for entry in range(self._starts[row], self._starts[row + 1]):
            yield self._entry_values[entry], self._entry_weights[entry], bool(self._entry_whole[entry])

    def beginning_with(self, beginning: str, most: int) -> list[int]:
        """
        Find the phrases that begin with a text.

        :param beginning: The text.
        :param most: How many to give at most.
        :returns: Rows, the likeliest phrases first; the text itself is not among them.
        """
        low, high = bisect_left(self.texts, beginning), bisect_left(self.texts, beginning + _LAST)
        if low < high and self.texts[low] == beginning:
            low += 1
        weights = self._best[low:high]
        rows = np.arange(low, high) if len(weights) <= most else low + np.argpartition(-weights, most - 1)[:most]
        return sorted(rows.tolist(), key=lambda row: (-self._best[row], row))

    def words(self) -> list[str]:
        """
        Give the phrases of one word.

        :returns: The words, those in the likeliest phrases first.
        """
        rows = [row for row, phrase in enumerate(self.texts) if " " not in phrase]
        return [self.texts[row] for row in sorted(rows, key=lambda row: (-self._best[row], row))]

    def _index(
        self,
        rows: dict[str, int],
        phrases: NDArray[np.int32],
        values: NDArray[np.int32],
        probabilities: NDArray[np.float64],
    ) -> None:
        """Sort the phrases by their text, and keep of each the best entries, in one row of arrays after the other."""
        self.texts = sorted(rows)
        self._rows = {text: row for row, text in enumerate(self.texts)}
        sorted_rows = np.empty(len(rows), dtype=np.int32)
        sorted_rows[[rows[text] for text in self.texts]] = np.arange(len(rows), dtype=np.int32)
        weights = np.log(probabilities * self._shares[values])
        # Only the whole of a value, or of an alias, is that likely to be typed.
        whole = probabilities >= WHOLE * ALIAS
        order, phrases = _best_entries(sorted_rows[phrases], values, self._field_rows()[values], weights, whole)
        starts = np.searchsorted(phrases, np.arange(len(rows) + 1)).astype(np.int32)
        self._starts = array("i", starts.tobytes())
        self._entry_values = array("i", values[order].tobytes())
        self._entry_weights = array("d", weights[order].tobytes())
        self._entry_whole = array("b", whole[order].tobytes())
        self._best = np.maximum.reduceat(weights[order], starts[:-1]) if rows else np.empty(0)

    def _field_rows(self) -> NDArray[np.int32]:
        numbers: dict[str, int] = {}
        return np.array([numbers.setdefault(value.field, len(numbers)) for value in self.values], dtype=np.int32)


def _shares(values: Mapping[str, LexiconValue]) -> NDArray[np.float64]:
    """How often each value of a field is meant, in the order of their normal forms."""
    ordered = [value for _, value in sorted(values.items())]
    return value_shares(
        np.array([value.documents for value in ordered]), np.array([value.popularity for value in ordered])
    )


def _forms(form: str, value: LexiconValue) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The words of a value and of each alias, and whether it is an alias."""
    aliases = dict.fromkeys(map(normal_form, value.aliases)) if value.aliases else ()
    for text in (form, *(alias for alias in aliases if alias != form)):
        words = tokens_of(text)
        if 0 < len(words) <= MOST_VALUE_WORDS:
            yield words, text != form


def _parts(words: tuple[str, ...], information: list[float]) -> Iterator[tuple[str, float]]:
    """
    The phrases of a value, each with the probability that who means the value types it.

    How much of the value a part says is the share of its words in the information of all.
    """
    until = list(accumulate(information, initial=0.0))
    for start in range(len(words)):
        phrase = ""
        for end in range(start + 1, len(words) + 1 if start == 0 else min(len(words), start + LONGEST_PART) + 1):
            phrase = f"{phrase} {words[end - 1]}" if phrase else words[start]
            coverage = (until[end] - until[start]) / until[-1]
            yield phrase, WHOLE if end - start == len(words) else typed_in_part(coverage, inner=start > 0)


def _best_entries(
    phrases: NDArray[np.int32],
    values: NDArray[np.int32],
    fields: NDArray[np.int32],
    weights: NDArray[np.float64],
    whole: NDArray[np.bool_],
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """The entries to keep, by phrase, and the phrase of each: every value once, and the best of each field."""
    order = np.lexsort((-weights, values, phrases))
    once = np.ones(len(order), dtype=bool)
    once[1:] = (np.diff(phrases[order]) != 0) | (np.diff(values[order]) != 0)
    order = order[once]
    order = order[np.lexsort((values[order], -weights[order], ~whole[order], fields[order], phrases[order]))]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(phrases[order]) != 0) | (np.diff(fields[order]) != 0)
    group_starts = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    kept = order[np.arange(len(order)) - group_starts < MOST_PER_FIELD]
    return kept, phrases[kept]
