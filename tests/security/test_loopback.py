"""Without keys a server is for its own machine: not for pages of other sites, nor through their names."""

import pytest

pytest.importorskip("hayhooks")

pytestmark = pytest.mark.security


class TestWithoutKeys:
    def test_this_machine_needs_none(self, keyless):
        assert keyless.search("love")["documents"]

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:1416", "127.0.0.1.evil.example"])
    @pytest.mark.parametrize("path", ["/search/run", "/ready", "/openapi.json"])
    def test_a_name_that_was_rebound_to_it_reads_nothing(self, keyless, host, path):
        answer = keyless.client.request("POST" if "run" in path else "GET", path, headers={"Host": host})
        assert answer.status_code == 403
        assert list(answer.json()) == ["detail"]

    @pytest.mark.parametrize("origin", ["https://evil.example", "null"])
    def test_a_page_of_another_site_teaches_nothing(self, keyless, origin):
        answer = keyless.post("feedback", {"events": []}, headers={"Origin": origin})
        assert answer.status_code == 403

    def test_a_proxy_on_this_machine_does_not_let_others_in(self, keyless):
        assert keyless.post("search", {"query": "love"}, headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403

    def test_ready_tells_the_state_and_nothing_of_the_inside(self, keyless):
        answer = keyless.client.get("/ready")
        assert answer.status_code == 200
        assert answer.json() == {
            "ready": True,
            "pipelines": "warm",
            "store": "works",
            "learner": "learns",
            "keys": "none",
        }
