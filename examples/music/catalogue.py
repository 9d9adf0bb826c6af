"""The whole service from one seed."""

from .entities import make_entities
from .people import make_listeners
from .queries import make_queries
from .values import Catalogue, Entity, Listener, Query

__all__ = ["Catalogue", "Entity", "Listener", "Query", "generate"]


def generate(seed: int = 0) -> Catalogue:
    """
    Invent a music service.

    :param seed: Another seed gives another service; the same one the same, on every machine.
    :returns: About 3,000 entities, 300 listeners and 700 queries with their truth.
    """
    entities = make_entities(seed)
    return Catalogue(seed, entities, make_listeners(seed), make_queries(seed, entities))
