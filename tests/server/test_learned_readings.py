"""A server with the project's own pipelines: what people choose moves what a query is taken for."""

import pytest

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")

from serving import click, eventually


def song(title, artist):
    return {
        "id": f"{title} by {artist}",
        "content": f"{title}, a song by {artist}",
        "meta": {"title": title, "artist": artist, "type": "song"},
    }


SONGS = [
    song("Mama", "Genesis"),
    song("Ripples", "Genesis"),
    song("Genesis", "Grimes"),
    song("Oblivion", "Grimes"),
    song("Genesis", "Justice"),
]


def moody(title, *moods):
    return {"id": title, "content": f"{title}, a song", "meta": {"title": title, "moods": list(moods), "type": "song"}}


def readings(server):
    """Slots, as text, → the reading as it is explained."""
    found = server.search("genesis", explain=True, log=False)["readings"]
    return {str(each["slots"]): each for each in found}


def test_clicks_move_the_probabilities_of_readings_and_explanations_say_so(lexical_pipelines, start, tmp_path):
    server = start(lexical_pipelines, tmp_path / "home")
    server.post("indexing", {"documents": SONGS})
    title = str({"title": "Genesis"})
    assert eventually(lambda: title in readings(server))
    before = readings(server)[title]
    assert "clicks" not in before
    for person in range(5):
        found = server.search("genesis", user_id=f"person {person}")
        server.post("feedback", {"events": [click(found, "Genesis by Grimes")]})
    assert eventually(lambda: readings(server)[title].get("clicks", {}).get("chosen", 0.0) > 1.0)
    after = readings(server)[title]
    assert after["probability"] > before["probability"]
    assert after["clicks"]["multiplier"] > 1.0
    server.stop()


def test_the_filters_of_a_reading_can_be_sent_with_a_search(lexical_pipelines, start, tmp_path):
    server = start(lexical_pipelines, tmp_path / "home")
    moods = [moody("Rain", "wistful", "slow"), moody("Sun", "bright"), moody("Snow", "wistful")]
    server.post("indexing", {"documents": moods})
    asked = {"explain": True, "log": False}
    assert eventually(lambda: server.search("wistful", **asked)["readings"])
    best = server.search("wistful", **asked)["readings"][0]
    assert best["slots"] == {"moods": "wistful"}
    found = server.search("song", filters=best["filters"])
    assert (sorted(each["id"] for each in found["documents"]), found["missing_arms"]) == (["Rain", "Snow"], [])
    server.stop()
