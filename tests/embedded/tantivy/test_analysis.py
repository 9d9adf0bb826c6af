import pytest

pytest.importorskip("tantivy")

from ltrr_haystack.catalogue.analysis import STEMMERS
from ltrr_haystack.embedded.tantivy.analysis import (
    LONGEST_QUERY,
    MOST_TOKENS,
    WITHOUT_STOP_WORDS,
    Language,
    analyzer,
    normalize,
    tokenize,
    tokenizer_name,
)
from ltrr_haystack.errors import ConfigurationError

NONE, ENGLISH = Language(), Language("en")


class TestWords:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Don't STOP the_music-now", ["don", "t", "stop", "the", "music", "now"]),
            ("AC/DC: Live '91 (x2)", ["ac", "dc", "live", "91", "x2"]),
            ("naïve Café ÜBER straße", ["naive", "cafe", "uber", "strasse"]),
            ("Ｆｕｌｌ　ｗｉｄｔｈ Ⅷ", ["full", "width", "viii"]),
            ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
            ("ราคาถูก", ["ร", "า", "ค", "า", "ถู", "ก"]),
            ("한국어", ["한", "국", "어"]),
            ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
            ("🎸 rock 🎸", ["rock"]),
            ("a\0b", ["a", "b"]),
            ("\ud800x", ["x"]),
            ("", []),
            ("!!! ???", []),
        ],
    )
    def test_of_many_scripts(self, text, found):
        assert tokenize(text, "words", NONE) == list(dict.fromkeys(reversed(found)))[::-1]

    def test_an_accent_is_the_same_however_it_is_written(self):
        assert tokenize("cafe\u0301", "words", NONE) == tokenize("café", "words", NONE) == ["cafe"]

    def test_are_brought_to_their_stems_where_there_is_a_language(self):
        assert tokenize("running songs", "words", ENGLISH) == ["run", "song"]
        assert tokenize("running songs", "unstemmed", ENGLISH) == ["running", "songs"]
        assert tokenize("running songs", "words", NONE) == ["running", "songs"]

    def test_stems_need_the_accents_that_are_then_left_out(self):
        assert (
            tokenize("musicalité", "words", Language("fr"))
            == tokenize("musical", "words", Language("fr"))
            == ["musical"]
        )
        assert tokenize("élevé", "words", Language("fr")) == ["elev"]

    def test_stop_words_are_searched_unless_told_otherwise(self):
        assert tokenize("the who", "words", ENGLISH) == ["the", "who"]
        assert tokenize("the band", "words", Language("en", stop_words=True)) == ["band"]
        assert tokenize("the band", "unstemmed", Language("en", stop_words=True)) == ["band"]

    def test_what_is_too_long_for_a_word_is_none(self):
        assert tokenize(f"rock {'x' * 300} pop", "words", NONE) == ["rock", "pop"]


class TestTrigrams:
    def test_begin_and_end_with_the_words(self):
        assert tokenize("AC/dc", "trigrams", NONE) == [" ac", "ac ", "c d", " dc", "dc "]

    def test_of_a_short_word(self):
        assert tokenize("U", "trigrams", NONE) == [" u "]
        assert tokenize("?", "trigrams", NONE) == tokenize("", "trigrams", NONE) == []

    def test_know_no_accents(self):
        assert tokenize("été", "trigrams", NONE) == tokenize("ete", "trigrams", NONE)

    def test_of_scripts_without_spaces(self):
        assert tokenize("東京", "trigrams", NONE) == [" 東京", "東京 "]


class TestBounds:
    def test_a_word_is_looked_up_once(self):
        assert tokenize("love love me do love", "words", NONE) == ["me", "do", "love"]

    def test_a_very_long_query_is_cut(self):
        assert len(tokenize(" ".join(map(str, range(5_000))), "words", NONE)) == MOST_TOKENS
        assert tokenize(f"{'love ' * LONGEST_QUERY} rain", "words", NONE) == ["love"]


class TestLanguage:
    @pytest.mark.parametrize("code", STEMMERS)
    def test_every_language_has_its_stemmer(self, code):
        analyzer("words", Language(code))

    @pytest.mark.parametrize("code", sorted(set(STEMMERS) - WITHOUT_STOP_WORDS))
    def test_and_most_have_stop_words(self, code):
        analyzer("words", Language(code, stop_words=True))

    @pytest.mark.parametrize("code", ["english", "EN", "xx", ""])
    def test_others_are_refused(self, code):
        with pytest.raises(ConfigurationError, match=r"language must be None or one of ar, da, .*; got '"):
            Language(code)

    @pytest.mark.parametrize("code", [None, *sorted(WITHOUT_STOP_WORDS)])
    def test_stop_words_need_a_language_that_has_some(self, code):
        with pytest.raises(ConfigurationError, match="stop_words needs one of the languages da, de"):
            Language(code, stop_words=True)

    def test_an_index_of_another_analysis_is_another_index(self):
        others = [Language("de"), Language("en", stop_words=True), NONE]
        assert tokenizer_name("words", ENGLISH) not in {tokenizer_name("words", other) for other in others}
        assert tokenizer_name("unstemmed", ENGLISH) == tokenizer_name("words", NONE)


def test_what_cannot_be_written_in_utf_8_is_prepared_all_the_same():
    assert normalize("a\udc80b", "words") == "a?b"
