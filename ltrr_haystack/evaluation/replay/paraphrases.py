"""
Queries as somebody else would have typed them: misspelt, with their words in another order, or inflected otherwise.

A paraphrase means what the original means, so it has the original's grades. But it is another text: a memory that goes
by what was typed knows nothing of it, while a model of words may.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random

from ltrr_haystack.evaluation.datasets import Query
from ltrr_haystack.understanding import normal_form

SHORTEST_MISSPELT = 4
"""Words shorter than this are misspelt only where no word is longer: people see their mistakes in short words."""

ENDINGS = (
    ("sses", "ss"),
    ("ies", "y"),
    ("ings", "ing"),
    ("ing", "ed"),
    ("ed", "ing"),
    ("ss", "sses"),
    ("s", ""),
    ("", "s"),
)
"""Ending → what it becomes, the first that fits. English alone, and no dictionary: now and then it is no word."""

SHORTEST_STEM = 3

_WORD = re.compile(r"[^\W\d_]+")


def paraphrases(queries: Iterable[Query], seed: int) -> dict[str, Query]:
    """
    Write each query in other words.

    The ways (a typing error, another order of the words, another inflection of one word) are tried in an order that the
    seed draws for each query; the first that gives a text which is none of the queries is taken.

    :param queries: All queries that are known; texts of one normal form are one query.
    :param seed: Another seed gives other paraphrases; what a query's is does not depend on how many others there are,
        as long as it is none of them.
    :returns: Query id → the query with another text, its id and kind unchanged. A query is left out where each way
        gives a text that is known, or none.
    """
    listed = list(queries)
    known = {normal_form(query.text) for query in listed}
    written = ((query, _unknown(query.text, known, Random(f"{seed}:paraphrase:{query.id}"))) for query in listed)
    return {query.id: replace(query, text=text) for query, text in written if text is not None}


def _unknown(text: str, known: set[str], rng: Random) -> str | None:
    ways: list[Callable[[str, Random], Iterator[str]]] = [misspelt, reordered, inflected]
    rng.shuffle(ways)
    attempts = (attempt for way in ways for attempt in way(text, rng))
    return next((attempt for attempt in attempts if normal_form(attempt) not in known), None)


def misspelt(text: str, rng: Random) -> Iterator[str]:
    """
    Make one typing error in one word: two letters swapped, one left out, or one typed twice.

    The first letter of a word stays, as it does when people type.

    :param text: The query.
    :param rng: Where chance comes from.
    :returns: The text with one error, with each kind of error in turn; nothing where no word has two letters.
    """
    words = [word for word in _WORD.finditer(text) if len(word.group()) > 1]
    long = [word for word in words if len(word.group()) >= SHORTEST_MISSPELT]
    if not words:
        return
    word = rng.choice(long or words)
    letters = word.group()
    at = rng.randrange(1, len(letters))
    errors = [letters[:at] + letters[at + 1 :], letters[: at + 1] + letters[at:]]
    if at + 1 < len(letters) and letters[at] != letters[at + 1]:
        errors.append(letters[:at] + letters[at + 1] + letters[at] + letters[at + 2 :])
    rng.shuffle(errors)
    yield from (_with(text, word, error) for error in errors)


def reordered(text: str, rng: Random) -> Iterator[str]:
    """
    Put one word at another place.

    :param text: The query.
    :param rng: Where chance comes from.
    :returns: The text with a word of its front put behind the others, and one with a word of its end put before them;
        nothing for a single word.
    """
    words = text.split()
    if len(words) < 2:
        return
    at = rng.randrange(1, len(words))
    yield " ".join([*words[at:], *words[:at]])
    yield " ".join([words[-1], *words[:-1]])


def inflected(text: str, rng: Random) -> Iterator[str]:
    """
    Inflect one word otherwise: singular for plural, -ing for -ed, and the other way round.

    :param text: The query.
    :param rng: Where chance comes from.
    :returns: The text with one word changed, with each word in turn.
    """
    words = [word for word in _WORD.finditer(text) if len(word.group()) >= SHORTEST_STEM]
    rng.shuffle(words)
    yield from (_with(text, word, _other_ending(word.group())) for word in words)


def _other_ending(word: str) -> str:
    ending, other = next(
        (ending, other)
        for ending, other in ENDINGS
        if word.lower().endswith(ending) and (not ending or len(word) - len(ending) >= SHORTEST_STEM)
    )
    return word[: len(word) - len(ending)] + other


def _with(text: str, word: re.Match[str], instead: str) -> str:
    return text[: word.start()] + instead + text[word.end() :]
