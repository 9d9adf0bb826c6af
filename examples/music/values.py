"""What the catalogue consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entity:
    """
    One thing that can be searched for and played.

    :param id: Its id, such as `song-0042`.
    :param type: `song`, `artist`, `album`, `playlist` or `podcast`.
    :param title: Its name.
    :param text: Its description; all that retrieval gets to see besides the title.
    :param popularity: 0 to 100; a few have most of it.
    :param genre: Its genre; empty for podcasts.
    :param moods: Its moods; empty for artists, albums and podcasts.
    :param theme: What a song is about.
    :param topics: What a podcast is about, the main topic first.
    :param year: When it came out, or when an artist began; 0 for playlists.
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
    A person who uses the service.

    :param id: Who it is.
    :param genres: Genre → affinity, 0 to 1; the favourite first.
    """

    id: str
    genres: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Query:
    """
    Something that people type, and what they mean by it.

    :param id: The query's id, such as `q0007`.
    :param text: What is typed.
    :param kind: `navigational`, `topical`, `mood`, `ambiguous` or `podcast`.
    :param form: How it is put, such as `exact`, `typo` or `prefix`.
    :param truth: Entity id → grade, 1 (acceptable) to 3 (what was meant).
    """

    id: str
    text: str
    kind: str
    form: str
    truth: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """
    The whole service.

    :param seed: What it was made from; the same seed gives the same service.
    :param entities: All that can be found.
    :param listeners: The people.
    :param queries: What they type.
    """

    seed: int
    entities: tuple[Entity, ...]
    listeners: tuple[Listener, ...]
    queries: tuple[Query, ...]
