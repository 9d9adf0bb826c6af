from itertools import product

import httpx
import pytest
from fastapi import FastAPI

from ltrr_haystack.server.pages import PAGES, add_pages
from ltrr_haystack.server.pages.static_files import read_static_files

FILES = [*PAGES, "/static/style.css", "/static/shared/dom.js"]


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()
    add_pages(app, keys_needed=lambda: True, users=["ann"])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


class TestPages:
    @pytest.mark.parametrize(("path", "method"), list(product(FILES, ["GET", "HEAD"])))
    async def test_every_file_is_sent_with_headers_that_let_nothing_of_others_run(self, client, path, method):
        answer = await client.request(method, path)
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert bool(answer.content) == (method == "GET")
        assert int(answer.headers["Content-Length"]) > 0

    async def test_what_a_browser_has_is_not_sent_again(self, client):
        first = await client.get("/static/style.css")
        tag = first.headers["ETag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}'):
            again = await client.get("/static/style.css", headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert (await client.get("/static/style.css", headers={"If-None-Match": '"other"'})).status_code == 200

    @pytest.mark.parametrize(
        "path",
        [
            *("%2e%2e/__init__.py", "..%2f__init__.py", "%2e%2e/static_files.py", "shared/%2e%2e/%2e%2e/__init__.py"),
            *(
                "/etc/passwd",
                "",
                "shared",
                "shared/",
                "style.css%00.js",
                "..%5c__init__.py",
                "STYLE.CSS",
                "%2e/style.css",
            ),
        ],
    )
    async def test_nothing_but_its_files_can_be_reached(self, client, path):
        answer = await client.get(f"/static/{path}")
        assert answer.status_code == 404
        assert answer.content == b""
        assert "Content-Security-Policy" in answer.headers

    async def test_pages_are_no_part_of_the_api_and_their_settings_are(self, client):
        schema = (await client.get("/openapi.json")).json()
        assert list(schema["paths"]) == ["/pages/settings"]
        assert (await client.get("/pages/settings")).json() == {"keys_needed": True, "tour": False, "users": ["ann"]}

    @pytest.mark.parametrize("path", FILES)
    async def test_pages_cannot_be_written_to(self, client, path):
        assert (await client.post(path)).status_code == 405


class TestReadStaticFiles:
    def test_pages_hold_no_scripts_or_styles_of_their_own_and_name_no_other_site(self):
        for name, file in read_static_files().items():
            text = file.content.decode()
            assert "https://" not in text, name
            assert "//cdn" not in text, name
            if name.endswith(".html"):
                assert "<style" not in text, name
                assert " style=" not in text, name
                assert all(" src=" in tag for tag in text.split("<script")[1:]), name

    def test_no_script_makes_elements_of_texts(self):
        forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function")
        for name, file in read_static_files().items():
            if name.startswith(("shared/", "search/")):
                assert not [each for each in forbidden if each in file.content.decode()], name

    def test_together_they_weigh_little(self):
        files = read_static_files()
        search = [file for name, file in files.items() if name.startswith(("shared/", "search")) or name == "style.css"]
        assert sum(len(file.content) for file in search) < 100_000
