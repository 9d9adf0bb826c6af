"""Artists, their albums and songs, playlists and podcasts."""

from random import Random

from .names import Names
from .values import Entity
from .words import GENRES, MOODS, PLAYLIST_FRAMES, THEMES, TOPICS

ARTISTS, ALBUMS, SONGS, PLAYLISTS, PODCASTS = 400, 500, 1500, 250, 350


def make_entities(seed: int) -> tuple[Entity, ...]:
    """
    Generate the entities.

    :param seed: Seed of the random numbers.
    :returns: About 3,000 entities. Related entities are among them.
    """
    names = Names(Random(f"{seed}:names"))
    artists = _artists(Random(f"{seed}:artists"), names)
    albums = _albums(Random(f"{seed}:albums"), names, artists)
    songs = _songs(Random(f"{seed}:songs"), names, artists, albums)
    playlists = _playlists(Random(f"{seed}:playlists"), names, songs)
    podcasts = _podcasts(Random(f"{seed}:podcasts"), names)
    return (*artists, *albums, *songs, *playlists, *podcasts)


def _popularities(rng: Random, count: int) -> list[float]:
    """Popularity by Zipf's law with exponent 0.8, shuffled: the first has 100, the tenth 16, the thousandth 0.4."""
    scores = [round(100 / rank**0.8, 2) for rank in range(1, count + 1)]
    rng.shuffle(scores)
    return scores


def _artists(rng: Random, names: Names) -> list[Entity]:
    artists = []
    for number, popularity in enumerate(_popularities(rng, ARTISTS)):
        name, genre, year = names.artist(), rng.choice(tuple(GENRES)), rng.randint(1958, 2016)
        style = rng.choice(
            (f"{genre} artist", f"{genre} act", *(f"act known for {style}" for style in GENRES[genre].phrases))
        )
        text = _sentences(
            rng,
            f"{_an(style)} from {names.word()}, active since {year}.",
            f"The {rng.choice(GENRES[genre].instruments)} is never far away.",
            rng.choice(("Loved by critics.", "A fixture of summer festivals.", "Seldom gives interviews.", "")),
        )
        artists.append(Entity(f"artist-{number:04}", "artist", name, text, popularity, genre=genre, year=year))
    return artists


def _albums(rng: Random, names: Names, artists: list[Entity]) -> list[Entity]:
    albums = []
    weights = [artist.popularity + 5 for artist in artists]
    for number, popularity in enumerate(_popularities(rng, ALBUMS)):
        artist = rng.choices(artists, weights)[0]
        theme, year = rng.choice(tuple(THEMES)), rng.randint(artist.year, min(artist.year + 30, 2025))
        style = rng.choice((artist.genre, artist.genre, *GENRES[artist.genre].phrases))
        text = _sentences(
            rng,
            rng.choice((f"An album of {style} about {rng.choice(THEMES[theme])}.", f"A record full of {style}.")),
            rng.choice(
                (f"Released in {year}.", f"Recorded in the spring of {year}.", f"Pure {year % 100 // 10}0s.", "")
            ),
            rng.choice((f"By {artist.title}.", f"{artist.title} at the height of their powers.", "")),
        )
        related = {"artist_id": artist.id}
        albums.append(
            Entity(
                f"album-{number:04}", "album", names.title(theme), text, popularity,
                genre=artist.genre, theme=theme, year=year, related=related,
            )
        )  # fmt: skip
    return albums


def _songs(rng: Random, names: Names, artists: list[Entity], albums: list[Entity]) -> list[Entity]:
    songs = []
    by_id = {artist.id: artist for artist in artists}
    weights = [album.popularity + 5 for album in albums]
    for number, popularity in enumerate(_popularities(rng, SONGS)):
        album = rng.choices(albums, weights)[0]
        artist = by_id[str(album.related["artist_id"])]
        theme = rng.choice((album.theme, *THEMES))
        moods = tuple(rng.sample(tuple(MOODS), rng.choice((1, 1, 2))))
        related = {"artist_id": artist.id, "album_id": album.id}
        songs.append(
            Entity(
                f"song-{number:04}", "song", names.title(theme), _song_text(rng, artist, album, theme, moods),
                popularity, genre=artist.genre, moods=moods, theme=theme, year=album.year, related=related,
            )
        )  # fmt: skip
    return songs


def _song_text(rng: Random, artist: Entity, album: Entity, theme: str, moods: tuple[str, ...]) -> str:
    """One song in five names its mood, most name their genre, half their artist; the rest say it in other words."""
    mood, genre = MOODS[moods[0]], GENRES[artist.genre]
    feeling = moods[0] if rng.random() < 0.2 else rng.choice(mood.phrases)
    style = artist.genre if rng.random() < 0.7 else rng.choice(genre.phrases)
    about, decade = rng.choice(THEMES[theme]), f"{album.year % 100 // 10}0s"
    opening = rng.choice(
        (
            f"{_an(feeling)} song about {about}.",
            f"{_an(feeling)} track that turns {about} into {style}.",
            f"{about.capitalize()}, set to {style}.",
            f"{_an(feeling)} piece of {style}.",
        )
    )
    return _sentences(
        rng,
        opening,
        rng.choice(mood.scenes) if rng.random() < 0.6 else "",
        *(rng.choice(MOODS[second].scenes) for second in moods[1:]),
        rng.choice((f"Performed by {artist.title}.", f"A favourite of {artist.title}'s concerts.", "", "")),
        rng.choice((f"From the album {album.title}.", f"It came out in {album.year}.", f"A hit of the {decade}.", "")),
        rng.choice((f"The {rng.choice(genre.instruments)} carries it.", "")),
    )


def _playlists(rng: Random, names: Names, songs: list[Entity]) -> list[Entity]:
    playlists = []
    for number, popularity in enumerate(_popularities(rng, PLAYLISTS)):
        mood, genre = rng.choice(tuple(MOODS)), rng.choice(tuple(GENRES))
        fitting = [song for song in songs if mood in song.moods and song.genre in (genre, *GENRES[genre].near)]
        chosen = tuple(song.id for song in rng.sample(fitting, min(len(fitting), rng.randint(8, 20))))
        named = rng.choice((mood, rng.choice(MOODS[mood].phrases), genre, names.word())).title()
        text = _sentences(
            rng,
            f"{len(chosen)} {rng.choice(MOODS[mood].phrases)} songs, "
            f"mostly {rng.choice((genre, *GENRES[genre].phrases))}.",
            rng.choice(MOODS[mood].scenes),
            rng.choice(("Updated every Friday.", "Put together by our editors.", "")),
        )
        playlists.append(
            Entity(
                f"playlist-{number:04}", "playlist", names.numbered(rng.choice(PLAYLIST_FRAMES).format(named)), text,
                popularity, genre=genre, moods=(mood,), related={"song_ids": chosen},
            )
        )  # fmt: skip
    return playlists


def _podcasts(rng: Random, names: Names) -> list[Entity]:
    podcasts = []
    for number, popularity in enumerate(_popularities(rng, PODCASTS)):
        name, host = rng.choice(tuple(TOPICS)), names.person()
        topic = TOPICS[name]
        topics = (name, rng.choice(topic.near)) if rng.random() < 0.3 else (name,)
        word = rng.choice(topic.names)
        shapes = (f"The {word} Show", f"{word} and {host.split()[0]}", f"{names.word()} {word}", names.word(3))
        text = _sentences(
            rng,
            rng.choice(topic.phrases),
            *(f"Now and then it turns to something else: {rng.choice(TOPICS[other].phrases)}" for other in topics[1:]),
            rng.choice((f"Hosted by {host}.", f"With {host} and guests.", "")),
            rng.choice(("New episodes every week.", f"Running since {rng.randint(2008, 2024)}.", "")),
        )
        podcasts.append(
            Entity(
                f"podcast-{number:04}", "podcast", names.numbered(rng.choice(shapes)), text, popularity, topics=topics
            )
        )
    return podcasts


def _sentences(rng: Random, first: str, *others: str) -> str:
    rest = [sentence for sentence in others if sentence]
    rng.shuffle(rest)
    return " ".join((first, *rest))


def _an(words: str) -> str:
    return f"{'An' if words[0] in 'aeiou' and not words.startswith('eu') else 'A'} {words}"
