import asyncio
import json
from contextvars import ContextVar

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ltrr_haystack.server.admission import Admission, BusyError, Places, has_filters

NAME: ContextVar[str] = ContextVar("name", default="nobody")


class Searches:
    """An application that works on a search until it is let go on."""

    def __init__(self):
        self.at_work = 0
        self.most = 0
        self.go_on = asyncio.Event()
        routes = [Route(f"/{name}/run", self.run, methods=["POST"]) for name in ("search", "feedback")]
        self.admission = Admission(Starlette(routes=routes), ["/search/run"], at_once=4)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.admission), base_url="http://test")

    async def run(self, request: Request) -> JSONResponse:
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        await self.go_on.wait()
        self.at_work -= 1
        return JSONResponse({"got": await request.json(), "name": NAME.get()})

    def search(self, **body) -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(self.client.post("/search/run", json={"query": "love", **body}))


@pytest.fixture
async def searches():
    made = Searches()
    async with made.client:
        yield made


def statuses(answers) -> dict[int, int]:
    found = [answer.status_code for answer in answers]
    return {status: found.count(status) for status in sorted(set(found))}


FILTER = {"field": "genre", "operator": "==", "value": "rock"}


class TestAdmission:
    async def test_few_work_some_wait_and_the_rest_are_told_to_come_again(self, searches):
        asked = [searches.search() for _ in range(300)]
        while sum(each.done() for each in asked) < 300 - 4 - 64:
            await asyncio.sleep(0.01)
        refused = next(each.result() for each in asked if each.done())
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json() == {"detail": "too many searches at once; try again later"}
        searches.go_on.set()
        assert statuses(await asyncio.gather(*asked)) == {200: 68, 503: 232}
        assert searches.most == 4

    async def test_who_waits_too_long_is_told_to_come_again(self, searches):
        searches.admission.plain = Places(1, longest_wait=0.05)
        first, second = searches.search(), searches.search()
        assert (await second).status_code == 503
        searches.go_on.set()
        assert (await first).status_code == 200
        assert (await searches.search()).status_code == 200

    async def test_searches_with_filters_take_no_room_of_the_others(self, searches):
        filtered = [searches.search(filters=FILTER) for _ in range(100)]
        while sum(each.done() for each in filtered) < 100 - 2 - 64:
            await asyncio.sleep(0.01)
        assert searches.at_work == 2
        plain = [searches.search() for _ in range(4)]
        while searches.at_work < 6:
            await asyncio.sleep(0.01)
        searches.go_on.set()
        assert statuses(await asyncio.gather(*plain)) == {200: 4}
        assert statuses(await asyncio.gather(*filtered)) == {200: 66, 503: 34}

    async def test_the_body_and_the_context_arrive(self, searches):
        searches.go_on.set()
        NAME.set("somebody")
        answer = (await searches.search(top_k=3)).json()
        assert answer == {"got": {"query": "love", "top_k": 3}, "name": "somebody"}

    async def test_other_calls_pass(self, searches):
        waiting = [asyncio.create_task(searches.client.post("/feedback/run", json={})) for _ in range(100)]
        while searches.at_work < 100:
            await asyncio.sleep(0.01)
        searches.go_on.set()
        assert statuses(await asyncio.gather(*waiting)) == {200: 100}

    async def test_a_search_that_fails_or_is_given_up_leaves_its_place(self, searches):
        for _ in range(10):
            given_up = searches.search()
            await asyncio.sleep(0.01)
            given_up.cancel()
        searches.go_on.set()
        assert statuses(await asyncio.gather(*(searches.search() for _ in range(4)))) == {200: 4}

    async def test_a_client_that_does_not_take_its_answer_holds_no_place(self, searches):
        searches.go_on.set()
        taken = asyncio.Event()

        async def never(message: dict) -> None:
            taken.set()
            await asyncio.sleep(60)

        async def body() -> dict:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        scope = {"type": "http", "method": "POST", "path": "/search/run", "headers": [], "query_string": b""}
        stuck = [asyncio.create_task(searches.admission(dict(scope), body, never)) for _ in range(4)]
        await taken.wait()
        await asyncio.sleep(0.05)
        assert (await searches.search()).status_code == 200
        for each in stuck:
            each.cancel()


class TestPlaces:
    async def test_places_are_given_back(self):
        places = Places(1, waiting=0)
        for _ in range(3):
            await places.acquire()
            with pytest.raises(BusyError):
                await places.acquire()
            places.release()


class TestHasFilters:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (json.dumps({"query": "a", "filters": FILTER}), True),
            (json.dumps({"query": "a", "filters": FILTER}).replace("filters", "\\u0066ilters"), True),
            ('{"query": "a", "filters": {}}', False),
            ('{"query": "a", "filters": null}', False),
            ('{"query": "\\"filters\\": 1"}', False),
            ("[" * 100_000, False),
            ("[]", False),
            ("", False),
            ("\xff", False),
        ],
    )
    def test_reads_the_search_as_it_will_be_read(self, body, expected):
        assert has_filters(body.encode("latin-1")) is expected
