"""
How the counts of a lexicon are written: lines of JSON, packed.

The first line is about the whole; each of the others holds some values, so that a thread that reads them lets others
in between.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ltrr_haystack.catalogue.lexicon_counts import FieldCounts, LexiconCounts, ValueCounts
from ltrr_haystack.catalogue.lexicon_fields import LexiconFields
from ltrr_haystack.catalogue.packing import packed, unpacked

FORMAT = "ltrr-lexicon/1"

VALUES_IN_LINE = 500
"""Values that a line holds; reading one takes about a millisecond."""


def to_bytes(counts: LexiconCounts) -> bytes:
    """
    Write counts: equal ones as equal bytes.

    :param counts: The counts.
    :returns: Their bytes.
    """
    return packed(FORMAT, _lines(counts))


def from_bytes(payload: bytes) -> LexiconCounts:
    """
    Read what `to_bytes` wrote.

    :param payload: The bytes.
    :returns: The counts.
    :raises DamagedSnapshotError: If they are damaged.
    :raises SnapshotError: If they are no lexicon of a format that is known here.
    """
    first, *others = unpacked(payload, FORMAT, "values of a lexicon")
    written = json.loads(first)
    declared = LexiconFields(**written["declared"])
    values: dict[str, dict[str, ValueCounts]] = {name: {} for name in declared.counted}
    for line in others:
        name, entries = json.loads(line)
        for form, entry in entries.items():
            values[name][form] = _value(*entry)
    fields = {
        name: FieldCounts(each["documents"], each["lists"], each["numbers"], values[name])
        for name, each in written["fields"].items()
    }
    return LexiconCounts(declared, written["documents"], fields)


def _lines(counts: LexiconCounts) -> Iterator[str]:
    declared = counts.declared.to_dict()["init_parameters"]
    fields = {
        name: {"documents": each.documents, "lists": each.lists, "numbers": each.numbers}
        for name, each in counts.fields.items()
    }
    yield _json({"declared": declared, "documents": counts.documents, "fields": fields})
    for name, each in counts.fields.items():
        forms = sorted(each.values)
        for start in range(0, len(forms), VALUES_IN_LINE):
            yield _json([name, {form: _entry(each.values[form]) for form in forms[start : start + VALUES_IN_LINE]}])


def _entry(counts: ValueCounts) -> list[Any]:
    counted = (counts.writings, counts.categories, counts.aliases, counts.popularities)
    flat = [[part for item in sorted(each.items()) for part in item] for each in counted]
    return [counts.documents, counts.mentions, *flat, sorted(counts.ids)]


def _value(
    documents: int,
    mentions: int,
    writings: list[Any],
    categories: list[Any],
    aliases: list[Any],
    popularities: list[Any],
    ids: list[str],
) -> ValueCounts:
    return ValueCounts(
        documents,
        mentions,
        _counted(writings),
        _counted(categories),
        _counted(aliases),
        _counted(popularities),
        dict.fromkeys(ids, 1),
    )


def _counted(flat: list[Any]) -> Mapping[Any, int]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
