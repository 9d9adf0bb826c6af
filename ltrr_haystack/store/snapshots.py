"""Versioned model snapshots, of which one per kind is active."""

import json
import time
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from ltrr_haystack.errors import DamagedSnapshotError, StoreError, SupersededError
from ltrr_haystack.store import tables as t
from ltrr_haystack.store.checks import LONGEST_ID, storable
from ltrr_haystack.store.engines import upsert
from ltrr_haystack.store.records import Snapshot, SnapshotDraft, SnapshotInfo

KEPT = ((20, 1), (2_000, 100), (100_000, 2_000))
"""
Of the last so many versions of a kind every so manyth is kept; the active one is kept besides. A learner that makes one
a second can so be taken back by seconds, by minutes and by hours.
"""

_ILLEGIBLE: Mapping[str, Any] = MappingProxyType({})

_columns = t.snapshots.c
_of_kind = _columns.kind == bindparam("of_kind")

_NEWEST = select(func.coalesce(func.max(_columns.version), 0)).where(_of_kind)
_ADD = insert(t.snapshots)
_ACTIVE = select(t.active.c.version).where(t.active.c.kind == bindparam("of_kind"))
_DEACTIVATE = delete(t.active).where(t.active.c.kind == bindparam("of_kind"))
_READ = select(
    _columns.kind, _columns.version, _columns.payload, _columns.card, _columns.created_at, _columns.checksum
).where(_of_kind, _columns.version == bindparam("of_version"))
_LIST = select(_columns.kind, _columns.version, _columns.card, _columns.created_at).where(_of_kind)
_LIST = _LIST.order_by(_columns.version)
_VERSIONS = select(_columns.version).where(_of_kind).order_by(_columns.version)
_FORGET_OLD = delete(t.snapshots).where(
    _of_kind,
    *(or_(_columns.version <= bindparam("newest") - last, _columns.version % every != 0) for last, every in KEPT),
    _columns.version.not_in(select(t.active.c.version).where(t.active.c.kind == bindparam("of_kind"))),
)


def draft_row(draft: SnapshotDraft) -> dict[str, Any]:
    """
    Write a snapshot as a row.

    :param draft: The snapshot.
    :returns: The row, without its version.
    :raises StoreError: If the card is not made of JSON types.
    :raises InvalidInputError: If the kind cannot be kept.
    """
    try:
        card = json.dumps(dict(draft.card), allow_nan=False)
    except (TypeError, ValueError) as error:
        msg = f"The card of the '{draft.kind}' snapshot is not made of JSON types: {error}."
        raise StoreError(msg) from error
    return {
        "kind": storable("kind", draft.kind, LONGEST_ID),
        "created_at": time.time(),
        "checksum": _checksum(draft.payload),
        "card": card,
        "payload": draft.payload,
    }


def add(connection: Connection, row: Mapping[str, Any], *, activate: bool, replaces: int | None = None) -> int:
    """
    Keep a snapshot and forget the oldest ones of its kind.

    :param connection: In a write transaction.
    :param row: What `draft_row` gave.
    :param activate: Whether it becomes the active version.
    :param replaces: The version that has to be active still, 0 for none; `None` asks for nothing.
    :returns: Its version.
    :raises SupersededError: If another version is active than the one that it replaces; nothing is kept then.
    """
    kind = row["kind"]
    _require_active(connection, kind, replaces)
    version: int = connection.execute(_NEWEST, {"of_kind": kind}).scalar_one() + 1
    connection.execute(_ADD, {**row, "version": version})
    if activate:
        _point(connection, kind, version)
    connection.execute(_FORGET_OLD, {"of_kind": kind, "newest": version})
    return version


def add_all(connection: Connection, drafts: Sequence[tuple[SnapshotDraft, Mapping[str, Any]]]) -> list[int]:
    """
    Keep several snapshots.

    :param connection: In a write transaction.
    :param drafts: The snapshots, each with what `draft_row` gave.
    :returns: Their versions.
    :raises SupersededError: If another version is active than the one that one of them replaces.
    """
    return [add(connection, row, activate=draft.activate, replaces=draft.replaces) for draft, row in drafts]


def read(connection: Connection, kind: str, version: int | None) -> Snapshot | None:
    """
    Read a snapshot.

    :param connection: The database.
    :param kind: What it is a snapshot of.
    :param version: Its number; the active one if `None`.
    :returns: The snapshot, or `None` if there is no such one.
    :raises DamagedSnapshotError: If it is not what was stored.
    """
    wanted = active_version(connection, kind) if version is None else version
    row = connection.execute(_READ, {"of_kind": kind, "of_version": wanted}).one_or_none()
    if row is None:
        return None
    if not _is_whole(row):
        msg = (
            f"Snapshot {row.version} of '{kind}' is damaged: its checksum is not the one it was stored with. "
            "Activate another version."
        )
        raise DamagedSnapshotError(msg)
    return Snapshot(row.kind, row.version, row.payload, json.loads(row.card), row.created_at)


def damaged(connection: Connection, kind: str) -> list[int]:
    """
    Look through all snapshots of a kind for those that are not what was stored.

    :param connection: The database.
    :param kind: What they are snapshots of.
    :returns: Their versions.
    """
    rows = (
        connection.execute(_READ, {"of_kind": kind, "of_version": version}).one()
        for version in connection.execute(_VERSIONS, {"of_kind": kind}).scalars().all()
    )
    return [row.version for row in rows if not _is_whole(row)]


def active_version(connection: Connection, kind: str) -> int:
    """
    Tell the active version.

    :param connection: The database.
    :param kind: What it is a snapshot of.
    :returns: The version; 0 if none is active.
    """
    return connection.execute(_ACTIVE, {"of_kind": kind}).scalar() or 0


def activate(connection: Connection, kind: str, version: int, replaces: int | None = None) -> None:
    """
    Make a stored version the active one.

    :param connection: In a write transaction.
    :param kind: What it is a snapshot of.
    :param version: Its number; 0 for none.
    :param replaces: The version that has to be active still, 0 for none; `None` asks for nothing.
    :raises StoreError: If there is no such version.
    :raises SupersededError: If another version is active than the one that it replaces.
    :raises DamagedSnapshotError: If it is not what was stored.
    """
    _require_active(connection, kind, replaces)
    if version == 0:
        connection.execute(_DEACTIVATE, {"of_kind": kind})
        return
    versions = list(connection.execute(_VERSIONS, {"of_kind": kind}).scalars())
    if version not in versions:
        there = f"there are {', '.join(map(str, versions))}" if versions else "there are none"
        msg = f"There is no version {version} of '{kind}'; {there}."
        raise StoreError(msg)
    read(connection, kind, version)
    _point(connection, kind, version)


def listed(connection: Connection, kind: str) -> list[SnapshotInfo]:
    """
    List the snapshots of a kind.

    :param connection: The database.
    :param kind: What they are snapshots of.
    :returns: The snapshots without payload, oldest first.
    """
    active = active_version(connection, kind)
    return [
        SnapshotInfo(row.kind, row.version, _card(row.card), row.created_at, row.version == active)
        for row in connection.execute(_LIST, {"of_kind": kind})
    ]


def point_to(new: Any) -> dict[str, Any]:
    """
    What becomes of a pointer that is there already.

    :param new: The row to be added.
    :returns: Column → new value.
    """
    return {"version": new.version}


def _require_active(connection: Connection, kind: str, version: int | None) -> None:
    if version is not None and (active := active_version(connection, kind)) != version:
        raise SupersededError(
            f"The '{kind}' snapshot was made to replace version {version}, but {active} was made active meanwhile; "
            "start again from that."
        )


def _point(connection: Connection, kind: str, version: int) -> None:
    connection.execute(upsert(connection, t.active, point_to), {"kind": kind, "version": version})


def _is_whole(row: Any) -> bool:
    return _checksum(row.payload) == row.checksum and _card(row.card) is not _ILLEGIBLE


def _card(text: str) -> Mapping[str, Any]:
    try:
        card = json.loads(text)
    except ValueError:
        return _ILLEGIBLE
    return card if isinstance(card, dict) else _ILLEGIBLE


def _checksum(payload: bytes) -> str:
    return blake2b(payload, digest_size=16).hexdigest()
