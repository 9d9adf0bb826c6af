import pytest
from haystack import Document

from factories import ids
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.filtering import compiled
from ltrr_haystack.structured.relations import Match, Relation, Relatives, relations_of, strong_matches

ARTIST = Relation("artist_id")


def scored(document_id, score, **meta):
    return Document(id=document_id, content=document_id, meta=meta, score=score)


class TestRelation:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("swift", ["swift"]),
            (7, ["7"]),
            (["swift", 7], ["swift", "7"]),
            (["x"] * 100, ["x"] * 20),
            (None, []),
            ("", []),
            (True, []),
            (1.5, []),
            ({"id": "swift"}, []),
            ([["swift"]], []),
        ],
    )
    def test_a_document_names_others_by_texts_and_whole_numbers(self, value, expected):
        assert ARTIST.named_by(scored("story", 1.0, artist_id=value)) == expected

    def test_fields_may_be_nested(self):
        assert Relation("artist.id").named_by(scored("story", 1.0, artist={"id": "swift"})) == ["swift"]
        assert Relation("artist.id").named_by(scored("story", 1.0, artist="swift")) == []

    def test_what_names_others_is_found_whether_it_does_so_in_a_list_or_by_a_number(self):
        matches = compiled(ARTIST.naming(["7", "swift"], "array_contains"))
        values = ["swift", 7, "7", ["x", "swift"], [7], "other", None, 8]
        assert [matches(scored("a", 1.0, artist_id=value)) for value in values] == [*[True] * 5, False, False, False]
        assert ARTIST.naming(["swift"], "==") == {"field": "meta.artist_id", "operator": "==", "value": "swift"}

    def test_texts_and_numbers_are_compared_apart_since_databases_refuse_lists_of_both(self):
        path = "meta.artist_id"
        assert ARTIST.naming(["7", "swift"], "==") == {
            "operator": "OR",
            "conditions": [
                {"field": path, "operator": "in", "value": ["7", "swift"]},
                {"field": path, "operator": "==", "value": 7},
            ],
        }

    def test_a_document_without_the_key_cannot_be_named_by_its_id_instead(self):
        by_sku = Relation("bundle", "meta.sku")
        with_sku, without = scored("x", 1.0, sku="42"), scored("42", 1.0)
        assert (by_sku.keys_of(with_sku), by_sku.keys_of(without)) == (["42"], [])
        assert ARTIST.keys_of(without) == ["42"]
        relatives = Relatives([Match(without, 1.0)])
        relatives.add_naming(by_sku, [scored("z", 1.0, bundle="42")])
        assert (relatives.keys(by_sku), relatives.best(5)) == ([], [])


class TestRelationsOf:
    def test_may_be_a_list_of_fields_or_say_what_they_name(self):
        assert relations_of(["artist_id", "meta.album_id"]) == (ARTIST, Relation("album_id"))
        assert relations_of({"bundle": "meta.sku"}) == (Relation("bundle", "meta.sku"),)

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ([], "at least one field"),
            ("artist_id", "at least one field"),
            (["a..b"], "expected a metadata field such as 'artist_id', got 'a..b'"),
            ([3], "expected a metadata field"),
            ({"artist_id": "sku"}, "must refer to 'id' or to a field like 'meta.sku', got 'sku'"),
        ],
    )
    def test_that_cannot_be_followed_are_refused(self, given, reason):
        with pytest.raises(ConfigurationError, match=reason):
            relations_of(given)


class TestStrongMatches:
    def strengths(self, scores, strong=0.8, most=3):
        documents = [scored(f"{place}", score) for place, score in enumerate(scores)]
        return [match.strength for match in strong_matches(documents, strong, most)]

    def test_are_those_whose_score_is_close_to_the_best(self):
        assert self.strengths([10.0, 9.0, 7.9, 8.5]) == [1.0, 0.9]
        assert self.strengths([10.0, 10.0, 9.0, 9.0]) == [1.0, 1.0, 0.9]

    def test_without_positive_scores_the_first_alone_is_one(self):
        for scores in ([None, None], [0.0, 0.0], [-1.0, -2.0], [float("nan"), 1.0]):
            assert self.strengths(scores) == [1.0]
        assert self.strengths([1.0, None], strong=0.0) == [1.0]
        assert self.strengths([]) == []


class TestRelatives:
    def test_stand_by_strength_and_place(self):
        story, swift = scored("story", 5.0, artist_id="swift"), scored("swift", 4.0)
        relatives = Relatives([Match(story, 1.0), Match(swift, 0.8)])
        assert (relatives.wanted(ARTIST), relatives.keys(ARTIST)) == (["swift"], ["story", "swift"])
        relatives.add_named(ARTIST, {"swift": swift})
        songs = [scored(each, 1.0, artist_id="swift") for each in ("lover", "story", "mine")]
        relatives.add_naming(ARTIST, songs)
        found = relatives.best(10)
        # The artist and the song are matches themselves. 0.8 / (1 + 1), and 0.8 / (1 + 3).
        assert [(each.id, each.score) for each in found] == [("lover", 0.4), ("mine", 0.2)]
        assert found[0].meta == {
            "artist_id": "swift",
            "ltrr_related": {"match": "swift", "relation": "artist_id", "role": "naming"},
        }
        assert songs[0].meta == {"artist_id": "swift"}
        assert ids(relatives.best(1)) == ["lover"]

    def test_the_best_way_to_a_document_counts(self):
        both = [Match(scored("a", 1.0, artist_id="x"), 0.5), Match(scored("b", 1.0, artist_id="x"), 1.0)]
        relatives = Relatives(both)
        relatives.add_named(ARTIST, {"x": scored("x", None)})
        (found,) = relatives.best(5)
        assert (found.score, found.meta["ltrr_related"]["match"]) == (1.0, "b")
