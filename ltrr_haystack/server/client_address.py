"""
The network address of a client, as a digest.

It identifies a client whose searches carry no user, session or client id. An IPv6 address is reduced to its first 64
bits, the network that a provider assigns to a household, since a client can change the rest at will.
"""

import re
from contextvars import ContextVar
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import Literal

from ltrr_haystack.server.asgi import Application, Message, Receive, Send, header

ClientAddress = Literal["none", "peer", "forwarded"]
"""
Which address identifies a client: `none`; `peer`, the other end of the connection; or `forwarded`, the last entry of
X-Forwarded-For, which the proxy in front of this server appends. Choose `forwarded` only if no caller can reach the
server except through that proxy, since any other caller could forge the header.
"""

FORWARDING = (b"x-forwarded-for", b"x-real-ip")
"""Headers in which proxies name the address of whoever called them, beside `Forwarded`."""

_FORWARDED_FOR = re.compile(r"""(?:^|[;,])\s*for\s*=\s*"?(?P<address>[^";,]*)""", re.IGNORECASE)

_address: ContextVar[str | None] = ContextVar("ltrr_client_address", default=None)


def client_address() -> str | None:
    """
    Get the digest of the current request's address.

    :returns: 32 hexadecimal digits, equal for requests from the same network; `None` if the server uses no addresses or
        the address is unknown. A digest of an IPv4 address can be reversed by trying all of them: treat it as personal
        data.
    """
    return _address.get()


class ClientAddressMiddleware:
    """
    Sets `client_address()` for the handling of each request.

    :param app: The next application.
    :param source: Which address identifies a client.
    """

    def __init__(self, app: Application, source: ClientAddress) -> None:
        self.app = app
        self.source = source

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """
        Handle one connection.

        :param scope: The ASGI connection scope.
        :param receive: Receives messages from the client.
        :param send: Sends messages to the client.
        """
        network = None if scope["type"] != "http" else network_of(scope, self.source)
        token = _address.set(None if network is None else _digest(network))
        try:
            await self.app(scope, receive, send)
        finally:
            _address.reset(token)


def network_of(scope: Message, source: ClientAddress) -> str | None:
    """
    Get the network from which a request comes.

    :param scope: The request.
    :param source: Which address identifies a client. Without a valid X-Forwarded-For, `forwarded` falls back to `peer`.
    :returns: An IPv4 address or the first half of an IPv6 address; `None` for `none`, or if the address is unknown.
    """
    if source == "none":
        return None
    if source == "forwarded" and (forwarded := network(last_hop(scope) or "")) is not None:
        return forwarded
    peer = scope.get("client")
    return None if peer is None else network(peer[0])


def last_hop(scope: Message) -> str | None:
    """
    Get the last entry of X-Forwarded-For, which the nearest proxy appended.

    :param scope: The request.
    :returns: The entry without its port; `None` if the header is missing.
    """
    entries = header(scope, b"x-forwarded-for")
    if entries is None:
        return None
    return _without_port(entries.rpartition(",")[2].strip())


def hops(scope: Message) -> list[str]:
    """
    Get all addresses that the forwarding headers name, which callers can forge.

    :param scope: The request.
    :returns: The entries of X-Forwarded-For, X-Real-IP and Forwarded (RFC 7239, section 4), without ports.
    """
    sent = [header(scope, name) for name in FORWARDING]
    listed = [entry for value in sent if value is not None for entry in value.split(",")]
    named = [match["address"] for match in _FORWARDED_FOR.finditer(header(scope, b"forwarded") or "")]
    return [_without_port(entry.strip()) for entry in (*listed, *named)]


def network(address: str) -> str | None:
    """
    Reduce an address to its network.

    :param address: An IPv4 or IPv6 address.
    :returns: The IPv4 address, also if it is mapped to IPv6; the first 64 bits of an IPv6 address; `None` if it is not
        an address.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


def _without_port(entry: str) -> str:
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _digest(network: str) -> str:
    return blake2b(network.encode(), digest_size=16, person=b"ltrr-address").hexdigest()
