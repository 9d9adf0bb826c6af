"""The language of a query: by its script where that settles it, else by a statistical detector, if one is asked for."""

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ltrr_haystack.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from lingua import LanguageDetector as Lingua

UNDETERMINED = "und"

_SCRIPTS = (
    (0x0370, 0x03FF, "el"),
    (0x0400, 0x052F, UNDETERMINED),
    (0x0531, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x06FF, UNDETERMINED),
    (0x0900, 0x097F, UNDETERMINED),
    (0x0980, 0x09FF, UNDETERMINED),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B00, 0x0B7F, "or"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0D80, 0x0DFF, "si"),
    (0x0E00, 0x0E7F, "th"),
    (0x0E80, 0x0EFF, "lo"),
    (0x0F00, 0x0FFF, "bo"),
    (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"),
    (0x1100, 0x11FF, "ko"),
    (0x1780, 0x17FF, "km"),
    (0x1F00, 0x1FFF, "el"),
    (0x3040, 0x30FF, "ja"),
    (0x3400, 0x9FFF, UNDETERMINED),
    (0xAC00, 0xD7AF, "ko"),
)
_STARTS = [start for start, _, _ in _SCRIPTS]


def language_of_script(form: str) -> str:
    """
    Tell the language where the script alone settles it.

    Kana is Japanese, Hangul Korean, Thai script Thai, and so on; Latin, Cyrillic, Arabic, Devanagari, Bengali and Han
    serve many languages. The script of most letters decides, but a single kana makes a query Japanese.

    :param form: A normal form.
    :returns: ISO 639-1 code, or `und`.
    """
    if form.isascii():
        return UNDETERMINED
    letters = Counter(_language_of_letter(letter) for letter in form if letter.isalpha())
    if letters["ja"]:
        return "ja"
    language, count = letters.most_common(1)[0] if letters else (UNDETERMINED, 0)
    return language if 2 * count > letters.total() else UNDETERMINED


def _language_of_letter(letter: str) -> str:
    place = bisect_right(_STARTS, ord(letter)) - 1
    if place < 0:
        return UNDETERMINED
    _, end, language = _SCRIPTS[place]
    return language if ord(letter) <= end else UNDETERMINED


class LanguageDetector:
    """
    Tells the language of a query among a few.

    Behind it stands [lingua](https://github.com/pemistahl/lingua-py), which is made for short text. Its models are
    loaded at the first use or by `warm_up`. A text whose two likeliest languages are close to each other, such as
    "laptop" among English and German, stays `und`.
    """

    MIN_DISTANCE = 0.25
    """How much likelier the likeliest language must be than the second."""

    def __init__(self, languages: Sequence[str]) -> None:
        """
        Create a LanguageDetector.

        :param languages: At least two ISO 639-1 codes.
        :raises ConfigurationError: If these are not at least two different codes.
        """
        if isinstance(languages, str) or len(set(languages)) < 2 or len(set(languages)) < len(languages):
            raise ConfigurationError(
                f"languages must be a list of at least two different ISO 639-1 codes such as ['en', 'de'], "
                f"got {languages!r}; leave it out if all queries are of one language"
            )
        self.languages = tuple(languages)
        self._lock = threading.Lock()
        self._lingua: Lingua | None = None

    def warm_up(self) -> None:
        """
        Load the language models.

        :raises MissingExtraError: If lingua is not installed.
        :raises ConfigurationError: If a language is not one that lingua knows.
        """
        self._loaded()

    def language_of(self, form: str) -> str:
        """
        Tell the language of a text.

        :param form: A normal form or any other text.
        :returns: ISO 639-1 code, or `und` if it cannot be told.
        """
        by_script = language_of_script(form)
        if by_script != UNDETERMINED:
            return by_script
        language = self._loaded().detect_language_of(form)
        return UNDETERMINED if language is None else language.iso_code_639_1.name.lower()

    def _loaded(self) -> "Lingua":
        if self._lingua is None:
            with self._lock:
                if self._lingua is None:
                    self._lingua = self._built()
        return self._lingua

    def _built(self) -> "Lingua":
        try:
            from lingua import Language, LanguageDetectorBuilder
        except ImportError as error:
            raise MissingExtraError(
                "QueryUnderstanding(languages=…) needs the package lingua-language-detector; "
                'install it with: pip install "ltrr-haystack[language]"'
            ) from error
        known = {language.iso_code_639_1.name.lower(): language.iso_code_639_1 for language in Language.all()}
        unknown = [code for code in self.languages if code not in known]
        if unknown:
            raise ConfigurationError(f"languages {unknown} are not known; expected codes among {sorted(known)}")
        builder = LanguageDetectorBuilder.from_iso_codes_639_1(*(known[code] for code in self.languages))
        return builder.with_minimum_relative_distance(self.MIN_DISTANCE).with_preloaded_language_models().build()
