import math
import sys

import numpy as np
import pytest

from ltrr_haystack.errors import MissingExtraError
from ltrr_haystack.intents.fitting import embeddings_of, fit, log_losses, truths

NONE = embeddings_of(None, [])
CATEGORIES = ("album", "podcast", "song")


class TestFit:
    def test_learns_which_words_speak_for_which_category(self, make_labels):
        classifier = fit(make_labels().shares, CATEGORIES, NONE)
        for form, category in (("zoe love", "song"), ("zoe deluxe", "album"), ("crime", "podcast")):
            assert next(iter(classifier.probabilities(form))) == category

    def test_a_misspelt_word_still_says_something(self, make_labels):
        classifier = fit(make_labels().shares, CATEGORIES, NONE)
        assert next(iter(classifier.probabilities("delux"))) == "album"

    def test_probabilities_are_those_of_the_labels(self, make_labels):
        """In one of five cases the word is drawn at random: three of five of these are songs."""
        told = fit(make_labels(1_500).shares, CATEGORIES, NONE).probabilities("gwen rain")
        assert told["song"] == pytest.approx(0.92, abs=0.06)

    def test_the_same_labels_and_seed_give_the_same_bytes(self, make_labels):
        shares = make_labels().shares
        backwards = dict(reversed(shares.items()))
        assert fit(shares, CATEGORIES, NONE, 3).to_bytes() == fit(backwards, CATEGORIES, NONE, 3).to_bytes()

    def test_of_two_categories(self, make_labels):
        shares = {form: own for form, own in make_labels().shares.items() if "podcast" not in own}
        classifier = fit(shares, ("album", "song"), NONE)
        assert next(iter(classifier.probabilities("deluxe"))) == "album"
        assert next(iter(classifier.probabilities("love"))) == "song"

    def test_a_category_that_no_query_has_is_unlikely(self, make_labels):
        told = fit(make_labels().shares, (*CATEGORIES, "tape"), NONE).probabilities("zoe love")
        assert 0.0 < told["tape"] < 0.05

    def test_where_all_queries_are_alike_that_is_told(self):
        told = fit({f"q{number}": {"song": 1.0} for number in range(20)}, ("album", "song"), NONE)
        assert told.probabilities("q3")["song"] > 0.9

    def test_labels_that_never_contradict_each_other_do_not_make_it_certain(self):
        shares = {f"{word} {n}": {word: 1.0} for n in range(50) for word in ("song", "album")}
        probability = fit(shares, ("album", "song"), NONE).probabilities("song 7")["song"]
        assert 0.98 < probability < 0.999

    def test_shares_of_a_query_are_learned_as_shares(self):
        shares = {f"love q{number}": {"song": 0.75, "album": 0.25} for number in range(60)}
        assert fit(shares, ("album", "song"), NONE).probabilities("love")["song"] == pytest.approx(0.75, abs=0.01)

    def test_the_embedding_speaks_for_words_that_were_never_seen(self, embedder):
        """What has many z is a podcast, whatever else it is."""
        draw = np.random.default_rng(0)
        shares = {}
        for number in range(300):
            letters = "".join(chr(97 + letter) for letter in draw.permutation(12)[:6])
            shares[f"{letters}zzz{number}" if number % 2 else f"{letters}{number}"] = {
                "podcast" if number % 2 else "song": 1.0
            }
        forms = [*shares, "pqzrzszt"]
        embeddings = embeddings_of(embedder, forms)
        classifier = fit(shares, ("podcast", "song"), embeddings)
        assert classifier.dimension == 32
        unseen = "pqzrzszt"
        assert classifier.probabilities(unseen, embeddings.of[unseen])["podcast"] > 0.5

    def test_says_which_extra_is_missing(self, make_labels, monkeypatch):
        monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[intents\]"'):
            fit(make_labels().shares, CATEGORIES, NONE)


class TestLogLosses:
    def test_worked_by_hand(self):
        probabilities = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
        truth = np.array([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]])
        assert log_losses(probabilities, truth).tolist() == pytest.approx(
            [math.log(2), -0.25 * math.log(0.9) - 0.75 * math.log(0.1), -math.log(1e-4)]
        )


def test_truths_are_a_matrix_of_shares():
    shares = {"a": {"song": 1.0}, "b": {"song": 0.25, "album": 0.75}}
    assert truths(shares, ["b", "a"], ["album", "song"]).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert truths(shares, [], ["album", "song"]).shape == (0, 2)
