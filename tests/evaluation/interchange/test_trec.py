import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import record
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.interchange import run_lines, shown_run, text_of, trec_id, write_run


@given(st.text())
def test_any_text_becomes_one_word_and_comes_back(text):
    word = trec_id(text)
    assert word.split() == [word]
    assert text_of(word) == text


def test_words_stay_readable():
    assert trec_id("Björk 100%") == "Björk%20100%25"
    assert trec_id("a\tb\nc") == "a%09b%0Ac"


def test_the_score_gives_back_the_order_that_was_shown(log):
    lines = run_lines(log.settled(1, ["x y", "b", "c"]), "sad songs")
    assert lines == [
        "sad%20songs Q0 x%20y 1 1.000000000 ltrr\n",
        "sad%20songs Q0 b 2 0.500000000 ltrr\n",
        "sad%20songs Q0 c 3 0.333333333 ltrr\n",
    ]


def test_a_document_shown_twice_counts_where_it_was_first(log):
    lines = run_lines(log.settled(1, ["a", "b", "a", "c"]), "q")
    assert [line.split()[2:5] for line in lines] == [
        ["a", "1", "1.000000000"],
        ["b", "2", "0.500000000"],
        ["c", "3", "0.250000000"],
    ]


def test_per_query_the_last_page_of_each_query_counts(log):
    searches = [
        log.settled(1, ["old"], query="b"),
        log.settled(2, ["x"], query="a"),
        log.settled(3, ["new"], query="b"),
    ]
    assert [line.split()[:3:2] for line in shown_run(searches)] == [["a", "x"], ["b", "new"]]


def test_per_search_each_page_is_a_topic(log):
    searches = [log.settled(1, ["old"], query="b"), log.settled(2, ["new"], query="b")]
    assert [line.split()[:3:2] for line in shown_run(searches, "search")] == [["q1", "old"], ["q2", "new"]]


def test_an_unknown_kind_of_topic_is_refused(log):
    with pytest.raises(ConfigurationError, match="'query' or 'search', got 'day'"):
        list(shown_run([], "day"))


def test_writes_a_file(log, store, tmp_path):
    record(store, [(log.ranking(log.decision("q1"), ["a", "b"]), {})])
    assert write_run(store, tmp_path / "run", tag="my run") == 2
    assert (tmp_path / "run").read_text().splitlines()[1] == "sad%20songs Q0 b 2 0.500000000 my%20run"
