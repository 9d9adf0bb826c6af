"""Rate limits by client."""

import time
from collections import OrderedDict
from collections.abc import Callable

from ltrr_haystack.server.access import KEY, is_public
from ltrr_haystack.server.asgi import Application, Message, Receive, Send, refusal, retry_after
from ltrr_haystack.server.client_address import ClientAddress, network_of

MOST_BUCKETS = 10_000
BURST_SECONDS = 5.0
"""A client that made no requests for a while may make the requests of this many seconds at once."""


class Buckets:
    """
    Token buckets by name (Turner, New Directions in Communications, IEEE Communications Magazine 24(10), 1986).

    Every bucket is filled at the same rate, up to the burst; a request takes one token. The least recently used buckets
    are dropped; a bucket that is created again is full.
    """

    def __init__(
        self, rate: float, burst: float, *, most: int = MOST_BUCKETS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Create Buckets.

        :param rate: Tokens that a bucket gains per second.
        :param burst: Maximum number of tokens in a bucket, at least one.
        :param most: Maximum number of buckets to keep.
        :param clock: Returns the time in seconds.
        """
        self._rate = rate
        self._burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """The number of buckets that are kept."""
        return len(self._buckets)

    def take(self, name: str) -> float:
        """
        Take a token from a bucket.

        :param name: The bucket's name.
        :returns: 0 if there was a token; otherwise the seconds until there will be one.
        """
        now = self._clock()
        tokens, then = self._buckets.pop(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        missing = max(0.0, 1.0 - tokens)
        self._buckets[name] = (tokens if missing else tokens - 1.0, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return missing / self._rate


class RateLimit:
    """
    Answers 429 to clients that exceed the rate limit.

    :param app: The next application.
    :param rate: Sustained requests per second that a client may make.
    :param client: Returns the client's name for a request, or `None` if the request is not limited.
    :param what: What a client is called in the response, such as `address`.
    """

    def __init__(self, app: Application, rate: float, client: Callable[[Message], str | None], what: str) -> None:
        self.app = app
        self.rate = rate
        self.client = client
        self.what = what
        self._buckets = Buckets(rate, max(1.0, rate * BURST_SECONDS))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """
        Handle one connection.

        :param scope: The ASGI connection scope.
        :param receive: Receives messages from the client.
        :param send: Sends messages to the client.
        """
        limited = scope["type"] == "http" and not is_public(scope)
        client = self.client(scope) if limited else None
        wait = 0.0 if client is None else self._buckets.take(client)
        if wait > 0:
            detail = f"too many requests from this {self.what}: the limit is {self.rate:g} per second"
            await refusal(429, detail, retry_after(wait))(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def address_of(source: ClientAddress, enabled: Callable[[], bool]) -> Callable[[Message], str | None]:
    """
    Make the function that names a request's client by its network.

    :param source: Which address identifies a client; for `none`, the peer's address is used here.
    :param enabled: Returns whether requests are currently limited by address.
    :returns: A function for the parameter `client` of `RateLimit`.
    """
    return lambda scope: network_of(scope, "peer" if source == "none" else source) if enabled() else None


def key_of(scope: Message) -> str | None:
    """
    Get the id of the API key that authorised a request.

    :param scope: The request.
    :returns: The key's id, or `None` if no key was needed.
    """
    key = scope.get("state", {}).get(KEY)
    return None if key is None else str(key.key_id)
