import sys

import pytest

from ltrr_haystack.errors import ConfigurationError, MissingExtraError
from ltrr_haystack.understanding.languages import LanguageDetector, language_of_script


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("東京の音楽", "ja"),
        ("노래", "ko"),
        ("เพลง", "th"),
        ("μουσικη", "el"),
        ("שיר", "he"),
        ("τραγουδια pop", "el"),
        ("音乐", "und"),
        ("музыка", "und"),
        ("موسيقى", "und"),
        ("गाना", "und"),
        ("musik", "und"),
        ("müsik", "und"),
        ("the letter ω", "und"),
        ("☕", "und"),
        ("", "und"),
    ],
)
def test_language_of_script(text, language):
    assert language_of_script(text) == language


@pytest.fixture(scope="module")
def detector():
    return LanguageDetector(["en", "de"])


class TestLanguageDetector:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("wie heißt das lied", "de"),
            ("surround sound speakers", "en"),
            ("東京の音楽", "ja"),
            ("laptop", "und"),
            ("3.5", "und"),
            ("", "und"),
        ],
    )
    def test_tells_the_language_where_it_can(self, detector, text, language):
        assert detector.language_of(text) == language

    @pytest.mark.parametrize("languages", [[], ["en"], ["en", "en"], "en"])
    def test_needs_two_languages(self, languages):
        with pytest.raises(ConfigurationError, match="at least two different ISO 639-1 codes"):
            LanguageDetector(languages)

    def test_names_the_languages_that_it_does_not_know(self):
        with pytest.raises(ConfigurationError, match=r"languages \['xx'\] are not known; expected codes among \['af'"):
            LanguageDetector(["en", "xx"]).warm_up()

    def test_says_which_extra_is_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "lingua", None)
        detector = LanguageDetector(["en", "de"])
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[language\]"'):
            detector.warm_up()
