import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.server.bundled import music

ROOT = Path(__file__).parents[2]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return music(tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="module")
def entities(folder):
    return {row["_id"]: row for row in lines(folder / "corpus.jsonl")}


@pytest.fixture(scope="module")
def queries(folder):
    return lines(folder / "queries.jsonl")


@pytest.fixture(scope="module")
def truth(folder):
    grades = {}
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query_id, entity_id, grade = line.split("\t")
        grades.setdefault(query_id, {})[entity_id] = int(grade)
    return grades


class TestTheSameSeed:
    def test_gives_the_same_bytes_in_another_process(self, folder, tmp_path):
        command = [sys.executable, "-m", "examples.music", str(tmp_path / "again")]
        printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in ("corpus.jsonl", "queries.jsonl", "listeners.jsonl", "qrels/test.tsv"):
            assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        assert "1500 song, 500 album, 400 artist, 350 podcast, 250 playlist" in printed

    def test_another_seed_gives_other_names(self, entities, tmp_path):
        other = {row["title"] for row in lines(music(tmp_path, seed=1) / "corpus.jsonl")}
        people = {row["title"] for row in entities.values() if row["metadata"]["type"] == "artist"}
        assert len(people & other) < len(people) / 5


class TestEntities:
    def test_ids_and_titles_are_given_once(self, entities):
        assert len(entities) == 3000
        assert len({row["title"] for row in entities.values()}) == 3000

    def test_whatever_is_related_exists_and_is_of_that_type(self, entities):
        for row in entities.values():
            for relation in ("artist_id", "album_id"):
                if relation in row["metadata"]:
                    assert entities[row["metadata"][relation]]["metadata"]["type"] == relation.removesuffix("_id")
            for song in row["metadata"].get("song_ids", ()):
                assert entities[song]["metadata"]["type"] == "song"

    def test_a_song_is_by_the_artist_of_its_album_and_came_out_with_it(self, entities):
        songs = [row["metadata"] for row in entities.values() if row["metadata"]["type"] == "song"]
        for song in songs:
            album = entities[song["album_id"]]["metadata"]
            assert (song["artist_id"], song["genre"], song["year"]) == (
                album["artist_id"],
                album["genre"],
                album["year"],
            )

    def test_a_tenth_of_the_songs_has_most_of_the_popularity(self, entities):
        plays = sorted(
            (row["metadata"]["popularity"] for row in entities.values() if row["metadata"]["type"] == "song"),
            reverse=True,
        )
        assert sum(plays[:150]) > sum(plays) / 2

    def test_every_entity_is_described_in_a_sentence(self, entities):
        for row in entities.values():
            assert len(row["text"].split()) >= 5
            assert row["text"][0].isupper() or row["text"][0].isdigit()
            assert row["text"].endswith(".")
            assert "  " not in row["text"]

    def test_descriptions_vary(self, entities):
        songs = [row["text"] for row in entities.values() if row["metadata"]["type"] == "song"]
        assert len(set(songs)) > 1450


class TestQueries:
    def test_all_kinds_are_there_and_each_text_once(self, queries):
        kinds = Counter(query["metadata"]["kind"] for query in queries)
        assert set(kinds) == {"navigational", "topical", "mood", "ambiguous", "podcast"}
        assert min(kinds.values()) >= 30
        assert len({query["text"] for query in queries}) == len(queries)

    def test_each_has_a_best_answer_among_the_entities(self, queries, truth, entities):
        for query in queries:
            assert max(truth[query["_id"]].values()) == 3
            assert truth[query["_id"]].keys() <= entities.keys()
            assert set(truth[query["_id"]].values()) <= {1, 2, 3}

    def test_an_exact_name_means_that_one_thing(self, queries, truth, entities):
        exact = [query for query in queries if query["metadata"]["form"] == "exact"]
        for query in exact:
            meant = [entity for entity, grade in truth[query["_id"]].items() if grade == 3]
            assert [entities[entity]["title"].lower() for entity in meant] == [query["text"]]

    def test_a_typo_is_close_to_the_name_and_a_prefix_begins_it(self, queries, truth, entities):
        for query in queries:
            if query["metadata"]["form"] not in ("typo", "prefix"):
                continue
            (meant,) = (entity for entity, grade in truth[query["_id"]].items() if grade == 3)
            title = entities[meant]["title"].lower()
            assert query["text"] != title or query["metadata"]["form"] == "prefix"
            assert query["text"][0] == title[0]
            if query["metadata"]["form"] == "prefix":
                assert title.startswith(query["text"])
            else:
                assert abs(len(query["text"]) - len(title)) <= 1

    def test_of_all_that_love_could_mean_the_popular_ones_are_meant(self, queries, truth, entities):
        (love,) = (query for query in queries if query["text"] == "love")
        assert love["metadata"]["kind"] == "ambiguous"
        grades = truth[love["_id"]]
        by_grade = {
            grade: [entities[entity]["metadata"]["popularity"] for entity, given in grades.items() if given == grade]
            for grade in (3, 2, 1)
        }
        assert [len(by_grade[grade]) for grade in (3, 2, 1)] == [4, 8, 20]
        assert min(by_grade[3]) >= max(by_grade[2])
        assert min(by_grade[2]) >= max(by_grade[1])

    def test_podcasts_by_topic_share_hardly_a_word_with_what_is_typed(self, queries, truth, entities):
        sleep = next(query for query in queries if query["text"] == "how to sleep better")
        meant = [entities[entity] for entity, grade in truth[sleep["_id"]].items() if grade >= 2]
        assert all(row["metadata"]["topics"][0] == "sleep" for row in meant)
        assert not any("sleep" in row["text"].lower() for row in meant)


class TestWriteMusic:
    def test_gives_a_folder_that_loads_with_kinds_and_tastes(self, folder):
        data = load_beir(folder)
        assert len(data.documents) == 3000
        assert {query.kind for query in data.queries} == {"navigational", "topical", "mood", "ambiguous", "podcast"}
        assert len(data.tastes) == 300
        assert data.highest_grade == 3
        assert all(max(taste.values()) == 1.0 for taste in data.tastes.values())
