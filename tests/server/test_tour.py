"""Simulated people search the real server."""

import math

import pytest

pytest.importorskip("hayhooks")
pytest.importorskip("tantivy")

from haystack.utils import Secret

from ltrr_haystack import LTRRStore
from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.server.tour import Tour
from ltrr_haystack.server.tour_figures import LEAST_COMPARED
from ltrr_haystack.store import read_log
from serving import Server, eventually, few_songs

KEYS = {scope: f"ltrr_{scope}1_{'x' * 40}" for scope in ("search", "feedback", "admin")}
STATE = {
    "running",
    "seconds_left",
    "searches",
    "clicks",
    "failed",
    "curve",
    "picture",
    "baseline",
    "changed",
    "message",
}


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return few_songs(tmp_path_factory.mktemp("data") / "songs")


@pytest.fixture(scope="module")
def server(lexical_pipelines, songs, tmp_path_factory):
    running = Server(lexical_pipelines, tmp_path_factory.mktemp("home"), options={"data": str(songs)})
    assert running.url, running.log.read_text()
    yield running
    running.kill()


def state(server, **headers):
    answer = server.client.get("/tour", headers=headers)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == STATE
    return answer.json()


class TestTour:
    def test_people_search_and_click_and_the_curve_grows_until_the_time_is_over(self, server):
        assert state(server)["message"] == "No simulated people have searched yet."
        begun = server.client.post("/tour", json={"seconds": 8})
        assert begun.status_code == 202
        assert begun.json()["running"]
        assert 0 < begun.json()["seconds_left"] <= 8
        assert "simulated people" in begun.json()["message"]
        refused = server.client.post("/tour", json={"seconds": 8})
        assert refused.status_code == 409
        assert "DELETE /tour" in refused.json()["detail"]
        assert eventually(lambda: len(state(server)["curve"]) >= 2)
        assert eventually(lambda: not state(server)["running"])
        ended = state(server)
        assert ended["seconds_left"] == ended["failed"] == 0
        assert 10 <= ended["searches"] <= 40
        assert ended["clicks"] > 0
        assert 0 < ended["baseline"]["searches"] < ended["searches"]
        for point in [*ended["curve"], ended["baseline"]]:
            assert 0 <= point["low"] <= point["click_rate"] <= point["high"] <= 1
        # Chance decides how many searches are made on the baseline's pages, too; the second half of them is compared.
        late = math.ceil(ended["baseline"]["searches"] / 2)
        enough = late >= LEAST_COMPARED
        assert ("on the baseline's pages for the same searches" in ended["message"]) is enough
        assert ("too few to compare them with the baseline" in ended["message"]) is not enough

    def test_the_baselines_pages_are_not_logged_and_the_others_are_learned_from(self, server):
        searched = state(server)["searches"]
        store = LTRRStore(Secret.from_token(f"sqlite:///{server.log.parent}/ltrr.db"))
        try:
            assert eventually(lambda: len(list(read_log(store))) == searched)
            assert {each.decision.mode for each in read_log(store)} == {"live"}
            assert any(store.memory(query) for query in ("love", "rain", "night"))
        finally:
            store.close()

    def test_it_can_be_stopped_and_begun_again(self, server):
        for _ in range(2):
            assert server.client.post("/tour").status_code == 202
            assert eventually(lambda: state(server)["searches"] > 0)
            stopped = server.client.delete("/tour").json()
            assert not stopped["running"]
            assert state(server)["searches"] == stopped["searches"]
        assert server.client.delete("/tour").status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            *({"seconds": 0}, {"seconds": 601}, {"seconds": "long"}, {"seconds": True}, {"seconds": "8"}),
            *({"second": 8}, [], "x"),
        ],
    )
    def test_a_time_that_cannot_be_is_refused(self, server, body):
        assert server.client.post("/tour", json=body).status_code == 422
        assert not state(server)["running"]

    def test_pages_of_others_cannot_start_one(self, server):
        refused = server.client.post("/tour", json={"seconds": 1}, headers={"Origin": "https://evil.example"})
        assert refused.status_code == 403
        assert not state(server)["running"]


def test_it_ends_with_the_server(lexical_pipelines, songs, start):
    server = start(lexical_pipelines, options={"data": str(songs)})
    assert server.client.post("/tour").status_code == 202
    assert eventually(lambda: state(server)["searches"] > 0)
    server.stop()
    assert "Traceback" not in server.log.read_text()


def test_without_a_demo_there_is_none(lexical_pipelines, start):
    server = start(lexical_pipelines)
    assert server.client.get("/tour").status_code == 404
    assert server.client.post("/tour").status_code == 404


@pytest.fixture(scope="module")
def keyed(lexical_pipelines, songs, tmp_path_factory):
    entries = " ".join(f"{scope}:{scope}:{key}" for scope, key in KEYS.items())
    home = tmp_path_factory.mktemp("keyed")
    server = Server(lexical_pipelines, home, options={"data": str(songs)}, LTRR_API_KEYS=entries)
    assert server.url, server.log.read_text()
    yield server
    server.kill()


class TestKeys:
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_nobody_but_an_administrator_starts_sees_or_stops_one(self, keyed, method):
        assert keyed.client.request(method, "/tour").status_code == 401
        for scope in ("search", "feedback"):
            refused = keyed.client.request(method, "/tour", headers={"X-API-Key": KEYS[scope]})
            assert refused.status_code == 403
            assert "scope 'admin'" in refused.json()["detail"]

    def test_suggestions_need_a_key_that_may_search(self, keyed):
        assert keyed.client.get("/search/suggestions").status_code == 401
        assert keyed.client.get("/search/suggestions", headers={"X-API-Key": KEYS["feedback"]}).status_code == 403
        assert keyed.client.get("/search/suggestions", headers={"X-API-Key": KEYS["search"]}).status_code == 200

    @pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
    def test_people_use_the_callers_key_and_it_is_written_nowhere(self, keyed, header):
        sent = {header: KEYS["admin"] if header == "X-API-Key" else f"Bearer {KEYS['admin']}"}
        assert keyed.client.post("/tour", json={"seconds": 3}, headers=sent).status_code == 202
        assert eventually(lambda: not state(keyed, **sent)["running"])
        ended = state(keyed, **sent)
        assert ended["searches"] > 0
        assert ended["failed"] == 0
        assert KEYS["admin"] not in str(ended) + keyed.log.read_text()


class TestTrouble:
    """Without a server, or with one that refuses."""

    def ended(self, songs, url, key=None):
        tour = Tour(load_beir(songs), url)
        tour.start(5.0, key)
        assert eventually(lambda: not tour.state().running)
        return tour.state()

    def test_a_server_that_is_gone_ends_it(self, songs):
        ended = self.ended(songs, "http://127.0.0.1:9")
        assert ended.searches == 0
        assert ended.message.startswith("The simulated people had to stop: the server does not answer")

    def test_a_key_that_was_revoked_ends_it_and_is_not_told(self, lexical_pipelines, songs, start):
        server = start(lexical_pipelines, LTRR_API_KEYS=f"other:admin:{KEYS['admin']}")
        ended = self.ended(songs, server.url, KEYS["search"])
        assert ended.message == "The simulated people had to stop: the server answered with the status 401."
        assert ended.failed == 1
