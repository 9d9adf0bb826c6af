"""Who may call: holders of keys, or, where there are none, this machine alone."""

import re
from collections.abc import Collection, Mapping
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from ltrr_haystack.server.api_keys import ADMIN, allows
from ltrr_haystack.server.asgi import Application, Message, Receive, Send, header, refusal, route
from ltrr_haystack.server.client_address import last_hop
from ltrr_haystack.server.keyring import Keyring

FREE = ("/", "/status", "/ready", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json")
"""What is said to everybody."""

KEY = "ltrr_key"
"""Under this name a request's `scope["state"]` holds the ApiKeyRecord that opened it."""

SEND_KEY = "send an API key in the header 'Authorization: Bearer …' or 'X-API-Key: …'"
ADD_KEY = "to let others in, make keys: ltrr keys add NAME --scope search"


class Access:
    """
    Lets a request through that comes with a key for what it asks, and refuses any other.

    Without any key in the store or the environment it takes requests of this machine only: from a loopback address,
    to one of its own names (a foreign one is DNS rebinding), and from no page of another origin.

    :param app: The application behind it.
    :param keyring: The keys.
    :param scopes: Path → the scope that it needs; any other path that is not free needs `admin`.
    :param everybody: Whether without keys requests are taken from everywhere.
    :param names: Host names by which this machine is called besides its loopback ones.
    :param origins: Origins whose pages may call without a key, as CORS allows them.
    :param origin_pattern: The same as a regular expression.
    """

    def __init__(
        self,
        app: Application,
        keyring: Keyring,
        scopes: Mapping[str, str],
        *,
        everybody: bool = False,
        names: Collection[str] = (),
        origins: Collection[str] = (),
        origin_pattern: str | None = None,
    ) -> None:
        self.app = app
        self.keyring = keyring
        self.scopes = scopes
        self.everybody = everybody
        self.names = names
        self.origins = origins
        self.origin_pattern = None if origin_pattern is None else re.compile(origin_pattern)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """
        Handle one connection.

        :param scope: What it is.
        :param receive: Gives what the client sends.
        :param send: Takes what the client gets.
        """
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        refused = self._refused(scope) if scope["type"] == "http" else None
        await (refused or self.app)(scope, receive, send)

    def _refused(self, scope: Message) -> Application | None:
        if self.keyring.needed:
            return self._without_key(scope)
        return None if self.everybody else self._foreign(scope)

    def _without_key(self, scope: Message) -> Application | None:
        path = route(scope)
        if is_free(scope) and path not in self.scopes:
            return None
        needed = self.scopes.get(path, ADMIN)
        sent = _sent_key(scope)
        key = self.keyring.find(sent) if sent else None
        if key is None:
            wrong = "this API key is not known, or was revoked" if sent else "this needs an API key"
            return refusal(401, f"{wrong}; {SEND_KEY}", {"WWW-Authenticate": "Bearer"})
        if not allows(key, needed):
            return refusal(
                403, f"this needs an API key with the scope '{needed}'; the one that was sent has {_listed(key.scopes)}"
            )
        scope.setdefault("state", {})[KEY] = key
        return None

    def _foreign(self, scope: Message) -> Application | None:
        peer, forwarded = scope.get("client"), last_hop(scope)
        if (peer is not None and not _is_loopback(peer[0])) or (forwarded is not None and not _is_loopback(forwarded)):
            return refusal(403, f"this server has no API keys, so it takes requests of its own machine only; {ADD_KEY}")
        host = header(scope, b"host") or ""
        if not self._is_own(_name_of(f"//{host}")):
            return refusal(
                403,
                f"this server has no API keys, so it answers to the names of its own machine only, such as localhost, "
                f"and not to {host[:100]!r}; {ADD_KEY}",
            )
        origin = header(scope, b"origin")
        if origin is not None and origin != f"{scope.get('scheme', 'http')}://{host}" and not self._allowed(origin):
            return refusal(
                403,
                f"this server has no API keys, so pages of other origins, such as {origin[:100]!r}, may not call it; "
                "HAYHOOKS_CORS_ALLOW_ORIGINS names those that may",
            )
        return None

    def _is_own(self, name: str) -> bool:
        return name == "localhost" or name.endswith(".localhost") or _is_loopback(name) or name in self.names

    def _allowed(self, origin: str) -> bool:
        if origin in self.origins or "*" in self.origins:
            return True
        return self.origin_pattern is not None and self.origin_pattern.fullmatch(origin) is not None


def is_free(scope: Message) -> bool:
    """
    Say whether a request is for what is said to everybody.

    :param scope: The request.
    :returns: Whether it needs no key, and does not count against a rate.
    """
    path = route(scope)
    return path in FREE or path.startswith("/status/")


def _sent_key(scope: Message) -> str | None:
    kind, _, value = (header(scope, b"authorization") or "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    return header(scope, b"x-api-key")


def _listed(scopes: Collection[str]) -> str:
    return ", ".join(f"'{scope}'" for scope in scopes)


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback
