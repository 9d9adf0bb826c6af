"""What readings are known by where evidence about them is kept."""

import json
from hashlib import blake2b

from ltrr_haystack.types import Interpretation
from ltrr_haystack.understanding.normalisation import normal_form

NO_SLOTS = "-"
"""Kind of the readings that take a query for text alone."""

KINDS = "\t"
"""What stands in the place of a query key where evidence of kinds is kept; no query has it."""

LONGEST = 400
"""Characters of a key; a longer one is folded."""


def reading_key(interpretation: Interpretation) -> str:
    """
    Tell readings of a query apart.

    :param interpretation: The reading.
    :returns: The same text for readings whose slots and leftover mean the same letters, whatever their order, spelling
        and probability; ASCII, at most `LONGEST` characters.
    """
    slots = {field: normal_form(value) for field, value in sorted(interpretation.slots.items())}
    return _folded(json.dumps([slots, normal_form(interpretation.leftover)], separators=(",", ":")))


def reading_kind(interpretation: Interpretation) -> str:
    """
    Tell which readings share what is learned of their kind: those with the same fields.

    :param interpretation: The reading.
    :returns: The names of its slots' fields as a JSON list, sorted; `-` for a reading without slots. ASCII, at most
        `LONGEST` characters.
    """
    fields = sorted(interpretation.slots)
    return _folded(json.dumps(fields, separators=(",", ":"))) if fields else NO_SLOTS


def _folded(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    digest = blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{text[: LONGEST - 33]} {digest}"
