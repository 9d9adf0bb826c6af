"""Scores raised by what a document is, whatever was asked: how popular, and how new."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from haystack import Document

from ltrr_haystack.errors import ConfigurationError

META = "meta."
DAY = 86_400.0
RANK_OFFSET = 60.0
"""Where a document has no score, its rank r counts as 1 / (60 + r)."""


@dataclass(frozen=True, slots=True)
class QualityField:
    """
    A field of the metadata that raises scores.

    :param field: The field, such as `meta.plays`.
    :param weight: What it adds to the factor at most.
    :param half_at: The number, or the age in days, at which half of the weight is added.
    """

    field: str
    weight: float
    half_at: float

    @classmethod
    def of(cls, setting: str, given: Mapping[str, Any] | None) -> "QualityField | None":
        """
        Make a field from the settings of a component.

        :param setting: The setting's name, for the error.
        :param given: `{"field": …, "weight": …, "half_at": …}`, or `None` for none.
        :returns: The field, or `None`.
        :raises ConfigurationError: If a setting is missing, unknown or not positive, or the field is no metadata.
        """
        if given is None:
            return None
        if not isinstance(given, Mapping) or set(given) != {"field", "weight", "half_at"}:
            raise ConfigurationError(f"{setting} must be {{'field': …, 'weight': …, 'half_at': …}}, got {given!r}")
        path = given["field"]
        if not isinstance(path, str) or not path.startswith(META) or not all(path.split(".")):
            raise ConfigurationError(f"{setting}: field must be a metadata field such as 'meta.plays', got {path!r}")
        for name in ("weight", "half_at"):
            number = given[name]
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < math.inf:
                raise ConfigurationError(f"{setting}: {name} must be a number above 0, got {number!r}")
        return cls(path, float(given["weight"]), float(given["half_at"]))


def saturation(number: float, half_at: float) -> float:
    """
    Give the saturation of a number: `n / (n + half_at)`.

    It is that of Lucene's `FeatureField` and Elasticsearch's `rank_feature`, after Craswell, Robertson, Zaragoza and
    Taylor, "Relevance weighting for query independent evidence" (SIGIR 2005).

    :param number: The number; negative ones count as 0.
    :param half_at: The number whose saturation is a half, above 0.
    :returns: A share from 0 to 1 that grows with the number.
    """
    if not number > 0:
        return 0.0
    return 1.0 / (1.0 + half_at / number)


def freshness(age: float, half_at: float) -> float:
    """
    Give the freshness of an age: `half_at / (half_at + age)`.

    It is that of Lucene's `LongPoint.newDistanceFeatureQuery` and Elasticsearch's `distance_feature`.

    :param age: Days; those of a time to come count as 0.
    :param half_at: The age whose freshness is a half, above 0.
    :returns: A share from 0 to 1 that falls with the age.
    """
    return half_at / (half_at + max(age, 0.0))


@dataclass(frozen=True, slots=True)
class Quality:
    """
    Raises scores by popularity and freshness.

    A score is multiplied by `1 + popularity.weight · saturation + freshness.weight · freshness`. The factor is 1 for a
    document without numbers, grows with popularity, falls with age, and stays below the sum of 1 and both weights. So
    of two documents with equal scores the more popular one comes first, and none is moved past another whose score is
    higher by more than that factor.

    :param popularity: A field with a number that grows with popularity.
    :param freshness: A field with a date in ISO 8601, a `datetime` or `date`, or a year.
    """

    popularity: QualityField | None = None
    freshness: QualityField | None = None

    def factor(self, document: Document, now: float) -> float:
        """
        Give the factor of a document.

        :param document: The document.
        :param now: The present in seconds since 1970, UTC.
        :returns: The factor, at least 1.
        """
        factor = 1.0
        if (field := self.popularity) is not None:
            factor += field.weight * saturation(_number(_value(document, field.field)), field.half_at)
        if (field := self.freshness) is not None and (dated := _seconds(_value(document, field.field))) is not None:
            factor += field.weight * freshness((now - dated) / DAY, field.half_at)
        return factor

    def rescored(self, documents: Sequence[Document], now: float) -> list[Document]:
        """
        Order the documents of one result by their raised scores.

        Scores of 0 and below stay as they are. Where a document has no score, the ranks count in place of the scores.

        :param documents: The documents, best first.
        :param now: The present in seconds since 1970, UTC.
        :returns: New documents with raised scores, best first; equal ones stay in their order.
        """
        if self.popularity is None and self.freshness is None:
            return list(documents)
        raised = [
            replace(document, score=score * self.factor(document, now) if score > 0 else score)
            for document, score in zip(documents, _scores(documents), strict=True)
        ]
        return sorted(raised, key=lambda document: -(document.score or 0.0))


def _scores(documents: Sequence[Document]) -> list[float]:
    given = [document.score for document in documents]
    known = [float(score) for score in given if isinstance(score, int | float) and math.isfinite(score)]
    if len(known) == len(given):
        return known
    return [1.0 / (RANK_OFFSET + rank) for rank in range(1, len(given) + 1)]


def _value(document: Document, path: str) -> Any:
    value: Any = document.meta
    for name in path.removeprefix(META).split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else 0.0


def _seconds(value: Any) -> float | None:
    """Seconds since 1970 of a date; a whole number is a year."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            value = datetime(value, 1, 1, tzinfo=UTC)
        elif isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if not isinstance(value, datetime):
            return None
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
