import json

import pytest


@pytest.fixture(scope="module")
def understood(expected_readings, tmp_path_factory):
    component = expected_readings.understanding(tmp_path_factory.mktemp("music"))
    yield component
    component.close()


def test_the_expected_reading_is_among_the_best_three_for_95_of_100_queries(expected_readings, understood):
    """Typos, accents, prefixes, two slots, ambiguous ones, none, other languages, emoji, very long, empty, "?!"."""
    lines = (expected_readings.LISTS / "first.jsonl").read_text(encoding="utf-8").splitlines()
    judged = list(expected_readings.judge(understood, lines))
    wrong = [each for each in judged if not 0 < each.place <= expected_readings.BEST]
    assert len(judged) >= 60
    assert len(wrong) <= 0.05 * len(judged), wrong


def test_another_reading_than_expected_is_seen(expected_readings, understood):
    asked = [
        {"query": "jazz", "kind": "genre", "expected": {"genre": "jazz"}},
        {"query": "jazz", "kind": "genre", "expected": [{"genre": "pop"}, {"genre": "jazz"}]},
        {"query": "jazz", "kind": "genre", "expected": {"genre": "pop"}},
        {"query": "jazz", "kind": "genre", "expected": None},
        {"query": " ", "kind": "empty", "expected": None},
        {"query": " ", "kind": "empty", "expected": {}},
    ]
    places = [each.place for each in expected_readings.judge(understood, map(json.dumps, asked))]
    assert [bool(place) for place in places] == [True, True, False, False, True, False]
