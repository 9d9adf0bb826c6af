"""Text analysis: tokenizes texts into words, stems or character trigrams."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from ltrr_haystack.catalogue.analysis import STEMMERS
from ltrr_haystack.errors import ConfigurationError

WORDS, UNSTEMMED, TRIGRAMS = "words", "unstemmed", "trigrams"
ANALYSES = (WORDS, UNSTEMMED, TRIGRAMS)

WITHOUT_STOP_WORDS = frozenset(("ar", "el", "ro", "ta", "tr"))
"""Languages for which tantivy has a stemmer but no list of stop words."""

LONGEST_TOKEN = 255
"""Maximum length of a token in bytes; longer ones are dropped."""

LONGEST_QUERY = 100_000
"""Maximum length of a query in characters; the rest is ignored."""

MOST_TOKENS = 1024
"""Maximum number of distinct tokens of a query, like Lucene's limit for the clauses of a query."""

_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
_WORD = rf"[{_SPACELESS}]\p{{M}}*|[\w--[{_SPACELESS}_]]+"
"""
In scripts that are written without spaces, every letter is a token, so that words can be found within a text. In all
others, a token is a word with its combining marks.
"""
_RUNS = re.compile(r"\w+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Language:
    """
    The language of an index, which decides on stemming and stop words.

    :param code: ISO 639-1 code, or `None` for no stemming.
    :param stop_words: Whether to drop the language's stop words.
    """

    code: str | None = None
    stop_words: bool = False

    def __post_init__(self) -> None:
        if self.code is not None and self.code not in STEMMERS:
            raise ConfigurationError(f"language must be None or one of {', '.join(STEMMERS)}; got {self.code!r}")
        if self.stop_words and (self.code is None or self.code in WITHOUT_STOP_WORDS):
            having = ", ".join(code for code in STEMMERS if code not in WITHOUT_STOP_WORDS)
            raise ConfigurationError(f"stop_words needs one of the languages {having}; got language={self.code!r}")


def tokenizer_name(analysis: str, language: Language) -> str:
    """
    Name an analyzer. The name is part of the schema, so that an index is not read with another analyzer.

    :param analysis: One of `ANALYSES`.
    :param language: The language.
    :returns: The name.
    """
    if analysis == TRIGRAMS:
        return "trigrams-1"
    stop = "-stop" if language.stop_words else ""
    stem = f"-{language.code}" if language.code and analysis == WORDS else ""
    return f"words{stem}{stop}-1"


@cache
def analyzer(analysis: str, language: Language) -> TextAnalyzer:
    """
    Make an analyzer, for documents and queries alike.

    :param analysis: One of `ANALYSES`.
    :param language: The language.
    :returns: The analyzer, for texts from `normalize`.
    """
    if analysis == TRIGRAMS:
        trigrams = TextAnalyzerBuilder(Tokenizer.ngram(3, 3))
        return trigrams.filter(Filter.lowercase()).filter(Filter.ascii_fold()).build()
    words = TextAnalyzerBuilder(Tokenizer.regex(_WORD)).filter(Filter.remove_long(LONGEST_TOKEN))
    words = words.filter(Filter.lowercase())
    if language.code is not None:
        name = STEMMERS[language.code]
        if language.stop_words:
            words = words.filter(Filter.stopword(name))
        if analysis == WORDS:
            words = words.filter(Filter.stemmer(name))
    # Accents are removed last, since stemmers need them.
    return words.filter(Filter.ascii_fold()).build()


def normalize(text: str, analysis: str) -> str:
    """
    Normalise a text for an analyzer.

    :param text: Any text, also with lone surrogates and NUL.
    :param analysis: One of `ANALYSES`.
    :returns: The text in Unicode's compatibility composed form (NFKC). For trigrams, words are separated and surrounded
        by single spaces, so that beginnings and ends of words are trigrams as well.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _SURROGATES.sub("?", text))
    return f" {' '.join(_RUNS.findall(text))} " if analysis == TRIGRAMS else text


def tokenize(text: str, analysis: str, language: Language) -> list[str]:
    """
    Tokenize a query.

    :param text: The query.
    :param analysis: One of `ANALYSES`.
    :param language: The language.
    :returns: The distinct tokens, ordered by their last occurrence; at most `MOST_TOKENS` of the first `LONGEST_QUERY`
        characters.
    """
    found = analyzer(analysis, language).analyze(normalize(text[:LONGEST_QUERY], analysis))
    return list(dict.fromkeys(reversed(found)))[::-1][:MOST_TOKENS]
