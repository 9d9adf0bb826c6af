"""
The readers of a simulation by name: click models with the habits of a seed, mixed, and given up before the page ends.

`mixed` readers are of three kinds with constant habits. `hard` readers are of the same three kinds, but they also trust
what stands high, may stop before the page ends, and their habits are drawn for each seed: what a learner assumes of
people is then wrong, and differently so under each seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from ltrr_haystack.evaluation.click_models import (
    CascadeModel,
    ClickModel,
    DependentClickModel,
    PageReader,
    RandomNumber,
)
from ltrr_haystack.feedback.examination import PAGE

ClickModelName = Literal["position", "cascade", "dependent", "mixed", "hard"]
HARD: ClickModelName = "hard"

NOISE, HARD_NOISE = 0.05, 0.2
"""Probability of a click on an examined document that answers nothing: of hard readers the second."""

ETAS = (0.4, 1.6)
CONTINUATIONS = (0.3, 0.9)
TRUSTS = (0.05, 0.2)
ABANDONMENTS = (0.02, 0.1)
"""Between which bounds the habits of hard readers are drawn, uniformly."""


@dataclass(frozen=True, slots=True)
class Habits:
    """
    How the people of one seed read pages.

    :param eta: How fast the attention of position-based readers falls, as in `ClickModel`.
    :param continuation: Probability with which dependent readers read on after a click, as in `DependentClickModel`.
    :param trust: Probability of a click out of trust in the first position, as in `attraction`.
    :param abandonment: Probability of leaving after each position, as in `AbandoningReader`.
    """

    eta: float = PAGE.eta
    continuation: float = 0.6
    trust: float = 0.0
    abandonment: float = 0.0


def noise_of(name: ClickModelName) -> float:
    """
    Give how often people click an examined document that answers nothing, where nobody says otherwise.

    :param name: The click model's name.
    :returns: The probability.
    """
    return HARD_NOISE if name == HARD else NOISE


def habits_of(name: ClickModelName, seed: int) -> Habits:
    """
    Give the habits of the people of a seed.

    :param name: The click model's name.
    :param seed: The people's seed.
    :returns: For `hard` what the seed draws, rounded to three decimals; otherwise the defaults.
    """
    if name != HARD:
        return Habits()
    rng = Random(f"{seed}:habits")
    eta, continuation, trust, abandonment = (
        round(rng.uniform(*bounds), 3) for bounds in (ETAS, CONTINUATIONS, TRUSTS, ABANDONMENTS)
    )
    return Habits(eta, continuation, trust, abandonment)


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

    def examined(self, page: Sequence[tuple[str, int]]) -> list[float]:
        """
        Say how likely each position of a page is examined.

        :param page: The documents from the top, each with its grade for this person.
        :returns: The mean of the readers, since any of them may come.
        """
        by_position = zip(*(reader.examined(page) for reader in self.readers), strict=True)
        return [sum(chances) / len(self.readers) for chances in by_position]


@dataclass(frozen=True, slots=True)
class AbandoningReader:
    """
    Somebody who may leave after each position, whatever was found there, and reads up to it as another reader does.

    :param reader: How the page is read as far as the person gets.
    :param abandonment: Probability of leaving after each position.
    :raises ValueError: If `abandonment` is not in [0, 1).
    """

    reader: PageReader
    abandonment: float

    def __post_init__(self) -> None:
        if not 0 <= self.abandonment < 1:
            raise ValueError(f"abandonment must be at least 0 and below 1, got {self.abandonment}")

    def clicked(self, page: Sequence[tuple[str, int]], random_number: RandomNumber) -> list[int]:
        """
        Say what is clicked on a page.

        :param page: The documents from the top, each with its grade for this person.
        :param random_number: The random numbers of this search; one for each position says whether it is the last.
        :returns: The clicked positions, from 1, ascending.
        """
        left_after = (
            position
            for position in range(1, len(page))
            if random_number("abandonment", str(position)) < self.abandonment
        )
        return self.reader.clicked(page[: next(left_after, len(page))], random_number)

    def examined(self, page: Sequence[tuple[str, int]]) -> list[float]:
        """
        Say how likely each position of a page is examined.

        :param page: The documents from the top, each with its grade for this person.
        :returns: What the other reader examines, times (1 − abandonment)**(k − 1) at position k.
        """
        stays = 1 - self.abandonment
        return [chance * stays**above for above, chance in enumerate(self.reader.examined(page))]


def page_reader(name: ClickModelName, *, noise: float, highest_grade: int, habits: Habits | None = None) -> PageReader:
    """
    Make a reader by name.

    :param name: `position`, `cascade`, `dependent`, or `mixed` or `hard` for the three in equal parts.
    :param noise: Probability of a click on an examined document that answers nothing.
    :param highest_grade: The grade that always attracts, but for the noise.
    :param habits: How people read, such as `habits_of` gives for a seed; by default those of `Habits`.
    :returns: The reader.
    :raises ValueError: If there is no such model.
    """
    own = habits or Habits()
    readers: dict[str, PageReader] = {
        "position": ClickModel(own.eta, noise, highest_grade, own.trust),
        "cascade": CascadeModel(noise, highest_grade, own.trust),
        "dependent": DependentClickModel(own.continuation, noise, highest_grade, own.trust),
    }
    readers["mixed"] = readers[HARD] = MixedReaders(tuple(readers.values()))
    if name not in readers:
        raise ValueError(f"click model '{name}' is unknown; choose one of {', '.join(get_args(ClickModelName))}")
    return AbandoningReader(readers[name], own.abandonment) if own.abandonment else readers[name]
