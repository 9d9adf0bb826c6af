"""The values of the catalogue: entities, listeners, queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entity:
    """
    An entity that can be searched for and played.

    :param id: Its id, such as `song-0042`.
    :param type: `song`, `artist`, `album`, `playlist` or `podcast`.
    :param title: Its name.
    :param text: Its description, the only text besides the title that retrieval uses.
    :param popularity: From 0 to 100. A few entities have most of it.
    :param genre: Its genre; empty for podcasts.
    :param moods: Its moods; empty for artists, albums and podcasts.
    :param theme: The theme of a song.
    :param topics: The topics of a podcast, the main topic first.
    :param year: Year of publication, or of an artist's beginning; 0 for playlists.
    :param related: Relation → id or ids, such as `artist_id` or `song_ids`.
    """

    id: str
    type: str
    title: str
    text: str
    popularity: float
    genre: str = ""
    moods: tuple[str, ...] = ()
    theme: str = ""
    topics: tuple[str, ...] = ()
    year: int = 0
    related: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    def metadata(self) -> dict[str, object]:
        """
        What the service knows of the entity besides its text.

        :returns: Flat fields; those that the entity does not have are left out.
        """
        known: dict[str, object] = {
            "type": self.type,
            "genre": self.genre,
            "moods": list(self.moods),
            "topics": list(self.topics),
            "year": self.year,
            "popularity": self.popularity,
        }
        related = {name: list(ids) if isinstance(ids, tuple) else ids for name, ids in self.related.items()}
        return {name: value for name, value in (known | related).items() if value not in ("", [], 0)}


@dataclass(frozen=True, slots=True)
class Listener:
    """
    A user of the service.

    :param id: The user's id.
    :param genres: Genre → affinity, 0 to 1; the favourite first.
    """

    id: str
    genres: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Query:
    """
    A query with its relevance grades.

    :param id: The query's id, such as `q0007`.
    :param text: The text.
    :param kind: `navigational`, `topical`, `mood`, `ambiguous` or `podcast`.
    :param form: Its form, such as `exact`, `typo` or `prefix`.
    :param truth: Entity id → grade, from 1 (acceptable) to 3 (what was meant).
    """

    id: str
    text: str
    kind: str
    form: str
    truth: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    A music service.

    :param seed: The seed from which it was generated.
    :param entities: Its entities.
    :param listeners: Its users.
    :param queries: Its queries.
    """

    seed: int
    entities: tuple[Entity, ...]
    listeners: tuple[Listener, ...]
    queries: tuple[Query, ...]
