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

    A word of the lexicon has its share of the lexicon's words. If texts have it more often than documents have a value
    with it, such as "case" beside the brand Case Logic, it has the share of those others in the words of the texts; so
    has a word that only texts have, such as "live" or "about", which then is not taken for a typo. Any other is an
    unknown word.
    """

    def __init__(self, values: Mapping[str, int], documents: Mapping[str, int]) -> None:
        """
        Create FreeWords.

        :param values: Word → in how many values of the lexicon it occurs.
        :param documents: Word → the sum of the documents of these values.
        """
        total = sum(values.values())
        self._known = {word: (known_word(count, total), documents[word]) for word, count in values.items()}

    def log_probability(self, word: str, statistics: CollectionStatistics | None = None) -> float:
        """
        Give the logarithm of the probability that a word is typed as text.

        :param word: The word, in normal form.
        :param statistics: The collection statistics, where there are any.
        :returns: The logarithm, below 0.
        """
        known = self._known.get(word)
        if known is None:
            known = (unknown_word(sum([IDEOGRAM if character >= "\u2e80" else 1 for character in word])), 0)
        in_texts = 0.0 if statistics is None else _in_texts(word, statistics, known[1])
        return math.log(max(in_texts, known[0]))


def _in_texts(word: str, statistics: CollectionStatistics, explained: int) -> float:
    """Share of a word in the texts, apart from documents that have a value with it."""
    stems = analyse(word, statistics.language).stems
    if len(stems) != 1:
        return 0.0
    fields = [field for field in statistics.fields.values() if field.words]
    others = [(max(0, field.frequencies.get(stems[0], 0) - explained), field.words) for field in fields]
    return max((text_word(*each) for each in others), default=0.0)
