"""The best documents, exactly: in the right order, none missing, whatever filters and boosts there are."""

import random
from unittest.mock import patch

import pytest
from haystack import Document
from haystack.document_stores.types import DuplicatePolicy
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import ids

pytest.importorskip("tantivy")

from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore, retriever
from ltrr_haystack.embedded.tantivy.ranking import Boost

WORDS = ["rain", "sun", "snow", "wind"]


def catalogue(documents, commits=1):
    made = TantivyDocumentStore(number_fields=["meta.plays"])
    for start in range(commits):
        made.write_documents(documents[start::commits])
    return made


class TestTies:
    @pytest.mark.parametrize("commit", [60, 7])
    def test_are_in_the_order_of_writing_wherever_they_lie(self, commit):
        names = [f"{number}" for number in range(60)]
        random.Random(3).shuffle(names)
        filled = TantivyDocumentStore()
        for start in range(0, 60, commit):
            filled.write_documents([Document(id=name, content="rain") for name in names[start : start + commit]])
        retriever = TantivyBM25Retriever(filled)
        assert ids(retriever.run("rain", top_k=5)) == names[:5]
        assert ids(retriever.run("rain", top_k=60)) == names

    def test_what_is_overwritten_unchanged_keeps_its_place_and_what_is_changed_comes_last(self):
        filled = catalogue([Document(id=name, content="rain") for name in "abc"])
        changed = [Document(id="a", content="rain"), Document(id="b", content="rain", meta={"plays": 1})]
        filled.write_documents(changed, DuplicatePolicy.OVERWRITE)
        assert ids(TantivyBM25Retriever(filled).run("rain")) == ["a", "c", "b"]

    def test_at_the_end_of_what_is_asked_for(self):
        """Of the fifty that score the same, those go on that come first, though many more were found before."""
        best = [Document(id=f"best-{number}", content="rain") for number in range(3)]
        tied = [Document(id=f"{number}", content="rain and wind") for number in range(50)]
        found = TantivyBM25Retriever(catalogue([*tied, *best])).run("rain", top_k=5)
        assert ids(found) == ["best-0", "best-1", "best-2", "0", "1"]

    def test_the_first_are_the_same_however_many_are_asked_for(self):
        rng = random.Random(5)
        documents = [Document(id=f"{n}", content=" ".join(rng.choices(WORDS, k=rng.randint(1, 4)))) for n in range(80)]
        retriever = TantivyBM25Retriever(catalogue(documents, 3))
        everything = ids(retriever.run("rain snow", top_k=100))
        for top_k in range(1, len(everything)):
            assert ids(retriever.run("rain snow", top_k=top_k)) == everything[:top_k]


PLAYS = st.one_of(st.none(), st.integers(-5, 1_000), st.floats(0.001, 1e9), st.just("many"))
SONGS = st.lists(st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), PLAYS), min_size=1, max_size=25)
WANTED = {"field": "meta.odd", "operator": "==", "value": True}


@settings(max_examples=60, deadline=None)
@given(SONGS, st.integers(1, 6), st.sampled_from([0.1, 1.0, 20.0]))
def test_boosted_and_filtered_documents_are_the_best_of_all(songs, top_k, weight):
    """Beside the order that follows from the scores of everything, with the formula written out."""
    documents = [
        Document(id=f"{number}", content=" ".join(words), meta={"plays": plays, "odd": number % 2 == 1})
        for number, (words, plays) in enumerate(songs)
    ]
    filled = catalogue(documents, commits=2)
    plain = TantivyBM25Retriever(filled, top_k=100)
    boosted = TantivyBM25Retriever(filled, boost={"field": "meta.plays", "weight": weight})
    positive = [plays for _, plays in songs if isinstance(plays, int | float) and plays > 0]
    with patch.object(retriever, "top_documents", wraps=retriever.top_documents) as top_documents:
        boosted.run("rain sun")
    pivot = top_documents.call_args.kwargs["boost"].pivot
    assert not positive or min(positive) * 0.97 <= pivot <= max(positive) * 1.03

    def lifted(document):
        plays = document.meta["plays"]
        share = plays / (plays + pivot) if isinstance(plays, int | float) and plays > 0 else 0.0
        return document.score * (1.0 + weight * share)

    written = ids([*documents[::2], *documents[1::2]])
    for filters in (None, WANTED):
        everything = plain.run("rain sun", filters=filters)["documents"]
        expected = sorted(everything, key=lambda document: (-lifted(document), written.index(document.id)))[:top_k]
        found = boosted.run("rain sun", filters=filters, top_k=top_k)["documents"]
        assert [document.id for document in found] == [document.id for document in expected]
        assert [document.score for document in found] == pytest.approx([lifted(document) for document in expected])


class TestBoost:
    """Plays of 10, 20 and 30: their median is 20."""

    @pytest.fixture
    def filled(self):
        plays = {"ten": 10, "twenty": 20, "thirty": 30, "none": None, "negative": -10}
        return catalogue([Document(id=name, content="rain", meta={"plays": each}) for name, each in plays.items()])

    def test_by_hand(self, filled):
        plain = TantivyBM25Retriever(filled).run("rain")["documents"][0].score
        retriever = TantivyBM25Retriever(filled, boost={"field": "meta.plays", "weight": 0.6})
        found = {document.id: document.score / plain for document in retriever.run("rain")["documents"]}
        # tantivy tells the median to within a hundredth
        assert found == pytest.approx(
            {"thirty": 1.36, "twenty": 1.3, "ten": 1.2, "none": 1.0, "negative": 1.0}, rel=0.005
        )

    def test_grows_and_stays_below_its_weight(self, filled):
        boost = Boost("number:meta.plays", 0.5, 20.0)
        numbers = [-1.0, 0.0, 1e-300, 1.0, 20.0, 1e9, 1e308, float("inf")]
        shares = [boost.saturation(number) for number in numbers]
        assert shares == sorted(shares)
        assert shares[0] == shares[1] == 0.0
        assert shares[4] == 0.5
        assert max(shares) <= 1.0

    def test_without_any_number_nothing_is_lifted(self):
        filled = catalogue([Document(id="a", content="rain")])
        boosted = TantivyBM25Retriever(filled, boost={"field": "meta.plays", "weight": 5.0}).run("rain")["documents"]
        assert boosted == TantivyBM25Retriever(filled).run("rain")["documents"]

    def test_the_median_is_the_one_of_the_last_commit(self, filled):
        retriever = TantivyBM25Retriever(filled, boost={"field": "meta.plays", "weight": 1.0})
        assert self.lift(retriever, filled) == pytest.approx(1.6, rel=0.01)
        filled.write_documents([Document(id=f"{n}", content="wind", meta={"plays": 30_000}) for n in range(9)])
        assert self.lift(retriever, filled) == pytest.approx(1.001, rel=0.001)

    def lift(self, retriever, filled):
        plain = TantivyBM25Retriever(filled).run("rain")["documents"][0].score
        return retriever.run("rain", top_k=1)["documents"][0].score / plain
