"""
Where a request comes from, as far as anything here may know: a digest of the network address.

The address says which requests may come from one client, where no user, session or client id does. Addresses that one
client can change at will are one: IPv6 is taken by its first 64 bits, which are what a provider hands to a household.
"""

from contextvars import ContextVar
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import Literal

from ltrr_haystack.server.asgi import Application, Message, Receive, Send, header

ClientAddress = Literal["none", "peer", "forwarded"]
"""
Which address counts: `none`; `peer`, the other end of the connection; `forwarded`, the last entry of X-Forwarded-For,
which is what a proxy in front of this server writes. A caller who can reach the server past that proxy can write it,
too: choose `forwarded` only where nobody can.
"""

_address: ContextVar[str | None] = ContextVar("ltrr_client_address", default=None)


def client_address() -> str | None:
    """
    Say where the request at hand comes from.

    :returns: The same 32 hexadecimal digits for the same network; `None` where the server takes no addresses, or none
        is known. They name nobody, yet whoever sees them can try all IPv4 addresses: treat them as personal data.
    """
    return _address.get()


class ClientAddressed:
    """
    Makes the address of each request known to whatever handles it, as `client_address()`.

    :param app: The application behind it.
    :param taken: Which address counts.
    """

    def __init__(self, app: Application, taken: ClientAddress) -> None:
        self.app = app
        self.taken = taken

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """
        Handle one connection.

        :param scope: What it is.
        :param receive: Gives what the client sends.
        :param send: Takes what the client gets.
        """
        network = None if scope["type"] != "http" else network_of(scope, self.taken)
        token = _address.set(None if network is None else _digest(network))
        try:
            await self.app(scope, receive, send)
        finally:
            _address.reset(token)


def network_of(scope: Message, taken: ClientAddress) -> str | None:
    """
    Say from which network a request comes.

    :param scope: The request.
    :param taken: Which address counts. Without a readable X-Forwarded-For, `forwarded` is the peer.
    :returns: An IPv4 address or the first half of an IPv6 address; `None` if none is to be taken or none is known.
    """
    if taken == "none":
        return None
    if taken == "forwarded" and (forwarded := network(last_hop(scope) or "")) is not None:
        return forwarded
    peer = scope.get("client")
    return None if peer is None else network(peer[0])


def last_hop(scope: Message) -> str | None:
    """
    Give the last entry of X-Forwarded-For: the one that the nearest proxy wrote.

    :param scope: The request.
    :returns: The entry without a port; `None` if there is none.
    """
    entries = header(scope, b"x-forwarded-for")
    if entries is None:
        return None
    last = entries.rpartition(",")[2].strip()
    if last.startswith("["):
        return last[1:].partition("]")[0]
    return last.partition(":")[0] if last.count(":") == 1 else last


def network(address: str) -> str | None:
    """
    Say which network an address belongs to.

    :param address: An IPv4 or IPv6 address.
    :returns: The IPv4 address itself, also where it comes dressed as IPv6; of an IPv6 address its first 64 bits.
        `None` if it is no address.
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


def _digest(network: str) -> str:
    return blake2b(network.encode(), digest_size=16, person=b"ltrr-address").hexdigest()
