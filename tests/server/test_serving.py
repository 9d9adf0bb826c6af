"""Before a server answers."""

import json
import os
import socket
import subprocess
import sys
from signal import SIGTERM

import pytest

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.server.serving import serve

SLOW = """
import sys, time
from ltrr_haystack.server.serving import serve

def documents():
    print("indexing", flush=True)
    sys.stdin.readline()
    return []

serve(sys.argv[1], home=sys.argv[2], port=int(sys.argv[3]), documents=documents,
      on_ready=lambda serving: print("ready", flush=True))
"""

LINES = """
import json, sys
from ltrr_haystack.server.serving import serve
from ltrr_haystack.server.settings import ServerSettings

settings = ServerSettings(everybody=True, client_address=sys.argv[4])
serve(sys.argv[1], home=sys.argv[2], host=sys.argv[3], port=0, settings=settings,
      on_ready=lambda serving: print(json.dumps(serving.lines()), flush=True))
"""


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("LTRR_HOME", str(tmp_path))
    monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
    monkeypatch.setenv("LTRR_API_KEYS", "")


@pytest.fixture
def slow(lexical_pipelines, tmp_path, port):
    """A server that indexes until it is told to go on."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LTRR_")}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SLOW, str(lexical_pipelines), str(tmp_path), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            text=True,
        )
    assert process.stdout.readline() == "indexing\n", (tmp_path / "log").read_text()
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


class TestNotReady:
    def test_refuses_connections_until_it_is_ready(self, slow, port):
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=5)
        slow.stdin.write("\n")
        slow.stdin.flush()
        assert slow.stdout.readline() == "ready\n"
        with socket.create_connection(("127.0.0.1", port), timeout=5) as ready:
            ready.sendall(b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: ready.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["ready"] is True

    def test_a_port_that_another_took_in_the_meantime_is_told(self, slow, port, tmp_path):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            other.listen()
            slow.stdin.write("\n")
            slow.stdin.flush()
            assert slow.stdout.readline() == ""
            assert slow.wait(30) == 1
        assert f"cannot listen on 127.0.0.1, port {port}" in (tmp_path / "log").read_text()

    def test_can_be_told_to_stop_while_it_indexes(self, slow):
        slow.terminate()
        assert slow.wait(30) == -SIGTERM


@pytest.mark.usefixtures("_home")
class TestWithoutKeys:
    @pytest.mark.parametrize("host", ["0.0.0.0", "::"])
    def test_where_others_can_reach_it_it_does_not_start(self, host, lexical_pipelines):
        with pytest.raises(ConfigurationError) as raised:
            serve(lexical_pipelines, host=host, port=0)
        told = str(raised.value)
        assert told.startswith(f"other machines can reach {host}, but there are no API keys")
        for remedy in ("ltrr keys add", "LTRR_API_KEYS", "127.0.0.1", "--open"):
            assert remedy in told

    def test_a_mistake_in_the_environment_is_told_before_anything_else(self, monkeypatch, lexical_pipelines):
        monkeypatch.setenv("LTRR_API_KEYS", "shop:search:short")
        with pytest.raises(ConfigurationError, match=r"LTRR_API_KEYS, entry 1 \('shop'\)"):
            serve(lexical_pipelines, port=0)


@pytest.mark.parametrize(("host", "address"), [("127.0.0.1", "none"), ("0.0.0.0", "peer"), ("0.0.0.0", "none")])
def test_a_server_for_others_says_so_if_it_knows_clients_by_their_ids_alone(host, address, lexical_pipelines, tmp_path):
    command = [sys.executable, "-c", LINES, str(lexical_pipelines), str(tmp_path), host, address]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LTRR_")}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True) as process,
    ):
        said = process.stdout.readline()
        process.kill()
    assert said, (tmp_path / "log").read_text()
    assert any(line.startswith("  clients:  ") for line in json.loads(said)) == ((host, address) == ("0.0.0.0", "none"))
