"""What an intent classifier learns from: queries with the categories that they are after."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.understanding import normal_form

Source = Literal["labels", "clicks"]

LONGEST_CATEGORY = 100
MOST_CATEGORIES = 100
"""The most categories that are told apart: those of most queries."""

FEWEST_QUERIES = 5
"""Queries that a category needs."""


@dataclass(frozen=True, slots=True)
class IntentLabels:
    """
    Queries with their categories.

    :param shares: Normal form → category → share of the query that is after it; the shares of a query sum to 1.
    :param source: Where they come from.
    :param left_out: Why something was left out → how much.
    :param decisions: Settled decisions that were read.
    :param until: Place of the newest of them in the log; 0 for labels.
    """

    shares: Mapping[str, Mapping[str, float]] = field(repr=False)
    source: Source
    left_out: Mapping[str, int] = field(default_factory=dict)
    decisions: int = 0
    until: int = 0

    @classmethod
    def of_weights(
        cls,
        weights: Mapping[str, Mapping[str, float]],
        source: Source = "labels",
        left_out: Mapping[str, int] | None = None,
        decisions: int = 0,
        until: int = 0,
    ) -> "IntentLabels":
        """
        Make labels of weights of any sum.

        Categories of fewer than `FEWEST_QUERIES` queries, or beyond the `MOST_CATEGORIES` most frequent, are left out;
        so is a query with no other.

        :param weights: Normal form → category → weight, above 0.
        :param source: Where they come from.
        :param left_out: Why something was left out before → how much.
        :param decisions: Settled decisions that were read.
        :param until: Place of the newest of them in the log.
        :returns: The labels, queries in alphabetical order.
        """
        queries = Counter(category for own in weights.values() for category in own)
        frequent = sorted(queries, key=lambda category: (-queries[category], category))[:MOST_CATEGORIES]
        kept = {category for category in frequent if queries[category] >= FEWEST_QUERIES}
        shares = {form: shared for form in sorted(weights) if (shared := _shared(weights[form], kept))}
        counted = {
            **(left_out or {}),
            f"categories of fewer than {FEWEST_QUERIES} queries or beyond {MOST_CATEGORIES}": len(queries) - len(kept),
            "queries of no other category": len(weights) - len(shares),
        }
        return cls(shares, source, {reason: count for reason, count in counted.items() if count}, decisions, until)

    @property
    def categories(self) -> tuple[str, ...]:
        """All categories, in alphabetical order."""
        return tuple(sorted({category for own in self.shares.values() for category in own}))


def read_labels(path: Path) -> IntentLabels:
    """
    Read a file of labels.

    It has one label a line: `query<TAB>category`, or JSON objects `{"query": "sad songs", "category": "song"}`. A query
    that has several lines is after each of their categories by as much as it has lines of it. Empty lines are ignored.

    :param path: The file, in UTF-8.
    :returns: The labels.
    :raises InvalidInputError: If the file cannot be read, or a line is no label; the message names the line.
    """
    weights: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for query, category in _labels(path):
        weights[query][category] += 1
    if not weights:
        raise InvalidInputError(f"'{path}' has no labels; expected lines like 'sad songs<TAB>song'")
    return IntentLabels.of_weights(weights)


def is_text(name: str) -> bool:
    """
    Tell whether a name can be written down.

    :param name: The name of a category.
    :returns: Whether it has no lone surrogates.
    """
    return name.encode(errors="replace").decode() == name


def _labels(path: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"the labels '{path}' cannot be read: {error}; expected text in UTF-8") from error
    is_json = next((line for line in lines if line.strip()), "").lstrip().startswith("{")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                query, category = _json_label(line) if is_json else _tab_label(line)
                yield _checked(query, category)
            except ValueError as error:
                raise InvalidInputError(f"line {number} of '{path}': {error}") from error


def _tab_label(line: str) -> tuple[str, str]:
    parts = line.rstrip("\r").split("\t")
    if len(parts) != 2:
        raise ValueError(f"it has {len(parts) - 1} tabs, expected query<TAB>category, such as 'sad songs<TAB>song'")
    return parts[0], parts[1]


def _json_label(line: str) -> tuple[str, str]:
    expected = 'expected a JSON object such as {"query": "sad songs", "category": "song"}'
    try:
        label = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{expected}, and it is no JSON: {error}") from error
    if not isinstance(label, dict) or not all(isinstance(label.get(key), str) for key in ("query", "category")):
        raise ValueError(f"{expected}, with texts for both")
    return label["query"], label["category"]


def _checked(query: str, category: str) -> tuple[str, str]:
    form, name = normal_form(query), category.strip()
    if not form:
        raise ValueError("its query has no visible character")
    if not name or len(name) > LONGEST_CATEGORY:
        raise ValueError(f"its category has {len(name)} characters, expected 1 to {LONGEST_CATEGORY}")
    if not is_text(name):
        raise ValueError("its category cannot be written in UTF-8")
    return form, name


def _shared(weights: Mapping[str, float], kept: set[str]) -> dict[str, float]:
    own = {category: weight for category, weight in sorted(weights.items()) if category in kept and weight > 0}
    total = sum(own.values())
    return {category: weight / total for category, weight in own.items()}
