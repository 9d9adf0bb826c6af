"""What a query finds: words, words like them, beginnings of words; and nothing that is syntax."""

import math

import pytest
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore
from ltrr_haystack.embedded.tantivy.query_builder import MatchOptions

ALL = {"content": ["words", "unstemmed", "trigrams"], "meta.title": ["words", "unstemmed", "trigrams"]}


def catalogue(*contents, language=None, **documents):
    made = TantivyDocumentStore(text_fields=ALL, language=language)
    made.write_documents([Document(id=f"{number}", content=content) for number, content in enumerate(contents)])
    made.write_documents([Document(id=name, **settings) for name, settings in documents.items()])
    return made


def found(retriever, query, top_k=20):
    return [document.id for document in retriever.run(query, top_k=top_k)["documents"]]


def contents(retriever, query, top_k=20):
    return [document.content for document in retriever.run(query, top_k=top_k)["documents"]]


class TestScores:
    """Three documents, of one, three and one words: the mean length is 5/3."""

    def test_are_bm25(self):
        scores = [
            each.score
            for each in TantivyBM25Retriever(catalogue("rain", "rain sun sun", "sun")).run("rain")["documents"]
        ]
        rarity = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
        short, long = 1.2 * (0.25 + 0.75 * 1 / (5 / 3)), 1.2 * (0.25 + 0.75 * 3 / (5 / 3))
        assert scores == pytest.approx([rarity * 2.2 / (1 + short), rarity * 2.2 / (1 + long)])
        assert scores == pytest.approx([0.562, 0.354], abs=0.001)

    def test_of_fields_are_added_by_their_weights(self):
        filled = catalogue(
            a={"content": "rain", "meta": {"title": "rain"}}, b={"content": "sun", "meta": {"title": "sun"}}
        )
        (content,) = TantivyBM25Retriever(filled, fields={"content": 1.0}).run("rain")["documents"]
        (title,) = TantivyBM25Retriever(filled, fields={"meta.title": 1.0}).run("rain")["documents"]
        (both,) = TantivyBM25Retriever(filled, fields={"content": 1.0, "meta.title": 2.5}).run("rain")["documents"]
        assert both.score == pytest.approx(content.score + 2.5 * title.score)

    def test_of_a_word_that_is_only_like_the_typed_one(self):
        """Two of three documents have a word one letter away from a typed one of four."""
        filled = catalogue("rain", "rain sun sun", "sun")
        scores = [each.score for each in TantivyBM25Retriever(filled, fuzziness=1).run("rian")["documents"]]
        assert scores == pytest.approx([math.log(1 + 1.5 / 2.5) * (1 - 1 / 4)] * 2)

    def test_of_overwritten_documents_are_gone(self):
        filled = catalogue("rain")
        filled.write_documents([Document(id="0", content="sun")], DuplicatePolicy.OVERWRITE)
        assert found(TantivyBM25Retriever(filled), "rain") == []
        assert found(TantivyBM25Retriever(filled), "sun") == ["0"]
        assert found(TantivyBM25Retriever(filled), "rain sun") == ["0"]


class TestOperator:
    def test_or_wants_any_word(self):
        assert sorted(found(TantivyBM25Retriever(catalogue("rain sun", "rain", "wind")), "rain sun")) == ["0", "1"]

    def test_and_wants_every_word_in_whichever_field(self):
        filled = catalogue(
            both={"content": "rain", "meta": {"title": "sun"}},
            one={"content": "rain rain", "meta": {"title": "rain"}},
            same={"content": "rain in the sun"},
        )
        assert sorted(found(TantivyBM25Retriever(filled, operator="and"), "rain sun")) == ["both", "same"]

    def test_and_finds_nothing_if_a_word_is_nowhere(self):
        assert found(TantivyBM25Retriever(catalogue("rain"), operator="and"), "rain nothing") == []

    def test_and_takes_a_word_for_one_that_it_is_like(self):
        retriever = TantivyBM25Retriever(catalogue("rain in the sun", "rain"), operator="and", fuzziness=1)
        assert found(retriever, "rian sun") == ["0"]

    def test_and_of_several_analyses_is_satisfied_by_one_of_them(self):
        fields = {"content": 1.0, "content:trigrams": 1.0}
        retriever = TantivyBM25Retriever(catalogue("saxophone solo", "solo"), fields=fields, operator="and")
        assert found(retriever, "saxophone") == ["0"]
        assert found(retriever, "axophon") == []


class TestFuzziness:
    @pytest.mark.parametrize(
        ("word", "fuzziness", "letters"),
        [
            ("ab", 2, 0),
            ("abc", 2, 1),
            ("abcde", 2, 1),
            ("abcdef", 2, 2),
            ("abcdef", 1, 1),
            ("abcdef", 0, 0),
            ("東", 2, 0),
        ],
    )
    def test_grows_with_the_length_of_a_word_as_lucenes_does(self, word, fuzziness, letters):
        assert MatchOptions(fuzziness).distance(word) == letters

    @pytest.mark.parametrize("typed", ["saxofone", "saxophone", "saxphone", "saxxophone", "saxopohne", "sxaophoen"])
    def test_finds_what_is_misspelt(self, typed):
        assert found(TantivyBM25Retriever(catalogue("a saxophone", "a guitar"), fuzziness=2), typed) == ["0"]

    def test_of_one_letter_is_not_of_two(self):
        filled = catalogue("saxophone")
        assert found(TantivyBM25Retriever(filled, fuzziness=1), "saxofone") == []
        assert found(TantivyBM25Retriever(filled, fuzziness=2), "saxofone") == ["0"]
        assert found(TantivyBM25Retriever(filled), "saxphone") == []

    def test_a_word_that_is_known_is_taken_at_its_word(self):
        """However long the text that it is in, and however short the one with a word like it."""
        filled = catalogue("mouse", f"house {'of the rising sun ' * 20}", *map(str, range(30)))
        assert found(TantivyBM25Retriever(filled, fuzziness=1), "house", top_k=1) == ["1"]
        assert found(TantivyBM25Retriever(filled, fuzziness=1), "house") == ["1", "0"]

    def test_but_where_too_few_have_it_those_follow_that_have_words_like_it(self):
        filled = catalogue("mouse", "a house in the country", "wind")
        results = TantivyBM25Retriever(filled, fuzziness=1).run("house", top_k=5)["documents"]
        assert [each.content for each in results] == ["a house in the country", "mouse"]
        assert results[0].score > results[1].score > 0

    def test_a_word_that_nobody_has_is_taken_for_the_nearest_and_others_follow(self):
        """One is a letter away, one two: the second begins half way below the first."""
        results = TantivyBM25Retriever(catalogue("guittt", "guitar"), fuzziness=2).run("guitxr")["documents"]
        assert [each.content for each in results] == ["guitar", "guittt"]
        assert results[1].score == pytest.approx(0.5 * results[0].score)

    def test_and_the_first_do_not_depend_on_how_many_follow(self):
        filled = catalogue("mouse", "a house in the country", "a house", "louse", "the mouse and the louse")
        retriever = TantivyBM25Retriever(filled, fuzziness=1)
        everything = found(retriever, "house")
        assert everything[:2] == ["2", "1"]
        assert len(everything) == 5
        assert [found(retriever, "house", top_k=top_k) for top_k in range(1, 6)] == [
            everything[:n] for n in range(1, 6)
        ]

    def test_words_that_only_deleted_documents_have_are_not_known(self):
        filled = catalogue("house", "mouse")
        filled.delete_documents(["0"])
        assert found(TantivyBM25Retriever(filled, fuzziness=1), "house") == ["1"]

    def test_is_for_words_alone(self):
        fields = {"content:trigrams": 1.0}
        filled = catalogue("saxophone", "xyz")
        plain = TantivyBM25Retriever(filled, fields=fields).run("saxofone")["documents"]
        assert TantivyBM25Retriever(filled, fields=fields, fuzziness=2).run("saxofone")["documents"] == plain
        assert [each.id for each in plain] == ["0"]

    def test_of_a_stem(self):
        filled = catalogue("running", language="en")
        assert found(TantivyBM25Retriever(filled, fields={"content": 1.0}, fuzziness=1), "rnu") == ["0"]

    def test_a_long_query_is_looked_up_fuzzily_for_its_first_words_only(self):
        filled = catalogue("saxophone")
        retriever = TantivyBM25Retriever(filled, fuzziness=2)
        noise = " ".join(f"zzzzzz{number}" for number in range(40))
        assert found(retriever, f"saxofone {noise}") == ["0"]
        assert found(retriever, f"{noise} saxofone") == []


class TestPrefix:
    def retriever(self, *contents, **settings):
        return TantivyBM25Retriever(catalogue(*contents), prefix_last=True, **settings)

    def test_the_last_word_may_be_the_beginning_of_one(self):
        retriever = self.retriever("sunflower seeds", "sun", "a flower")
        assert contents(retriever, "sun") == ["sun", "sunflower seeds"]
        assert contents(retriever, "seeds sunfl") == ["sunflower seeds"]

    def test_the_last_word_is_the_last_though_it_came_before(self):
        assert contents(self.retriever("sunflower", "rainbow"), "sun rain sun") == ["sunflower"]

    def test_other_words_may_not(self):
        assert contents(self.retriever("sunflower", "seeds"), "sun seeds") == ["seeds"]

    def test_one_letter_is_too_little(self):
        assert contents(self.retriever("sunflower"), "s") == []
        assert contents(self.retriever("sunflower"), "su") == ["sunflower"]

    def test_a_beginning_may_be_misspelt(self):
        retriever = self.retriever("sunflower seeds", "guitar", fuzziness=1)
        assert contents(retriever, "sunlfow") == ["sunflower seeds"]
        assert contents(retriever, "sunfl") == ["sunflower seeds"]

    def test_in_a_store_with_a_language_words_are_searched_as_they_are(self):
        filled = catalogue("running shoes", language="en")
        retriever = TantivyBM25Retriever(filled, fields={"content:unstemmed": 1.0}, prefix_last=True)
        assert contents(retriever, "runni") == ["running shoes"]


HOSTILE = [
    'content:rain AND "meta.title":sun',
    "rain OR NOT (sun",
    "+rain -sun ~2 ^5 *",
    '"rain',
    "[* TO *]",
    "_terms:x _key:0",
    "\\",
    "rain\0sun",
    "\ud800",
    "rain \udfff sun",
    "🌧️ 🎸",
    "東京の雨 ラーメン ฝนตก",
    "ﷺ" * 100,
    "e" + "\u0301" * 1_000,
    "rain" * 100_000,
    "rain " * 200_000,
    "'; DROP TABLE documents; --",
    "{'operator': 'AND'}",
    "\u202erain\u202c",
    "\r\n\t ",
    "",
]


ANYTHING = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("ab\0")), max_size=60)


@pytest.fixture(scope="module", name="filled")
def _filled():
    return catalogue("rain", "sun", "東京", "and or not to", language="en")


class TestHostileQueries:
    @pytest.mark.parametrize("query", HOSTILE, ids=lambda query: f"{len(query)}:{query[:12]!a}")
    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {"fuzziness": 2, "operator": "and"},
            {"fields": {"content:trigrams": 1.0}},
            {"fields": {"content:unstemmed": 1.0}, "fuzziness": 2, "prefix_last": True},
        ],
        ids=["words", "fuzzy and", "trigrams", "prefix"],
    )
    def test_are_text(self, filled, query, settings):
        documents = TantivyBM25Retriever(filled, **settings).run(query)["documents"]
        assert all(document.score > 0 for document in documents)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ('content:rain AND NOT "sun"', ["0", "1", "3"]),
            ("rain\0sun", ["0", "1"]),
            ("rain \udfff", ["0"]),
            ("京", ["2"]),
            ("*", []),
            ("_key:0", []),
            ("meta.title:rain", ["0"]),
        ],
    )
    def test_find_what_their_words_find(self, filled, query, expected):
        assert sorted(found(TantivyBM25Retriever(filled), query)) == expected

    @settings(max_examples=200, deadline=None)
    @given(ANYTHING, st.integers(0, 2), st.booleans(), st.sampled_from(["or", "and"]))
    def test_whatever_is_typed_is_searched_for(self, filled, query, fuzziness, prefix_last, operator):
        retriever = TantivyBM25Retriever(
            filled,
            fields={"content:unstemmed": 1.0, "meta.title:trigrams": 0.5},
            fuzziness=fuzziness,
            prefix_last=prefix_last,
            operator=operator,
        )
        found = retriever.run(query, top_k=2)["documents"]
        assert len(found) <= 2
        assert [document.score for document in found] == sorted((each.score for each in found), reverse=True)

    def test_documents_may_be_as_hostile(self):
        filled = TantivyDocumentStore(text_fields=ALL, language="en")
        documents = [Document(id=f"{n}", content=text, meta={"title": text}) for n, text in enumerate(HOSTILE)]
        filled.write_documents(documents)
        assert filled.filter_documents() == documents
        assert found(TantivyBM25Retriever(filled), "ラーメン") == ["11"]
