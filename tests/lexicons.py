"""Catalogues for what reads queries, counted as production counts them."""

from collections.abc import Iterable, Mapping
from typing import Any

from haystack import Document

from ltrr_haystack.catalogue import Lexicon, LexiconCollector, LexiconFields, LexiconValue, build
from ltrr_haystack.understanding.normalisation import normal_form

ARTISTS = {
    "Taylor Swift": ("pop", ["Love Story", "Shake It Off", "Cardigan", "Willow", "Fearless"], 95),
    "Ed Sheeran": ("pop", ["Perfect", "Photograph", "Shape of You"], 90),
    "Beyoncé": ("r&b", ["Halo", "Crazy in Love", "Formation"], 92),
    "The Beatles": ("rock", ["All You Need Is Love", "Yesterday", "Here Comes the Sun", "Help"], 88),
    "Daft Punk": ("electronic", ["One More Time", "Around the World", "Harder Better Faster Stronger"], 75),
    "Fleetwood Mac": ("rock", ["Dreams", "The Chain", "Go Your Own Way"], 80),
    "Café Tacvba": ("rock", ["Eres", "Ingrata"], 40),
    "Herbert Grönemeyer": ("pop", ["Mensch", "Bochum"], 45),
    "Чайф": ("rock", ["Не спеши"], 20),
    "宇多田ヒカル": ("pop", ["First Love", "花束を君に"], 50),
    "P!nk": ("pop", ["So What", "Try"], 70),
    "Miles Davis": ("jazz", ["So What", "Blue in Green", "All Blues"], 65),
}
"""Artist → genre, songs, popularity."""

GENRES = ["pop", "rock", "r&b", "electronic", "jazz", "love songs"]
PLAYLISTS = ["Love Hits", "Summer Party", "Rock Classics", "Jazz for Rainy Days", "🔥 Workout"]
FIELDS = LexiconFields(
    ["meta.title", "meta.artist", "meta.genre", "meta.playlist"],
    category="meta.genre",
    popularity="meta.popularity",
    aliases={"meta.artist": "meta.also_known_as"},
)
ALIASES = {"The Beatles": ["Fab Four"], "Taylor Swift": ["T-Swizzle"], "宇多田ヒカル": ["Utada Hikaru"]}


def songs() -> list[Document]:
    """A small music service: songs with artist and genre, love songs, playlists."""
    found = []
    for artist, (genre, titles, popularity) in ARTISTS.items():
        for place, title in enumerate(titles):
            genres = [genre, "love songs"] if "Love" in title else [genre]
            meta = {"title": title, "artist": artist, "genre": genres, "popularity": popularity - 5 * place}
            found.append(Document(content=title, meta={**meta, "also_known_as": ALIASES.get(artist, [])}))
    found.extend(
        Document(content=name, meta={"playlist": name, "popularity": 30 - place})
        for place, name in enumerate(PLAYLISTS)
    )
    return found


def lexicon_of(documents: Iterable[Document], declared: LexiconFields = FIELDS) -> Lexicon:
    """Count the values of documents."""
    collector = LexiconCollector(declared)
    build(list(documents), [collector])
    return collector.lexicon()


def lexicon_with(documents: int = 1000, **fields: Iterable[str | tuple[str, Mapping[str, Any]]]) -> Lexicon:
    """A lexicon of given values: `lexicon_with(artist=["Zaz", ("Abba", {"documents": 9})])`."""
    values: dict[str, dict[str, LexiconValue]] = {}
    for field, entries in fields.items():
        pairs = [(entry, {}) if isinstance(entry, str) else entry for entry in entries]
        values[field] = {
            normal_form(text): LexiconValue(field, text, **{"documents": 1, **known}) for text, known in pairs
        }
    return Lexicon(tuple(fields), frozenset(), documents, values)
