"""How collection statistics are written: one line of JSON that describes and checks them, then compressed JSON."""

import json
import zlib
from hashlib import blake2b

from ltrr_haystack.catalogue.statistics import CollectionStatistics, FieldStatistics
from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError

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
    body = zlib.compress(json.dumps(written, separators=(",", ":")).encode(), 1)
    return json.dumps({"format": FORMAT, "checksum": _checksum(body)}).encode() + b"\n" + body


def from_bytes(payload: bytes) -> CollectionStatistics:
    """
    Read what `to_bytes` wrote.

    :param payload: The bytes.
    :returns: The statistics.
    :raises DamagedSnapshotError: If they are damaged.
    :raises SnapshotError: If they are no collection statistics of a format that is known here.
    """
    first, _, body = payload.partition(b"\n")
    try:
        header = json.loads(first)
        found, checksum = header["format"], header["checksum"]
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(
            f"these {len(payload)} bytes are no collection statistics: the first line is not the description expected"
        ) from error
    if found != FORMAT:
        raise SnapshotError(f"the collection statistics have format '{found}', this version reads '{FORMAT}'")
    if checksum != _checksum(body):
        raise DamagedSnapshotError("the collection statistics are damaged: their checksum does not fit")
    written = json.loads(zlib.decompress(body))
    fields = {
        name: FieldStatistics(
            each["documents"], each["words"], dict(zip(each["stems"].split(), each["frequencies"], strict=True))
        )
        for name, each in written["fields"].items()
    }
    return CollectionStatistics(written["language"], written["documents"], fields)


def _checksum(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()
