import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before Haystack is loaded: tests send nothing anywhere.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

from haystack.utils import Secret
from hypothesis import settings
from playwright.sync_api import Browser, Page

from browser import Visitor, chromium
from ltrr_haystack.store import LTRRStore
from serving import Server, without_dense

# How long an example takes is told by benchmarks, not by tests, which run beside others.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _allow_deserialization(monkeypatch):
    monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", "ltrr_haystack")


@pytest.fixture(autouse=True)
def _no_index(monkeypatch):
    """Whatever a test sets, as a server does, is gone after it."""
    monkeypatch.setenv("LTRR_INDEX", "")
    monkeypatch.delenv("LTRR_INDEX")


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/ltrr.db"


@pytest.fixture
def url(sqlite_url):
    """Where `store` keeps its data; tests of the store itself run on each database."""
    return sqlite_url


@pytest.fixture
def open_store(url):
    """Opens the test's store; two calls stand for two components, or two processes."""
    opened = []

    def open_(kind=LTRRStore):
        opened.append(kind(Secret.from_token(url)))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store):
    return open_store()


@pytest.fixture(scope="module")
def lexical_pipelines(tmp_path_factory) -> Path:
    return without_dense(tmp_path_factory.mktemp("lexical") / "pipelines")


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the test."""
    servers: list[Server] = []

    def starting(pipelines: Path, home: Path | None = None, **how) -> Server:
        servers.append(Server(pipelines, home or tmp_path / "home", **how))
        return servers[-1]

    yield starting
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a file of tests; that file has no coroutines among its tests."""
    with chromium() as started:
        yield started


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """Opens pages; the test fails if one of them has errors."""
    visiting = Visitor(browser)
    yield visiting
    visiting.leave()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """An empty page on a desktop, in a context of its own."""
    return visitor.page()
