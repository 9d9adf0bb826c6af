"""
A fictional music service: its catalogue, its listeners, what they type and what they mean by it.

Everything is invented by code from a seed, so that a demonstration, a simulation and a test see the same service
without any data to download.
"""

from .beir import write_beir
from .catalogue import Catalogue, Entity, Listener, Query, generate

__all__ = ["Catalogue", "Entity", "Listener", "Query", "generate", "write_beir"]
