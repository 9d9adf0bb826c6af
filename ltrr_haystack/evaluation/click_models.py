"""
How people look through a page, and what they click on it.

The models are those of Chuklin, Markov and de Rijke 2015, "Click models for web search": the position-based model
(section 3.3), the cascade model (section 3.4) and the dependent click model (section 3.5). In all of them a document is
clicked when it is examined and it attracts; they differ in what is examined. Attraction grows with the grade as in
Chapelle et al. 2009, "Expected reciprocal rank", with a share of clicks by mistake, and one of clicks out of trust in
the position (Agarwal, Wang, Li, Bendersky and Najork 2019, "Addressing trust bias for unbiased learning-to-rank").

Each model also says what it examines, so that a curve that was learned from clicks can be held against the truth.

A model draws no random numbers of its own. It asks for the common random number of this search and a purpose, such as
whether a document attracts, so that the same person can meet another page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ltrr_haystack.feedback.examination import PAGE, ExaminationCurve

RandomNumber = Callable[[str, str], float]
"""Purpose, and document or position → a number in [0, 1) that is fixed for the search (a common random number)."""


class PageReader(Protocol):
    """Somebody who looks through a page."""

    def clicked(self, page: Sequence[tuple[str, int]], random_number: RandomNumber) -> list[int]:
        """
        Say what is clicked on a page.

        :param page: The documents from the top, each with its grade for this person.
        :param random_number: The random numbers of this search.
        :returns: The clicked positions, from 1, ascending.
        """

    def examined(self, page: Sequence[tuple[str, int]]) -> list[float]:
        """
        Say how likely each position of a page is examined, before anything is drawn.

        :param page: The documents from the top, each with its grade for this person.
        :returns: One probability for each position; the first position is always examined, so that it is also the
            examination relative to that one.
        """


@dataclass(frozen=True, slots=True)
class ClickModel:
    """
    The position-based click model: each position is examined or not, whatever is clicked elsewhere.

    After Craswell et al. 2008, "An experimental comparison of click position-bias models".

    :param eta: How fast attention falls: position k is examined with probability 1/k**eta.
    :param noise: Probability of a click on an examined document that answers nothing.
    :param highest_grade: The grade that always attracts, but for the noise.
    :param trust: Probability of a click out of trust in the first position; see `attraction`.
    """

    eta: float = PAGE.eta
    noise: float = 0.05
    highest_grade: int = 3
    trust: float = 0.0

    def __post_init__(self) -> None:
        if self.eta < 0 or not 0 <= self.noise < 1 or not 0 <= self.trust < 1 or self.highest_grade < 1:
            raise ValueError(
                f"a click model needs eta >= 0, noise and trust in [0, 1) and highest_grade >= 1, got eta={self.eta}, "
                f"noise={self.noise}, trust={self.trust}, highest_grade={self.highest_grade}"
            )

    def examination(self, position: int) -> float:
        """
        How likely a position is examined.

        :param position: Position on the page, from 1.
        :returns: A probability.
        """
        return ExaminationCurve(self.eta).at(position)

    def attraction(self, grade: int, position: int = 1) -> float:
        """
        How likely a document is clicked once it is examined.

        :param grade: How well it answers, 0 to `highest_grade`.
        :param position: Where it stands, from 1; of no matter without trust.
        :returns: A probability; see the function `attraction`.
        """
        return attraction(grade, self.noise, self.highest_grade, trust=self.trust, position=position)

    def clicked(self, page: Sequence[tuple[str, int]], random_number: RandomNumber) -> list[int]:
        """
        Say what is clicked on a page.

        :param page: The documents from the top, each with its grade for this person.
        :param random_number: The random numbers of this search.
        :returns: The clicked positions, from 1, ascending.
        """
        return [
            position
            for position, (document, grade) in enumerate(page, start=1)
            if random_number("position", str(position)) < self.examination(position)
            and random_number("document", document) < self.attraction(grade, position)
        ]

    def examined(self, page: Sequence[tuple[str, int]]) -> list[float]:
        """
        Say how likely each position of a page is examined.

        :param page: The documents from the top, each with its grade for this person.
        :returns: 1/k**eta for position k, whatever stands there.
        """
        return [self.examination(position) for position in range(1, len(page) + 1)]


@dataclass(frozen=True, slots=True)
class CascadeModel:
    """
    The cascade model: the page is read from the top, and the first document that attracts ends the search.

    After Craswell et al. 2008. At most one document is clicked.

    :param noise: Probability of a click on an examined document that answers nothing.
    :param highest_grade: The grade that always attracts, but for the noise.
    :param trust: Probability of a click out of trust in the first position; see `attraction`.
    """

    noise: float = 0.05
    highest_grade: int = 3
    trust: float = 0.0

    def clicked(self, page: Sequence[tuple[str, int]], random_number: RandomNumber) -> list[int]:
        """
        Say what is clicked on a page.

        :param page: The documents from the top, each with its grade for this person.
        :param random_number: The random numbers of this search.
        :returns: The clicked position, from 1, or nothing.
        """
        for position, (document, grade) in enumerate(page, start=1):
            attracted = attraction(grade, self.noise, self.highest_grade, trust=self.trust, position=position)
            if random_number("document", document) < attracted:
                return [position]
        return []

    def examined(self, page: Sequence[tuple[str, int]]) -> list[float]:
        """
        Say how likely each position of a page is examined.

        :param page: The documents from the top, each with its grade for this person.
        :returns: For each position the probability that nothing above it attracted.
        """
        return _reached(page, self.noise, self.highest_grade, self.trust, continuation=0.0)


@dataclass(frozen=True, slots=True)
class DependentClickModel:
    """
    The dependent click model: the page is read from the top, and after each click the person goes on or is content.

    After Guo, Liu and Wang 2009, "Efficient multiple-click models in web search", with one probability of going on for
    all positions.

    :param continuation: Probability of reading on after a click; without a click the person always reads on.
    :param noise: Probability of a click on an examined document that answers nothing.
    :param highest_grade: The grade that always attracts, but for the noise.
    :param trust: Probability of a click out of trust in the first position; see `attraction`.
    :raises ValueError: If `continuation` is no probability.
    """

    continuation: float = 0.6
    noise: float = 0.05
    highest_grade: int = 3
    trust: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.continuation <= 1:
            raise ValueError(f"continuation must be 0 to 1, got {self.continuation}")

    def clicked(self, page: Sequence[tuple[str, int]], random_number: RandomNumber) -> list[int]:
        """
        Say what is clicked on a page.

        :param page: The documents from the top, each with its grade for this person.
        :param random_number: The random numbers of this search.
        :returns: The clicked positions, from 1, ascending.
        """
        positions = []
        for position, (document, grade) in enumerate(page, start=1):
            attracted = attraction(grade, self.noise, self.highest_grade, trust=self.trust, position=position)
            if random_number("document", document) < attracted:
                positions.append(position)
                if random_number("continuation", str(position)) >= self.continuation:
                    break
        return positions

    def examined(self, page: Sequence[tuple[str, int]]) -> list[float]:
        """
        Say how likely each position of a page is examined.

        :param page: The documents from the top, each with its grade for this person.
        :returns: For each position the probability that no click above it made the person content.
        """
        return _reached(page, self.noise, self.highest_grade, self.trust, continuation=self.continuation)


def attraction(grade: int, noise: float, highest_grade: int, *, trust: float = 0.0, position: int = 1) -> float:
    """
    How likely a document is clicked once it is examined.

    Trust bias, after Agarwal et al. 2019: whether an examined document is clicked depends on its position,
    too, since people take what stands high for relevant. Here a document that answers nothing is clicked by mistake
    (`noise`, the same everywhere) or, independently of that, out of trust in its position (`trust` / position).

    :param grade: How well it answers; above `highest_grade` it counts as that.
    :param noise: The probability for a document that answers nothing, in [0, 1).
    :param highest_grade: The grade that always attracts.
    :param trust: Probability of a click out of trust in the first position, in [0, 1).
    :param position: Where the document stands, from 1.
    :returns: wrong + (1 − wrong) · (2**grade − 1) / (2**highest_grade − 1) with
        wrong = 1 − (1 − noise) · (1 − trust / position).
    """
    wrong = 1 - (1 - noise) * (1 - trust / position) if trust else noise
    gain = (2 ** min(grade, highest_grade) - 1) / (2**highest_grade - 1)
    return wrong + (1 - wrong) * float(gain)


def _reached(
    page: Sequence[tuple[str, int]], noise: float, highest_grade: int, trust: float, *, continuation: float
) -> list[float]:
    """Chance of reaching each position of somebody who reads from the top, and stops after a click or goes on."""
    reached, chances = 1.0, []
    for position, (_, grade) in enumerate(page, start=1):
        chances.append(reached)
        clicks = attraction(grade, noise, highest_grade, trust=trust, position=position)
        reached *= 1 - clicks * (1 - continuation)
    return chances
