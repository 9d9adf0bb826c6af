"""Generates queries with relevance grades."""

from collections.abc import Iterable, Iterator, Mapping
from random import Random

from .values import Entity, Query
from .words import GENRES, MOODS, THEMES, TOPICS

NAVIGATIONAL, BY_ARTIST = 280, 40


def make_queries(seed: int, entities: tuple[Entity, ...]) -> tuple[Query, ...]:
    """
    Generate the queries with their relevance grades.

    :param seed: Seed of the random numbers.
    :param entities: The entities of the catalogue.
    :returns: The queries, each text once. Every query has relevant entities.
    """
    rng = Random(f"{seed}:queries")
    drafts = (
        *_ambiguous(entities),
        *_navigational(rng, entities),
        *_by_artist(rng, entities),
        *_topical(entities),
        *_mood(entities),
        *_podcast(entities),
    )
    once: dict[str, tuple[str, str, Mapping[str, int]]] = {}
    for text, kind, form, truth in drafts:
        if truth:
            once.setdefault(text.lower(), (kind, form, truth))
    return tuple(Query(f"q{number:04}", text, *rest) for number, (text, rest) in enumerate(once.items(), start=1))


Draft = tuple[str, str, str, Mapping[str, int]]


def _navigational(rng: Random, entities: tuple[Entity, ...]) -> Iterator[Draft]:
    """Navigational queries: the name of an entity, its beginning, or the name with a typing error."""
    sought = [entity for entity in entities if entity.type != "playlist" and len(entity.title) >= 6]
    weights = [entity.popularity**0.5 for entity in sought]
    for entity in rng.choices(sought, weights, k=NAVIGATIONAL):
        form = rng.choices(("exact", "typo", "prefix"), (6, 2, 2))[0]
        yield _typed(rng, entity.title.lower(), form), "navigational", form, _one_thing(entity, entities)


def _one_thing(target: Entity, entities: tuple[Entity, ...]) -> dict[str, int]:
    """Grade the entity 3, and its artist, album or best songs 1."""
    related = {related for related in target.related.values() if isinstance(related, str)}
    songs = [entity for entity in entities if entity.type == "song" and target.id in entity.related.values()]
    return dict.fromkeys((*sorted(related), *(song.id for song in _popular(songs)[:5])), 1) | {target.id: 3}


def _by_artist(rng: Random, entities: tuple[Entity, ...]) -> Iterator[Draft]:
    """Songs of an artist. For every second song, only the relation names the artist, and the text does not."""
    singers = {entity.related["artist_id"] for entity in entities if entity.type == "song"}
    artists = [entity for entity in entities if entity.id in singers]
    for artist in rng.choices(artists, [artist.popularity**0.5 for artist in artists], k=BY_ARTIST):
        songs = [entity for entity in entities if entity.type == "song" and artist.id in entity.related.values()]
        yield f"{artist.title} songs", "navigational", "by_artist", _graded(songs) | {artist.id: 1}


def _topical(entities: tuple[Entity, ...]) -> Iterator[Draft]:
    """Queries for a genre, a genre in a decade, or a year."""
    music = [entity for entity in entities if entity.type in ("song", "album", "artist", "playlist")]
    for genre in GENRES:
        of_genre = [entity for entity in music if entity.genre == genre]
        yield genre, "topical", "genre", _graded(of_genre)
        yield f"best {genre} albums", "topical", "genre_type", _graded(_of_type(of_genre, "album"))
        yield f"{genre} playlist", "topical", "genre_type", _graded(_of_type(of_genre, "playlist"))
        for decade in (1970, 1980, 1990, 2000, 2010):
            released = [
                entity for entity in of_genre if decade <= entity.year < decade + 10 and entity.type != "artist"
            ]
            yield f"{decade % 100:02}s {genre}", "topical", "genre_decade", _graded(released)
    for year in range(1965, 2025, 3):
        released = [entity for entity in music if entity.year == year and entity.type in ("song", "album")]
        yield f"songs from {year}", "topical", "year", _graded(released)
    for theme in THEMES:
        about = [entity for entity in music if entity.theme == theme]
        yield f"songs about {theme}", "topical", "theme", _graded(_of_type(about, "song"))


def _mood(entities: tuple[Entity, ...]) -> Iterator[Draft]:
    """Queries for a mood or an occasion, some of them with a genre."""
    for name, mood in MOODS.items():
        fitting = [entity for entity in entities if name in entity.moods]
        for text in mood.typed:
            yield text, "mood", "mood", _graded(fitting)
        for genre in tuple(GENRES)[:: 2 if name < "g" else 3]:
            of_genre = [entity for entity in fitting if entity.genre == genre]
            yield f"{name} {genre}", "mood", "mood_genre", _graded(of_genre)


def _ambiguous(entities: tuple[Entity, ...]) -> Iterator[Draft]:
    """Single words that match hundreds of entities. Most users mean one of the popular ones."""
    for theme in THEMES:
        meant = [entity for entity in entities if theme == entity.theme or theme in entity.title.lower().split()]
        yield theme, "ambiguous", "word", _graded(meant, best=4, good=8, fair=20)
    for noun in ("golden", "silent", "street", "island", "shadow", "thunder", "paper", "wild", "crystal", "garden"):
        meant = [entity for entity in entities if noun in entity.title.lower().split()]
        yield noun, "ambiguous", "word", _graded(meant, best=2, good=4, fair=10)


def _podcast(entities: tuple[Entity, ...]) -> Iterator[Draft]:
    """Podcasts by topic: those with the main topic first, then those with a side topic, then a related one."""
    podcasts = _of_type(entities, "podcast")
    for name, topic in TOPICS.items():
        main = [podcast for podcast in podcasts if podcast.topics[0] == name]
        beside = [podcast for podcast in podcasts if name in podcast.topics[1:]]
        near = _popular(podcast for podcast in podcasts if podcast.topics[0] in topic.near)[:5]
        truth = dict.fromkeys((podcast.id for podcast in (*near, *beside)), 1) | _graded(main, best=8, good=100)
        for text in topic.typed:
            yield text, "podcast", "topic", truth


def _graded(entities: Iterable[Entity], *, best: int = 10, good: int = 20, fair: int = 1000) -> dict[str, int]:
    """Grade by popularity: the most popular entities 3, the next ones 2, the others 1."""
    ranked = _popular(entities)[: best + good + fair]
    return {entity.id: 3 if rank < best else 2 if rank < best + good else 1 for rank, entity in enumerate(ranked)}


def _popular(entities: Iterable[Entity]) -> list[Entity]:
    return sorted(entities, key=lambda entity: (-entity.popularity, entity.id))


def _of_type(entities: Iterable[Entity], wanted: str) -> list[Entity]:
    return [entity for entity in entities if entity.type == wanted]


def _typed(rng: Random, title: str, form: str) -> str:
    if form == "typo":
        return _typo(rng, title)
    return _prefix(rng, title) if form == "prefix" else title


def _typo(rng: Random, title: str) -> str:
    """Make one typing error (two letters swapped, one left out, or one doubled), but not in the first letter."""
    place = rng.randrange(1, len(title) - 1)
    slips = (
        title[:place] + title[place + 1] + title[place] + title[place + 2 :],
        title[:place] + title[place + 1 :],
        title[:place] + title[place] + title[place:],
    )
    return rng.choice([slip for slip in slips if slip != title])


def _prefix(rng: Random, title: str) -> str:
    return title[: rng.randint(4, max(4, len(title) * 3 // 4))].rstrip()
