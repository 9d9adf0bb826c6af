"""Keys over HTTP."""

import pytest
from haystack.utils import Secret

from ltrr_haystack import LTRRStore
from ltrr_haystack.server.api_keys import new_key
from serving import eventually

pytest.importorskip("hayhooks")

pytestmark = pytest.mark.security

BODIES = {
    "search": {"query": "love"},
    "feedback": {"events": [{"action_name": "click", "query_id": "nobody"}]},
    "indexing": {"documents": [{"id": "a", "content": "A love song"}]},
}
NEEDED = {"search": "search", "feedback": "feedback", "indexing": "index"}


@pytest.fixture
def keyed_store(keyed):
    store = LTRRStore(Secret.from_token(f"sqlite:///{keyed.log.parent}/ltrr.db"))
    yield store
    store.close()


def post(server, pipeline: str, key: str | None = None, **headers: str):
    return server.post(pipeline, BODIES[pipeline], headers=headers | ({"X-API-Key": key} if key else {}))


class TestKeys:
    @pytest.mark.parametrize("pipeline", BODIES)
    def test_nothing_is_done_without_one(self, keyed, pipeline):
        refused = post(keyed, pipeline)
        assert refused.status_code == 401
        assert "Authorization: Bearer" in refused.json()["detail"]
        assert refused.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize("pipeline", BODIES)
    @pytest.mark.parametrize("scope", ["search", "feedback", "index", "admin"])
    def test_one_opens_its_scope_alone(self, keyed, api_keys, pipeline, scope):
        answer = post(keyed, pipeline, api_keys[scope])
        if scope in (NEEDED[pipeline], "admin"):
            assert answer.status_code in (200, 422), answer.text
        else:
            assert answer.status_code == 403
            assert f"with the scope '{NEEDED[pipeline]}'" in answer.json()["detail"]

    def test_a_body_of_any_size_is_refused_before_it_is_read(self, keyed):
        answer = keyed.post("indexing", content=(b"x" * 10_000 for _ in range(100)))
        assert answer.status_code == 401

    @pytest.mark.parametrize("path", ["/status", "/ready", "/docs", "/openapi.json"])
    def test_what_is_said_to_everybody_needs_none(self, keyed, path):
        assert keyed.client.get(path).status_code == 200

    @pytest.mark.parametrize("path", ["/search/run/", "//search/run", "/Search/run", "/search/run%2F", "/nothing"])
    def test_there_is_no_way_around(self, keyed, path):
        answer = keyed.client.post(f"{keyed.url}{path}", json=BODIES["search"])
        assert answer.status_code == 401

    def test_added_and_revoked_ones_are_known_within_seconds(self, keyed, keyed_store):
        key, record = new_key("late", ["search"])
        assert post(keyed, "search", key).status_code == 401
        keyed_store.add_api_key(record)
        assert eventually(lambda: post(keyed, "search", key).status_code == 200, 10)
        keyed_store.revoke_api_key(record.key_id)
        assert eventually(lambda: post(keyed, "search", key).status_code == 401, 10)

    def test_the_description_declares_them(self, keyed):
        schema = keyed.client.get("/openapi.json").json()
        assert set(schema["components"]["securitySchemes"]) == {"bearer", "header"}
        assert schema["paths"]["/indexing/run"]["post"]["security"] == [{"bearer": ["index"]}, {"header": ["index"]}]
        assert "security" not in schema["paths"]["/ready"]["get"]

    def test_no_secret_is_logged(self, keyed, api_keys):
        post(keyed, "search", "ltrr_search1_" + "y" * 40)
        logged = keyed.log.read_text()
        assert "x" * 40 not in logged
        assert "y" * 40 not in logged
