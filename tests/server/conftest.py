import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import httpx
import pytest
import yaml

PIPELINES = Path(__file__).parents[2] / "pipelines"
SERVE = """
import sys
from ltrr_haystack.server.serving import serve
serve(sys.argv[1], home=sys.argv[2], port=0, learn_interval=0.2, on_ready=lambda url: print(url, flush=True))
"""


class Server:
    """The real server in a process of its own, on a free port."""

    def __init__(self, pipelines: Path, home: Path, seconds: float = 120.0):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LTRR_", "HAYHOOKS_"))},
            "LTRR_REWARD_WAIT": "0.5",
            "HAYSTACK_TELEMETRY_ENABLED": "False",
        }
        home.mkdir(parents=True, exist_ok=True)
        self.log = home / "stderr.txt"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(pipelines), str(home)],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                cwd=home,
                text=True,
            )
        # The first line is the URL, or the end of a server that did not start.
        self.url = self.process.stdout.readline().strip()
        self.client = httpx.Client(base_url=self.url, timeout=seconds) if self.url else None

    def post(self, pipeline: str, body: object = None, **kwargs) -> httpx.Response:
        return self.client.post(f"/{pipeline}/run", **({"json": body} | kwargs if body is not None else kwargs))

    def search(self, query: str, **others) -> dict:
        answer = self.post("search", {"query": query, **others})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if self.client is not None:
            self.client.close()

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(timeout=30)
        self.kill()
        return code


def eventually(what: Callable[[], bool], seconds: float = 30.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.1)
    return False


def click(answer: dict, object_id: str, **others) -> dict:
    return {
        "action_name": "click",
        "query_id": answer["query_id"],
        "event_attributes": {"object": {"object_id": object_id}},
        **others,
    }


@pytest.fixture(scope="session")
def helpers():
    """The functions of this file, for tests that cannot import it."""
    return sys.modules[__name__]


@pytest.fixture(scope="module")
def lexical_pipelines(tmp_path_factory) -> Path:
    """The project's pipelines without the dense arm: a server without an embedding model starts in no time."""
    folder = copytree(PIPELINES, tmp_path_factory.mktemp("lexical") / "pipelines")
    search = yaml.safe_load((folder / "search" / "search.yml").read_text())
    router = search["components"]["router"]["init_parameters"]
    del search["components"]["dense"], router["arms"]["dense"], router["baseline"]["dense"]
    joiner = search["components"]["joiner"]["init_parameters"]
    joiner["arms"].remove("dense")
    del joiner["weights"]["dense"], joiner["fallback"]["dense"]
    search["connections"] = [each for each in search["connections"] if "dense" not in str(each)]
    (folder / "search" / "search.yml").write_text(yaml.safe_dump(search, sort_keys=False))
    indexing = yaml.safe_load((folder / "indexing" / "indexing.yml").read_text())
    del indexing["components"]["embedder"]
    (folder / "indexing" / "indexing.yml").write_text(yaml.safe_dump({**indexing, "connections": []}, sort_keys=False))
    return folder


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the test."""
    servers: list[Server] = []

    def starting(pipelines: Path, home: Path | None = None) -> Server:
        servers.append(Server(pipelines, home or tmp_path / "home"))
        return servers[-1]

    yield starting
    for server in servers:
        server.kill()
