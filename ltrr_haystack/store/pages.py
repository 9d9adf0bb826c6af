"""
What a search found and showed, as packed numbers under a schema.

Most ranking features restate something that is logged anyway: a rank, a score, a constant of the query. Such a column
is written as the number of what it restates, provided that it does so exactly; any other is written out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import inf, isfinite, isnan, nan
from operator import attrgetter
from typing import Generic, Self, TypeVar

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.checks import finite
from ltrr_haystack.store.packing import pack_numbers, unpack_numbers
from ltrr_haystack.types import ArmReport, Candidate, Impression, Provenance

Number = TypeVar("Number")

Shown = Candidate | Impression

Column = tuple[float | None, ...]
"""A value for each impression, `None` where there is none."""

_WRITTEN_OUT, _CONSTANT, _RESTATED = range(3)
"""How a column is written: each value, one value for all, or (from 2 on) which of the columns of `_restated` it is."""


@dataclass(frozen=True, slots=True)
class PageSchema:
    """
    What the numbers of a page mean.

    :param arms: The arms that may have brought what is shown.
    :param features: The ranking features that something shown has.
    """

    arms: tuple[str, ...]
    features: tuple[str, ...]

    @classmethod
    def of(cls, arms: Sequence[str], shown: Sequence[Shown], features: Sequence[Mapping[str, float]]) -> Self:
        """
        Give the schema of a page.

        :param arms: The arms of the pipeline.
        :param shown: What is shown.
        :param features: The ranking features of each.
        :returns: The same schema for all pages that have the same features.
        """
        names: set[str] = set().union(*features)
        brought: set[str] = set().union(*[each.arms for each in shown])
        return cls((*arms, *sorted(brought.difference(arms))), tuple(sorted(names)))

    def to_json(self) -> str:
        """
        Write the schema as JSON.

        :returns: JSON text for `from_json`.
        """
        return json.dumps({"arms": self.arms, "features": self.features}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """
        Read a schema from what `to_json` wrote.

        :param text: JSON text.
        :returns: The schema.
        """
        data = json.loads(text)
        return cls(tuple(data["arms"]), tuple(data["features"]))


def pack_page(
    schema: PageSchema,
    shown: Sequence[Shown],
    features: Sequence[Mapping[str, float]],
    reports: Sequence[ArmReport],
) -> bytes:
    """
    Pack what a search found and showed, but for the ids of what is shown.

    :param schema: What `PageSchema.of` gave for this page.
    :param shown: What is shown, in order.
    :param features: The ranking features of each.
    :param reports: How the arms fared.
    :returns: Bytes for `unpack_page`.
    :raises InvalidInputError: If a number is not finite, a rank or place is none, or features are missing.
    """
    if len(features) != len(shown):
        msg = f"A search shows {len(shown)} documents and has the features of {len(features)}; expected those of each."
        raise InvalidInputError(msg)
    brought = [[each.arms.get(arm) for each in shown] for arm in schema.arms]
    there = [provenance for row in brought for provenance in row if provenance is not None]
    scores = tuple([each.score for each in shown])
    kinds, values = _written(schema, features, _restated(scores, brought, _tops(schema, reports)))
    integers = [
        *chain.from_iterable([(len(report.found), len(report.scales)) for report in reports]),
        *chain.from_iterable([report.found for report in reports]),
        *[0 if provenance is None else provenance.rank for row in brought for provenance in row],
        *[each.place for each in shown],
        *kinds,
    ]
    if min(integers, default=0) < 0 or not all(map(attrgetter("rank"), there)):
        raise InvalidInputError("A search has ranks or places that count from less than 1; the first rank is 1.")
    numbers = [
        *chain.from_iterable([report.scales for report in reports]),
        *scores,
        *[provenance.score for provenance in there],
        *[provenance.normalised for provenance in there],
        *values,
    ]
    if not all(map(isfinite, [number for number in numbers if number is not None])):
        _name_what_is_not_finite(shown, features, reports)
    return pack_numbers(integers, [nan if number is None else number for number in numbers])


def unpack_page(
    packed: bytes, schema: PageSchema, object_ids: Sequence[str], reports: Sequence[ArmReport]
) -> tuple[tuple[Impression, ...], tuple[ArmReport, ...]]:
    """
    Give back what `pack_page` packed.

    :param packed: The bytes.
    :param schema: Their schema.
    :param object_ids: The ids of what was shown, in order.
    :param reports: How the arms fared, without what they found.
    :returns: What was shown, and the reports with what they found.
    :raises ValueError: If the bytes do not fit the rest.
    """
    whole, other = unpack_numbers(packed)
    integers, numbers = _Cursor(whole), _Cursor(other)
    lengths = [integers.some(2) for _ in reports]
    found = [tuple(integers.some(length)) for length, _ in lengths]
    scales = [tuple(numbers.some(length)) for _, length in lengths]
    ranks = [integers.some(len(object_ids)) for _ in schema.arms]
    places = integers.some(len(object_ids))
    kinds = integers.some(len(schema.features))
    scores = tuple(numbers.some(len(object_ids)))
    there = sum([len(row) - row.count(0) for row in ranks])
    own, scaled = iter(numbers.some(there)), iter(numbers.some(there))
    brought = [[Provenance(rank, _known(next(own)), next(scaled)) if rank else None for rank in row] for row in ranks]
    columns = _read(kinds, numbers, _restated(scores, brought, _tops(schema, reports)))
    integers.require_end()
    numbers.require_end()
    impressions = [
        Impression(
            object_id,
            row + 1,
            scores[row],
            {arm: had for arm, each in zip(schema.arms, brought, strict=True) if (had := each[row]) is not None},
            {
                name: value
                for name, column in zip(schema.features, columns, strict=True)
                if (value := column[row]) is not None
            },
            places[row],
        )
        for row, object_id in enumerate(object_ids)
    ]
    return tuple(impressions), tuple(map(_with_found, reports, found, scales))


class _Cursor(Generic[Number]):
    """Goes through numbers."""

    def __init__(self, numbers: list[Number]) -> None:
        self._numbers: list[Number] = numbers
        self._place = 0

    def some(self, count: int) -> list[Number]:
        start, self._place = self._place, self._place + count
        if self._place > len(self._numbers):
            raise ValueError(f"a page has {len(self._numbers)} numbers of a kind, and more are expected")
        return self._numbers[start : self._place]

    def require_end(self) -> None:
        if self._place < len(self._numbers):
            raise ValueError(f"a page has {len(self._numbers)} numbers of a kind, and {self._place} are expected")


def _restated(
    scores: Column, brought: Sequence[Sequence[Provenance | None]], tops: Sequence[float | None]
) -> list[Column]:
    """
    The columns that a feature may restate.

    :param scores: The scores that put the page into its order.
    :param brought: For each arm where it had each document.
    :param tops: For each arm the score of its first document, if it is known.
    :returns: The scores, how many arms had each document, then for each arm whether it had the documents, their
        reciprocal ranks, scaled scores and shares of the arm's first score.
    """
    counts = tuple([float(len(each) - each.count(None)) for each in zip(*brought, strict=True)])
    columns = [scores, counts]
    for row, top in zip(brought, tops, strict=True):
        columns += [
            tuple([0.0 if had is None else 1.0 for had in row]),
            tuple([None if had is None else 1.0 / had.rank if had.rank else None for had in row]),
            tuple([None if had is None else had.normalised for had in row]),
            tuple([None if had is None or had.score is None or not top else had.score / top for had in row]),
        ]
    return columns


def _written(
    schema: PageSchema, features: Sequence[Mapping[str, float]], restated: Iterable[Column]
) -> tuple[list[int], list[float | None]]:
    """How each column of features is written, and the numbers that are written for it."""
    known: dict[Column, int] = {}
    for kind, column in enumerate(restated, start=_RESTATED):
        if inf not in column:
            known.setdefault(column, kind)
    kinds: list[int] = []
    values: list[float | None] = []
    rows = [[*map(each.get, schema.features)] for each in features]
    for column in zip(*rows, strict=True) if rows else [()] * len(schema.features):
        kind = known.get(column, _WRITTEN_OUT)
        if kind == _WRITTEN_OUT:
            kind = _CONSTANT if column.count(column[0]) == len(column) else _WRITTEN_OUT
            values += column[:1] if kind == _CONSTANT else column
        kinds.append(kind)
    return kinds, values


def _read(kinds: Sequence[int], numbers: _Cursor[float], restated: Sequence[Column]) -> list[Column]:
    """The columns of features that `_written` wrote."""
    count = len(restated[0])
    columns: list[Column] = []
    for kind in kinds:
        if kind == _CONSTANT:
            columns.append((_known(numbers.some(1)[0]),) * count)
        elif kind == _WRITTEN_OUT:
            columns.append(tuple(map(_known, numbers.some(count))))
        elif kind - _RESTATED < len(restated):
            columns.append(restated[kind - _RESTATED])
        else:
            raise ValueError(f"a page has a column of the unknown kind {kind}")
    return columns


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _tops(schema: PageSchema, reports: Sequence[ArmReport]) -> list[float | None]:
    tops = {report.arm: report.top_score for report in reports}
    return [tops.get(arm) for arm in schema.arms]


def _with_found(report: ArmReport, found: tuple[int, ...], scales: tuple[float, ...]) -> ArmReport:
    return replace(report, found=found, scales=scales)


def _name_what_is_not_finite(
    shown: Sequence[Shown], features: Sequence[Mapping[str, float]], reports: Sequence[ArmReport]
) -> None:
    for report in reports:
        for scale in report.scales:
            finite(f"A scale in the report of arm '{report.arm}'", scale)
    for each, named in zip(shown, features, strict=True):
        whose = f"of the impression of '{each.object_id}'"
        finite(f"score {whose}", each.score)
        for arm, had in each.arms.items():
            finite(f"arms.{arm}.score {whose}", 0.0 if had.score is None else had.score)
            finite(f"arms.{arm}.normalised {whose}", had.normalised)
        for name, value in named.items():
            finite(f"features.{name} {whose}", value)
