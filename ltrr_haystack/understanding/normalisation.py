"""
The normal form of a query: the key under which the query is remembered.

Queries that mean the same letters get the same key, whatever their case, accents, punctuation and spacing. What
changes the meaning is kept: `c++`, `c#`, `.net`, `r&b`, `3.5`, `17"`, `100%`, `$9`, `p!nk`, `node.js`.
"""

import re
import unicodedata
from collections.abc import Callable


class _CharacterMap(dict[int, str]):
    """A table for `str.translate` that works out each character once."""

    def __init__(self, character: Callable[[str], str]) -> None:
        super().__init__()
        self._character = character

    def __missing__(self, code_point: int) -> str:
        mapped = self._character(chr(code_point))
        if code_point <= 0xFFFF:
            self[code_point] = mapped
        return mapped


_JOINERS = "\u200c\u200d"
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
_IGNORABLE = re.compile("[\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_ARABIC_NON_JOINER = re.compile("(?<=[\u0600-\u06ff])\u200c")
_TRADE_SIGNS = str.maketrans("©®™℗℠", "     ")


def _without_control(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs" or (category == "Cf" and character not in _JOINERS):
        return ""
    if category == "Cc":
        return " " if character.isspace() else ""
    return " " if category in ("Zl", "Zp") else character


def _visible(character: str) -> str:
    if character in _BLANKS or character.isspace():
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cf", "Cs") or _IGNORABLE.match(character) else character


_LETTERS = {
    **dict(zip("øłđħŧıðŋёѐѝ", "oldhtidnееи", strict=True)),
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
}
_SIGNS = {
    **dict.fromkeys("'‘’‛ʼʻ′´", "'"),
    **dict.fromkeys('"“”„‟″', '"'),
    **dict.fromkeys(".,:/+#&%@!", ""),
    "⁄": "/",
    "×": "x",
}
_COMBINING = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_POINTS = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u0652\u0670]")


def _folded(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character] or character
    if character in _LETTERS:
        return _LETTERS[character]
    if _COMBINING.match(character) or _POINTS.match(character):
        return ""
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Ll" and unicodedata.name(character, "").startswith(("LATIN", "GREEK")):
        return "".join(_LETTERS.get(part, part) for part in _decomposed(character))
    if category == "Sk" and character > "\uffff":
        return ""
    return " " if category in ("Sk", "Sm") or category[0] in "PZ" else character


def _decomposed(character: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))


_CLEAN = _CharacterMap(_without_control)
_VISIBLE = _CharacterMap(_visible)
_FOLDED = _CharacterMap(_folded)

_PLAIN = re.compile(r"[a-z0-9 ]*")
_QUOTED = re.compile(r"""(?<![\w"'])(["'])(.+?)\1(?!\w)""")
_ELIDED = re.compile(
    r"""
      (?<=\w) ' (?=[^\W\d])                   # don't, 80's
    | (?<=\b[^\W\d]) \. (?=[^\W\d]\b)         # r.e.m.
    """,
    re.VERBOSE,
)
LETTER_AND_LETTER = re.compile(r"(?<!\S)([^\W\d]) & ([^\W\d])(?!\S)")
"""Two single letters that make one word, such as `r & b`."""

_ANY_SIGN = re.compile(r"""[.,:/+#&"'%@!]""")
_SIGN = re.compile(
    r"""
    (?=[.,:/+#&"'%@!])
    (?: (?P<kept>
        (?<=\d) [.,:/] (?=\d)                 # 3.5  1,000  10:30  24/7
      | (?<=[^\W\d]) [.!] (?=[^\W\d])         # node.js  p!nk
      | (?<!\S) \. (?=[^\W\d])                # .net
      | (?<=\w) \+ (?!\w) | (?<=\+) \+        # google+  c++
      | (?<=\w) \+ (?=\+)
      | (?<=\w) [#]                           # c#
      | (?<=\b\w) & (?=\w) | (?<=\w) & (?=\w\b)   # r&b  m&ms  at&t
      | (?<=\d) ["%]                          # 17"  100%
      | (?<=\d) ' (?![^\W\d])                 # 6'2"
      | (?<=\w) @ (?=\w)                      # me@home
    ) | . )
    """,
    re.VERBOSE,
)


def cleaned(query: str) -> str:
    """
    Take out of a query what nobody meant to type: control and format characters, lone surrogates.

    The joiners that Persian, Indic scripts and emoji need stay.

    :param query: Any text.
    :returns: The text without them, and without white space at its ends.
    """
    if query.isascii() and query.isprintable():
        return query.strip()
    return query.translate(_CLEAN).strip()


def normal_form(query: str) -> str:
    """
    Write a query in its normal form.

    Unicode NFKC and full case folding; accents are folded in the Latin and Greek scripts, optional marks left out in
    Cyrillic, Arabic and Hebrew, and marks that make another letter are kept in all other scripts; digits of every
    script become 0 to 9; punctuation and white space become single spaces, save where they carry meaning. A normal
    form is its own normal form. A query of nothing but punctuation is its own punctuation, so a query with at least
    one visible character never has an empty normal form.

    :param query: Any text.
    :returns: The normal form; empty only if nothing in the query is visible.
    """
    if _PLAIN.fullmatch(query):
        return " ".join(query.split())
    form = query
    for _ in range(4):
        before, form = form, _once(form)
        if form == before or _PLAIN.fullmatch(form):
            break
    return form or " ".join(_caseless(query).split())


def tokens_of(form: str) -> tuple[str, ...]:
    """
    Split a normal form into its words.

    Scripts that are written without spaces (Han, Kana, Thai …) are not segmented.

    :param form: A normal form.
    :returns: Its words in order.
    """
    return tuple(form.split())


def _once(text: str) -> str:
    if not text.isascii():
        text = _ARABIC_NON_JOINER.sub(" ", text.translate(_TRADE_SIGNS))
    folded = _caseless(text).translate(_FOLDED)
    if not folded.isascii():
        folded = unicodedata.normalize("NFKC", folded)
    if not _ANY_SIGN.search(folded):
        return " ".join(folded.split())
    unquoted = _QUOTED.sub(r"\2", folded.replace("''", '"'))
    elided = LETTER_AND_LETTER.sub(r"\1&\2", _ELIDED.sub("", unquoted))
    return " ".join(_SIGN.sub(_kept_or_blank, elided).split())


def _caseless(text: str) -> str:
    """Fold case and compatibility forms, after toNFKC_Casefold of the Unicode Standard, section 3.13."""
    if text.isascii() and text.isprintable():
        return text.lower()
    visible = text.translate(_VISIBLE)
    if visible.isascii():
        return visible.lower()
    for _ in range(2):
        visible = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", visible).casefold())
    return visible


def _kept_or_blank(sign: re.Match[str]) -> str:
    return sign[0] if sign.lastgroup else " "
