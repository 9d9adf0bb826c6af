import math

import pytest
from haystack import Document

from ltrr_haystack.catalogue import CollectionStatistics
from ltrr_haystack.readings.background import FreeWords

WORDS = FreeWords({"case": 1, "logic": 1, "samsung": 2}, {"case": 3, "logic": 3, "samsung": 40})
TEXTS = [Document(content=text) for text in (*["a phone case"] * 8, *["samsung phone"] * 12, "live")]
STATISTICS = CollectionStatistics.empty(["content", "meta.title"]).changed(added=TEXTS)
"""8·3 + 12·2 + 1 = 49 words."""


def probability(word, statistics=STATISTICS):
    return math.exp(WORDS.log_probability(word, statistics))


def test_a_word_of_the_lexicon_has_its_discounted_share_of_the_lexicons_words():
    assert probability("samsung", None) == pytest.approx(0.1 * (2 - 0.75) / 4)


def test_one_that_texts_have_more_often_than_values_has_the_share_of_the_others():
    assert probability("case") == pytest.approx(0.1 * (8 - 3) / 49)
    assert probability("samsung") == probability("samsung", None)


def test_one_that_only_texts_have_has_its_share_of_their_words_in_whatever_form():
    assert probability("lives") == probability("live") == pytest.approx(0.1 / 49)


def test_an_unknown_word_is_the_rarer_the_more_letters_it_has():
    assert probability("xyzzy") == pytest.approx(1e-6)
    assert probability("xyzzyyy") == pytest.approx(1e-7)


def test_an_ideogram_counts_as_three_letters():
    assert probability("花") == pytest.approx(probability("abc"))


def test_statistics_of_no_documents_say_nothing():
    assert probability("live", CollectionStatistics.empty(["content"])) == probability("live", None)
