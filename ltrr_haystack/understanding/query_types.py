"""
The type of a query, as far as its form alone can tell.

The types are Broder's (A taxonomy of web search, SIGIR Forum 2002) as site search uses them: one thing is sought
(navigational), things of a sort (topical), a wide field (broad), an answer (question). Without a lexicon a name of one
word ("radiohead") looks like a broad query; an annotator that knows the catalogue may say otherwise.
"""

import re

from ltrr_haystack.types import QueryType


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


QUESTION_WORDS = {
    "en": "what whats who whos whom whose when where which why how",
    "de": "was wer wie wo wann warum wieso weshalb welche welcher welches wem wen wessen woher wohin",
    "fr": "que quoi qui quand ou comment pourquoi combien quel quelle quels quelles",
    "es": "que quien quienes cuando donde como cual cuales cuanto cuantos cuanta cuantas",
    "it": "che chi quando dove come perche quale quali quanto quanti quanta quante",
    "pt": "que quem quando onde como qual quais quanto quantos quanta quantas",
    "nl": "wat wie waar wanneer waarom hoe welke welk hoeveel",
    "sv": "vad vem nar var varfor hur vilken vilket vilka",
    "pl": "co kto kiedy gdzie dlaczego jak jaki jaka jakie ktory ktora ktore czy ile",
    "tr": "ne kim neden nicin nasil nerede hangi kac",
    "ru": "что кто когда где куда откуда почему зачем как какой какая какое какие сколько чей",
    "uk": "що хто коли де куди звідки чому навіщо як який яка яке які скільки чий",
    "el": "τι ποιοσ ποια ποιο που ποτε γιατι πωσ ποσο ποσα",
    "ar": "ماذا متى أين لماذا كيف هل كم",
    "fa": "چه چرا چگونه کجا کی چند آیا",
    "hi": "क्या कौन कब कहाँ क्यों कैसे कितना कितने",
    "ko": "무엇 뭐 왜 어떻게 어디 언제 누구",
}
"""Language → words that open a question, in normal form."""

AMBIGUOUS = _words(
    "was wie wo wen que qui ou quand come dove chi che como quando quale qual var co jak ne kim kac de hur vad "
    "ile τι που كم کی چه چند"
)
"""Question words that are common words or names elsewhere: they count only in a query of their own language."""

_WORDS = {language: _words(words) for language, words in QUESTION_WORDS.items()}
_ANYWHERE = frozenset().union(*_WORDS.values()) - AMBIGUOUS
_AUXILIARIES = _words("is are am was were do does did can could should would will has have")
_SUBJECTS = _words("i you he she it we they there the a an this that these those my your our his her their")
_UNSPACED_QUESTION = re.compile(
    "什么|什麼|怎么|怎麼|为什|為什|如何|哪里|哪裡|哪个|谁|誰|多少|吗$|嗎$|なぜ|どう|どこ|いつ|何[がをはでの]|ですか|ますか"
)
_QUESTION_MARKS = "?？؟⸮՞፧;"
_AFTER_QUESTION_MARK = " !！\"'”»)"
_GREEK = re.compile("[\u0370-\u03ff]")

_QUOTED = re.compile(r"""^\s*(["“„«'‘]).+["”“»'’]\s*$""")
_ADDRESS = re.compile(r"^\s*(https?://|www\.)?[\w-]+(\.[\w-]+)*\.[a-z]{2,}(/\S*)?\s*$", re.IGNORECASE)
_MIXED = re.compile(r"(?=.*\d)(?=.*[^\W\d_]).{4,}")
_MEASURE = re.compile(r"\d+([.,x/]\d+)*([^\W\d_]{0,4}|[\"'%])")
_LONG_NUMBER = re.compile(r"\d{5,}")
_NUMBER = re.compile(r"\d{1,4}")
_YEAR = re.compile(r"(1[89]|20)\d\d")
_LISTED = _words("best top greatest most latest newest new cheapest only")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)

MIN_QUESTION_WORDS = 3
BROAD_CHARACTERS = 3


def query_type(query: str, tokens: tuple[str, ...], language: str = "und") -> QueryType:
    """
    Tell the type of a query by its form; the first rule that holds decides.

    1. *question*: it ends in a question mark, or has at least three words and opens with a question word ("how to
       tie a tie") or with an auxiliary and its subject ("can i return shoes"). Chinese and Japanese are looked through
       for their question words.
    2. *navigational*: the whole query is in quotes; is a web address; has a word of letters and digits that is no
       measure (`wh1000xm4`, not `500gb`), or a number of five digits or more; is one word and a number that is no
       year ("windows 10"); joins two names with `&`; or opens with "the" as names do ("the beatles", not "the best").
    3. *broad*: it is one word, or at most three characters in a script without spaces.
    4. *topical*: everything else.

    :param query: The query as it was typed.
    :param tokens: The words of its normal form.
    :param language: ISO 639-1 code, or `und`; question words that mean something else in another language count only
        in their own.
    :returns: The type.
    """
    if _asks(query, tokens, language):
        return "question"
    if _names_one_thing(query, tokens):
        return "navigational"
    return "broad" if _is_one_word(tokens) else "topical"


def _asks(query: str, tokens: tuple[str, ...], language: str) -> bool:
    ending = query.rstrip(_AFTER_QUESTION_MARK)[-1:]
    if ending and ending in _QUESTION_MARKS and (ending != ";" or _GREEK.search(query)):
        return any(token.strip(_QUESTION_MARKS + "!") for token in tokens)
    if _UNSPACED_QUESTION.search(query):
        return True
    if len(tokens) < MIN_QUESTION_WORDS:
        return False
    opening = tokens[0]
    return (
        opening in _ANYWHERE
        or opening in _WORDS.get(language, ())
        or (opening in _AUXILIARIES and tokens[1] in _SUBJECTS)
    )


def _names_one_thing(query: str, tokens: tuple[str, ...]) -> bool:
    if _QUOTED.match(query) or _ADDRESS.match(query):
        return True
    if any(_is_identifier(token) for token in tokens):
        return True
    if len(tokens) == 2 and _NUMBER.fullmatch(tokens[1]) and tokens[0].isalpha():
        return not _YEAR.fullmatch(tokens[1]) and tokens[0] not in _LISTED
    if len(tokens) > 1 and tokens[0] == "the":
        return tokens[1] not in _LISTED
    return " & " in query


def _is_identifier(token: str) -> bool:
    if _LONG_NUMBER.fullmatch(token):
        return True
    return _MIXED.fullmatch(token) is not None and _MEASURE.fullmatch(token) is None


def _is_one_word(tokens: tuple[str, ...]) -> bool:
    return len(tokens) == 1 and (len(tokens[0]) <= BROAD_CHARACTERS or not _UNSPACED.match(tokens[0]))
