"""
The lease: one learner at a time.

Its times are those of the machines' clocks. Clocks that differ can only hand the lease on too early or too late: what
is learned is guarded by the holder's name and by the watermark.
"""

import time

from sqlalchemy import Connection, bindparam, select, update

from ltrr_haystack.errors import StoreError
from ltrr_haystack.store.checks import LONGEST_ID, finite, storable
from ltrr_haystack.store.tables import lease

_READ = select(lease.c.holder, lease.c.expires_at)
_TAKE = update(lease).values(holder=bindparam("new_holder"), expires_at=bindparam("until"))


def acquire(connection: Connection, holder: str, seconds: float) -> bool:
    """
    Take the lease or prolong it.

    :param connection: In a write transaction.
    :param holder: Who wants it.
    :param seconds: For how long.
    :returns: Whether it is held now; `False` if somebody else holds it.
    """
    storable("The holder of the lease", holder, LONGEST_ID)
    held_by, expires_at = connection.execute(_READ).one()
    now = time.time()
    if held_by not in (None, holder) and expires_at > now:
        return False
    connection.execute(_TAKE, {"new_holder": holder, "until": now + finite("seconds", seconds)})
    return True


def release(connection: Connection, holder: str) -> None:
    """
    Give the lease back.

    :param connection: In a write transaction.
    :param holder: Who held it; nothing happens if that is somebody else.
    """
    if connection.execute(_READ).one().holder == holder:
        connection.execute(_TAKE, {"new_holder": None, "until": 0.0})


def require(connection: Connection, holder: str) -> None:
    """
    See that nobody else took the lease; one that ran out and that nobody took is still good.

    :param connection: In a write transaction.
    :param holder: Who should hold it.
    :raises StoreError: If they do not.
    """
    held_by = connection.execute(_READ).one().holder
    if held_by != holder:
        by_whom = "nobody" if held_by is None else f"'{held_by}'"
        msg = f"The learner '{holder}' does not hold the lease, {by_whom} does; acquire_lease() again before learning."
        raise StoreError(msg)
