"""Explanations over HTTP, from the real server, and without one."""

import re
from pathlib import Path

import pytest
import yaml
from haystack.utils import Secret

from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.server.environment import prepare_environment
from ltrr_haystack.server.explaining import explain_in_process, explain_on_server
from ltrr_haystack.store import RANKER, LTRRStore
from ranked import likes_low_ranks
from serving import Server, always, click, eventually

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")
pytest.importorskip("lightgbm")

DOCUMENTS = [{"id": f"song-{number}", "content": f"Love song {'love ' * (number % 5)}{number}"} for number in range(40)]
KEY, OTHER = f"ltrr_search1_{'x' * 40}", f"ltrr_feedback1_{'x' * 40}"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def pipelines(lexical_pipelines) -> Path:
    always(lexical_pipelines, "bm25")
    return lexical_pipelines


@pytest.fixture(scope="module")
def server(pipelines, home):
    """A server that has learned from three clicks, with a ranking model."""
    running = Server(pipelines, home, options={"safe_start": False})
    assert running.url, running.log.read_text()
    assert running.post("indexing", {"documents": DOCUMENTS}).json() == {"written": 40}
    for number in range(3):
        answer = running.search("love", user_id=f"ann-{number}", session_id=f"session-{number}")
        last = answer["documents"][-1]["id"]
        assert running.post("feedback", {"events": [click(answer, last)]}).json()["accepted"] == 1
    store = LTRRStore(Secret.from_token(f"sqlite:///{home}/ltrr.db"))
    store.add_snapshot(RANKER, likes_low_ranks(), {}, activate=True)
    assert eventually(lambda: store.watermark().learned == 3)
    store.close()
    assert eventually(lambda: asked(running)["explanation"]["decision"]["ranker_version"] == 1)
    yield running
    running.kill()


def asked(server, query="love", **others):
    return server.search(query, explain=True, log=False, **others)


@pytest.fixture
def in_process(server, pipelines, home, monkeypatch):
    """Explains beside the server, with its store and its index."""
    for name in ("LTRR_STORE_URL", "LTRR_HOME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    prepare_environment(home)
    return lambda query, top_k=10: explain_in_process(pipelines, query, top_k=top_k, check_store=lambda store: None)


class TestOverHTTP:
    def test_every_document_of_the_page_is_explained_in_its_order(self, server):
        answer = asked(server, top_k=7)
        explained = answer["explanation"]["documents"]
        assert list(explained) == [document["id"] for document in answer["documents"]]
        assert [each["place"] for each in explained.values()] == list(range(1, 8))
        for document in answer["documents"]:
            why = explained[document["id"]]
            assert {arm: place["rank"] for arm, place in why["arms"].items()} == {
                arm: place["rank"] for arm, place in document["arms"].items()
            }
            assert why["memory"]["mean"] == pytest.approx(document["score"])
            ranker = why["ranker"]
            parts = ranker["start"] + ranker["expected"] + sum(ranker["contributions"].values())
            assert parts == pytest.approx(ranker["score"])
        clicked = [each["memory"] for each in explained.values() if each["memory"]["successes"]]
        assert all(each["looks"] > 0 and each["mean"] > each["prior"] and each["since"] for each in clicked)
        assert answer["explanation"]["decision"]["allocation"] == answer["decision"]["allocation"]

    def test_what_is_not_asked_for_is_left_out(self, server):
        assert "explanation" not in server.search("love", log=False)

    def test_a_search_that_is_explained_is_logged_unless_told_otherwise(self, server):
        logged, unlogged = server.search("love", explain=True), asked(server)
        assert (logged["logged"], unlogged["logged"]) == (True, False)
        for answer, status in ((logged, 200), (unlogged, 422)):
            event = click(answer, answer["documents"][0]["id"])
            assert server.post("feedback", {"events": [event]}).status_code == status

    def test_a_page_in_mode_baseline_owes_nothing_to_model_and_memory(self, server):
        explanation = asked(server, mode="baseline")["explanation"]
        assert explanation["decision"]["in_union_order"] is True
        assert len(explanation["documents"]) == 10
        for each in explanation["documents"].values():
            assert (each["ranker"], each["memory"]["mean"], each["explored"]) == (None, None, False)
            assert each["fused"]["place"] == each["place"]

    def test_nobody_who_searched_before_is_named(self, server):
        text = server.post("search", {"query": "love", "explain": True, "log": False}).text
        assert not re.search(r"ann-\d|session-\d", text)

    @pytest.mark.parametrize("query", ["a|b:c\nd", "日本の歌", "🎵", "x" * 1000, "\x01love", "[/red]\x1b[31m", '{"a":'])
    def test_any_text_that_people_type_is_explained(self, server, query):
        explained = asked(server, query)["explanation"]
        assert explained["decision"]["understanding"]["query"]

    def test_the_form_is_described(self, server):
        schema = server.client.get("/openapi.json").json()
        answer = schema["components"]["schemas"]["SearchAnswer"]["properties"]["explanation"]
        assert "#/components/schemas/Explanation" in str(answer)
        assert "explanation" not in schema["components"]["schemas"]["SearchAnswer"]["required"]


class TestInProcess:
    def test_explains_as_the_server_does(self, server, in_process):
        here, there = in_process("love"), asked(server)
        assert list(here) == list(there)
        assert here["logged"] is False
        assert list(here["explanation"]) == list(there["explanation"])
        first = [next(iter(answer["explanation"]["documents"].values())) for answer in (here, there)]
        assert first[0].keys() == first[1].keys()

    def test_leaves_nothing_in_the_log(self, in_process, home):
        store = LTRRStore(Secret.from_token(f"sqlite:///{home}/ltrr.db"))
        before = store.counts().decisions
        answer = in_process("love", 3)
        assert len(answer["documents"]) == 3
        assert store.counts().decisions == before
        assert store.searches([answer["query_id"]]) == {}
        store.close()

    def test_a_query_that_nobody_could_search_for_is_refused(self, in_process):
        with pytest.raises(Exception, match="query is only white space") as refused:
            in_process(" \n")
        assert isinstance(refused.value.__cause__ or refused.value, InvalidInputError)

    def test_a_pipeline_without_a_ranker_of_ours_is_refused(self, tmp_path, pipelines, in_process):
        search = yaml.safe_load((pipelines / "search" / "search.yml").read_text())
        del search["components"]["ranker"], search["components"]["impressions"]
        search["connections"] = [each for each in search["connections"] if "ranker" not in str(each)]
        (tmp_path / "search.yml").write_text(yaml.safe_dump(search))
        with pytest.raises(ConfigurationError, match="has one LTRRanker; this one has 0"):
            explain_in_process(tmp_path, "love", top_k=3, check_store=lambda store: None)


class TestOnServer:
    def test_gives_what_the_server_says(self, server):
        answer = explain_on_server(f"{server.url}/", "love", top_k=3, api_key=None)
        assert len(answer["explanation"]["documents"]) == 3
        assert answer["logged"] is False

    def test_a_refused_query_is_told_with_the_servers_reason(self, server):
        with pytest.raises(InvalidInputError, match=r"query.*visible character"):
            explain_on_server(server.url, " ", top_k=3, api_key=None)

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9", "HTTPS://127.0.0.1:9", "http://[", "http://\ud800"])
    def test_a_server_that_is_not_there_is_an_error(self, url):
        with pytest.raises(ConfigurationError, match="no server answers at"):
            explain_on_server(url, "love", top_k=3, api_key=None)

    @pytest.mark.parametrize("without", ["127.0.0.1:1416", "localhost:1416", "ftp://x", "nowhere", ""])
    def test_an_address_that_is_none_of_http_is_not_blamed_on_the_server(self, without):
        with pytest.raises(ConfigurationError, match=rf"--url must begin with 'http://' or .*; got '{without}'$"):
            explain_on_server(without, "love", top_k=3, api_key=None)

    def test_what_does_not_explain_is_named(self, server):
        with pytest.raises(ConfigurationError, match=r"answers with status 40\d"):
            explain_on_server(f"{server.url}/status", "love", top_k=3, api_key=None)

    def test_the_scope_search_is_needed_and_enough(self, start, pipelines):
        keyed = start(pipelines, LTRR_API_KEYS=f"a:search:{KEY} b:feedback:{OTHER}")
        assert explain_on_server(keyed.url, "love", top_k=3, api_key=KEY)["explanation"]["documents"] == {}
        for key, status in ((None, 401), (OTHER, 403), ("ltrr_\u00e9", "4")):
            with pytest.raises(ConfigurationError, match=rf"answers with status {status}|no server answers"):
                explain_on_server(keyed.url, "love", top_k=3, api_key=key)
