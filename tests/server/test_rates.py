import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ltrr_haystack.server.rates import Buckets, RateLimit, address_of


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TestBuckets:
    def test_a_burst_and_then_one_for_each_moment_of_the_rate(self):
        clock = Clock()
        buckets = Buckets(2.0, 3.0, clock=clock)
        assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 0.0]
        # Empty: at two tokens a second the next one is there in half a second.
        assert buckets.take("a") == 0.5
        clock.now += 0.25
        assert buckets.take("a") == 0.25
        clock.now += 0.25
        assert buckets.take("a") == 0.0
        assert buckets.take("a") == 0.5

    def test_never_holds_more_than_the_burst(self):
        clock = Clock()
        buckets = Buckets(2.0, 3.0, clock=clock)
        buckets.take("a")
        clock.now += 1000
        assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]

    def test_each_name_has_its_own(self):
        buckets = Buckets(1.0, 1.0, clock=Clock())
        assert (buckets.take("a"), buckets.take("b")) == (0.0, 0.0)
        assert (buckets.take("a"), buckets.take("b")) == (1.0, 1.0)

    def test_those_used_longest_ago_are_forgotten(self):
        buckets = Buckets(1.0, 1.0, most=2, clock=Clock())
        for name in ("a", "b", "a", "c"):
            buckets.take(name)
        assert len(buckets) == 2
        assert buckets.take("a") > 0
        assert buckets.take("b") == 0.0

    @given(st.floats(0.1, 50), st.floats(1, 50), st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=60))
    def test_over_any_time_no_more_pass_than_burst_and_rate_allow(self, rate, burst, pauses):
        clock = Clock()
        buckets = Buckets(rate, burst, clock=clock)
        passed = 0
        for pause in pauses:
            clock.now += pause
            wait = buckets.take("a")
            assert 0 <= wait <= 1 / rate + 1e-9
            passed += wait == 0
        assert passed <= burst + rate * sum(pauses) + 1e-6

    @given(st.floats(0.1, 50), st.integers(1, 20))
    def test_who_waits_as_long_as_told_passes(self, rate, requests):
        clock = Clock()
        buckets = Buckets(rate, 1.0, clock=clock)
        for _ in range(requests):
            clock.now += buckets.take("a") + 1e-6
            if buckets.take("a"):
                clock.now += 1 / rate


def client(rate: float, of) -> httpx.AsyncClient:
    async def fine(_) -> PlainTextResponse:
        return PlainTextResponse("fine")

    app = Starlette(routes=[Route("/search/run", fine), Route("/ready", fine)])
    app = RateLimit(app, rate, of, "address")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


class TestRateLimit:
    async def test_says_which_limit_and_when_to_come_again(self):
        # A rate of 0.4 has a burst of two requests (five seconds' worth), and then one every two and a half seconds.
        async with client(0.4, lambda scope: "me") as each:
            assert [(await each.get("/search/run")).status_code for _ in range(2)] == [200, 200]
            refused = await each.get("/search/run")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "3"
        assert refused.json() == {"detail": "too many requests from this address: the limit is 0.4 per second"}

    async def test_what_is_free_is_not_counted(self):
        async with client(0.2, lambda scope: "me") as each:
            assert {(await each.get("/ready")).status_code for _ in range(20)} == {200}
            assert (await each.get("/search/run")).status_code == 200

    async def test_who_is_nobody_is_not_limited(self):
        async with client(0.2, lambda scope: None) as each:
            assert {(await each.get("/search/run")).status_code for _ in range(20)} == {200}


class TestAddressOf:
    @pytest.mark.parametrize(
        ("taken", "expected"), [("none", "192.0.2.7"), ("peer", "192.0.2.7"), ("forwarded", "198.51.100.1")]
    )
    def test_where_no_address_is_taken_the_peer_is_limited_all_the_same(self, taken, expected):
        scope = {"client": ("192.0.2.7", 1), "headers": [(b"x-forwarded-for", b"198.51.100.1")]}
        assert address_of(taken, lambda: True)(scope) == expected
        assert address_of(taken, lambda: False)(scope) is None
