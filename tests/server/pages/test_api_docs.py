import httpx
import pytest
from fastapi import FastAPI
from playwright.sync_api import expect

from ltrr_haystack.server.pages.api_docs import add_api_docs
from serving import Server

FILES = ["/docs", "/docs/docs.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]


@pytest.fixture(scope="module")
def server(tmp_path_factory, lexical_pipelines):
    started = Server(lexical_pipelines, tmp_path_factory.mktemp("home"))
    yield started
    started.kill()


class TestAddAPIDocs:
    @pytest.fixture
    def client(self):
        app = FastAPI()
        add_api_docs(app)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")

    @pytest.mark.parametrize("path", FILES)
    async def test_its_files_have_the_headers_of_the_other_pages(self, client, path):
        answer = await client.get(path)
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(
            policy
        )
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"

    @pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect", "/docs/", "/docs/main.py", "/docs/docs.html"])
    async def test_there_are_no_others(self, client, path):
        assert (await client.get(path)).status_code in (307, 404)
        assert "cdn" not in (await client.get(path)).text

    async def test_it_is_no_part_of_the_api(self, client):
        assert (await client.get("/openapi.json")).json()["paths"] == {}


class TestPage:
    def test_is_the_only_one(self, server):
        assert server.client.get("/redoc").status_code == 404
        assert server.client.get("/docs/oauth2-redirect").status_code == 404

    @pytest.mark.parametrize("asked", ["", "?url=https://evil.example/openapi.json&configUrl=https://evil.example/x"])
    def test_shows_every_operation_and_asks_nobody_else(self, server, visitor, asked):
        page = visitor.page()
        requested = []
        page.on("request", lambda request: requested.append(request.url))
        page.goto(f"{server.url}/docs{asked}")
        operations = server.client.get("/openapi.json").json()["paths"]
        expect(page.locator(".opblock")).to_have_count(sum(map(len, operations.values())))
        search = page.locator(".opblock", has_text="/search/run")
        search.locator(".opblock-summary-control").click()
        search.get_by_role("button", name="Try it out").click()
        search.locator("textarea").fill('{"query": "love"}')
        search.get_by_role("button", name="Execute").click()
        expect(search.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
        assert {"docs.js", "swagger-ui-bundle.js", "swagger-ui.css"} <= {url.rpartition("/")[2] for url in requested}
        assert [url for url in requested if not url.startswith((server.url, "data:"))] == []
