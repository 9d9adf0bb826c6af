import math

import pytest
from haystack import Document
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.catalogue import CollectionStatistics, FieldStatistics
from ltrr_haystack.errors import ConfigurationError

DOCUMENTS = st.lists(
    st.builds(
        lambda content, title: Document(content=content, meta={"title": title}),
        st.text(alphabet="ab ", max_size=12),
        st.one_of(st.none(), st.text(alphabet="ab ", max_size=4)),
    ),
    max_size=6,
)
EMPTY = CollectionStatistics.empty(["content", "meta.title"], "en")


def texts(*contents):
    return [Document(content=content) for content in contents]


def test_counts_documents_words_and_stems():
    counted = EMPTY.changed(added=[Document(content="Song of songs", meta={"title": "Bible"}), *texts("a song", None)])
    assert counted.documents == 3
    assert counted.fields["content"] == FieldStatistics(2, 5, {"song": 2, "of": 1, "a": 1})
    assert counted.fields["content"].mean_words == 2.5
    assert counted.fields["meta.title"] == FieldStatistics(1, 1, {"bibl": 1})


def test_idf_is_that_of_lucenes_bm25():
    content = EMPTY.changed(added=texts("song sea", "song")).fields["content"]
    assert content.idf("sea") == pytest.approx(math.log(2.0))  # 1 + (2 − 1 + ½) / (1 + ½)
    assert content.idf("song") == pytest.approx(math.log(1.2))  # 1 + (2 − 2 + ½) / (2 + ½)


def test_an_unknown_stem_counts_as_one_of_a_single_document():
    content = EMPTY.changed(added=texts("song sea", "song")).fields["content"]
    assert content.idf("never") == content.idf("sea")
    assert EMPTY.fields["content"].idf("never") == 0.0
    assert EMPTY.fields["content"].mean_words == 0.0


@given(DOCUMENTS, DOCUMENTS)
def test_adding_and_then_removing_gives_the_same(before, others):
    start = EMPTY.changed(added=before)
    assert start.changed(added=others).changed(removed=others) == start
    assert start.changed(added=others, removed=others) == start


@given(DOCUMENTS, DOCUMENTS)
def test_in_steps_or_at_once_is_the_same(some, others):
    assert EMPTY.changed(added=some).changed(added=others) == EMPTY.changed(added=[*others, *some])


@given(DOCUMENTS, DOCUMENTS)
def test_no_count_falls_below_zero_whatever_is_removed(added, removed):
    counted = EMPTY.changed(added=added).changed(removed=removed)
    assert counted.documents >= 0
    for each in counted.fields.values():
        assert 0 <= each.documents <= each.words or each.words == each.documents == 0
        assert all(count > 0 for count in each.frequencies.values())
        assert all(each.idf(stem) >= 0.0 for stem in ("a", "b", "never"))


def test_a_change_leaves_the_old_value_as_it_was():
    start = EMPTY.changed(added=texts("a"))
    start.changed(added=texts("a", "b"))
    assert start.fields["content"] == FieldStatistics(1, 1, {"a": 1})


def test_pruning_keeps_the_most_frequent_and_the_idf_of_what_occurs_once():
    whole = EMPTY.changed(added=texts("song sea", "song rain", "sun"))
    pruned = whole.pruned(2)
    assert pruned.fields["content"].frequencies == {"song": 2, "rain": 1}
    assert pruned.documents == 3
    assert pruned.fields["content"].mean_words == whole.fields["content"].mean_words
    assert [pruned.fields["content"].idf(stem) for stem in ("song", "sea", "sun")] == [
        whole.fields["content"].idf(stem) for stem in ("song", "sea", "sun")
    ]
    assert whole.pruned(4) is whole


def test_covers_the_fields_and_language_that_were_counted():
    assert EMPTY.covers(["content"], "en")
    assert not EMPTY.covers(["content"], None)
    assert not EMPTY.covers(["content", "meta.artist"], "en")


def test_refuses_unknown_fields_and_languages():
    with pytest.raises(ConfigurationError, match="fields of CollectionStatistics"):
        CollectionStatistics.empty(["title"])
    with pytest.raises(ConfigurationError, match="language must be"):
        CollectionStatistics.empty(["content"], "xx")
