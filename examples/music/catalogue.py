"""Generates the music service."""

from .entities import make_entities
from .people import make_listeners
from .queries import make_queries
from .values import Catalogue, Entity, Listener, Query

__all__ = ["Catalogue", "Entity", "Listener", "Query", "generate"]


def generate(seed: int = 0) -> Catalogue:
    """
    Generate a music service.

    :param seed: Seed of the random numbers. The same seed gives the same service on every machine.
    :returns: About 3,000 entities, 300 listeners and 700 labelled queries.
    """
    entities = make_entities(seed)
    return Catalogue(seed, entities, make_listeners(seed), make_queries(seed, entities))
