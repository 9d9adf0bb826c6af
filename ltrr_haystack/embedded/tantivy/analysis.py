"""How texts become what is looked up: words, their stems, or three characters at a time."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from ltrr_haystack.errors import ConfigurationError

WORDS, UNSTEMMED, TRIGRAMS = "words", "unstemmed", "trigrams"
ANALYSES = (WORDS, UNSTEMMED, TRIGRAMS)

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
"""ISO 639-1 → the Snowball stemmer of tantivy."""

WITHOUT_STOP_WORDS = frozenset(("ar", "el", "ro", "ta", "tr"))
"""Languages for which tantivy has a stemmer, and no list of stop words."""

LONGEST_TOKEN = 255
"""Bytes. What is longer is no word that anybody types, and tantivy would cut an index's vocabulary short of it."""

LONGEST_QUERY = 100_000
"""Characters of a query that are read."""

MOST_TOKENS = 1024
"""Distinct tokens of a query that are looked up, as Lucene's limit for the clauses of a query."""

_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
_WORD = rf"[{_SPACELESS}]\p{{M}}*|[\w--[{_SPACELESS}_]]+"
"""
A letter at a time in scripts that are written without spaces, so that a word can be found within a text; whole words in
all others, with their combining marks.
"""
_RUNS = re.compile(r"\w+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Language:
    """
    How words are brought to their stems.

    :param code: ISO 639-1, or `None` to leave them as they are.
    :param stop_words: Whether the language's most common words are left out.
    """

    code: str | None = None
    stop_words: bool = False

    def __post_init__(self) -> None:
        if self.code is not None and self.code not in STEMMERS:
            raise ConfigurationError(f"language must be None or one of {', '.join(STEMMERS)}; got {self.code!r}")
        if self.stop_words and (self.code is None or self.code in WITHOUT_STOP_WORDS):
            having = ", ".join(code for code in STEMMERS if code not in WITHOUT_STOP_WORDS)
            raise ConfigurationError(f"stop_words are known of the languages {having}; got language={self.code!r}")


def tokenizer_name(analysis: str, language: Language) -> str:
    """
    Name an analyzer; an index made by another analyzer is of another schema.

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
    Make an analyzer; documents and queries go through the same one.

    :param analysis: One of `ANALYSES`.
    :param language: The language.
    :returns: The analyzer, for texts that `prepared` has given.
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
    # Accents last: stemmers need them.
    return words.filter(Filter.ascii_fold()).build()


def prepared(text: str, analysis: str) -> str:
    """
    Bring a text into the form that analyzers read.

    :param text: Any text, lone surrogates and NUL included.
    :param analysis: One of `ANALYSES`.
    :returns: Unicode's compatible composed form (NFKC); for trigrams, words set apart by one space, so that the
        beginning and the end of a word are trigrams, too.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _SURROGATES.sub("?", text))
    return f" {' '.join(_RUNS.findall(text))} " if analysis == TRIGRAMS else text


def tokens(text: str, analysis: str, language: Language) -> list[str]:
    """
    Give what a query looks up.

    :param text: The query.
    :param analysis: One of `ANALYSES`.
    :param language: The language.
    :returns: The distinct tokens, in the order in which they came last; at most `MOST_TOKENS` of the first
        `LONGEST_QUERY` characters.
    """
    found = analyzer(analysis, language).analyze(prepared(text[:LONGEST_QUERY], analysis))
    return list(dict.fromkeys(reversed(found)))[::-1][:MOST_TOKENS]
