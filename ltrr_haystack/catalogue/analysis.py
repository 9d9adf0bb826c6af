"""
Words and stems of texts, for the statistics of a collection and for the features that compare a query with a document.

Words are those of a query's normal form, so that query and document are split and folded in one way. Accents are
folded before stemming: a query that is typed without them has the stems of one that is typed with them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.understanding.normalisation import LETTER_AND_LETTER, normal_form, tokens_of

DEFAULT_LANGUAGE = "en"
"""What texts are stemmed in unless another language is named."""

STEMMERS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
"""ISO 639-1 → the language's Snowball stemmer, by the name that Python's and tantivy's implementations both know."""

LONGEST_TEXT = 20_000
"""Characters of a text that are read, some 3,000 words; the rest is ignored."""

LONGEST_WORD = 64
"""Characters of a word that are read; the rest of it is ignored."""

_LONGEST_REMEMBERED = 32
"""Characters of the longest piece of text that is remembered with its words, so that all of them take some 50 MB."""

_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""Thai, Lao, Myanmar, Khmer, Kana, Hangul and Han: in scripts without spaces, each letter is a word of its own."""


@dataclass(frozen=True, slots=True)
class Words:
    """
    The words of a text, in order.

    :param words: The words: without accents, in lower case, unstemmed.
    :param stems: Their stems; as many as there are words.
    """

    words: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words)


def require_language(language: str | None) -> str | None:
    """
    Make sure that there is a stemmer for a language.

    :param language: ISO 639-1 code, or `None` for no stemming.
    :returns: The language.
    :raises ConfigurationError: If there is none.
    """
    if language is not None and language not in STEMMERS:
        raise ConfigurationError(f"language must be None or one of {', '.join(STEMMERS)}; got {language!r}")
    return language


def analyse(text: str, language: str | None) -> Words:
    """
    Split a text into words and stem them.

    :param text: Any text; the first `LONGEST_TEXT` characters of it are read.
    :param language: ISO 639-1 code out of `STEMMERS`, or `None` for no stemming.
    :returns: Its words and stems.
    """
    pairs = [pair for piece in _pieces(text) for pair in _pairs(piece, language)]
    return Words(tuple([word for word, _ in pairs]), tuple([stem for _, stem in pairs]))


def folded(text: str) -> str:
    """
    Write a text as its words alone: several times as fast as `analyse`.

    :param text: Any text; the first `LONGEST_TEXT` characters of it are read.
    :returns: The words that `analyse` gives, with single spaces between them.
    """
    pieces = _pieces(text)
    short = max(map(len, pieces), default=0) <= _LONGEST_REMEMBERED
    if short and (text.isascii() or not _SPACELESS.search(text)):
        return " ".join(filter(None, map(_folded, pieces)))
    return " ".join([word for piece in pieces for word, _ in _pairs(piece, None)])


def stems_of(words: Iterable[str], language: str | None) -> list[str]:
    """
    Stem words.

    :param words: Words as `analyse` gives them.
    :param language: ISO 639-1 code out of `STEMMERS`, or `None` for no stemming.
    :returns: Their stems.
    """
    return [_pair(word, language)[1] for word in words]


def _pieces(text: str) -> list[str]:
    text = text[:LONGEST_TEXT]
    if " & " in text:
        text = LETTER_AND_LETTER.sub(r"\1&\2", text)
    return text.split()


def _pairs(piece: str, language: str | None) -> Iterable[tuple[str, str]]:
    """Word and stem of each word in a piece of text without spaces."""
    if len(piece) <= _LONGEST_REMEMBERED and (piece.isascii() or not _SPACELESS.search(piece)):
        return _remembered(piece, language)
    return [pair for part in _parts(piece) for pair in _split(part, language)]


@lru_cache(maxsize=2**16)
def _remembered(piece: str, language: str | None) -> tuple[tuple[str, str], ...]:
    return tuple(_split(piece, language))


@lru_cache(maxsize=2**16)
def _folded(piece: str) -> str:
    return " ".join([word for word, _ in _split(piece, None)])


def _split(piece: str, language: str | None) -> Iterator[tuple[str, str]]:
    return (_pair(word, language) for token in tokens_of(normal_form(piece)) for word in _words(token))


def _parts(piece: str) -> Iterator[str]:
    """Part a piece of text that is too long for one word where words end; what is still too long is cut."""
    if len(piece) <= LONGEST_WORD:
        yield piece
        return
    start = last = 0
    for end in _ends(piece):
        if end - start > LONGEST_WORD and last > start:
            yield piece[start : min(last, start + LONGEST_WORD)]
            start = last
        last = end
    yield piece[start : start + LONGEST_WORD]


def _ends(piece: str) -> Iterator[int]:
    for place in range(1, len(piece)):
        if _ends_word(piece[place - 1]) and not unicodedata.category(piece[place]).startswith("M"):
            yield place
    yield len(piece)


@lru_cache(maxsize=2**12)
def _ends_word(character: str) -> bool:
    return _SPACELESS.match(character) is not None or normal_form(f"a{character}a") == "a a"


def _words(token: str) -> Iterator[str]:
    if not any(map(str.isalnum, token)):
        return
    if token.isascii() or not _SPACELESS.search(token):
        yield token
        return
    word = ""
    for character in token:
        spaceless = _SPACELESS.match(character) is not None
        mark = unicodedata.category(character).startswith("M")
        if word and not mark and (spaceless or _SPACELESS.match(word)):
            yield word
            word = ""
        word += character
    yield word


@lru_cache(maxsize=2**16)
def _pair(word: str, language: str | None) -> tuple[str, str]:
    if language is None or any(map(str.isdigit, word)):
        return word, word
    # A stemmer keeps the word it is at in itself, so that threads cannot share one.
    stem: str = snowballstemmer.stemmer(STEMMERS[language]).stemWord(word)
    return word, stem or word
