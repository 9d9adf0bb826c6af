import json

import pytest
from typer.testing import CliRunner

from ltrr_haystack.cli import app
from serving import Server, always

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")

DOCUMENTS = [{"id": f"song-{number}", "content": f"Love song {'love ' * (number % 5)}{number}"} for number in range(40)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def pipelines(lexical_pipelines):
    always(lexical_pipelines, "bm25")
    return lexical_pipelines


@pytest.fixture(scope="module")
def server(pipelines, home):
    running = Server(pipelines, home, options={"safe_start": False})
    assert running.url, running.log.read_text()
    assert running.post("indexing", {"documents": DOCUMENTS}).json() == {"written": 40}
    yield running
    running.kill()


@pytest.fixture
def ltrr(monkeypatch):
    for name in ("LTRR_STORE_URL", "LTRR_HOME", "LTRR_KEY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return lambda *arguments: CliRunner().invoke(app, ["explain", *map(str, arguments)])


class TestJSON:
    def test_is_what_the_server_says(self, ltrr, server):
        ended = ltrr("love", "--url", server.url, "--top-k", 4, "--json")
        assert ended.exit_code == 0, ended.output
        answer = json.loads(ended.stdout)
        assert list(answer) == [
            "query_id",
            "documents",
            "decision",
            "missing_arms",
            "warnings",
            "logged",
            "explanation",
        ]
        assert len(answer["explanation"]["documents"]) == 4
        assert answer["logged"] is False

    def test_without_a_server_the_pipeline_is_run_here(self, ltrr, server, pipelines, home):
        ended = ltrr("love", "--pipelines", pipelines, "--home", home, "--json")
        assert ended.exit_code == 0, ended.output
        answer = json.loads(ended.stdout)
        assert list(answer["explanation"]["documents"]) == [document["id"] for document in answer["documents"]]
        assert len(answer["documents"]) == 10
        assert answer["logged"] is False


class TestTables:
    def test_say_what_was_decided_and_what_came_of_it(self, ltrr, server):
        ended = ltrr("Love?", "--url", server.url)
        assert ended.exit_code == 0, ended.output
        assert "query: Love? (normal form: love;" in ended.stdout
        assert "chosen with probability" in ended.stdout
        assert "bm25" in ended.stdout
        assert "song-" in ended.stdout


class TestErrors:
    def test_a_store_that_is_not_there_is_not_made(self, ltrr, pipelines, tmp_path):
        ended = ltrr("love", "--pipelines", pipelines, "--home", tmp_path)
        assert ended.exit_code == 1
        assert "there is no store at" in " ".join(ended.output.split())
        assert list(tmp_path.glob("*.db")) == []

    def test_a_query_of_white_space_is_an_error_in_a_line(self, ltrr, server, pipelines, home):
        for where in (["--url", server.url], ["--pipelines", pipelines, "--home", home]):
            ended = ltrr(" ", *where)
            assert ended.exit_code == 1
            assert "visible character" in " ".join(ended.output.split())

    def test_a_server_that_is_not_there_is_an_error(self, ltrr):
        ended = ltrr("love", "--url", "http://127.0.0.1:9")
        assert ended.exit_code == 1
        assert "no server answers at" in " ".join(ended.output.split())
