"""
How people look through a page, and what they click on it.

The models are those of Chuklin, Markov and de Rijke 2015, "Click models for web search": the position-based model
(section 3.3), the cascade model (section 3.4) and the dependent click model (section 3.5). In all of them a document is
clicked when it is examined and it attracts; they differ in what is examined. Attraction grows with the grade as in
Chapelle et al. 2009, "Expected reciprocal rank", with a share of clicks by mistake.

A model draws no random numbers of its own. It asks for the common random number of this search and a purpose, such as
whether a document attracts, so that the same person can meet another page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from ltrr_haystack.feedback.examination import PAGE, ExaminationCurve

RandomNumber = Callable[[str, str], float]
"""Purpose, and document or position → a number in [0, 1) that is fixed for the search (a common random number)."""

ClickModelName = Literal["position", "cascade", "dependent", "mixed"]


class PageReader(Protocol):
    """Somebody who looks through a page."""

    def clicked(self, page: Sequence[tuple[str, int]], random_number: RandomNumber) -> list[int]:
        """
        Say what is clicked on a page.

        :param page: The documents from the top, each with its grade for this person.
        :param random_number: The random numbers of this search.
        :returns: The clicked positions, from 1, ascending.
        """


@dataclass(frozen=True, slots=True)
class ClickModel:
    """
    The position-based click model: each position is examined or not, whatever is clicked elsewhere.

    After Craswell et al. 2008, "An experimental comparison of click position-bias models".

    :param eta: How fast attention falls: position k is examined with probability 1/k**eta.
    :param noise: Probability of a click on an examined document that answers nothing.
    :param highest_grade: The grade that always attracts, but for the noise.
    """

    eta: float = PAGE.eta
    noise: float = 0.05
    highest_grade: int = 3

    def __post_init__(self) -> None:
        if self.eta < 0 or not 0 <= self.noise < 1 or self.highest_grade < 1:
            raise ValueError(
                f"a click model needs eta >= 0, noise in [0, 1) and highest_grade >= 1, got eta={self.eta}, "
                f"noise={self.noise}, highest_grade={self.highest_grade}"
            )

    def examination(self, position: int) -> float:
        """
        How likely a position is examined.

        :param position: Position on the page, from 1.
        :returns: A probability.
        """
        return ExaminationCurve(self.eta).at(position)

    def attraction(self, grade: int) -> float:
        """
        How likely a document is clicked once it is examined.

        :param grade: How well it answers, 0 to `highest_grade`.
        :returns: noise + (1 − noise) · (2**grade − 1) / (2**highest_grade − 1).
        """
        return attraction(grade, self.noise, self.highest_grade)

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
            and random_number("document", document) < self.attraction(grade)
        ]


@dataclass(frozen=True, slots=True)
class CascadeModel:
    """
    The cascade model: the page is read from the top, and the first document that attracts ends the search.

    After Craswell et al. 2008. At most one document is clicked.

    :param noise: Probability of a click on an examined document that answers nothing.
    :param highest_grade: The grade that always attracts, but for the noise.
    """

    noise: float = 0.05
    highest_grade: int = 3

    def clicked(self, page: Sequence[tuple[str, int]], random_number: RandomNumber) -> list[int]:
        """
        Say what is clicked on a page.

        :param page: The documents from the top, each with its grade for this person.
        :param random_number: The random numbers of this search.
        :returns: The clicked position, from 1, or nothing.
        """
        for position, (document, grade) in enumerate(page, start=1):
            if random_number("document", document) < attraction(grade, self.noise, self.highest_grade):
                return [position]
        return []


@dataclass(frozen=True, slots=True)
class DependentClickModel:
    """
    The dependent click model: the page is read from the top, and after each click the person goes on or is content.

    After Guo, Liu and Wang 2009, "Efficient multiple-click models in web search", with one probability of going on for
    all positions.

    :param continuation: Probability of reading on after a click; without a click the person always reads on.
    :param noise: Probability of a click on an examined document that answers nothing.
    :param highest_grade: The grade that always attracts, but for the noise.
    :raises ValueError: If `continuation` is no probability.
    """

    continuation: float = 0.6
    noise: float = 0.05
    highest_grade: int = 3

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
            if random_number("document", document) < attraction(grade, self.noise, self.highest_grade):
                positions.append(position)
                if random_number("continuation", str(position)) >= self.continuation:
                    break
        return positions


@dataclass(frozen=True, slots=True)
class MixedReaders:
    """
    People who differ: each search is read by one of several readers, each as often as the others.

    :param readers: The readers.
    :raises ValueError: If there is none.
    """

    readers: tuple[PageReader, ...]

    def __post_init__(self) -> None:
        if not self.readers:
            raise ValueError("mixed readers need at least one reader")

    def clicked(self, page: Sequence[tuple[str, int]], random_number: RandomNumber) -> list[int]:
        """
        Say what is clicked on a page.

        :param page: The documents from the top, each with its grade for this person.
        :param random_number: The random numbers of this search; one of them selects the reader.
        :returns: The clicked positions, from 1, ascending.
        """
        reader = self.readers[int(random_number("reader", "") * len(self.readers))]
        return reader.clicked(page, random_number)


def attraction(grade: int, noise: float, highest_grade: int) -> float:
    """
    How likely a document is clicked once it is examined.

    :param grade: How well it answers; above `highest_grade` it counts as that.
    :param noise: The probability for a document that answers nothing.
    :param highest_grade: The grade that always attracts.
    :returns: noise + (1 − noise) · (2**grade − 1) / (2**highest_grade − 1).
    """
    gain = (2 ** min(grade, highest_grade) - 1) / (2**highest_grade - 1)
    return noise + (1 - noise) * float(gain)


def page_reader(name: ClickModelName, *, noise: float, highest_grade: int) -> PageReader:
    """
    Make a reader by name.

    :param name: `position`, `cascade`, `dependent`, or `mixed` for the three in equal parts.
    :param noise: Probability of a click on an examined document that answers nothing.
    :param highest_grade: The grade that always attracts, but for the noise.
    :returns: The reader.
    :raises ValueError: If there is no such model.
    """
    readers: dict[str, PageReader] = {
        "position": ClickModel(noise=noise, highest_grade=highest_grade),
        "cascade": CascadeModel(noise=noise, highest_grade=highest_grade),
        "dependent": DependentClickModel(noise=noise, highest_grade=highest_grade),
    }
    if name == "mixed":
        return MixedReaders(tuple(readers.values()))
    if name not in readers:
        raise ValueError(f"click model '{name}' is unknown; choose one of {', '.join(get_args(ClickModelName))}")
    return readers[name]
