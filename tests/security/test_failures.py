"""What fails inside is told without a word of the inside."""

import re
import sqlite3

import pytest

from serving import Server, click, eventually, without_dense

pytest.importorskip("hayhooks")
tantivy = pytest.importorskip("tantivy")

pytestmark = pytest.mark.security

FOREIGN = """
from hayhooks import BasePipelineWrapper
from ltrr_haystack.errors import StoreError

class PipelineWrapper(BasePipelineWrapper):
    def setup(self) -> None:
        self.pipeline = None

    def run_api(self, what: str) -> str:
        if what == "store":
            raise StoreError("The store at 'postgresql://me:pa55word@db.intern/ltrr' failed: locked")
        raise RuntimeError("/var/lib/pa55word")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The project's own pipelines, and one whose wrapper knows nothing of how failures are to be told."""
    folder = without_dense(tmp_path_factory.mktemp("failing") / "pipelines")
    (folder / "foreign").mkdir()
    (folder / "foreign" / "pipeline_wrapper.py").write_text(FOREIGN)
    running = Server(folder, tmp_path_factory.mktemp("home"))
    assert running.url, running.log.read_text()
    running.post("indexing", {"documents": [{"id": "a", "content": "A love song"}]})
    yield running
    running.kill()


class TestFailures:
    def test_of_a_foreign_wrapper_have_an_id_that_the_log_has_too(self, server):
        answer = server.post("foreign", {"what": "else"})
        assert answer.status_code == 500
        assert "pa55word" not in answer.text
        [error_id] = re.findall(r"error (\w{8})", answer.json()["detail"])
        log = server.log.read_text()
        assert f"error {error_id}" in log
        assert "RuntimeError: /var/lib/pa55word" in log

    def test_of_a_store_pass_by_themselves(self, server):
        answer = server.post("foreign", {"what": "store"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "pa55word" not in answer.text
        assert "intern" not in answer.text

    def test_of_the_real_store_too(self, server):
        """The table of the events is taken away under the server's hands."""
        found = server.search("love")
        events = {"events": [click(found, "a")]}
        with sqlite3.connect(server.log.parent / "ltrr.db") as database:
            database.execute("ALTER TABLE ltrr_events RENAME TO gone")
        answer = server.post("feedback", events)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        for inside in ("ltrr.db", "sqlite", "ltrr_events", str(server.log.parent)):
            assert inside not in answer.text
        with sqlite3.connect(server.log.parent / "ltrr.db") as database:
            database.execute("ALTER TABLE gone RENAME TO ltrr_events")
        # Until something that waits for the store finds it mended, others are refused at once.
        assert eventually(lambda: server.post("feedback", events).json().get("accepted") == 1)

    def test_of_an_index_that_another_process_writes_to(self, server):
        documents = {"documents": [{"id": "b", "content": "Another love song"}]}
        folder = server.log.parent / "index"
        writer = tantivy.Index.open(str(folder)).writer()
        answer = server.post("indexing", documents)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["detail"].startswith("another process is writing to the index; try again")
        assert str(folder) not in answer.text
        assert [document["id"] for document in server.search("love")["documents"]] == ["a"]
        writer.rollback()
        writer.wait_merging_threads()
        assert server.post("indexing", documents).json() == {"written": 1}
