import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ltrr_haystack.server.access import KEY, Access
from ltrr_haystack.server.api_keys import new_key
from ltrr_haystack.server.keyring import Keyring

SCOPES = {
    "/search/run": "search",
    "/feedback/run": "feedback",
    "/indexing/run": "index",
    "/mine/run": "admin",
    "/status/run": "admin",
}


@pytest.fixture
def guarded(store):
    """An app that answers with the name of the key it got, behind what decides on access."""

    async def told(request: Request) -> JSONResponse:
        key = request.scope.get("state", {}).get(KEY)
        return JSONResponse({"key": key and key.name})

    def make(**settings) -> Access:
        return Access(
            Starlette(routes=[Route("/{path:path}", told, methods=["GET", "POST"])]), Keyring(store), SCOPES, **settings
        )

    return make


@pytest.fixture
def caller(guarded):
    """Gives a client from some address: `caller(peer=…).get("/search/run")`."""

    def make(peer: str = "127.0.0.1", url: str = "http://localhost:1416", **settings) -> httpx.AsyncClient:
        app = guarded(**settings)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(peer, 1)), base_url=url)

    return make


@pytest.fixture
def key(store):
    def make(*scopes: str) -> str:
        key, record = new_key("shop", scopes)
        store.add_api_key(record)
        return key

    return make


class TestKeys:
    @pytest.mark.parametrize("path", [*SCOPES, "/traces", "/anything", "/ready/x", "/READY"])
    async def test_without_one_nothing_but_what_is_free_is_answered(self, caller, key, path):
        key("admin")
        refused = await caller().get(path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.json() == {
            "detail": "this needs an API key; send an API key in the header 'Authorization: Bearer …' or 'X-API-Key: …'"
        }

    @pytest.mark.parametrize("path", ["/ready", "/status", "/status/search", "/docs", "/docs/docs.js", "/openapi.json"])
    async def test_what_is_free_needs_none(self, caller, key, path):
        key("admin")
        assert (await caller(peer="192.0.2.7").get(path)).status_code == 200

    @pytest.mark.parametrize("scope", ["search", "feedback", "index", "admin"])
    async def test_one_opens_what_its_scope_says(self, caller, key, scope):
        headers = {"Authorization": f"Bearer {key(scope)}"}
        opened = [path for path in SCOPES if (await caller().get(path, headers=headers)).status_code == 200]
        assert opened == (list(SCOPES) if scope == "admin" else [path for path in SCOPES if SCOPES[path] == scope])

    async def test_a_missing_scope_is_named(self, caller, key):
        headers = {"X-API-Key": key("search", "feedback")}
        refused = await caller().get("/indexing/run", headers=headers)
        assert refused.status_code == 403
        assert refused.json() == {
            "detail": "this needs an API key with the scope 'index'; the key that was sent has 'search', 'feedback'"
        }

    @pytest.mark.parametrize(
        "header", ["Authorization: Bearer {}", "Authorization: bearer  {}", "X-API-Key: {}", "x-api-key: {}"]
    )
    async def test_is_taken_from_either_header(self, caller, key, header):
        name, _, value = header.format(key("search")).partition(": ")
        answer = await caller(peer="192.0.2.7").get("/search/run", headers={name: value})
        assert answer.json() == {"key": "shop"}

    @pytest.mark.parametrize("wrong", ["", "x", "ltrr_abc_def", "{}x", "ltrr_000000000000_{}", "\xe9"])
    async def test_a_wrong_one_is_refused_and_not_repeated(self, caller, key, wrong):
        good = key("search")
        sent = wrong.format(good).encode("latin-1")
        refused = await caller().get("/search/run", headers={b"X-API-Key": sent})
        assert refused.status_code == 401
        assert good.split("_", 2)[2] not in refused.text

    async def test_another_scheme_of_a_proxy_does_not_hide_it(self, caller, key):
        headers = {"Authorization": "Basic dTpw", "X-API-Key": key("search")}
        assert (await caller().get("/search/run", headers=headers)).status_code == 200

    async def test_with_keys_this_machine_needs_one_too(self, caller, key):
        key("search")
        assert (await caller(everybody=True).get("/search/run")).status_code == 401


class TestWithoutKeys:
    async def test_this_machine_may_do_everything(self, caller):
        for peer, name in (("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("127.8.8.8", "a.localhost")):
            assert (await caller(peer, f"http://{name}:1416").get("/indexing/run")).json() == {"key": None}

    @pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7"])
    async def test_no_other_may(self, caller, peer):
        refused = await caller(peer).get("/search/run")
        assert refused.status_code == 403
        assert "accepts requests from its own machine only; to let others in, make keys" in refused.json()["detail"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Forwarded-For": "127.0.0.1, 192.0.2.7"},
            {"X-Forwarded-For": "192.0.2.7, 127.0.0.1"},
            {"X-Forwarded-For": ""},
            {"X-Real-IP": "192.0.2.7"},
            {"Forwarded": "for=192.0.2.7"},
            {"Forwarded": 'proto=https;For="[2001:db8::1]:4711", for=127.0.0.1'},
            {"Forwarded": "for=127.0.0.1, for=unknown"},
        ],
    )
    async def test_nor_one_that_came_through_proxies_of_this_machine(self, caller, headers):
        refused = await caller().get("/search/run", headers=headers)
        assert refused.status_code == 403

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Forwarded-For": "127.0.0.1, [::1]:4711", "X-Real-IP": "::1"},
            {"Forwarded": 'for=127.0.0.1;proto=http, for="[::1]"'},
            {"Forwarded": "proto=https"},
        ],
    )
    async def test_a_proxy_may_name_this_machine(self, caller, headers):
        assert (await caller().get("/search/run", headers=headers)).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            *("evil.example", "evil.example:1416", "localhost.evil.example", "", "127.0.0.1.evil"),
            *(
                "localhost#x",
                "localhost?x",
                "localhost/x",
                "127.0.0.1:1416:x",
                "127.0.0.1:x",
                "localhost:",
                "x@localhost",
            ),
            *("localhost, evil.example", " localhost x", "[::1", "::1", "[::1]x", "localhost\\x", "[localhost]"),
        ],
    )
    async def test_a_foreign_host_name_is_refused(self, caller, host):
        refused = await caller().get("/ready", headers={"Host": host})
        assert refused.status_code == 403
        assert "accepts only host names of its own machine" in refused.json()["detail"]

    async def test_the_name_it_was_told_is_its_own(self, caller):
        here = caller(url="http://Search.intern:1416", names=("search.intern",))
        assert (await here.get("/search/run")).status_code == 200

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "http://localhost:3000", "https://localhost:1416"]
    )
    async def test_pages_of_other_origins_are_refused(self, caller, origin):
        refused = await caller().get("/search/run", headers={"Origin": origin})
        assert refused.status_code == 403
        assert "HAYHOOKS_CORS_ALLOW_ORIGINS" in refused.json()["detail"]

    async def test_its_own_pages_and_those_that_cors_allows_are_not(self, caller):
        own = await caller().get("/search/run", headers={"Origin": "http://localhost:1416"})
        named = caller(origins=("http://localhost:3000",)).get(
            "/search/run", headers={"Origin": "http://localhost:3000"}
        )
        matched = caller(origin_pattern="https://.*[.]shop").get("/search/run", headers={"Origin": "https://a.shop"})
        assert [own.status_code, (await named).status_code, (await matched).status_code] == [200, 200, 200]

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    @pytest.mark.parametrize("mode", ["no-cors", "navigate", "cors", None])
    @pytest.mark.parametrize("path", ["/search/suggestions", "/search/run", "/learning/data"])
    async def test_what_a_page_elsewhere_embeds_is_refused_without_an_origin_too(self, caller, site, mode, path):
        headers = {"Sec-Fetch-Site": site} | ({} if mode is None else {"Sec-Fetch-Mode": mode})
        refused = await caller().get(path, headers=headers)
        assert refused.status_code == 403
        assert "pages of other origins may not call it" in refused.json()["detail"]

    @pytest.mark.parametrize("path", ["/", "/learning", "/docs", "/openapi.json"])
    async def test_links_elsewhere_may_lead_to_its_pages(self, caller, path):
        led = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert (await caller().get(path, headers=led)).status_code == 200
        assert (await caller().post(path, headers=led)).status_code == 403
        embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        assert (await caller().get(path, headers=embedded)).status_code == 403

    @pytest.mark.parametrize("site", ["same-origin", "none"])
    async def test_its_own_pages_and_people_themselves_are_not(self, caller, site):
        assert (await caller().get("/search/run", headers={"Sec-Fetch-Site": site})).status_code == 200

    async def test_open_means_everybody(self, caller):
        stranger = caller("192.0.2.7", "http://search.example", everybody=True)
        assert (await stranger.get("/search/run", headers={"Origin": "https://shop.example"})).status_code == 200

    async def test_there_are_no_websockets(self, guarded):
        sent = []

        async def send(message: dict) -> None:
            sent.append(message)

        await guarded()({"type": "websocket", "path": "/search/run", "headers": []}, None, send)
        assert sent == [{"type": "websocket.close", "code": 1008}]
