import pytest


@pytest.fixture
def lexicon(readings):
    return readings.lexicon(2000, seed=1)


def test_the_lexicon_has_as_many_values_as_asked_for_in_words_as_people_use_them(lexicon):
    assert 2000 <= len(lexicon) <= 2010
    forms = [form.split() for values in lexicon.values.values() for form in values]
    assert {len(words) for words in forms} == {1, 2, 3, 4}
    shared = {word for words in forms for word in words}
    assert len(shared) < sum(map(len, forms))


def test_the_same_seed_gives_the_same_queries(readings, lexicon):
    once, again = (dict(readings.queries(lexicon, 20, seed=2)) for _ in range(2))
    assert once == again
    assert [len(query.split()) for query in once["100 words of values"]] == [100, 100]


def test_every_kind_of_query_is_measured(readings, capsys):
    readings.main(values=2000, count=10, seed=0)
    printed = capsys.readouterr().out
    assert "p50" in printed
    assert printed.count("\n| ") == 12
    assert "| one value |" in printed


def test_a_typo_is_one_edit(readings):
    rng = readings.Random(0)
    for _ in range(200):
        assert abs(len(readings.typo("taylor swift", rng)) - len("taylor swift")) <= 1
