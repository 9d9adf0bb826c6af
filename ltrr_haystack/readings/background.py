"""How often a word is typed as text, and not for a value that has it."""

import math
from collections.abc import Mapping

from ltrr_haystack.catalogue.analysis import analyse
from ltrr_haystack.catalogue.statistics import CollectionStatistics
from ltrr_haystack.readings.probabilities import known_word, text_word, unknown_word

IDEOGRAM = 3
"""Letters that one character of the East Asian scripts is worth: there are thousands of them."""


class FreeWords:
    """
    Gives the probabilities of words that are only text.

    A word of the lexicon has its share of the lexicon's words. One that only the texts of the documents have, such as
    "live" or "about", has its share of their words, so that it is not taken for a typo. Any other is an unknown word.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        """
        Create FreeWords.

        :param counts: Word → in how many values of the lexicon it occurs.
        """
        total = sum(counts.values())
        self._known = {word: math.log(known_word(count, total)) for word, count in counts.items()}

    def log_probability(self, word: str, statistics: CollectionStatistics | None = None) -> float:
        """
        Give the logarithm of the probability that a word is typed as text.

        :param word: The word, in normal form.
        :param statistics: The collection statistics, where there are any.
        :returns: The logarithm, below 0.
        """
        known = self._known.get(word)
        if known is not None:
            return known
        letters = sum([IDEOGRAM if character >= "\u2e80" else 1 for character in word])
        in_texts = 0.0 if statistics is None else _in_texts(word, statistics)
        return math.log(max(in_texts, unknown_word(letters)))


def _in_texts(word: str, statistics: CollectionStatistics) -> float:
    stems = analyse(word, statistics.language).stems
    if len(stems) != 1:
        return 0.0
    fields = [field for field in statistics.fields.values() if field.words]
    return max((text_word(field.frequencies.get(stems[0], 0), field.words) for field in fields), default=0.0)
