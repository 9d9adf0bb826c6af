"""What a store in PostgreSQL does while its database fails, and afterwards."""

import time

import pytest
from haystack.utils import Secret
from sqlalchemy import create_engine, make_url

from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.store.database import holds_a_store
from ltrr_haystack.store.engines import parse_url


def works(store):
    try:
        store.check()
    except StoreUnavailableError:
        return False
    return True


def eventually(what, seconds=20.0):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def searched(store, *query_ids):
    try:
        return store.searches(query_ids)
    except StoreUnavailableError:
        return {}


def end_all(connection):
    connection.exec_driver_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ltrr_victim'"
    )


@pytest.fixture
def postgres(postgresql_url):
    """A store in PostgreSQL, and a connection that may do to it what it likes."""
    named = make_url(postgresql_url).update_query_dict({"application_name": "ltrr_victim"})
    store = LTRRStore(Secret.from_token(named.render_as_string(hide_password=False)))
    store.warm_up()
    engine = create_engine(parse_url(postgresql_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield store, connection
    store.close()
    engine.dispose()


class TestPostgreSQL:
    def test_a_database_that_can_only_be_read_is_read(self, postgres, ranking):
        store, connection = postgres
        store.record_search(ranking("q1"))
        name = connection.exec_driver_sql("SELECT current_database()").scalar()
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        end_all(connection)
        try:
            with pytest.raises(StoreUnavailableError):
                store.record_search(ranking("q2"), timeout=10.0)
            with pytest.raises(StoreUnavailableError, match="it can only be read"):
                store.record_search(ranking("q2"), timeout=10.0)
            eventually(lambda: set(searched(store, "q1")) == {"q1"})
        finally:
            connection.exec_driver_sql("SET default_transaction_read_only = off")
            connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off')
            end_all(connection)
        eventually(lambda: works(store))
        store.record_search(ranking("q2"))

    def test_connections_that_were_ended_are_made_again(self, postgres, ranking):
        store, connection = postgres
        store.record_search(ranking("q1"))
        end_all(connection)
        eventually(lambda: works(store))
        store.record_search(ranking("q2"))
        assert set(store.searches(["q1", "q2"])) == {"q1", "q2"}

    def test_a_table_that_somebody_locked_keeps_no_search_waiting(self, postgres, ranking):
        store, connection = postgres
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("LOCK TABLE ltrr_history, ltrr_decisions IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="it did not answer in time"):
            store.history("love songs")
        with pytest.raises(StoreUnavailableError, match="it takes too long to write"):
            store.record_search(ranking("q1"), timeout=0.7)
        with pytest.raises(StoreUnavailableError, match="it is slow to write"):
            store.record_search(ranking("q2"), timeout=0.5)
        assert time.monotonic() - started < 5
        connection.exec_driver_sql("ROLLBACK")
        eventually(lambda: works(store))
        assert store.history("love songs") == {}
        store.record_search(ranking("q3"))

    def test_a_lock_of_another_writer_stops_no_read(self, postgres, ranking):
        store, connection = postgres
        connection.exec_driver_sql("SELECT pg_advisory_lock(1819570802)")
        with pytest.raises(StoreUnavailableError, match="it takes too long to write"):
            store.record_search(ranking("q1"), timeout=0.7)
        assert store.history("love songs") == {}
        connection.exec_driver_sql("SELECT pg_advisory_unlock(1819570802)")
        eventually(lambda: works(store))
        store.record_search(ranking("q1"))


def test_a_database_holds_a_store_once_its_tables_are_there(postgresql_url):
    url = parse_url(postgresql_url)
    assert not holds_a_store(url)
    assert not holds_a_store(url)
    store = LTRRStore(Secret.from_token(postgresql_url))
    store.warm_up()
    store.close()
    assert holds_a_store(url)
