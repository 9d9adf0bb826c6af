"""How a page got its order, in few bytes: places in the model's order, what chance did, and what was not shown."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.packing import pack_ids, pack_numbers, unpack_ids, unpack_numbers
from ltrr_haystack.store.pages import PageSchema, Shown, pack_page, unpack_page
from ltrr_haystack.types import Impression, Ranking

_LENGTHS = struct.Struct("<IIII")
"""Before the parts: how many bytes the places, the rates, and the ids and the page of what was not shown have."""

_STEPS = 2**16 - 1
"""Probabilities and expected click rates are kept in so many steps from 0 to 1: two bytes each."""


@dataclass(frozen=True, slots=True)
class Ordering:
    """
    How a page got its order.

    :param page_version: Version of the page model; 0 for the default one.
    :param shown_places: For each document shown its place in the order of the ranking model, from 1; 0 where it is not
        known.
    :param propensities: For each document shown the probability of its place, and that of being on the page at all;
        empty where no place was drawn by chance.
    :param unshown: Documents that were ranked and not shown, for training.
    :param unshown_features: Their ranking features.
    :param model_places: For each of the union's first documents its place in the order of the ranking model; empty
        where the page is in the union's order.
    :param expected: For each of these documents its expected click rate.
    """

    page_version: int = 0
    shown_places: Sequence[int] = ()
    propensities: Sequence[tuple[float, float]] = ()
    unshown: Sequence[Shown] = ()
    unshown_features: Sequence[Mapping[str, float]] = ()
    model_places: Sequence[int] = ()
    expected: Sequence[float] = ()

    @classmethod
    def of(cls, ranking: Ranking) -> "Ordering":
        """
        Give the ordering of a page.

        :param ranking: The page.
        :returns: Its ordering.
        """
        return cls(
            ranking.page_version,
            [candidate.model_place for candidate in ranking.candidates],
            ranking.propensities,
            ranking.unshown,
            ranking.unshown_features,
            ranking.model_places,
            ranking.expected,
        )

    @property
    def is_known(self) -> bool:
        """Whether there is anything to log."""
        return bool(
            self.page_version or any(self.shown_places) or self.propensities or self.unshown or self.model_places
        )

    def pack(self, schema: PageSchema) -> bytes:
        """
        Pack the ordering.

        :param schema: The schema of the page, with the features of what was not shown.
        :returns: Bytes for `unpack_ordering`; none if nothing is known.
        :raises InvalidInputError: If a number is not finite or out of its range, or a probability is missing.
        """
        if not self.is_known:
            return b""
        shown = len(self.shown_places)
        if self.propensities and (len(self.propensities) != shown or {*map(len, self.propensities)} != {2}):
            raise InvalidInputError(
                f"A page of {shown} documents has the propensities of {len(self.propensities)}; expected two for each "
                "of its documents, or none."
            )
        if len(self.model_places) != len(self.expected):
            raise InvalidInputError(
                f"{len(self.model_places)} documents have a model place and {len(self.expected)} an expected click rate"
            )
        unshown_places = [each.model_place for each in self.unshown]
        lengths = len(self.model_places), len(self.propensities)
        places = pack_numbers([*lengths, *self.shown_places, *unshown_places, *self.model_places], ())
        rates = *chain.from_iterable(self.propensities), *self.expected
        numbers = pack_numbers([self.page_version, *map(_steps, rates)], ())
        ids = pack_ids([each.object_id for each in self.unshown])
        page = pack_page(schema, self.unshown, self.unshown_features, ())
        parts = places, numbers, ids, page
        return _LENGTHS.pack(*map(len, parts)) + b"".join(parts)


@dataclass(frozen=True, slots=True)
class ReadOrdering:
    """
    What `Ordering.pack` packed.

    :param page_version: Version of the page model; 0 for the default one.
    :param impressions: What was shown, with its model places and propensities.
    :param unshown: What was not shown, with the ordinal 0.
    :param model_places: For each of the union's first documents its place in the order of the ranking model.
    :param expected: For each of these documents its expected click rate.
    """

    page_version: int
    impressions: tuple[Impression, ...]
    unshown: tuple[Impression, ...] = ()
    model_places: tuple[int, ...] = ()
    expected: tuple[float, ...] = ()


def unpack_ordering(packed: bytes | None, schema: PageSchema, impressions: Sequence[Impression]) -> ReadOrdering:
    """
    Give back what `Ordering.pack` packed.

    :param packed: The bytes; `None` or none if nothing is known.
    :param schema: The schema of the page.
    :param impressions: What was shown.
    :returns: The ordering.
    :raises ValueError: If the bytes do not fit the rest.
    """
    if not packed:
        return ReadOrdering(0, tuple(impressions))
    places_packed, rates_packed, ids, page = _parts(packed)
    places, _ = unpack_numbers(places_packed)
    rates, _ = unpack_numbers(rates_packed)
    unshown_ids = unpack_ids(ids)
    shown, there = len(impressions), len(unshown_ids)
    ranked, drawn = places[:2] if len(places) > 1 else (0, 0)
    expected = 2 + shown + there + ranked, 1 + 2 * drawn + ranked
    if drawn not in (0, shown) or (len(places), len(rates)) != expected:
        raise ValueError("the ordering of a page is that of other documents than the page has")
    of_shown, of_unshown, of_union = _parted(places[2:], shown, there)
    pairs = [rate / _STEPS for rate in rates[1 : 1 + 2 * drawn]] or [1.0] * (2 * shown)
    unshown, _ = unpack_page(page, schema, unshown_ids, ())
    return ReadOrdering(
        rates[0],
        tuple(
            [
                replace(each, model_place=place, propensity=own, page_propensity=any_place)
                for each, place, own, any_place in zip(impressions, of_shown, pairs[::2], pairs[1::2], strict=True)
            ]
        ),
        tuple([replace(each, ordinal=0, model_place=place) for each, place in zip(unshown, of_unshown, strict=True)]),
        tuple(of_union),
        tuple([rate / _STEPS for rate in rates[1 + 2 * drawn :]]),
    )


def _parts(packed: bytes) -> list[bytes]:
    try:
        lengths = _LENGTHS.unpack_from(packed)
    except struct.error as error:
        raise ValueError(f"the ordering of a page is damaged: {error}") from error
    ends = [*accumulate(lengths, initial=_LENGTHS.size)]
    if len(packed) != ends[-1]:
        raise ValueError("the ordering of a page is cut off")
    return [packed[start:end] for start, end in pairwise(ends)]


def _parted(numbers: list[int], *lengths: int) -> list[list[int]]:
    parts, start = [], 0
    for length in lengths:
        parts.append(numbers[start : start + length])
        start += length
    return [*parts, numbers[start:]]


def _steps(rate: float) -> int:
    if not 0 <= rate <= 1:
        raise InvalidInputError(f"A probability or an expected click rate must be a number from 0 to 1, got {rate}.")
    return max(1, round(rate * _STEPS)) if rate else 0
