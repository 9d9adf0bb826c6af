"""What several readings bring, gathered: hand-worked orders, and what holds whatever is found."""

from haystack import Document
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import ids
from ltrr_haystack.structured.gathering import gather
from ltrr_haystack.structured.searches import ReadingSearch, relaxations, searches_of
from ltrr_haystack.types import Interpretation, Understanding

ARTIST = Interpretation({"artist": "Taylor Swift"}, "love", 0.6)
GENRE = Interpretation({"genre": "Pop"}, "tayler", 0.2)


def searches(*readings, query="tayler love"):
    return searches_of(query, Understanding(query, query, interpretations=readings), 3, 0.0)


def answered(strict, found, depth, rrf_k=10.0, **options):
    """Run a gathering over what each search finds: (slots, text) → ids."""
    asked_for = []
    gathering = gather(strict, depth, rrf_k, **options)
    try:
        asked = next(gathering)
        while True:
            asked_for += [(dict(search.slots), search.text) for search in asked]
            asked = gathering.send([found(search)[:depth] for search in asked])
    except StopIteration as end:
        return end.value, asked_for


def finding(**by_text):
    def found(search: ReadingSearch) -> list[Document]:
        return [Document(id=each, content=each) for each in by_text.get(search.text.replace(" ", "_"), "")]

    return found


class TestOrder:
    def test_is_that_of_reciprocal_rank_fusion_weighted_by_probability(self):
        documents, _ = answered(searches(ARTIST, GENRE), finding(love="ab", tayler="cb", tayler_love="d"), 4)
        # b: 0.6/12 + 0.2/12 = 0.0667, a: 0.6/11 = 0.0545, c: 0.2/11 = d: 0.2/11, of which the genre's comes first.
        assert ids(documents) == ["b", "a", "c", "d"]
        assert [round(document.score, 4) for document in documents] == [0.0667, 0.0545, 0.0182, 0.0182]

    def test_what_only_a_relaxed_search_brought_comes_last_below_all_others(self):
        found = finding(love="a", love_Taylor_Swift="bac", tayler_love="d")
        documents, _ = answered(searches(ARTIST), found, 3)
        assert ids(documents) == ["a", "d", "b"]
        scores = [document.score for document in documents]
        assert scores == sorted(scores, reverse=True)
        assert documents[2].meta["ltrr_reading"]["relaxed"] == ["artist"]

    def test_what_a_query_names_takes_its_place_whatever_its_text(self):
        named = Interpretation({"artist": "Taylor Swift"}, "", 0.6)

        def found(search):
            if search.slots:
                return [Document(id=each) for each in ("abc" if not search.text else "a")]
            return [Document(id=each) for each in "xayz"]

        documents, _ = answered(searches(named, query="tayler swft"), found, 5, browse=True)
        # a: 0.6/11 + 0.4/12, b: 0.6/12, c: 0.6/13, x: 0.4/11, y: 0.4/13
        assert [(each.id, round(each.score, 3)) for each in documents] == [
            ("a", 0.088),
            ("b", 0.05),
            ("c", 0.046),
            ("x", 0.036),
            ("y", 0.031),
        ]
        assert documents[1].meta["ltrr_reading"]["slots"] == {"artist": "Taylor Swift"}

    def test_each_document_says_which_reading_contributed_most(self):
        documents, _ = answered(searches(ARTIST, GENRE), finding(love="ab", tayler="cb", tayler_love="d"), 4)
        told = {document.id: document.meta["ltrr_reading"] for document in documents}
        assert told["a"] == told["b"]
        assert told["b"]["slots"] == {"artist": "Taylor Swift"}
        assert told["c"]["slots"] == {"genre": "Pop"}
        assert told["d"] == {
            "slots": {},
            "leftover": "tayler love",
            "probability": told["d"]["probability"],
            "relaxed": [],
        }


class TestShares:
    def test_a_reading_with_many_documents_leaves_the_others_their_share(self):
        found = finding(love="abcdefghij", tayler="klmn", tayler_love="opqr")
        documents, asked = answered(searches(ARTIST, GENRE), found, 5)
        assert sorted(ids(documents)) == ["a", "b", "c", "k", "o"]
        assert len(asked) == 3

    def test_a_reading_weighs_as_much_as_the_words_agree_with_it(self):
        def agreement(reading, found):
            assert ids(found) == ["o", "p", "q", "r"]
            return 0.1 if "artist" in reading.slots else 1.0

        found = finding(love="abcdefghij", tayler="klmn", tayler_love="opqr")
        documents, _ = answered(searches(ARTIST, GENRE), found, 5, agreement=agreement)
        # 0.06, 0.2 and 0.2 of 5 places: quotas 0.65, 2.17 and 2.17.
        assert sorted(ids(documents)) == ["a", "k", "l", "o", "p"]
        assert ids(documents)[0] == "k"

    def test_readings_that_found_too_little_are_relaxed_together_and_no_further_than_needed(self):
        both = Interpretation({"artist": "Taylor Swift", "genre": "Pop"}, "love", 0.5)
        song = Interpretation({"title": "Love"}, "tay", 0.5)
        strict = searches(both, song)
        _, asked = answered(strict, finding(love="a", love_Taylor_Swift="bcdef", tay="gh", tay_Love="ijk"), 10)
        assert asked[3:] == [({"genre": "Pop"}, "love Taylor Swift"), ({}, "tay Love")]

    def test_a_search_is_asked_once(self):
        same = Interpretation({"artist": "love"}, "tayler", 0.5)
        _, asked = answered(searches(same, query="tayler love"), finding(), 5)
        assert len(asked) == len({(tuple(slots), text) for slots, text in asked}) == 2


class TestEnough:
    """No query brings fewer documents than one of its relaxed forms."""

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_whatever_is_found(self, data):
        values = st.dictionaries(st.sampled_from(["artist", "genre", "title"]), st.sampled_from("xy"), max_size=3)
        readings = data.draw(
            st.lists(
                st.builds(Interpretation, values, st.sampled_from(["", "p", "q"]), st.floats(0.01, 1.0)), max_size=4
            )
        )
        depth, browse = data.draw(st.integers(1, 8)), data.draw(st.booleans())
        strict = searches(*readings, query="typed")
        answers: dict[object, list[Document]] = {}

        def found(search):
            if search.key not in answers:
                some = data.draw(st.lists(st.sampled_from("abcdefghijklm"), unique=True, max_size=10))
                answers[search.key] = [Document(id=each, meta={"own": 1}) for each in some]
            return answers[search.key]

        documents, _ = answered(strict, found, depth, browse=browse)
        asked = set(answers)
        forms = [*strict, *(each for one in strict for each in relaxations(one, readings, browse=browse))]
        brought = {document.id for each in answers.values() for document in each[:depth]}
        assert len(documents) == min(depth, len(brought)) == len(set(ids(documents)))
        assert len(documents) == depth or asked == {form.key for form in forms}
        assert [document.score for document in documents] == sorted((each.score for each in documents), reverse=True)
        assert all(document.meta["own"] == 1 and document.meta["ltrr_reading"] for document in documents)

    def test_a_blank_query_asks_nothing(self):
        assert answered(searches(query=" \t"), finding(), 5) == ([], [])
