"""
How likely a reading of a query is.

A generative model after Sarkas, Paparizos and Tsaparas 2010, "Structured annotations of web queries" (SIGMOD): whoever
refers to a value chooses a field, then the value by how prominent it is, then how to type it; every other word is drawn
from the words of the catalogue. A reading's score is the sum of the logarithms, so a reading with a value gains on the
plain one what the value explains better than its words do by themselves. Factors that are taken for independent make
such scores too sure of themselves; a temperature divides them before they become probabilities (Guo et al. 2017, "On
calibration of modern neural networks", section 4.2).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.types import Interpretation

Array = NDArray[np.float64]

ZIPF = 0.7
"""
Exponent of Zipf's law by which interest falls with the rank in popularity: 0.64 to 0.83 where requests were counted
(Breslau et al. 1999, "Web caching and Zipf-like distributions", INFOCOM).
"""

DOCUMENTS = 0.7
"""A value is looked for with the number of its documents to this power: one with ten documents five times as often."""

FREE_WORD = 0.1
"""How much less often a word is only text than its share of the catalogue's words says."""

DISCOUNT = 0.75
"""
What each word's count is less by: a word of one value alone is hardly typed but for that value. Absolute discounting
(Ney, Essen and Kneser 1994, "On structuring probabilistic dependences in stochastic language modelling").
"""

RAREST_WORD = 1e-8
"""The least share that a word which no value has may have."""

WHOLE = 0.7
"""How often a value is typed with all of its words."""

PARTIAL = 0.3
"""How often it is typed with some of them."""

INNER = 0.4
"""How much less often a part is typed that does not begin where the value does."""

ALIAS = 0.7
"""How often an alias is typed in the place of the value, beside it."""

TYPO = 0.01
"""What each edit takes away."""

OTHER_OPENING = 0.3
"""What another first letter takes away beside that: typos seldom are there."""

JOINED = 0.1
"""What a space too many or too few takes away."""

UNFINISHED = 0.1
"""What an unfinished last word takes away."""

TEMPERATURE = 1.25
"""
Divides the gains, in nats, before they become probabilities. On the labelled queries of `examples/music` the best
reading is about as often right as its probability says: the expected calibration error is below 0.1.
"""


class ReadingFeedback(Protocol):
    """What people have shown about readings by what they clicked."""

    def multipliers(self, normal_form: str, readings: Sequence[Interpretation]) -> Sequence[float]:
        """
        Say how much likelier each reading is than the model of the catalogue alone says.

        :param normal_form: The query's normal form.
        :param readings: Readings of it; the plain one is among them.
        :returns: A finite number above 0 for each: 1 where nothing is known.
        """
        ...


def value_shares(documents: NDArray[Any], popularity: NDArray[Any]) -> Array:
    """
    Estimate how often each value of a field is meant by those who mean one of them: documents^0.7 · rank^-0.7.

    Only the order of popularities counts, so that they may be of any scale; equal ones share their mean rank.

    :param documents: Documents with each value, at least 1.
    :param popularity: Popularity of each value; the same for all where none is configured.
    :returns: A share for each value, in sum 1.
    """
    if not len(documents):
        return np.empty(0)
    _, places, counts = np.unique(-np.asarray(popularity, dtype=float), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[places.ravel()]
    weights = np.asarray(documents, dtype=float) ** DOCUMENTS * ranks**-ZIPF
    shares: Array = weights / weights.sum()
    return shares


def known_word(values: int, words: int) -> float:
    """
    Give the probability that a word of the lexicon is typed as text.

    :param values: In how many values of the lexicon it occurs, at least 1.
    :param words: The sum of these numbers over all words.
    :returns: The probability.
    """
    return FREE_WORD * (values - DISCOUNT) / words


def text_word(documents: int, words: int) -> float:
    """
    Give the probability that a word which only the texts of the documents have is typed as text.

    :param documents: How many documents have it in a field.
    :param words: Words of the field in all documents together.
    :returns: The probability.
    """
    return FREE_WORD * documents / words


def unknown_word(letters: int) -> float:
    """
    Give the probability that a certain word which the catalogue does not have is typed as text.

    The more letters, the more such words there are: 10^-(2.5 + letters / 2), but not less than 10^-8, before the share
    of words that are only text.

    :param letters: Letters of the word.
    :returns: The probability.
    """
    return float(FREE_WORD * max(RAREST_WORD, 10.0 ** -(2.5 + letters / 2.0)))


def typed_in_part(coverage: float, *, inner: bool) -> float:
    """
    Give the probability that a value is typed with only some of its words: 0.3 · coverage².

    :param coverage: How much of the value the words say, 0 to 1.
    :param inner: Whether they do not begin where the value does, which is less frequent.
    :returns: The probability.
    """
    return PARTIAL * coverage**2 * (INNER if inner else 1.0)


def misspelt(word: str, meant: str, edits: int) -> float:
    """
    Give what a typo takes away from the probability.

    :param word: The word as typed.
    :param meant: The word that is meant.
    :param edits: How many edits are between them.
    :returns: A factor, 1 without edits.
    """
    if not edits:
        return 1.0
    return TYPO**edits * (1.0 if word[0] == meant[0] else OTHER_OPENING)


def unfinished(letters: int, of: int) -> float:
    """
    Give what it takes away that the last word is not finished.

    :param letters: Letters that were typed.
    :param of: Letters of what is meant.
    :returns: A factor.
    """
    return float(UNFINISHED * (letters / of) ** 2)


def probabilities(gains: Sequence[float], multipliers: Sequence[float] | None = None) -> list[float]:
    """
    Turn the gains of all readings into probabilities: multiplier · exp(gain / temperature), divided by their sum.

    :param gains: The gain of each reading, in nats.
    :param multipliers: What feedback says of each; numbers that are not finite and above 0 count as 1.
    :returns: Probabilities, in sum 1.
    """
    scores = np.asarray(gains, dtype=float) / TEMPERATURE
    if multipliers is not None:
        factors = np.asarray(multipliers, dtype=float)
        scores = scores + np.log(np.where(np.isfinite(factors) & (factors > 0.0), factors, 1.0))
    weights = np.exp(scores - scores.max())
    shares: list[float] = (weights / weights.sum()).tolist()
    return shares
