"""The keys to the server, without their secrets."""

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store.checks import LONGEST_ID, storable
from ltrr_haystack.store.records import ApiKeyRecord
from ltrr_haystack.store.tables import api_keys

_columns = api_keys.c
_ADD = insert(api_keys)
_LIST = select(api_keys).order_by(_columns.created_at, _columns.key_id)
_READ = select(_columns.revoked_at).where(_columns.key_id == bindparam("of_key"))
_REVOKE = update(api_keys).where(_columns.key_id == bindparam("of_key")).values(revoked_at=bindparam("at"))


def key_row(key: ApiKeyRecord) -> dict[str, Any]:
    """
    Write a key as a row.

    :param key: The key.
    :returns: The row.
    :raises InvalidInputError: If its id or its name cannot be kept.
    """
    return {
        "key_id": storable("key_id", key.key_id, LONGEST_ID),
        "name": storable("name", key.name, LONGEST_ID),
        "digest": key.digest,
        "scopes": " ".join(key.scopes),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def add(connection: Connection, row: Mapping[str, Any]) -> None:
    """
    Keep a key.

    :param connection: In a write transaction.
    :param row: What `key_row` gave.
    """
    connection.execute(_ADD, row)


def listed(connection: Connection) -> list[ApiKeyRecord]:
    """
    Read all keys, revoked ones included.

    :param connection: The database.
    :returns: The keys, oldest first.
    """
    return [
        ApiKeyRecord(row.key_id, row.name, row.digest, tuple(row.scopes.split()), row.created_at, row.revoked_at)
        for row in connection.execute(_LIST)
    ]


def revoke(connection: Connection, key_id: str) -> None:
    """
    Take a key back; it stays listed. One that was revoked before keeps the time of that.

    :param connection: In a write transaction.
    :param key_id: Its id.
    :raises StoreError: If there is no such key.
    """
    row = connection.execute(_READ, {"of_key": key_id}).one_or_none()
    if row is None:
        there = ", ".join(key.key_id for key in listed(connection))
        msg = f"There is no key '{key_id}'; there {f'are {there}' if there else 'are none'}."
        raise StoreError(msg)
    if row.revoked_at is None:
        connection.execute(_REVOKE, {"of_key": key_id, "at": time.time()})
