"""What is understood of a query, and the key under which evidence for it is kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer

from ltrr_haystack.frozen_value import FrozenValue

QueryType = Literal["navigational", "topical", "broad", "question"]


@dataclass(frozen=True, slots=True)
class Interpretation(FrozenValue):
    """
    One reading of a query.

    :param slots: Field → value, as the catalogue's metadata names them.
    :param leftover: The text that no slot took.
    :param probability: How likely this reading is, 0 to 1.
    """

    slots: Mapping[str, str]
    leftover: str
    probability: float


@dataclass(frozen=True, slots=True)
class Understanding(FrozenValue):
    """
    What QueryUnderstanding says of a query.

    :param query: The query as it was typed, without control characters.
    :param normal_form: The key under which the query is remembered: equal for queries that mean the same letters.
    :param tokens: The words of the normal form.
    :param language: ISO 639-1 code, or `und` where it cannot be told.
    :param query_type: Navigational (one thing is sought), topical, broad, or a question.
    :param has_digits: Whether a digit occurs.
    :param weekday: Day of the search, 0 for Monday to 6 for Sunday.
    :param day_part: `night`, `morning`, `afternoon` or `evening`.
    :param intents: Intent → probability.
    :param interpretations: The likeliest readings, best first.
    :param weekend: Whether the day is of the weekend, by the country where one is configured.
    :param holiday: Name of the public holiday, where a country is configured and the day is one.
    """

    query: str
    normal_form: str
    tokens: tuple[str, ...] = ()
    language: str = "und"
    query_type: QueryType = "topical"
    has_digits: bool = False
    weekday: int = 0
    day_part: str = "morning"
    intents: Mapping[str, float] = field(default_factory=dict)
    interpretations: tuple[Interpretation, ...] = ()
    weekend: bool = False
    holiday: str | None = None


def _filters_text(filters: Mapping[str, Any]) -> str:
    return json.dumps(filters, sort_keys=True, default=str)


LoggedFilters = Annotated[
    Mapping[str, Any] | None,
    PlainSerializer(lambda filters: None if filters is None else json.loads(_filters_text(filters))),
]
"""Haystack filters; what in them has no JSON form, such as a date, is logged as its text."""


def evidence_key(normal_form: str, filters: Mapping[str, Any] | None = None) -> str:
    """
    Give the key under which evidence for a query is kept.

    Whoever filters a search chooses what it can show. What people do with such a page therefore is evidence for the
    query with these filters, and not for the query alone.

    :param normal_form: The query's normal form.
    :param filters: The search's Haystack filters, if there are any.
    :returns: The normal form itself for an unfiltered search; for a filtered one followed by a tab, which no normal
        form holds, and a digest of the filters.
    """
    if not filters:
        return normal_form
    return f"{normal_form}\t{blake2b(_filters_text(filters).encode(errors='replace'), digest_size=8).hexdigest()}"


def normal_form_of(key: str) -> str:
    """
    Tell what a key of evidence is of, whatever the search was filtered by.

    :param key: What `evidence_key` gave.
    :returns: The query's normal form.
    """
    return key.partition("\t")[0]
