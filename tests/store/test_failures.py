import sqlite3

import pytest
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from ltrr_haystack.errors import StoreError, StoreUnavailableError, with_notes
from ltrr_haystack.store.failures import in_our_words, our_words

PLACE = "sqlite:////var/lib/ltrr/ltrr.db"


def sqlite_error(code, text="said by SQLite"):
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


class PostgresError(Exception):
    def __init__(self, sqlstate):
        super().__init__('connection to server at "10.0.0.7" failed')
        self.sqlstate = sqlstate


class TestInOurWords:
    @pytest.mark.parametrize(
        ("driver", "reason"),
        [
            (sqlite_error(sqlite3.SQLITE_FULL), "its disk is full"),
            (sqlite_error(sqlite3.SQLITE_BUSY), "another process keeps it locked"),
            (sqlite_error(sqlite3.SQLITE_READONLY), "it can only be read"),
            (sqlite_error(778), "its disk fails"),  # SQLITE_IOERR_WRITE
            (sqlite_error(sqlite3.SQLITE_ERROR), "it failed"),
            (sqlite3.ProgrammingError("Cannot operate on a closed database."), "it failed"),
            (PostgresError(None), "it cannot be reached"),
            (PostgresError("25006"), "it can only be read"),
            (PostgresError("53100"), "its disk is full"),
            (PostgresError("55P03"), "another process keeps it locked"),
            (PostgresError("57014"), "it did not answer in time"),
            (PostgresError("42P01"), "it failed"),
        ],
    )
    def test_says_what_it_means_and_keeps_the_rest_for_operators(self, driver, reason):
        said = in_our_words(OperationalError("SELECT secret", {}, driver), PLACE)
        assert isinstance(said, StoreUnavailableError)
        assert str(said) == f"The store cannot be used now: {reason}. Try again later."
        assert with_notes(said) == f"{said} ({PLACE}: {type(driver).__name__}: {driver})"

    @pytest.mark.parametrize(
        ("code", "told"),
        [
            (sqlite3.SQLITE_NOTADB, "its file is not a database. Correct the url of the store"),
            (sqlite3.SQLITE_CORRUPT, "its file is damaged. Restore it from a backup"),
            (sqlite3.SQLITE_CANTOPEN, "it cannot be opened. Check that its path is right"),
            (sqlite3.SQLITE_CANTOPEN | 2 << 8, "it cannot be opened. Check that its path is right"),  # _ISDIR
        ],
    )
    def test_of_what_does_not_pass_it_says_what_to_do(self, code, told):
        said = in_our_words(OperationalError("SELECT", {}, sqlite_error(code)), PLACE)
        assert isinstance(said, StoreUnavailableError)
        assert told in str(said)
        assert "Try again later" not in str(said)
        assert PLACE in with_notes(said)

    def test_what_is_the_callers_own_fault_is_no_outage(self):
        said = in_our_words(IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE failed: ltrr_x.y")), PLACE)
        assert type(said) is StoreError
        assert str(said) == "The store refused what it was given."

    def test_an_error_of_the_driver_itself_is_known_too(self):
        said = in_our_words(sqlite_error(sqlite3.SQLITE_NOTADB), PLACE)
        assert isinstance(said, StoreUnavailableError)
        assert "its file is not a database" in str(said)

    def test_too_many_at_once_are_an_outage(self):
        assert "too many wait for it" in str(in_our_words(NoConnectionError("QueuePool limit"), PLACE))

    @pytest.mark.parametrize("error", [ValueError("x"), StoreError("x"), KeyboardInterrupt()])
    def test_anything_else_stays_what_it_is(self, error):
        assert in_our_words(error, PLACE) is error


class TestOurWords:
    def test_raises_in_our_words_with_the_cause(self):
        cause = DatabaseError("SELECT", {}, sqlite_error(sqlite3.SQLITE_CORRUPT))
        with pytest.raises(StoreUnavailableError, match="its file is damaged") as caught, our_words(PLACE):
            raise cause
        assert caught.value.__cause__ is cause

    def test_lets_everything_else_through(self):
        with pytest.raises(ZeroDivisionError) as caught, our_words(PLACE):
            raise ZeroDivisionError
        assert caught.value.__cause__ is None
