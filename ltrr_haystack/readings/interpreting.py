"""From the words of a query to its likeliest readings."""

from collections.abc import Sequence
from dataclasses import dataclass

from ltrr_haystack.catalogue.statistics import CollectionStatistics
from ltrr_haystack.readings.matching import LexiconIndex, ValueMatch
from ltrr_haystack.readings.probabilities import ReadingFeedback, probabilities
from ltrr_haystack.readings.segmentation import PLAIN, Segmentation, segmentations
from ltrr_haystack.types import Interpretation
from ltrr_haystack.understanding.normalisation import tokens_of

MOST_WEIGHED = 24
"""Readings whose probabilities share the sum of 1, the best ones; the plain one is among them."""


@dataclass(frozen=True, slots=True)
class MatchedReading:
    """
    A reading with the matches that it is made of.

    :param interpretation: The reading.
    :param matches: What refers to its slots' values, from left to right; none for the plain reading.
    """

    interpretation: Interpretation
    matches: tuple[ValueMatch, ...] = ()

    @property
    def probability(self) -> float:
        """How likely it is, 0 to 1."""
        return self.interpretation.probability


def interpret(
    index: LexiconIndex,
    normal_form: str,
    feedback: ReadingFeedback | None = None,
    most: int = 5,
    statistics: CollectionStatistics | None = None,
) -> list[MatchedReading]:
    """
    Find the likeliest readings of a query.

    The same query, index, feedback and statistics give the same readings. What is not among them has the rest of the
    probability.

    :param index: The values that it may refer to.
    :param normal_form: The query's normal form.
    :param feedback: What clicks say of readings.
    :param most: How many readings to give at most.
    :param statistics: The collection statistics, for the words that only the documents' texts have.
    :returns: Readings by probability, best first, no two with the same slots: of those that differ in their leftover
        alone, the likeliest. The plain one, without slots and with the whole query left over, is always among them.
    """
    words = tokens_of(normal_form)
    found: dict[frozenset[tuple[str, str]], Segmentation] = {}
    for segmentation in segmentations(len(words), index.matches(words, statistics), MOST_WEIGHED):
        found.setdefault(frozenset((match.field, match.value.value) for match in segmentation.matches), segmentation)
    distinct = list(found.values())
    gains = [segmentation.gain for segmentation in distinct]
    shares = probabilities(gains)
    if feedback is not None:
        readings = [_interpretation(*each, words) for each in zip(distinct, shares, strict=True)]
        shares = probabilities(gains, feedback.multipliers(normal_form, readings))
    # Stable: equally likely readings stay in the order of their gains.
    best = sorted(zip(distinct, shares, strict=True), key=lambda pair: -pair[1])
    kept = best[:most]
    if not any(segmentation == PLAIN for segmentation, _ in kept):
        kept[-1] = next(pair for pair in best if pair[0] == PLAIN)
    return [MatchedReading(_interpretation(*pair, words), pair[0].matches) for pair in kept]


def _interpretation(segmentation: Segmentation, probability: float, words: Sequence[str]) -> Interpretation:
    slots = {match.field: match.value.value for match in segmentation.matches}
    return Interpretation(slots, " ".join(segmentation.leftover(words)), probability)
