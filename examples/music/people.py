"""Generates the listeners and their tastes."""

from random import Random

from .values import Listener
from .words import GENRES

LISTENERS = 300


def make_listeners(seed: int) -> tuple[Listener, ...]:
    """
    Generate the listeners.

    Each has a favourite genre, likes related genres, and likes one genre at random.

    :param seed: Seed of the random numbers.
    :returns: The listeners.
    """
    rng = Random(f"{seed}:listeners")
    return tuple(Listener(f"listener-{number:03}", _taste(rng)) for number in range(LISTENERS))


def _taste(rng: Random) -> dict[str, float]:
    favourite, accident = rng.sample(tuple(GENRES), 2)
    near = {genre: round(rng.uniform(0.4, 0.8), 2) for genre in GENRES[favourite].near}
    return {favourite: 1.0} | near | ({accident: 0.3} if accident not in near else {})
