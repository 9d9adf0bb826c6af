import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from haystack import Document

from factories import search
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.server import demo
from ltrr_haystack.server.answers import JSONAnswer, search_answer
from ltrr_haystack.server.serving import serve
from ltrr_haystack.server.summary import ServerSummary
from serving import eventually, few_songs


def data_set(query: str) -> DataSet:
    return DataSet("songs", [Document(id="1", content="x")], [Query("q", query, "topical")], {})


class TestInstructions:
    """The lines are pasted into a real shell, in which `curl` prints its last argument."""

    @pytest.fixture
    def paste(self, tmp_path):
        curl = tmp_path / "curl"
        curl.write_text('#!/bin/sh\nfor last; do :; done\nprintf "%s" "$last"\n')
        curl.chmod(0o755)
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

        def run(line: str) -> dict:
            done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True, env=environment, text=True)
            return json.loads(done.stdout)

        return run

    @pytest.fixture
    def home(self, tmp_path):
        """A folder that has to be quoted."""
        folder = tmp_path / "my home"
        folder.mkdir()
        return folder

    def lines(self, query: str, home: Path) -> list[str]:
        text = demo.instructions(ServerSummary(url="http://127.0.0.1:1416"), data_set(query), home)
        return [line for line in text.splitlines() if line.startswith("curl ")]

    def test_the_pages_come_first_and_the_commands_last(self, home):
        lines = demo.instructions(ServerSummary(url="http://127.0.0.1:1416"), data_set("love"), home).splitlines()
        told = [line.split()[0] for line in lines if line.strip().startswith(("http://", "curl "))]
        assert told == ["http://127.0.0.1:1416/", "http://127.0.0.1:1416/learning", "curl", "curl"]

    @pytest.mark.parametrize("query", ["sad songs", 'don\'t $(stop) `me` "now" \\n', "sång"])
    def test_the_first_line_searches_for_the_query_as_it_is(self, paste, home, query):
        assert paste(self.lines(query, home)[0]) == {"query": query}

    def test_the_second_line_clicks_on_the_first_document(self, paste, home):
        documents = [Document(id=f"song-{number}", meta={"id": "other", "query_id": "other"}) for number in (7, 8)]
        answer = JSONAnswer(search_answer(search("4f2a", documents)))
        (home / demo.ANSWER).write_bytes(answer.body)
        assert paste(self.lines("love", home)[1]) == {
            "events": [
                {"action_name": "click", "query_id": "4f2a", "event_attributes": {"object": {"object_id": "song-7"}}}
            ]
        }


class TestServe:
    def test_a_taken_port_is_told_before_anything_else_happens(self, tmp_path, monkeypatch):
        import socket

        monkeypatch.setenv("LTRR_HOME", str(tmp_path))
        monkeypatch.setenv("LTRR_STORE_URL", "sqlite://")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ConfigurationError, match=rf"cannot listen on 127\.0\.0\.1, port {port} .*--port"):
                serve(tmp_path / "nowhere", port=port)

    def test_a_missing_folder_of_pipelines_is_named(self, tmp_path, monkeypatch):
        pytest.importorskip("hayhooks")
        monkeypatch.setenv("LTRR_HOME", str(tmp_path))
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        with pytest.raises(ConfigurationError, match=r"there is no folder of pipelines at .*nowhere"):
            serve(Path(tmp_path) / "nowhere", port=0)


DEMO = """
import sys
from ltrr_haystack.server.demo import demo
data, pipelines, home = sys.argv[1:]
demo(data, pipelines=pipelines, home=home, port=0)
"""


class TestDemo:
    """The demo as `make demo` starts it, with a small data set and without the embedding model."""

    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, lexical_pipelines, tmp_path_factory):
        pytest.importorskip("hayhooks")
        pytest.importorskip("tantivy")
        folder = tmp_path_factory.mktemp("demo")
        songs = few_songs(folder / "songs")
        command = [sys.executable, "-c", DEMO, str(songs), str(lexical_pipelines), str(folder / "home")]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LTRR_", "HAYHOOKS_"))}
        with (folder / "stderr.txt").open("w") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=kept)
        told = (line.strip() for line in process.stdout)
        url = next((line.split()[0] for line in told if line.startswith("http://")), "")
        yield url
        process.terminate()
        process.communicate(timeout=30)
        assert url, (folder / "stderr.txt").read_text()

    def test_the_first_url_that_it_prints_is_a_page_on_which_people_can_search_and_be_simulated(self, url, page):
        page.goto(url)
        assert page.title()
        assert httpx.get(f"{url}pages/settings").json()["tour"] is True

    def test_its_own_queries_are_suggested(self, url):
        assert httpx.get(f"{url}search/suggestions", params={"query": "ni"}).json() == {"suggestions": ["night"]}

    def test_a_click_shows_in_nearly_every_search_that_follows_and_the_others_play_the_baseline(self, url):
        found = httpx.post(f"{url}search/run", json={"query": "night"}, timeout=60).json()
        attributes = {"object": {"object_id": found["documents"][-1]["id"]}}
        click = {"action_name": "click", "query_id": found["query_id"], "event_attributes": attributes}
        assert httpx.post(f"{url}feedback/run", json={"events": [click]}).json()["accepted"] == 1
        body = {"query": "night", "explain": True, "log": False}

        def decided():
            return httpx.post(f"{url}search/run", json=body, timeout=60).json()["explanation"]["decision"]

        assert eventually(lambda: decided()["memory_share"] > 0.9)
        now = decided()
        assert now["baseline_share"] == pytest.approx(0.0475)
        assert now["safe_start"]

    def test_the_first_search_is_read_by_the_catalogue(self, url):
        body = {"query": "nina vale", "explain": True, "log": False}
        readings = httpx.post(f"{url}search/run", json=body, timeout=60).json()["readings"]
        assert {"artist": "Nina Vale"} in [reading["slots"] for reading in readings]
