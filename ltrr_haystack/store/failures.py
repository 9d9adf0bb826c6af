"""What went wrong in a database, in words that may be shown to anybody; where it happened stands in the notes."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from ltrr_haystack.errors import StoreError, StoreUnavailableError

_SQLITE = {
    sqlite3.SQLITE_BUSY: "another process keeps it locked",
    sqlite3.SQLITE_LOCKED: "another process keeps it locked",
    sqlite3.SQLITE_READONLY: "it can only be read",
    sqlite3.SQLITE_PERM: "it can only be read",
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_IOERR: "its disk fails",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_NOTADB: "its file is not a database",
}
"""Primary result code (https://www.sqlite.org/rescode.html) → what it means for the store."""

LATER = "Try again later."
"""What to do about whatever may pass by itself."""

_LASTING = {
    sqlite3.SQLITE_CANTOPEN: "Check that its path is right, and that this process may read and write there.",
    sqlite3.SQLITE_CORRUPT: "Restore it from a backup.",
    sqlite3.SQLITE_NOTADB: "Correct the url of the store, or restore the file from a backup.",
}
"""Primary result code → what to do about whatever does not pass by itself."""

_POSTGRESQL = {
    "25006": "it can only be read",
    "53100": "its disk is full",
    "53300": "it has too many connections",
    "55P03": "another process keeps it locked",
    "57014": "it did not answer in time",
}
"""SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) → what it means for the store."""


_OF_THE_CALLER = (IntegrityError, DataError)
"""What the database refused is to blame, and would be again."""


def unavailable(reason: str, note: str | None = None, *, remedy: str = LATER) -> StoreUnavailableError:
    """
    Make the error of a store that cannot be used now.

    :param reason: Why, without a path, a password or a name from inside.
    :param note: Where and what exactly, for operators.
    :param remedy: What to do about it, as a sentence.
    :returns: The error.
    """
    error = StoreUnavailableError(f"The store cannot be used now: {reason}. {remedy}")
    if note is not None:
        error.add_note(note)
    return error


def in_our_words(error: BaseException, place: str) -> BaseException:
    """
    Say in this package's words what a database said.

    :param error: What SQLAlchemy or a driver raised, or anything else.
    :param place: The database's url without its passwords, for operators.
    :returns: The error to raise in its place, with the other as its cause; anything else as it is.
    """
    if not isinstance(error, SQLAlchemyError) and not _is_a_drivers(error):
        return error
    orig = getattr(error, "orig", None) or error
    note = f"{place}: {type(orig).__name__}: {orig}".strip()
    said: StoreError
    if isinstance(error, _OF_THE_CALLER):
        said = StoreError("The store refused what it was given.")
        said.add_note(note)
    else:
        said = unavailable(_reason(orig), note, remedy=_LASTING.get(_sqlite_code(orig), LATER))
    said.__cause__ = error
    return said


@contextmanager
def our_words(place: str) -> Iterator[None]:
    """
    Raise in this package's words what a database raises.

    :param place: The database's url without its passwords, for operators.
    :raises StoreError: In the place of a database's error.
    """
    try:
        yield
    except Exception as error:
        said = in_our_words(error, place)
        if said is error:
            raise
        raise said from error


def _is_a_drivers(error: BaseException) -> bool:
    """Whether it comes from a driver directly, as while a connection is being set up."""
    return isinstance(error, sqlite3.Error) or type(error).__module__.partition(".")[0] == "psycopg"


def _reason(error: BaseException) -> str:
    if isinstance(error, sqlite3.Error):
        return _SQLITE.get(_sqlite_code(error), "it failed")
    if isinstance(error, NoConnectionError):
        return "too many wait for it"
    state = getattr(error, "sqlstate", None)
    return "it cannot be reached" if state is None else _POSTGRESQL.get(state, "it failed")


def _sqlite_code(error: BaseException) -> int:
    """The primary result code; SQLITE_OK for other errors, and for the driver's own, such as a closed connection."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else sqlite3.SQLITE_OK
