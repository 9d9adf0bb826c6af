"""The people who listen, and what they like."""

from random import Random

from .values import Listener
from .words import GENRES

LISTENERS = 300


def make_listeners(seed: int) -> tuple[Listener, ...]:
    """
    Invent the service's listeners.

    Each has one favourite genre, likes what is near to it, and has picked up one genre by accident.

    :param seed: Where chance comes from.
    :returns: The listeners.
    """
    rng = Random(f"{seed}:listeners")
    return tuple(Listener(f"listener-{number:03}", _taste(rng)) for number in range(LISTENERS))


def _taste(rng: Random) -> dict[str, float]:
    favourite, accident = rng.sample(tuple(GENRES), 2)
    near = {genre: round(rng.uniform(0.4, 0.8), 2) for genre in GENRES[favourite].near}
    return {favourite: 1.0} | near | ({accident: 0.3} if accident not in near else {})
