"""How collection statistics are written: one line of JSON, packed."""

import json

from ltrr_haystack.catalogue.packing import packed, unpacked
from ltrr_haystack.catalogue.statistics import CollectionStatistics, FieldStatistics

FORMAT = "ltrr-catalogue/1"


def to_bytes(statistics: CollectionStatistics) -> bytes:
    """
    Write statistics: equal ones as equal bytes.

    :param statistics: The statistics.
    :returns: Their bytes.
    """
    fields = {
        name: {
            "documents": each.documents,
            "words": each.words,
            "stems": " ".join(sorted(each.frequencies)),
            "frequencies": [each.frequencies[stem] for stem in sorted(each.frequencies)],
        }
        for name, each in sorted(statistics.fields.items())
    }
    written = {"language": statistics.language, "documents": statistics.documents, "fields": fields}
    return packed(FORMAT, [json.dumps(written, separators=(",", ":"))])


def from_bytes(payload: bytes) -> CollectionStatistics:
    """
    Read what `to_bytes` wrote.

    :param payload: The bytes.
    :returns: The statistics.
    :raises DamagedSnapshotError: If they are damaged.
    :raises SnapshotError: If they are no collection statistics of a format that is known here.
    """
    [line] = unpacked(payload, FORMAT, "collection statistics")
    written = json.loads(line)
    fields = {
        name: FieldStatistics(
            each["documents"], each["words"], dict(zip(each["stems"].split(), each["frequencies"], strict=True))
        )
        for name, each in written["fields"].items()
    }
    return CollectionStatistics(written["language"], written["documents"], fields)
