"""All features of candidates that a ranker has, beside those of the arms."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from haystack import Document, default_to_dict
from haystack.core.serialization import default_from_dict, import_class_by_name
from numpy.typing import NDArray

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.candidate_features.protocol import CandidateFeatures, as_logged, logged_name, monotone_of
from ltrr_haystack.store import Outage
from ltrr_haystack.types import Understanding

LONGEST_NAME = 200
_NAME = re.compile(r"[!-~]+")
_FORBIDDEN = frozenset('",:[]{}')
"""Characters that LightGBM refuses in names."""


class CombinedFeatures:
    """
    Features of several kinds, side by side, as they are logged.

    What fails costs its own features and nothing else: they are unknown until it is mended, and the log says so once.
    A feature that is declared monotone is logged as `name.increasing` or `name.decreasing`, by which training knows it.

    In the YAML of a pipeline:
    ```yaml
    features:
      type: ltrr_haystack.ranking.candidate_features.combined.CombinedFeatures
      init_parameters:
        parts:
          - type: ltrr_haystack.ranking.candidate_features.text.TextFeatures
            init_parameters:
              fields: [content, meta.title]
              language: en
              store:
                type: ltrr_haystack.store.store.LTRRStore
                init_parameters:
                  url: {type: env_var, env_vars: [LTRR_STORE_URL], strict: true}
          - type: ltrr_haystack.ranking.candidate_features.metadata.MetadataFeatures
            init_parameters:
              fields:
                meta.popularity: {transform: log1p, monotone: increasing}
    ```

    :param parts: The features of each kind.
    :raises ConfigurationError: If two features have one name, or a name cannot be logged.
    """

    def __init__(self, parts: Sequence[CandidateFeatures]) -> None:
        self.parts = list(parts)
        self.names: tuple[str, ...] = tuple(
            logged_name(name, monotone_of(part).get(name, 0)) for part in self.parts for name in part.names
        )
        self._outages = [Outage(f"Ranking goes on without {type(part).__name__}") for part in self.parts]
        _require_names(self.names)

    def warm_up(self) -> None:
        """Load what the parts need."""
        self._each("warm_up")

    def close(self) -> None:
        """Release what the parts hold."""
        self._each("close")

    def compute(self, understanding: Understanding, documents: Sequence[Document]) -> NDArray[np.float64]:
        """
        Compute all features; never raises.

        :param understanding: The query.
        :param documents: The candidates.
        :returns: One row per document and one column per name, each value in half precision and finite, or NaN where it
            is not known.
        """
        columns = [
            self._of_part(part, outage, understanding, documents)
            for part, outage in zip(self.parts, self._outages, strict=True)
        ]
        values = np.hstack(columns) if columns else np.empty((len(documents), 0))
        values[~np.isfinite(values)] = np.nan
        return as_logged(values)

    def to_dict(self) -> dict[str, Any]:
        """
        Describe the features as Haystack writes them into YAML.

        :returns: A dictionary from which `from_dict` makes features like these.
        """
        return default_to_dict(self, parts=[part.to_dict() for part in self.parts])

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "CombinedFeatures":
        """
        Make features from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The features.
        :raises ConfigurationError: If a part has no `type`.
        """
        return cls([_part(each) for each in data.get("init_parameters", {}).get("parts", [])])

    def _of_part(
        self, part: CandidateFeatures, outage: Outage, understanding: Understanding, documents: Sequence[Document]
    ) -> NDArray[np.float64]:
        shape = (len(documents), len(part.names))
        try:
            values = np.asarray(part.compute(understanding, documents), dtype=np.float64)
            if values.shape != shape:
                raise ValueError(f"expected {shape[0]} rows and {shape[1]} columns, got the shape {values.shape}")
        except Exception as error:  # noqa: BLE001 (without some of its features a search is still a search)
            outage.report(error)
            return np.full(shape, np.nan)
        outage.mended()
        return values

    def _each(self, method: str) -> None:
        for part in self.parts:
            if callable(call := getattr(part, method, None)):
                call()


def _require_names(names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigurationError(f"the features {', '.join(twice)} are computed twice; give each a name of its own")
    for name in names:
        if len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or _FORBIDDEN.intersection(name):
            raise ConfigurationError(
                f"the name {name[:LONGEST_NAME]!r} of a feature must be 1 to {LONGEST_NAME} printable ASCII characters "
                f"without spaces and without any of {' '.join(sorted(_FORBIDDEN))}"
            )


def _part(described: Any) -> CandidateFeatures:
    if not isinstance(described, dict) or not isinstance(described.get("type"), str):
        raise ConfigurationError(f"each part of CombinedFeatures must have a 'type', got {described!r}")
    kind: Any = import_class_by_name(described["type"])
    part: CandidateFeatures = (
        kind.from_dict(described) if hasattr(kind, "from_dict") else default_from_dict(kind, described)
    )
    return part
