"""Features that a document has for every query: popularity, price, age."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import numpy as np
from haystack import Document, default_from_dict, default_to_dict
from numpy.typing import NDArray

from ltrr_haystack.catalogue.fields import field_value, require_fields
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.candidate_features.protocol import name_part
from ltrr_haystack.types import Understanding

SECONDS_OF_A_DAY = 86_400.0
SIGNS: Mapping[str | None, int] = MappingProxyType({"increasing": 1, "decreasing": -1, None: 0})
"""How a score may depend on a feature → LightGBM's `monotone_constraints`."""


class MetadataFeatures:
    """
    Takes numbers and dates from the metadata of documents.

    For each field there is one feature, under a name such as `static.meta.popularity.log1p`; it is unknown where the
    field has no number or date.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack import Understanding
    from ltrr_haystack.ranking.candidate_features import MetadataFeatures

    features = MetadataFeatures({
        "meta.popularity": {"transform": "log1p", "monotone": "increasing"},
        "meta.published": {"transform": "age_days"},
    })
    features.compute(Understanding("news", "news"), [Document(meta={"popularity": 99, "published": "2026-01-31"})])
    ```
    """

    def __init__(self, fields: Mapping[str, Mapping[str, Any] | None]) -> None:
        """
        Create MetadataFeatures.

        :param fields: Field → its settings. `transform`: `identity` (the default) for the number as it is; `log1p` for
            sign(x)·log(1 + |x|); `age_days` for the days from a date until the search, where a date is ISO 8601 text,
            in UTC unless it says otherwise, a `datetime.date`, or a number of seconds since 1970. `monotone`:
            `increasing` if a document may never be ranked lower for a larger value of the feature, `decreasing` for the
            contrary, `None` (the default) if people decide.
        :raises ConfigurationError: If a name is no field, or a setting is none of these.
        """
        self.fields = {name: dict(settings or {}) for name, settings in fields.items()}
        require_fields(self.fields, "MetadataFeatures")
        columns = [_column(name, **_checked(name, settings)) for name, settings in self.fields.items()]
        self.names = tuple(name for name, _, _ in columns)
        self.monotone = {name: sign for name, _, sign in columns if sign}
        self._reads = tuple((field, read) for field, (_, read, _) in zip(self.fields, columns, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """
        Describe the features as Haystack writes them into YAML.

        :returns: A dictionary from which `from_dict` makes features like these.
        """
        return default_to_dict(self, fields=self.fields)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "MetadataFeatures":
        """
        Make features from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The features.
        """
        return default_from_dict(cls, data)

    def compute(self, understanding: Understanding, documents: Sequence[Document]) -> NDArray[np.float64]:  # noqa: ARG002
        """
        Compute the features.

        :param understanding: The query, which does not matter here.
        :param documents: The candidates.
        :returns: One row per document and one column per name; NaN for what is not known.
        """
        now = time.time()
        rows = [[read(field_value(document, field), now) for field, read in self._reads] for document in documents]
        return np.array(rows, dtype=np.float64).reshape(len(documents), len(self.names))


def identity(value: Any, now: float = 0.0) -> float:  # noqa: ARG001
    """
    Read a number.

    :param value: What a document has.
    :param now: Not used.
    :returns: The number; NaN if it is none, or not finite. Truth values count as 0 and 1.
    """
    try:
        number = float(value) if isinstance(value, int | float | np.number) else math.nan
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def log1p(value: Any, now: float = 0.0) -> float:  # noqa: ARG001
    """
    Read a number on a logarithmic scale.

    :param value: What a document has.
    :param now: Not used.
    :returns: sign(x)·log(1 + |x|); NaN if it is no number.
    """
    number = identity(value)
    return math.copysign(math.log1p(abs(number)), number)


def age_days(value: Any, now: float) -> float:
    """
    Read how long ago a date was.

    :param value: What a document has: ISO 8601 text, a date, or seconds since 1970.
    :param now: Seconds since 1970.
    :returns: Days, negative for a date in the future; NaN if it is no date.
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, datetime):
            value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan
    return math.nan if isinstance(value, bool) else (now - identity(value)) / SECONDS_OF_A_DAY


TRANSFORMS: Mapping[str, Callable[[Any, float], float]] = MappingProxyType(
    {"identity": identity, "log1p": log1p, "age_days": age_days}
)


def _column(field: str, transform: str, monotone: str | None) -> tuple[str, Callable[[Any, float], float], int]:
    return f"static.{name_part(field)}.{transform}", TRANSFORMS[transform], SIGNS[monotone]


def _checked(field: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {"transform": "identity", "monotone": None, **settings}
    unknown = set(chosen) - {"transform", "monotone"}
    if unknown or chosen["transform"] not in TRANSFORMS or chosen["monotone"] not in SIGNS:
        raise ConfigurationError(
            f"field '{field}' of MetadataFeatures has the settings {dict(settings)}; expected transform as one of "
            f"{', '.join(TRANSFORMS)}, and monotone as increasing, decreasing or null"
        )
    return chosen
