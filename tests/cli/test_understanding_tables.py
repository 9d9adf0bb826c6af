import io

import pytest
from rich.console import Console

from ltrr_haystack.cli.understanding_tables import plain_line, understanding_tables
from ltrr_haystack.server.schemas import ReadingClicked, ReadingExplained, UnderstandingExplained

ARTIST = {"field": "meta.artist", "operator": "==", "value": "Beyoncé"}
GENRE = {"operator": "OR", "conditions": [{**ARTIST, "field": "meta.genre"}, {**ARTIST, "value": "soul"}]}


def shown(*readings, **changes):
    known = {"normal_form": "tayler love", "language": "en", "query_type": "topical", "intents": {"pop": 0.5}}
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(understanding_tables(UnderstandingExplained(**{**known, **changes}, readings=list(readings))))
    return " ".join(console.file.getvalue().replace("│", " ").split())


def reading(filters, **changes):
    known = {"slots": {"artist": "Beyoncé"}, "leftover": "love", "probability": 0.625}
    return ReadingExplained(**{**known, **changes}, filters=filters)


def test_everything_that_was_understood_is_there():
    text = shown(reading(ARTIST))
    assert "normal form: tayler love; language: en; type: topical intents: pop 0.50" in text
    assert '1 0.625 artist: Beyoncé love meta.artist == "Beyoncé"' in text


def test_the_plain_reading_has_neither_slots_nor_filters():
    assert "1 0.500 – love –" in shown(reading({}, slots={}, probability=0.5))


def test_what_clicks_say_is_there_where_they_say_something():
    clicks = ReadingClicked(chosen=4.0, passed=1.0, kind_chosen=3.0, kind_passed=0.0, multiplier=2.0)
    text = shown(reading({}, clicks=clicks), reading({}))
    assert "artist: Beyoncé love – 4.0 for, 1.0 against: × 2.00" in text
    assert "2 0.625 artist: Beyoncé love – –" in text
    assert "against" not in shown(reading({}))
    assert "clicks" not in shown(reading({}))


def test_alternatives_stand_in_brackets():
    both = {"operator": "AND", "conditions": [ARTIST, GENRE]}
    assert 'meta.artist == "Beyoncé" AND (meta.genre == "Beyoncé" OR meta.artist == "soul")' in shown(reading(both))


def test_a_pipeline_without_a_lexicon_says_so():
    assert "intents: none known readings: none, since no lexicon" in shown(intents={})


@pytest.mark.parametrize("hostile", ["\x1b[31mred\x07", "[/bold]", "a\nb\r\t\u202ec", "x" * 1000, "\ud800"])
def test_nothing_commands_the_terminal(hostile):
    text = shown(
        reading({**ARTIST, "value": hostile}, slots={hostile: hostile}, leftover=hostile),
        normal_form=hostile,
        intents={hostile: 0.5},
    )
    assert text.isprintable()
    text.encode()
    assert len(plain_line(hostile)) <= 48
