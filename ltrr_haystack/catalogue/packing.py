"""How what is known of the catalogue is written: a line of JSON that describes and checks it, then compressed lines."""

import json
import zlib
from collections.abc import Iterable
from hashlib import blake2b

from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError


def packed(written_as: str, lines: Iterable[str]) -> bytes:
    """
    Write lines: equal ones as equal bytes.

    :param written_as: The format, with its version: `ltrr-catalogue/1`.
    :param lines: The lines, without line breaks in them.
    :returns: Their bytes.
    """
    body = zlib.compress("\n".join(lines).encode(), 1)
    return json.dumps({"format": written_as, "checksum": _checksum(body)}).encode() + b"\n" + body


def unpacked(payload: bytes, written_as: str, what: str) -> list[bytes]:
    """
    Read what `packed` wrote.

    :param payload: The bytes.
    :param written_as: The format that is expected.
    :param what: What they are expected to be, in the plural, for the errors: `collection statistics`.
    :returns: The lines.
    :raises DamagedSnapshotError: If they are damaged.
    :raises SnapshotError: If they are something else, or of another format.
    """
    first, _, body = payload.partition(b"\n")
    try:
        header = json.loads(first)
        found, checksum = header["format"], header["checksum"]
    except (ValueError, KeyError, TypeError) as error:
        raise SnapshotError(
            f"these {len(payload)} bytes are no {what}: the first line is not the description expected"
        ) from error
    if found != written_as:
        raise SnapshotError(f"the {what} have format '{found}', this version reads '{written_as}'")
    if checksum != _checksum(body):
        raise DamagedSnapshotError(f"the {what} are damaged: their checksum does not fit")
    return zlib.decompress(body).split(b"\n")


def _checksum(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()
