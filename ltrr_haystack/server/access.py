"""Authorisation of requests: by API key or, as long as there are no keys, for this machine only."""

import re
from collections.abc import Collection, Mapping
from ipaddress import IPv6Address, ip_address

from ltrr_haystack.server.api_keys import ADMIN, allows
from ltrr_haystack.server.asgi import Application, Message, Receive, Send, header, refusal, route
from ltrr_haystack.server.client_address import hops
from ltrr_haystack.server.keyring import Keyring

PUBLIC_PATHS = (
    *("/", "/learning", "/pages/settings"),
    *("/status", "/ready", "/docs", "/openapi.json"),
)
"""Paths that need no API key and do not count against a rate limit."""

KEY = "ltrr_key"
"""Name in a request's `scope["state"]` of the ApiKeyRecord that authorised it."""

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[0-9a-z._-]+)(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)

SEND_KEY = "send an API key in the header 'Authorization: Bearer …' or 'X-API-Key: …'"
ADD_KEY = "to let others in, make keys: ltrr keys add NAME --scope search"


class Access:
    """
    Lets a request pass if its API key has the scope that its path needs, and refuses it otherwise.

    As long as neither the store nor the environment has a key, requests are accepted from this machine only: from a
    loopback address, to one of the machine's own names (any other is a sign of DNS rebinding), and not from a web page
    of another origin; a link on such a page may lead to ours.

    :param app: The next application.
    :param keyring: The API keys.
    :param scopes: Path → the scope that it needs. Any other path that is not public needs `admin`.
    :param everybody: Whether requests are accepted from everywhere as long as there are no keys.
    :param names: Host names of this machine besides its loopback names.
    :param origins: Origins whose pages may call without a key, as allowed by CORS.
    :param origin_pattern: A regular expression for such origins.
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

        :param scope: The ASGI connection scope.
        :param receive: Receives messages from the client.
        :param send: Sends messages to the client.
        """
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        refused = self._refused(scope) if scope["type"] == "http" else None
        await (refused or self.app)(scope, receive, send)

    def _refused(self, scope: Message) -> Application | None:
        if self.keyring.needed:
            return self._refuse_without_key(scope)
        return None if self.everybody else self._refuse_foreign(scope)

    def _refuse_without_key(self, scope: Message) -> Application | None:
        path = route(scope)
        if is_public(scope) and path not in self.scopes:
            return None
        needed = self.scopes.get(path, ADMIN)
        sent = sent_key(scope)
        key = self.keyring.find(sent) if sent else None
        if key is None:
            wrong = "this API key is unknown or was revoked" if sent else "this needs an API key"
            return refusal(401, f"{wrong}; {SEND_KEY}", {"WWW-Authenticate": "Bearer"})
        if not allows(key, needed):
            return refusal(
                403, f"this needs an API key with the scope '{needed}'; the key that was sent has {_listed(key.scopes)}"
            )
        scope.setdefault("state", {})[KEY] = key
        return None

    def _refuse_foreign(self, scope: Message) -> Application | None:
        peer = scope.get("client")
        if any(not _is_loopback(address) for address in (*(peer or ())[:1], *hops(scope))):
            return refusal(
                403, f"this server has no API keys, so it accepts requests from its own machine only; {ADD_KEY}"
            )
        host = header(scope, b"host") or ""
        if not self._is_own(_name_of(host)):
            return refusal(
                403,
                f"this server has no API keys, so it accepts only host names of its own machine, such as localhost, "
                f"and not {host[:100]!r}; {ADD_KEY}",
            )
        origin = header(scope, b"origin")
        if origin is not None and origin != f"{scope.get('scheme', 'http')}://{host}" and not self._allowed(origin):
            return refusal(
                403,
                f"this server has no API keys, so pages of other origins, such as {origin[:100]!r}, may not call it; "
                "set HAYHOOKS_CORS_ALLOW_ORIGINS to allow them",
            )
        if origin is None and self._is_embedded_elsewhere(scope):
            return refusal(
                403,
                "this server has no API keys, so pages of other origins may not call it, and this request comes from "
                "one (Sec-Fetch-Site), without an Origin that could be allowed",
            )
        return None

    def _is_embedded_elsewhere(self, scope: Message) -> bool:
        """Whether a page of another origin makes this request, as an image for example, and does not just lead here."""
        if header(scope, b"sec-fetch-site") in (None, "same-origin", "none") or "*" in self.origins:
            return False
        leads_here = header(scope, b"sec-fetch-mode") == "navigate" and scope["method"] in ("GET", "HEAD")
        return not (leads_here and is_public(scope))

    def _is_own(self, name: str) -> bool:
        return name == "localhost" or name.endswith(".localhost") or _is_loopback(name) or name in self.names

    def _allowed(self, origin: str) -> bool:
        if origin in self.origins or "*" in self.origins:
            return True
        return self.origin_pattern is not None and self.origin_pattern.fullmatch(origin) is not None


def is_public(scope: Message) -> bool:
    """
    Check whether a request is for a public path.

    :param scope: The request.
    :returns: Whether it needs no API key and does not count against a rate limit.
    """
    path = route(scope)
    return path in PUBLIC_PATHS or path.startswith(("/status/", "/static/", "/docs/"))


def sent_key(scope: Message) -> str | None:
    """
    Get the API key that a request was sent with.

    :param scope: The request.
    :returns: The text that was sent as a key, which may be none; `None` if there is no such text.
    """
    kind, _, value = (header(scope, b"authorization") or "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    return header(scope, b"x-api-key")


def _listed(scopes: Collection[str]) -> str:
    return ", ".join(f"'{scope}'" for scope in scopes)


def _name_of(host: str) -> str:
    """The name in a `Host` header; empty if it is anything but a name or an address with or without a port."""
    found = _HOST.fullmatch(host)
    return "" if found is None else found["name"].strip("[]").lower()


def _is_loopback(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback
