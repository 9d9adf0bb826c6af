import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltrr_haystack.understanding import cleaned, normal_form, tokens_of

SIGNS = st.text(st.sampled_from("ab1 2.,:/+#&\"'%@!?-_’“”″×$éёßيﷺ\u200c\u0301¨☕"), max_size=14)


class TestNormalForm:
    @pytest.mark.parametrize(
        ("query", "form"),
        [
            ("C++ Developer", "c++ developer"),
            ("c++11", "c++11"),
            ("Google+", "google+"),
            ("C#", "c#"),
            (".NET core", ".net core"),
            ("Node.js", "node.js"),
            ("R&B", "r&b"),
            ("r & b", "r&b"),
            ("AT&T", "at&t"),
            ("M&Ms", "m&ms"),
            ("3.5 mm", "3.5 mm"),
            ("1,000", "1,000"),
            ("24/7", "24/7"),
            ('17" Monitor', '17" monitor'),
            ("17″", '17"'),
            ("6'2\"", "6'2\""),
            ("100% cotton", "100% cotton"),
            ("Ke$ha", "ke$ha"),
            ("P!nk", "p!nk"),
            ("me@home.org", "me@home.org"),
        ],
    )
    def test_keeps_what_carries_meaning(self, query, form):
        assert normal_form(query) == form

    @pytest.mark.parametrize(
        ("query", "form"),
        [
            ("Wham!", "wham"),
            ("rock+pop", "rock pop"),
            ("#metoo", "metoo"),
            ("Simon & Garfunkel", "simon garfunkel"),
            ("AC/DC", "ac dc"),
            ("hip-hop", "hip hop"),
            ("foo_bar", "foo bar"),
            ("vol. 2", "vol 2"),
            ("the academy is...", "the academy is"),
            ('"Windows 10"', "windows 10"),
            ("“Blink 182”", "blink 182"),
            ("iPhone™", "iphone"),
        ],
    )
    def test_drops_punctuation_that_carries_none(self, query, form):
        assert normal_form(query) == form

    @pytest.mark.parametrize(
        ("query", "form"),
        [
            ("Don’t", "dont"),
            ("80's", "80s"),
            ("Guns N' Roses", "guns n roses"),
            ("R.E.M.", "rem"),
            ("U.S. Army", "us army"),
        ],
    )
    def test_joins_what_people_leave_out(self, query, form):
        assert normal_form(query) == form

    @pytest.mark.parametrize(
        ("query", "form"),
        [
            ("Beyoncé", "beyonce"),
            ("Beyonce\u0301", "beyonce"),
            ("ŁÓDŹ", "lodz"),
            ("Straße", "strasse"),
            ("İSTANBUL", "istanbul"),
            ("Άννα", "αννα"),
            ("Ёлка", "елка"),
            ("Дя\u0301дя", "дядя"),
            ("مُحَمَّد", "محمد"),
            ("می\u200cخواهم", "می خواهم"),
        ],
    )
    def test_folds_accents_and_optional_marks(self, query, form):
        assert normal_form(query) == form

    @pytest.mark.parametrize("query", ["йод", "ガガ", "हिन्दी गाने", "เพลง", "їжак"])
    def test_keeps_marks_that_make_another_letter(self, query):
        assert normal_form(query) == unicodedata.normalize("NFKC", query)

    def test_compatible_forms_of_a_character_are_one(self):
        assert normal_form("１２３　ＡＢＣ ½") == "123 abc 1/2"
        assert normal_form("ｶﾞｶﾞ") == normal_form("ガガ")
        assert normal_form("٣٤") == "34"
        assert normal_form("1920×1080") == "1920x1080"

    def test_skin_tones_and_variation_selectors_are_folded(self):
        assert normal_form("👍🏽") == normal_form("👍") == "👍"
        assert normal_form("☕\ufe0f") == "☕"

    def test_control_characters_and_lone_surrogates_vanish(self):
        assert normal_form("a\x00b\ud800c\u200b\td") == "abc d"

    @pytest.mark.parametrize("query", ["?", "!!!", "_", "“", "¨", "+", ". ."])
    def test_a_query_of_nothing_but_punctuation_is_its_punctuation(self, query):
        form = normal_form(query)
        assert form
        assert normal_form(form) == form

    @pytest.mark.parametrize("query", ["", "  ", "\t\n", "\x00", "\u200d\u00ad", "\ud800", "\u3164", "\ufe0f"])
    def test_is_empty_where_nothing_is_visible(self, query):
        assert normal_form(query) == ""

    @settings(deadline=None)
    @given(st.one_of(st.text(), SIGNS))
    def test_is_its_own_normal_form(self, query):
        form = normal_form(query)
        assert normal_form(form) == form

    @settings(deadline=None)
    @given(st.one_of(st.text(), SIGNS))
    def test_has_single_spaces_and_can_be_stored(self, query):
        form = normal_form(query)
        assert form == " ".join(form.split())
        form.encode()

    @settings(deadline=None)
    @given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u115f\u1160\u2800\u3164\uffa0")))
    def test_is_never_empty_for_something_visible(self, query):
        assert bool(normal_form(query)) == bool(query)

    @settings(deadline=None)
    @given(st.one_of(st.text(), SIGNS))
    def test_does_not_depend_on_case_or_composition(self, query):
        assert normal_form(unicodedata.normalize("NFD", query)) == normal_form(query)
        assert normal_form(f"  {query}\n") == normal_form(query)

    @settings(deadline=None)
    @given(st.text("abcdefghijklmnopqrstuvwxyz0123456789 "))
    def test_upper_case_is_lower_case(self, query):
        assert normal_form(query.upper()) == normal_form(query)

    def test_every_character_of_the_basic_plane_is_settled_at_once(self):
        for code_point in range(0x3400):
            form = normal_form(f"a{chr(code_point)}b 1{chr(code_point)}2 {chr(code_point)}")
            assert normal_form(form) == form


class TestCleaned:
    def test_leaves_a_query_as_it_was_typed(self):
        assert cleaned("  Who sang “Halo”? ") == "Who sang “Halo”?"

    def test_takes_out_control_characters_and_lone_surrogates(self):
        assert cleaned("a\x00b\ud800\tc\u202e\ufeff\u2028d") == "ab c d"

    def test_keeps_the_joiners_of_persian_and_emoji(self):
        assert cleaned("می\u200cخواهم 👩\u200d💻") == "می\u200cخواهم 👩\u200d💻"


def test_tokens_are_the_words_of_the_normal_form():
    assert tokens_of(normal_form("Wi-Fi 6 router, 17”")) == ("wi", "fi", "6", "router", '17"')
    assert tokens_of("") == ()
