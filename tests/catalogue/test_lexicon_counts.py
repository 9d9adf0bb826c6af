from ltrr_haystack.catalogue.lexicon_counts import (
    MOST_ALIASES,
    MOST_CATEGORIES,
    MOST_POPULARITIES,
    MOST_WRITINGS,
    ValueCounts,
    bounded,
)


def of(documents, **counted):
    return ValueCounts(documents, **counted)


def test_what_is_kept_of_a_value_is_bounded():
    many = {f"w{number:03}": number for number in range(1, 101)}
    value = ValueCounts().plus(
        of(5_050, writings=many, categories=many, aliases=many, popularities=dict.fromkeys(map(float, range(100)), 1))
    )
    assert value.writings == {f"w{number:03}": number for number in range(101 - MOST_WRITINGS, 101)}
    assert len(value.categories) == MOST_CATEGORIES
    assert len(value.aliases) == MOST_ALIASES
    assert set(value.popularities) == set(map(float, range(100 - MOST_POPULARITIES, 100)))


def test_the_last_that_was_known_stands_in_for_what_was_not_kept():
    value = of(3, writings={"Zaz": 1}, popularities={9.0: 1, 7.0: 1})
    value = value.plus(of(-2, writings={"Zaz": -1}, popularities={9.0: -1, 7.0: -1}))
    assert value == of(1, writings={"Zaz": 1}, popularities={7.0: 1})


def test_without_documents_nothing_is_left():
    assert of(2).plus(of(-2)) is None
    assert ValueCounts().plus(of(-1)) is None


def test_there_are_never_more_mentions_than_documents():
    assert of(2, mentions=2).plus(of(-1)).mentions == 1
    assert of(2, mentions=0).plus(of(-1, mentions=-1)).mentions == 0


def test_values_of_the_most_documents_are_kept_and_the_more_popular_of_equals():
    values = {
        "a": of(1),
        "b": of(1, popularities={3.0: 1}),
        "c": of(2),
        "d": of(1),
    }
    assert set(bounded(values, 3)) == {"a", "b", "c"}
    assert set(bounded(values, 2)) == {"b", "c"}


def test_a_few_values_too_many_are_borne():
    values = dict.fromkeys("abcde", of(1))
    assert bounded(values, 4) is values
    assert len(bounded(values, 3)) == 3
