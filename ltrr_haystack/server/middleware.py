"""The middleware that every request passes before it reaches a pipeline."""

from collections.abc import Collection, Mapping

from hayhooks.settings import settings as hayhooks
from starlette.middleware import Middleware

from ltrr_haystack.server.access import Access
from ltrr_haystack.server.admission import Admission
from ltrr_haystack.server.client_address import ClientAddressMiddleware
from ltrr_haystack.server.keyring import Keyring
from ltrr_haystack.server.limits import BodyLimit
from ltrr_haystack.server.rates import RateLimit, address_of, key_of
from ltrr_haystack.server.settings import ServerSettings


def build_middleware(
    scopes: Mapping[str, str], searches: Collection[str], keyring: Keyring, settings: ServerSettings, host: str
) -> list[Middleware]:
    """
    Put the middleware in order: cheap checks that refuse many requests come first.

    :param scopes: Path → the scope that it needs.
    :param searches: Paths of search pipelines, of which so many may run at once.
    :param keyring: The API keys.
    :param settings: Access and limits.
    :param host: The host name of this machine.
    :returns: The middleware, outermost first.
    """
    access = Middleware(
        Access,
        keyring=keyring,
        scopes=scopes,
        everybody=settings.everybody,
        names=(host.lower(),),
        origins=tuple(hayhooks.cors_allow_origins),
        origin_pattern=hayhooks.cors_allow_origin_regex,
    )
    body = Middleware(BodyLimit, limit=settings.body_limit, seconds=settings.body_seconds)
    admission = Middleware(Admission, paths=searches, at_once=settings.searches_at_once)
    address = Middleware(ClientAddressMiddleware, source=settings.client_address)
    return [*_by_address(keyring, settings), access, *_by_key(settings), body, admission, address]


def _by_address(keyring: Keyring, settings: ServerSettings) -> list[Middleware]:
    rate = settings.rate_of_addresses(keys_needed=True)
    if rate == 0:
        return []
    client = address_of(settings.client_address, lambda: settings.rate_of_addresses(keys_needed=keyring.needed) > 0)
    return [Middleware(RateLimit, rate=rate, client=client, what="address")]


def _by_key(settings: ServerSettings) -> list[Middleware]:
    if settings.key_rate == 0:
        return []
    return [Middleware(RateLimit, rate=settings.key_rate, client=key_of, what="API key")]
