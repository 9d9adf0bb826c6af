"""
The features that candidates are ranked by.

They are computed in one place, for the log as for the model, so that a model is trained on what it will be asked. A
feature's name is never used again for another meaning: what an older log does not know is missing there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import ConfigurationError, SnapshotError
from ltrr_haystack.fusion import EXACT_DIGITS
from ltrr_haystack.memory.index import Remembered
from ltrr_haystack.types import ArmReport, Candidate, Decision, QueryType, Understanding

Matrix = NDArray[np.float64]

FUSED = "fused"
"""Name of the feature that holds the union's own score."""

SEARCHED = "fused.searched"
"""Name of the feature that holds the union's score without what memory arms add to it."""

EXPOSURES = "memory.exposures"
"""Name of the feature that holds how often a candidate was looked at before; no model is trained on it."""

PLACE = "place.searched"
"""Name of the feature that holds a candidate's place in the order of that score, from 1; the model starts from it."""

_ARM = ("present", "reciprocal_rank", "normalised", "of_top_score")
_CANDIDATE = ("arms", FUSED, SEARCHED, PLACE, EXPOSURES)
_QUERY_TYPES: tuple[str, ...] = get_args(QueryType)
_QUERY = (
    "query.tokens",
    "query.characters",
    "query.has_digits",
    "query.language_known",
    *(f"query.{query_type}" for query_type in _QUERY_TYPES),
)


@dataclass(frozen=True)
class FeatureSchema:
    """
    The features of a model, in the order of its columns.

    :param names: The features' names.
    """

    names: tuple[str, ...]

    @classmethod
    def of_arms(cls, arms: Iterable[str]) -> "FeatureSchema":
        """
        Give the schema of a pipeline.

        :param arms: The arms' names, in any order.
        :returns: The schema of every pipeline with these arms.
        """
        return _schema_of(frozenset(arms), ())

    @classmethod
    def of_pipeline(cls, arms: Iterable[str], extra: Iterable[str] = ()) -> "FeatureSchema":
        """
        Give the schema of a pipeline with features of candidates of its own.

        :param arms: The arms' names, in any order.
        :param extra: The names of the other features, such as `CombinedFeatures.names`, in the order of their columns,
            which come last.
        :returns: The schema of every pipeline with these arms and features.
        :raises ConfigurationError: If a name is taken already.
        """
        return _schema_of(frozenset(arms), tuple(extra))

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change whenever a feature does."""
        return blake2b("\n".join(self.names).encode(), digest_size=6).hexdigest()

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """Feature → column."""
        return {name: column for column, name in enumerate(self.names)}

    def without_memory(self, memory_arms: Iterable[str]) -> "FeatureSchema":
        """
        Give the columns of a ranking model: the features to which memory does not contribute.

        :param memory_arms: The arms that bring what people chose before.
        :returns: The schema without the features that come from them and from the memory index, and without
            `place.searched`, which the model starts from and so need not look at.
        """
        begins = ("memory.", *(f"arm.{arm}." for arm in memory_arms))
        return FeatureSchema(
            tuple(name for name in self.names if not name.startswith(begins) and name not in ("arms", FUSED, PLACE))
        )

    def columns_in(self, pipeline: "FeatureSchema") -> list[int]:
        """
        Find the columns of a model among those of a pipeline, which may have more.

        :param pipeline: The pipeline's schema, where this is the model's.
        :returns: For each feature of the model its column.
        :raises SnapshotError: If the pipeline lacks a feature; the message names both schemas and the differing
            features.
        """
        if set(self.names) <= set(pipeline.names):
            return [pipeline.columns[name] for name in self.names]
        raise SnapshotError(
            f"the ranking model was trained on schema {self.fingerprint} and the pipeline has schema "
            f"{pipeline.fingerprint}; only the model has {_listed(self.names, pipeline.names)}, only the pipeline has "
            f"{_listed(pipeline.names, self.names)}. Train a ranker on this pipeline's log or activate another"
        )

    def matrix(self, rows: Sequence[Mapping[str, float]]) -> Matrix:
        """
        Put logged features into columns.

        :param rows: One mapping of feature → value per impression; features that the schema does not have are ignored.
        :returns: One row per impression, NaN for what is missing.
        """
        values = np.full((len(rows), len(self.names)), np.nan)
        columns = self.columns
        for index, row in enumerate(rows):
            for name, value in row.items():
                if (column := columns.get(name)) is not None:
                    values[index, column] = value
        return values

    def mappings(self, values: Matrix) -> tuple[dict[str, float], ...]:
        """
        Give the features of each row by name, as they are logged.

        :param values: One row per candidate.
        :returns: Feature → value, without what is missing.
        """
        known = ~np.isnan(values)
        return tuple(
            {name: value for name, value, is_known in zip(self.names, row, present, strict=True) if is_known}
            for row, present in zip(values.tolist(), known.tolist(), strict=True)
        )


def compute(
    schema: FeatureSchema,
    candidates: Sequence[Candidate],
    reports: Iterable[ArmReport],
    decision: Decision,
    remembered: Mapping[str, Remembered],
    union: Sequence[Candidate] | None = None,
) -> Matrix:
    """
    Compute the features of candidates: for the log and for the model alike.

    No feature of a candidate depends on which others are handed in with it; its place is counted in the whole union.

    :param schema: The pipeline's schema.
    :param candidates: The candidates, with the union's scores.
    :param reports: How each arm that was asked fared.
    :param decision: The decision behind them.
    :param remembered: Object id → what is remembered of it for this query.
    :param union: The whole union in its own order; the candidates themselves if left out.
    :returns: One row per candidate, NaN for what is missing.
    """
    values = np.full((len(candidates), len(schema.names)), np.nan)
    columns = schema.columns
    reports = tuple(reports)
    for report in reports:
        if report.error is None and f"arm.{report.arm}.present" in columns:
            _fill_arm(values, columns, report, candidates)
    values[:, columns["arms"]] = [len(candidate.arms) for candidate in candidates]
    values[:, columns[FUSED]] = [candidate.score for candidate in candidates]
    union = candidates if union is None else union
    searched = _searched_scores(union, reports, decision.actions.memory_arms)
    places = _searched_places(union, searched, decision.actions.memory_arms)
    values[:, columns[SEARCHED]] = [searched[candidate.object_id] for candidate in candidates]
    values[:, columns[PLACE]] = [places[candidate.object_id] for candidate in candidates]
    if remembered:
        _fill_memory(values, columns, candidates, remembered)
    for name, value in _query_values(decision.understanding).items():
        values[:, columns[name]] = value
    values[~np.isfinite(values)] = np.nan
    return values


def arm_features(arm: str) -> tuple[str, ...]:
    """
    Name the features that come from an arm.

    :param arm: The arm's name.
    :returns: Whether it brought the candidate, 1 / its rank there, its normalised score, and its score as a share of
        the arm's highest.
    """
    return tuple([f"arm.{arm}.{name}" for name in _ARM])


def _searched_scores(
    union: Sequence[Candidate], reports: Iterable[ArmReport], memory_arms: Iterable[str]
) -> dict[str, float]:
    """Object id → the union's score without what memory arms add."""
    memory = frozenset(memory_arms)
    fusion = {report.arm: (report.weight, report.rrf_k) for report in reports if report.arm not in memory}
    return {
        candidate.object_id: sum(
            [
                fusion[arm][0] / (fusion[arm][1] + provenance.rank)
                for arm, provenance in candidate.arms.items()
                if arm in fusion
            ]
        )
        for candidate in union
    }


def _searched_places(
    union: Sequence[Candidate], searched: Mapping[str, float], memory_arms: Iterable[str]
) -> dict[str, int]:
    """Object id → place in the order of that score; ties are in the union's order, what only memory brought is last."""
    memory = frozenset(memory_arms)
    ordered = sorted(
        union, key=lambda each: (memory.issuperset(each.arms), -round(searched[each.object_id], EXACT_DIGITS))
    )
    return {candidate.object_id: place for place, candidate in enumerate(ordered, start=1)}


def _fill_arm(values: Matrix, columns: Mapping[str, int], report: ArmReport, candidates: Sequence[Candidate]) -> None:
    present, reciprocal_rank, normalised, of_top_score = (columns[name] for name in arm_features(report.arm))
    brought = [
        (row, provenance)
        for row, candidate in enumerate(candidates)
        if (provenance := candidate.arms.get(report.arm)) is not None
    ]
    rows = np.fromiter((row for row, _ in brought), np.intp, len(brought))
    values[:, present] = 0.0
    values[rows, present] = 1.0
    values[rows, reciprocal_rank] = [1.0 / provenance.rank for _, provenance in brought]
    values[rows, normalised] = [provenance.normalised for _, provenance in brought]
    if report.top_score is not None and 0.0 < report.top_score < np.inf:
        scores = np.array([provenance.score for _, provenance in brought], dtype=np.float64)
        values[rows, of_top_score] = scores / report.top_score


def _fill_memory(
    values: Matrix, columns: Mapping[str, int], candidates: Sequence[Candidate], remembered: Mapping[str, Remembered]
) -> None:
    known = [
        (row, entry)
        for row, candidate in enumerate(candidates)
        if (entry := remembered.get(candidate.object_id)) is not None
    ]
    rows = np.fromiter((row for row, _ in known), np.intp, len(known))
    values[rows, columns[EXPOSURES]] = [entry.exposures for _, entry in known]


def _query_values(understanding: Understanding) -> dict[str, float]:
    return {
        "query.tokens": float(len(understanding.tokens)),
        "query.characters": float(len(understanding.normal_form)),
        "query.has_digits": float(understanding.has_digits),
        "query.language_known": float(understanding.language != "und"),
        **{f"query.{name}": float(understanding.query_type == name) for name in _QUERY_TYPES},
    }


def _listed(names: Iterable[str], other: Iterable[str]) -> str:
    return ", ".join(sorted(set(names) - set(other))) or "nothing"


@lru_cache(maxsize=64)
def _schema_of(arms: frozenset[str], extra: tuple[str, ...]) -> FeatureSchema:
    own = (*(name for arm in sorted(arms) for name in arm_features(arm)), *_CANDIDATE, *_QUERY)
    if taken := sorted(set(own) & set(extra)):
        raise ConfigurationError(f"the names {', '.join(taken)} are those of features of the arms; choose others")
    return FeatureSchema((*own, *extra))
