"""The self-describing, checksummed container of a policy's snapshot."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError

_MAGIC = b"ltrr policy 1"


def pack(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """
    Write a snapshot: a line that names the form, a line with the checksum of the rest, a line of JSON, the body.

    :param header: What the snapshot is and holds besides the body; plain JSON types, `policy` with the name among them.
    :param body: The model's own bytes.
    :returns: The snapshot.
    """
    rest = json.dumps(header, sort_keys=True, allow_nan=False).encode() + b"\n" + body
    return b"\n".join((_MAGIC, _checksum(rest), rest))


def unpack(payload: bytes, policy: str) -> tuple[dict[str, Any], bytes]:
    """
    Read a snapshot.

    :param payload: What `pack` gave.
    :param policy: The name of the policy that it must belong to.
    :returns: The header and the body.
    :raises DamagedSnapshotError: If it is damaged.
    :raises SnapshotError: If it is no snapshot at all, or another policy's.
    """
    magic, _, checked = payload.partition(b"\n")
    checksum, _, rest = checked.partition(b"\n")
    if magic != _MAGIC:
        raise SnapshotError(f"not a policy snapshot of a known form: it starts with {payload[:16]!r}")
    if checksum != _checksum(rest):
        raise DamagedSnapshotError(
            f"the snapshot of the policy is damaged: its {len(payload)} bytes do not fit their checksum; "
            "activate an earlier version"
        )
    text, _, body = rest.partition(b"\n")
    header: dict[str, Any] = json.loads(text)
    if header["policy"] != policy:
        raise SnapshotError(
            f"the snapshot was made by the policy '{header['policy']}', expected '{policy}'; "
            "configure that policy or activate another version"
        )
    return header, body


@contextmanager
def snapshot_errors() -> Iterator[None]:
    """
    Turn errors while a snapshot's state is read into a `SnapshotError`.

    :raises SnapshotError: Instead of whatever was raised while the state was read.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotError(
            f"the snapshot's state is incompatible ({type(error).__name__}: {error}): another version wrote it; "
            "activate another version, or 0 to begin with an empty policy"
        ) from error


def check_settings(header: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """
    Check that a snapshot was made with the settings in use.

    :param header: The snapshot's header, its settings under `settings`.
    :param settings: The settings in use that what was learned depends on.
    :raises SnapshotError: If they differ; the message names the first that does.
    """
    made_with = header["settings"]
    for key in sorted({*made_with, *settings}):
        if made_with.get(key) != settings.get(key):
            raise SnapshotError(
                f"the snapshot was made with {key}={made_with.get(key)!r}, in use is {key}={settings.get(key)!r}; "
                "restore the setting or start from an empty policy"
            )


def _checksum(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).hexdigest().encode()
