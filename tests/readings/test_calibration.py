"""Readings of the labelled queries of the fictional music service: how often they are right, and how sure they are."""

from collections import defaultdict

import pytest
from haystack import Document

from examples.music import generate
from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, StatisticsCollector, build
from ltrr_haystack.readings.interpreting import interpret
from ltrr_haystack.readings.matching import LexiconIndex
from ltrr_haystack.understanding import normal_form

FIELDS = LexiconFields(
    ["meta.title", "meta.artist", "meta.genre", "meta.moods", "meta.topics", "meta.type"], popularity="meta.popularity"
)
MUSIC = generate(0)
ENTITIES = {entity.id: entity for entity in MUSIC.entities}
GENRES = sorted({entity.genre for entity in MUSIC.entities if entity.genre}, key=len)


def documents():
    for entity in MUSIC.entities:
        artist = ENTITIES.get(entity.related.get("artist_id", entity.id if entity.type == "artist" else ""))
        known = {"title": entity.title, **({} if artist is None else {"artist": artist.title})}
        yield Document(id=entity.id, content=entity.text, meta={**entity.metadata(), **known})


def meant(query, slots):
    """Whether a reading has what the query was made from: entity, artist or genre; `None` for other queries."""
    if query.form in ("exact", "typo", "prefix"):
        wanted = next(ENTITIES[each].title for each, grade in query.truth.items() if grade == 3)
        return normal_form(wanted) in {normal_form(slots.get(field, "")) for field in ("title", "artist")}
    if query.form == "by_artist":
        return normal_form(slots.get("artist", "")) == normal_form(query.text.removesuffix(" songs"))
    if query.form in ("genre", "genre_type", "genre_decade", "mood_genre"):
        named = [genre for genre in GENRES if normal_form(genre) in normal_form(query.text)]
        return slots.get("genre") == named[-1]
    return None


@pytest.fixture(scope="module")
def judged():
    """Form → for each query the probability of its readings, best first, and whether they are what was meant."""
    lexicon, statistics = LexiconCollector(FIELDS), StatisticsCollector(["content", "meta.title"])
    build(documents(), [lexicon, statistics])
    index = LexiconIndex(lexicon.lexicon())
    found = defaultdict(list)
    for query in MUSIC.queries:
        readings = interpret(index, normal_form(query.text), statistics=statistics.statistics())
        rows = [(each.probability, meant(query, each.interpretation.slots)) for each in readings]
        if rows[0][1] is not None:
            found[query.form].append(rows)
    return found


def test_what_is_meant_is_among_the_best_three(judged):
    """Of prefixes less often: a letter or two begin many names, and one of these is what was meant."""
    among = {
        form: sum(any(right for _, right in rows[:3]) / len(asked) for rows in asked) for form, asked in judged.items()
    }
    assert among.pop("prefix") > 0.7
    assert min(among.values()) >= 0.98


def test_the_best_reading_is_about_as_often_right_as_its_probability_says(judged):
    """The expected calibration error of Guo et al. 2017, in ten bins."""
    bins = defaultdict(list)
    for asked in judged.values():
        for (probability, right), *_ in asked:
            bins[min(9, int(10 * probability))].append(right - probability)
    asked = sum(map(len, judged.values()))
    assert sum(abs(sum(each)) for each in bins.values()) / asked < 0.1
