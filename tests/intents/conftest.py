"""Queries whose words say what they are after, and the log of a small service where people click it."""

import random
from collections.abc import Mapping

import numpy as np
import pytest

from ltrr_haystack.intents import IntentLabels

WORDS = {"song": ("love", "rain", "home"), "album": ("debut", "deluxe", "live"), "podcast": ("talk", "news", "crime")}
NAMES = ("ann", "bob", "cleo", "dora", "emil", "fritz", "gwen", "hugo", "iris", "jan")


def labelled(queries: int = 300, seed: int = 0) -> dict[str, Mapping[str, float]]:
    """
    Queries of a name and a word of a category; in one of five cases the word is of another category.

    Songs are three of five queries, albums and podcasts one each.
    """
    draw = random.Random(seed)
    made = {}
    for number in range(queries):
        category = draw.choice(("song", "song", "song", "album", "podcast"))
        words = WORDS[category] if draw.random() < 0.8 else draw.choice(list(WORDS.values()))
        made[f"{draw.choice(NAMES)}{number} {draw.choice(words)}"] = {category: 1.0}
    return made


def shuffled(shares: Mapping[str, Mapping[str, float]], seed: int) -> dict[str, Mapping[str, float]]:
    """The same queries with the labels of others."""
    of_others = list(shares.values())
    random.Random(seed).shuffle(of_others)
    return dict(zip(shares, of_others, strict=True))


class LetterEmbedder:
    """Embeds a text by the counts of its letters; `sign` makes another embedder of the same dimension."""

    def __init__(self, sign: float = 1.0):
        self.sign = sign
        self.failing = False
        self.calls = []

    def warm_up(self):
        self.calls.append("warm_up")

    def close(self):
        self.calls.append("close")

    def to_dict(self):
        return {"type": f"{__name__}.LetterEmbedder", "init_parameters": {"sign": self.sign}}

    def run(self, text: str):
        if self.failing:
            raise RuntimeError("out of memory")
        counts = np.bincount([ord(letter) % 32 for letter in text], minlength=32)
        counts[16:] = (self.sign * counts[16:]).astype(int)
        return {"embedding": [float(count) + 1.0 for count in counts]}


@pytest.fixture
def embedder():
    return LetterEmbedder()


@pytest.fixture
def make_labels():
    def make(queries: int = 300, seed: int = 0) -> IntentLabels:
        return IntentLabels.of_weights(labelled(queries, seed))

    return make


@pytest.fixture
def shuffle():
    return shuffled


@pytest.fixture
def make_embedder():
    return LetterEmbedder
