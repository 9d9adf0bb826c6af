import json

import pytest
import yaml
from haystack.utils import Secret
from typer.testing import CliRunner

from lexicons import FIELDS, songs
from ltrr_haystack.catalogue import LexiconCollector, build, publish
from ltrr_haystack.cli import app
from ltrr_haystack.store import LTRRStore
from serving import Server, always, eventually

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")

DOCUMENTS = [{"id": f"song-{number}", "content": f"Love song {'love ' * (number % 5)}{number}"} for number in range(40)]
UNDERSTOOD = ["normal_form", "language", "query_type", "intents", "readings"]


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


@pytest.fixture(scope="module")
def with_lexicon(server, pipelines, home, tmp_path_factory):
    """The server's pipeline and store, with the lexicon of a small music service."""
    store = LTRRStore(Secret.from_token(f"sqlite:///{home}/ltrr.db"))
    collector = LexiconCollector(FIELDS)
    build(songs(), [collector])
    publish(store, collector.counts())
    store.close()
    file = tmp_path_factory.mktemp("with_lexicon") / "search.yml"
    search = yaml.safe_load((pipelines / "search" / "search.yml").read_text())
    search["components"]["understanding"]["init_parameters"]["annotators"] = [
        {
            "type": "ltrr_haystack.readings.annotator.CatalogueReadings",
            "init_parameters": {"store": search["components"]["router"]["init_parameters"]["store"]},
        }
    ]
    file.write_text(yaml.safe_dump(search, sort_keys=False))
    return file


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
            *UNDERSTOOD,
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
        assert "chosen with probability" in " ".join(ended.stdout.split())
        assert "bm25" in ended.stdout
        assert "song-" in ended.stdout
        assert "Searched in this process" not in ended.stdout


class TestReadings:
    def test_are_there_with_their_filters(self, ltrr, with_lexicon, home):
        ended = ltrr("tayler love", "--pipelines", with_lexicon, "--home", home, "--json")
        assert ended.exit_code == 0, ended.output
        answer = json.loads(ended.stdout)
        assert {name: answer[name] for name in UNDERSTOOD[:3]} == {
            "normal_form": "tayler love",
            "language": "und",
            "query_type": "topical",
        }
        assert max(answer["intents"], key=answer["intents"].get) in ("pop", "love songs")
        best, plain = answer["readings"][0], answer["readings"][-1]
        # The artist of the metadata, or the one that the text was tagged with.
        fields = ("meta.artist", "meta.content_tags.artist")
        artist = [{"field": field, "operator": "==", "value": "Taylor Swift"} for field in fields]
        assert best == {
            "slots": {"artist": "Taylor Swift"},
            "leftover": "love",
            "probability": best["probability"],
            "filters": {"operator": "OR", "conditions": artist},
        }
        assert (plain["slots"], plain["leftover"], plain["filters"]) == ({}, "tayler love", {})
        assert answer["documents"]

    def test_are_a_table(self, ltrr, with_lexicon, home):
        ended = ltrr("tayler love", "--pipelines", with_lexicon, "--home", home)
        assert ended.exit_code == 0, ended.output
        assert "Readings" in ended.stdout
        assert "artist: Taylor Swift" in ended.stdout
        assert "intents: " in ended.stdout
        told = " ".join(ended.stdout.split())
        assert "Searched in this process. A server on this store may decide differently" in told
        assert told.endswith("--url asks it.")

    def test_are_told_of_a_pipeline_that_ranks_no_pages(self, ltrr, with_lexicon, home, tmp_path):
        search = yaml.safe_load(with_lexicon.read_text())
        understanding = search["components"]["understanding"]
        alone = tmp_path / "alone.yml"
        alone.write_text(yaml.safe_dump({"components": {"understanding": understanding}, "connections": []}))
        ended = ltrr("tayler love", "--pipelines", alone, "--home", home, "--json")
        assert ended.exit_code == 0, ended.output
        answer = json.loads(ended.stdout)
        assert list(answer) == UNDERSTOOD
        assert answer["readings"][0]["slots"] == {"artist": "Taylor Swift"}
        assert "artist: Taylor Swift" in ltrr("tayler love", "--pipelines", alone, "--home", home).stdout

    def test_are_what_the_server_says(self, ltrr, server):
        # What is indexed while a server runs is read beside the searches.
        assert eventually(lambda: server.search("lovely things", explain=True, log=False)["readings"])
        answer = json.loads(ltrr("lovely things", "--url", server.url, "--json").stdout)
        understood = answer["explanation"]["decision"]["understanding"]
        assert all(bool(each.pop("filters")) == bool(each["slots"]) for each in answer["readings"])
        assert answer["readings"] == understood["interpretations"]
        assert {each["leftover"] for each in answer["readings"] if not each["slots"]} == {"lovely things"}

    def test_are_none_of_a_pipeline_that_reads_by_no_lexicon(self, ltrr, home, tmp_path):
        alone = tmp_path / "alone.yml"
        understanding = {"type": "ltrr_haystack.components.query_understanding.QueryUnderstanding"}
        alone.write_text(
            yaml.safe_dump(
                {"components": {"understanding": {**understanding, "init_parameters": {}}}, "connections": []}
            )
        )
        answer = json.loads(ltrr("Love", "--pipelines", alone, "--home", home, "--json").stdout)
        assert answer == {
            "normal_form": "love",
            "language": "und",
            "query_type": "broad",
            "intents": {},
            "readings": [],
        }
        assert "no lexicon" in ltrr("Love", "--pipelines", alone, "--home", home).stdout


class TestErrors:
    def test_a_store_that_is_not_there_is_not_made(self, ltrr, pipelines, tmp_path):
        ended = ltrr("love", "--pipelines", pipelines, "--home", tmp_path / "mistyped")
        assert ended.exit_code == 1
        assert "there is no store at" in " ".join(ended.output.split())
        assert list(tmp_path.glob("*.db")) == []
        assert not (tmp_path / "mistyped").exists()

    def test_an_index_that_is_not_there_is_not_made(self, ltrr, pipelines, tmp_path):
        store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/ltrr.db"))
        store.warm_up()
        store.close()
        ended = ltrr("love", "--pipelines", pipelines, "--home", tmp_path)
        assert ended.exit_code == 1
        assert f"there is no index at '{tmp_path}/index'" in ended.output
        assert not (tmp_path / "index").exists()

    @pytest.mark.parametrize("path", ["/foo", "/search", "/search/run"])
    def test_an_address_with_a_path_is_corrected(self, ltrr, server, path):
        ended = ltrr("love", "--url", f"{server.url}{path}")
        assert ended.exit_code == 1
        assert f"there is no search at '{server.url}{path}' (it answers with status 404)" in ended.output
        assert "such as 'http://127.0.0.1:1416'" in ended.output

    def test_a_query_of_white_space_is_an_error_in_a_line(self, ltrr, server, pipelines, home):
        for where in (["--url", server.url], ["--pipelines", pipelines, "--home", home]):
            ended = ltrr(" ", *where)
            assert ended.exit_code == 1
            assert "visible character" in " ".join(ended.output.split())

    def test_a_server_that_is_not_there_is_an_error(self, ltrr):
        ended = ltrr("love", "--url", "http://127.0.0.1:9")
        assert ended.exit_code == 1
        assert "no server answers at" in " ".join(ended.output.split())
