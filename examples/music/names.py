"""Generates unique fictional names from syllables and words."""

from collections.abc import Callable
from random import Random

from .words import (
    BAND_ADJECTIVES,
    BAND_NOUNS,
    CODAS,
    ONSETS,
    THEMES,
    TITLE_ADJECTIVES,
    TITLE_NOUNS,
    VOWELS,
)


class Names:
    """
    Generates names, none of them twice.

    :param rng: The random number generator.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._given: set[str] = set()

    def word(self, syllables: int = 2) -> str:
        """
        An invented word.

        :param syllables: Number of syllables.
        :returns: The word, capitalised.
        """
        choice = self._rng.choice
        parts = [choice(ONSETS) + choice(VOWELS) for _ in range(syllables)]
        return ("".join(parts) + choice(CODAS)).capitalize()

    def person(self) -> str:
        """
        A person's name.

        :returns: Given name and family name.
        """
        return self._fresh(lambda: f"{self.word()} {self.word(self._rng.choice((1, 2, 2, 3)))}")

    def artist(self) -> str:
        """
        The name of a singer or a band.

        :returns: A person's name, an invented word, or a band's name.
        """
        shape = self._rng.random()
        if shape < 0.5:
            return self.person()
        if shape < 0.7:
            return self._fresh(lambda: self.word(3))
        if shape < 0.9:
            return self._fresh(lambda: f"The {self._rng.choice(BAND_ADJECTIVES)} {self._rng.choice(BAND_NOUNS)}")
        return self._fresh(lambda: f"{self.word()} and the {self._rng.choice(BAND_NOUNS)}")

    def title(self, theme: str) -> str:
        """
        The title of a song or an album.

        Half of the songs about love have the word in their title; and a song called "Happy Street" need not be happy.

        :param theme: The theme of the song.
        :returns: The title.
        """
        return self._fresh(lambda: self._title(theme))

    def numbered(self, title: str) -> str:
        """
        A title that may have been given before.

        :param title: The preferred title.
        :returns: The title; a repeated one has a number appended.
        """
        number, fresh = 1, title
        while fresh in self._given:
            number += 1
            fresh = f"{title} {number}"
        self._given.add(fresh)
        return fresh

    def _title(self, theme: str) -> str:
        adjective, noun = self._rng.choice(TITLE_ADJECTIVES), self._rng.choice(TITLE_NOUNS)
        word = theme.capitalize() if self._rng.random() < 0.5 else self._rng.choice(tuple(THEMES)).capitalize()
        shapes = (
            f"{adjective} {noun}",
            f"{adjective} {word}",
            f"{word} in {self.word()}",
            f"{word} of the {noun}",
            f"{noun} {word}",
            f"{self.word(3)}",
            f"{self.word()} {noun}",
            f"{adjective} {self.word()} {word}",
        )
        return self._rng.choice(shapes)

    def _fresh(self, make: Callable[[], str]) -> str:
        while (name := make()) in self._given:
            pass
        self._given.add(name)
        return name
