"""Many searches at once: each gets a full page, or is told to come again."""

import asyncio

import httpx
import pytest

pytest.importorskip("hayhooks")

pytestmark = pytest.mark.security

FILTER = {"field": "genre", "operator": "==", "value": "rock"}
WORDS = ("love", "song", "number", "rain", "night")


async def at_once(url: str, bodies: list[dict]) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=len(bodies))
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        return await asyncio.gather(*(client.post("/search/run", json=body) for body in bodies))


def check(answers: list[httpx.Response]) -> int:
    """How many pages there were; all of them full, and every other answer says when to come again."""
    pages = [answer.json() for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 503)
    assert {len(page["documents"]) for page in pages} == {10}
    return len(pages)


class TestBurst:
    async def test_three_hundred_plain_searches_empty_no_page(self, keyless):
        answers = await at_once(keyless.url, [{"query": f"{WORDS[each % 5]} {each}"} for each in range(300)])
        assert check(answers) >= 4
        assert keyless.search("love")["documents"]

    async def test_searches_with_filters_do_not_keep_the_others_from_working(self, keyless):
        filtered = [{"query": f"love {each}", "filters": FILTER} for each in range(150)]
        plain = [{"query": f"song {each}"} for each in range(4)]
        answers = await at_once(keyless.url, [*filtered, *plain])
        check(answers[:150])
        assert check(answers[150:]) == 4
