import asyncio
from ipaddress import IPv6Address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ltrr_haystack.server.client_address import ClientAddressMiddleware, client_address, network, network_of


def scope(peer: str | None = "192.0.2.7", *forwarded: str) -> dict:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    return {"type": "http", "client": None if peer is None else (peer, 5000), "headers": headers}


class TestNetwork:
    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("unknown", None),
            ("", None),
            ("1.2.3", None),
        ],
    )
    def test_is_the_address_or_the_first_half_of_an_ipv6_one(self, address, expected):
        assert network(address) == expected

    @given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
    def test_a_household_is_one_client_whatever_it_does_with_its_half(self, household, one, other):
        addresses = [str(IPv6Address(household << 64 | half)) for half in (one, other)]
        if not addresses[0].startswith("::"):
            assert network(addresses[0]) == network(addresses[1])


class TestNetworkOf:
    def test_none_takes_none(self):
        assert network_of(scope("192.0.2.7", "198.51.100.1"), "none") is None

    def test_peer_heeds_no_header(self):
        assert network_of(scope("192.0.2.7", "198.51.100.1"), "peer") == "192.0.2.7"

    @pytest.mark.parametrize(
        "forwarded",
        [
            ["203.0.113.9"],
            ["198.51.100.1, 203.0.113.9"],
            ["198.51.100.1", "203.0.113.9"],
            ["1.1.1.1,  203.0.113.9 "],
            ["203.0.113.9:4711"],
        ],
    )
    def test_forwarded_is_what_the_nearest_proxy_wrote(self, forwarded):
        assert network_of(scope("192.0.2.7", *forwarded), "forwarded") == "203.0.113.9"

    @pytest.mark.parametrize("forwarded", ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711"])
    def test_forwarded_may_be_ipv6(self, forwarded):
        assert network_of(scope("192.0.2.7", forwarded), "forwarded") == "2001:db8::/64"

    @pytest.mark.parametrize("forwarded", [[], ["203.0.113.9, unknown"], [""], ["203.0.113.9,"]])
    def test_without_a_readable_entry_it_is_the_peer(self, forwarded):
        assert network_of(scope("192.0.2.7", *forwarded), "forwarded") == "192.0.2.7"

    def test_a_unix_socket_has_no_address(self):
        assert network_of(scope(None), "peer") is None


async def tell(_) -> PlainTextResponse:
    seen = {client_address(), await asyncio.to_thread(client_address)}
    return PlainTextResponse(str(seen.pop()) if len(seen) == 1 else "differs")


def client(taken: str, peer: str = "192.0.2.7") -> httpx.AsyncClient:
    app = ClientAddressMiddleware(Starlette(routes=[Route("/", tell)]), taken)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(peer, 1)), base_url="http://test")


class TestClientAddress:
    def test_outside_of_requests_there_is_none(self):
        assert client_address() is None

    async def test_handlers_and_their_threads_see_a_digest(self):
        async with client("peer") as first, client("peer") as again, client("peer", "192.0.2.8") as other:
            seen = [(await each.get("/")).text for each in (first, again, other)]
        assert len(seen[0]) == 32
        assert "192" not in seen[0][:3]
        assert seen[0] == seen[1] != seen[2]
        assert client_address() is None

    async def test_requests_at_once_do_not_see_each_other(self):
        async with client("forwarded") as each:
            one, two = ({"X-Forwarded-For": address} for address in ("198.51.100.1", "198.51.100.2"))
            answers = await asyncio.gather(*(each.get("/", headers=headers) for headers in [one, two] * 20))
        texts = [answer.text for answer in answers]
        assert set(texts[0::2]) == {texts[0]}
        assert set(texts[1::2]) == {texts[1]}
        assert texts[0] != texts[1]

    async def test_by_default_none_is_taken(self):
        async with client("none") as each:
            assert (await each.get("/")).text == "None"
