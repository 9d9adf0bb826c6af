import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.catalogue.analysis import (
    LONGEST_TEXT,
    LONGEST_WORD,
    STEMMERS,
    analyse,
    folded,
    require_language,
    stems_of,
)
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.understanding.normalisation import normal_form, tokens_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't STOP the music-now", ("dont", "stop", "the", "music", "now")),
        ("Café ÜBER straße.", ("cafe", "uber", "strasse")),
        ("C++, C# and node.js!", ("c++", "c#", "and", "node.js")),
        ("R & B — 'hits'", ("r&b", "hits")),
        ("東京 タワー abc東京", ("東", "京", "タ", "ワ", "ー", "abc", "東", "京")),
        ("ที่", ("ที่",)),
        ("… — !!!", ()),
        ("", ()),
    ],
)
def test_words_are_split_and_folded(text, words):
    assert analyse(text, None).words == words


def test_stems_are_those_of_the_language():
    english = analyse("Singing songs of the singers", "en")
    assert english.words == ("singing", "songs", "of", "the", "singers")
    assert english.stems == ("sing", "song", "of", "the", "singer")
    assert analyse("häuser haus", "de").stems == ("haus", "haus")
    assert analyse("songs", None).stems == ("songs",)


def test_words_with_digits_are_not_stemmed():
    assert analyse("mp3s 1990s", "en").stems == ("mp3s", "1990s")


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C", "P", "S", "Z")), max_size=40))
def test_a_query_and_its_normal_form_have_the_same_words(text):
    assert analyse(normal_form(text), None) == analyse(text, None)


def test_words_of_a_normal_form_are_its_tokens():
    form = normal_form("The R & B of AC/DC, 17\" 'live'")
    assert analyse(form, None).words == tokens_of(form)


@given(st.text(max_size=60), st.sampled_from([None, *STEMMERS]))
def test_every_word_has_one_stem_without_white_space(text, language):
    words = analyse(text, language)
    assert len(words.words) == len(words.stems)
    assert all(word and [word] == word.split() for word in (*words.words, *words.stems))


def test_of_long_texts_the_beginning_is_read():
    assert len(analyse("ab " * LONGEST_TEXT, "en")) == LONGEST_TEXT // 3 + 1
    assert analyse("a" * 1_000_000, "en").words == ("a" * LONGEST_WORD,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我喜欢音乐和电影，" * 100, tuple("我喜欢音乐和电影" * 100)),
        ("ที่นี่" * 100, ("ที่", "นี่") * 100),
        ("ab,cd;" * 100, ("ab", "cd") * 100),
        ("red-green-" * 50 + "b" * 1_000 + ",end", ("red", "green") * 50 + ("b" * LONGEST_WORD, "end")),
        ("c" * 1_000 + "東京" * 50, ("c" * LONGEST_WORD, *"京東" * 49, "京")),
    ],
    ids=["Chinese", "Thai", "commas", "a long word among others", "a long word before others"],
)
def test_long_texts_without_spaces_are_read_to_their_end(text, words):
    assert analyse(text, None).words == words


@given(st.text(alphabet="東京タ音あ，。、・", min_size=1, max_size=300))
def test_scripts_without_spaces_have_the_same_words_with_spaces(text):
    assert analyse(text, None).words == analyse(" ".join(text), None).words


@pytest.mark.parametrize("code", STEMMERS)
def test_each_language_has_a_stemmer(code):
    assert require_language(code) == code
    assert len(analyse("songs", code)) == 1


def test_an_unknown_language_is_refused():
    with pytest.raises(ConfigurationError, match=r"language must be None or one of ar, da, .*; got 'xx'"):
        require_language("xx")


@given(st.text(max_size=60) | st.text(alphabet="aé &.'東ที่\u0301 ", max_size=60))
def test_a_folded_text_is_its_words(text):
    assert folded(text) == " ".join(analyse(text, None).words)


def test_long_texts_are_folded_to_the_same_words():
    for text in ("ab " * LONGEST_TEXT, "a" * 1_000_000, "R & B, 東京" * 5_000, "c" * 40 + " — Café"):
        assert folded(text).split() == list(analyse(text, None).words)


def test_words_are_stemmed_as_in_a_text():
    words = analyse("Singing 1990s songs of the singers", "en")
    assert stems_of(words.words, "en") == list(words.stems)
