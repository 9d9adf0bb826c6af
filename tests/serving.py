"""The real server in a process of its own, those who use it, and pipelines for it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import randrange
from shutil import copytree
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import httpx
import yaml

PIPELINES = Path(__file__).parents[1] / "pipelines"
SERVE = """
import json, sys
from ltrr_haystack.server.serving import serve
from ltrr_haystack.server.settings import ServerSettings
options = json.loads(sys.argv[3])
if folder := options.pop("data", None):
    from ltrr_haystack.evaluation.datasets import load_beir
    options["data"] = data = load_beir(folder)
    options["documents"] = lambda: data.documents
settings = ServerSettings.from_environment(**options.pop("settings", {}))
ready = lambda serving: print(serving.url, flush=True)
serve(sys.argv[1], home=sys.argv[2], **{"port": 0, "learn_interval": 0.2, **options}, settings=settings, on_ready=ready)
"""


class Server:
    """The real server in a process of its own, on a free port."""

    def __init__(
        self,
        pipelines: Path,
        home: Path,
        seconds: float = 120.0,
        *,
        key: str | None = None,
        options: dict[str, object] | None = None,
        **variables: str,
    ):
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LTRR_", "HAYHOOKS_"))},
            "LTRR_REWARD_WAIT": "0.5",
            "HAYSTACK_TELEMETRY_ENABLED": "False",
            **variables,
        }
        home.mkdir(parents=True, exist_ok=True)
        self.log = home / "stderr.txt"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(pipelines), str(home), json.dumps(options or {})],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                cwd=home,
                text=True,
            )
        # The first line is the URL, or the end of a server that did not start.
        self.url = self.process.stdout.readline().strip()
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self.client = httpx.Client(base_url=self.url, timeout=seconds, headers=headers) if self.url else None

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


@dataclass
class Load:
    """
    Four people who search and two who click, all the time; they write down what they were answered.

    :param url: The server.
    """

    url: str
    searches: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    feedback: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> "Load":
        self._over = Event()
        people = [self._search] * 4 + [self._send] * 2
        self._threads = [Thread(target=self._go_on, args=(person,)) for person in people]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def is_under_way(self) -> bool:
        return sum(sent["accepted"] for sent in self.feedback) > 5

    def since(self, moment: float, until: float = float("inf")) -> list[dict[str, Any]]:
        """The searches that began after the one moment and were answered before the other."""
        return _within(self.searches, moment, until)

    def sent_since(self, moment: float, until: float = float("inf")) -> list[dict[str, Any]]:
        """The same for feedback."""
        return _within(self.feedback, moment, until)

    def _go_on(self, act: Callable[[httpx.Client], None]) -> None:
        with httpx.Client(base_url=self.url, timeout=60.0) as client:
            while not self._over.is_set():
                try:
                    act(client)
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self._over.wait(0.02)

    def _search(self, client: httpx.Client) -> None:
        at = time.monotonic()
        answer = client.post("/search/run", json={"query": "love"})
        seconds = time.monotonic() - at
        # What a server before this one does not say is taken for logged.
        said = {"logged": True, **answer.json()} if answer.status_code == 200 else {}
        self.searches.append({"at": at, "seconds": seconds, "status": answer.status_code, **said})

    def _send(self, client: httpx.Client) -> None:
        # One of the last, and not the last alone: of a single search only so many events are taken.
        logged = (search for search in reversed(self.searches) if search.get("logged"))
        found = next(islice(logged, randrange(20), None), None)
        if found is None:
            return
        event = {
            "event_id": uuid4().hex,
            "action_name": "click",
            "query_id": found["query_id"],
            "event_attributes": {"object": {"object_id": found["documents"][0]["id"]}},
        }
        self.events.append(event)
        at = time.monotonic()
        answer = client.post("/feedback/run", json={"events": [event]})
        accepted = answer.status_code == 200 and answer.json()["accepted"] + answer.json()["duplicate"] == 1
        said = {"status": answer.status_code, "accepted": accepted, "text": answer.text, "headers": answer.headers}
        self.feedback.append({"at": at, "seconds": time.monotonic() - at, "event": event, **said})


def _within(answers: list[dict[str, Any]], moment: float, until: float) -> list[dict[str, Any]]:
    return [answer for answer in answers if moment <= answer["at"] and answer["at"] + answer["seconds"] < until]


def eventually(what: Callable[[], bool], seconds: float = 30.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.1)
    return False


def click(answer: dict, object_id: str, **others) -> dict:
    attributes = {"object": {"object_id": object_id}}
    return {"action_name": "click", "query_id": answer["query_id"], "event_attributes": attributes, **others}


def without_dense(folder: Path) -> Path:
    """The project's pipelines without the dense arm: a server without an embedding model starts in no time."""
    copytree(PIPELINES, folder)
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
    indexing["connections"] = [each for each in indexing["connections"] if "embedder" not in str(each)]
    indexing["connections"].append({"sender": "tagger.documents", "receiver": "catalogue.documents"})
    (folder / "indexing" / "indexing.yml").write_text(yaml.safe_dump(indexing, sort_keys=False))
    return folder


def few_songs(folder: Path) -> Path:
    """A data set in which what people mean stands far down the pages of the words alone."""
    folder.mkdir(parents=True)
    artists = {"love": "Nina Vale", "rain": "Otto Brandt", "night": "The Lanterns"}
    songs, judgements = [], ["query-id\tcorpus-id\tscore"]
    for query, artist in artists.items():
        for number in range(8):
            title = f"{query} {'and more ' * number}".strip().capitalize()
            songs.append(
                {"_id": f"{query}-{number}", "title": title, "text": "A song.", "metadata": {"artist": artist}}
            )
        judgements.append(f"{query}\t{query}-5\t2")
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, songs)))
    (folder / "queries.jsonl").write_text("\n".join(json.dumps({"_id": each, "text": each}) for each in artists))
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("\n".join(judgements) + "\n")
    return folder


def always(pipelines: Path, arm: str) -> None:
    """Let an arm be asked for every query, so that every page shows something."""
    file = pipelines / "search" / "search.yml"
    search = yaml.safe_load(file.read_text())
    arms = search["components"]["router"]["init_parameters"]["arms"]
    arms[arm]["levels"] = [level for level in arms[arm]["levels"] if level > 0]
    file.write_text(yaml.safe_dump(search, sort_keys=False))
