"""How a page got its order, in few bytes: places in the model's order, what chance did, and what was not shown."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.store.packing import pack_ids, pack_numbers, unpack_ids, unpack_numbers
from ltrr_haystack.store.pages import PageSchema, Shown, pack_page, unpack_page
from ltrr_haystack.types import Impression

_LENGTHS = struct.Struct("<III")
"""Before the parts: how many bytes the numbers, the ids and the page of what was not shown have."""


@dataclass(frozen=True, slots=True)
class Ordering:
    """
    How a page got its order.

    :param page_version: Version of the page model; 0 for the default one.
    :param model_places: For each document shown its place in the order of the ranking model, from 1; 0 where it is not
        known.
    :param propensities: For each document shown the probability of each place of the page; empty where no place was
        drawn by chance.
    :param unshown: Documents that were ranked and not shown, for training.
    :param unshown_features: Their ranking features.
    """

    page_version: int = 0
    model_places: Sequence[int] = ()
    propensities: Sequence[Sequence[float]] = ()
    unshown: Sequence[Shown] = ()
    unshown_features: Sequence[Mapping[str, float]] = ()

    @property
    def is_known(self) -> bool:
        """Whether there is anything to log."""
        return bool(self.page_version or any(self.model_places) or self.propensities or self.unshown)

    def pack(self, schema: PageSchema) -> bytes:
        """
        Pack the ordering.

        :param schema: The schema of the page, with the features of what was not shown.
        :returns: Bytes for `unpack_ordering`; none if nothing is known.
        :raises InvalidInputError: If a number is not finite, or a probability is missing.
        """
        if not self.is_known:
            return b""
        shown = len(self.model_places)
        places = len(self.propensities[0]) if self.propensities else 0
        if self.propensities and (len(self.propensities) != shown or {*map(len, self.propensities)} != {places}):
            raise InvalidInputError(
                f"A page of {shown} documents has the propensities of {len(self.propensities)}; expected one for each "
                "of its documents and places, or none."
            )
        numbers = pack_numbers(
            [self.page_version, places, *self.model_places, *[each.model_place for each in self.unshown]],
            [probability for row in self.propensities for probability in row],
        )
        ids = pack_ids([each.object_id for each in self.unshown])
        page = pack_page(schema, self.unshown, self.unshown_features, ())
        return _LENGTHS.pack(len(numbers), len(ids), len(page)) + numbers + ids + page


def unpack_ordering(
    packed: bytes | None, schema: PageSchema, impressions: Sequence[Impression]
) -> tuple[int, tuple[Impression, ...], tuple[Impression, ...]]:
    """
    Give back what `Ordering.pack` packed.

    :param packed: The bytes; `None` or none if nothing is known.
    :param schema: The schema of the page.
    :param impressions: What was shown.
    :returns: Version of the page model, what was shown with its model places and propensities, and what was not shown,
        with the ordinal 0.
    :raises ValueError: If the bytes do not fit the rest.
    """
    if not packed:
        return 0, tuple(impressions), ()
    try:
        first, second, third = _LENGTHS.unpack_from(packed)
    except struct.error as error:
        raise ValueError(f"the ordering of a page is damaged: {error}") from error
    start = _LENGTHS.size
    if len(packed) != start + first + second + third:
        raise ValueError("the ordering of a page is cut off")
    integers, numbers = unpack_numbers(packed[start : start + first])
    unshown_ids = unpack_ids(packed[start + first : start + first + second])
    shown = len(impressions)
    if len(integers) != 2 + shown + len(unshown_ids):
        raise ValueError(f"the ordering of a page has {len(integers)} whole numbers, and other documents than the page")
    version, places, *model_places = integers
    if len(numbers) != places * shown:
        raise ValueError(f"the ordering of a page has {len(numbers)} probabilities, expected {places} times {shown}")
    rows = [tuple(numbers[row * places : (row + 1) * places]) for row in range(shown)]
    unshown, _ = unpack_page(packed[start + first + second :], schema, unshown_ids, ())
    return (
        version,
        tuple(
            [
                replace(each, model_place=place, propensities=row)
                for each, place, row in zip(impressions, model_places[:shown], rows, strict=True)
            ]
        ),
        tuple(
            [
                replace(each, ordinal=0, model_place=place)
                for each, place in zip(unshown, model_places[shown:], strict=True)
            ]
        ),
    )
