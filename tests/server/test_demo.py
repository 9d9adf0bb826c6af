import json
import os
import subprocess
from pathlib import Path

import pytest
from haystack import Document

from factories import search
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.server import demo
from ltrr_haystack.server.answers import JSONAnswer, search_answer
from ltrr_haystack.server.serving import serve
from ltrr_haystack.server.summary import ServerSummary


def data_set(query: str) -> DataSet:
    return DataSet("songs", [Document(id="1", content="x")], [Query("q", query, "topical")], {})


class TestInstructions:
    """The lines are pasted into a real shell, in which `curl` prints its last argument."""

    @pytest.fixture
    def paste(self, tmp_path, monkeypatch):
        curl = tmp_path / "curl"
        curl.write_text('#!/bin/sh\nfor last; do :; done\nprintf "%s" "$last"\n')
        curl.chmod(0o755)
        monkeypatch.setattr(demo, "ANSWER", str(tmp_path / "answer.json"))
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

        def run(line: str) -> dict:
            done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True, env=environment, text=True)
            return json.loads(done.stdout)

        return run

    def lines(self, query: str) -> list[str]:
        text = demo.instructions(ServerSummary(url="http://127.0.0.1:1416"), data_set(query))
        return [line for line in text.splitlines() if line.startswith("curl ")]

    @pytest.mark.parametrize("query", ["sad songs", 'don\'t $(stop) `me` "now" \\n', "sång"])
    def test_the_first_line_searches_for_the_query_as_it_is(self, paste, query):
        assert paste(self.lines(query)[0]) == {"query": query}

    def test_the_second_line_clicks_on_the_first_document(self, paste, tmp_path):
        documents = [Document(id=f"song-{number}", meta={"id": "other", "query_id": "other"}) for number in (7, 8)]
        answer = JSONAnswer(search_answer(search("4f2a", documents)))
        (tmp_path / "answer.json").write_bytes(answer.body)
        assert paste(self.lines("love")[1]) == {
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
