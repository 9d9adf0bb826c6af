"""
What many searches have in common, as rows of their own: action sets, settings of the policy, schemas of pages.

A search names them by fingerprint. A row of this table is never changed and never removed: whoever has seen it
committed need not write it again.
"""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from ltrr_haystack.store.engines import insert_if_absent
from ltrr_haystack.store.tables import definitions

_THERE, _NEW = "ltrr_definitions", "ltrr_new_definitions"
_AT_ONCE = 500
_READ = select(definitions.c.fingerprint, definitions.c.payload).where(
    definitions.c.fingerprint.in_(bindparam("fingerprints", expanding=True))
)


class Definition(NamedTuple):
    """
    A row of the table.

    :param fingerprint: A digest of the rest.
    :param kind: What it defines.
    :param payload: JSON text.
    """

    fingerprint: bytes
    kind: str
    payload: str

    @classmethod
    def of(cls, kind: str, payload: str) -> "Definition":
        """
        Give a definition its fingerprint.

        :param kind: What it defines.
        :param payload: JSON text.
        :returns: The definition.
        """
        return cls(blake2b(f"{kind}\n{payload}".encode(), digest_size=8).digest(), kind, payload)


def add(connection: Connection, wanted: Collection[Definition]) -> None:
    """
    Write definitions that are not there yet.

    :param connection: In a write transaction.
    :param wanted: The definitions.
    """
    there, new = connection.info.setdefault(_THERE, set()), connection.info.setdefault(_NEW, set())
    if missing := [each for each in wanted if each.fingerprint not in there and each.fingerprint not in new]:
        connection.execute(insert_if_absent(connection, definitions), [each._asdict() for each in missing])
        new.update(each.fingerprint for each in missing)


def begun(connection: Connection) -> None:
    """
    Forget what a transaction wrote that may not have been committed.

    :param connection: At the beginning of a write transaction.
    """
    connection.info[_NEW] = set()


def committed(info: dict[Any, Any]) -> None:
    """
    Remember for this connection to the database what its transaction wrote.

    :param info: The connection's, after the commit.
    """
    info.setdefault(_THERE, set()).update(info.pop(_NEW, ()))


def read(connection: Connection, fingerprints: Collection[bytes]) -> Mapping[bytes, str]:
    """
    Read definitions.

    :param connection: The database.
    :param fingerprints: Their fingerprints.
    :returns: Fingerprint → JSON text; those that are not there are left out.
    """
    found: dict[bytes, str] = {}
    wanted = sorted(fingerprints)
    for start in range(0, len(wanted), _AT_ONCE):
        rows = connection.execute(_READ, {"fingerprints": wanted[start : start + _AT_ONCE]})
        found.update((bytes(fingerprint), payload) for fingerprint, payload in rows)
    return found
