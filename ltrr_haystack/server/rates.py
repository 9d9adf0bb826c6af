"""How often one client may call."""

import time
from collections import OrderedDict
from collections.abc import Callable

from ltrr_haystack.server.access import KEY, is_free
from ltrr_haystack.server.asgi import Application, Message, Receive, Send, refusal, retry_after
from ltrr_haystack.server.client_address import ClientAddress, network_of

MOST_BUCKETS = 10_000
BURST_SECONDS = 5.0
"""A client that was silent may make the requests of so many seconds at once."""


class Buckets:
    """
    Token buckets by name (Turner, New Directions in Communications, IEEE Communications Magazine 24(10), 1986).

    Each fills at the same rate up to the burst; a request takes one token out. Those used longest ago are forgotten,
    and are full again when they come back.
    """

    def __init__(
        self, rate: float, burst: float, *, most: int = MOST_BUCKETS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Create Buckets, all of them full.

        :param rate: Tokens that a bucket gets in a second.
        :param burst: Most tokens in a bucket, at least one.
        :param most: Most buckets that are remembered.
        :param clock: What tells the time in seconds.
        """
        self._rate = rate
        self._burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many buckets are remembered."""
        return len(self._buckets)

    def take(self, name: str) -> float:
        """
        Take a token.

        :param name: Whose bucket.
        :returns: 0 if there was one; else the seconds until there is.
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
    Answers requests of a client that calls too often with 429.

    :param app: The application behind it.
    :param rate: Requests a second that a client may make for long.
    :param client: Says whose request it is; `None` if it is not limited.
    :param what: What the client is called in the answer.
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

        :param scope: What it is.
        :param receive: Gives what the client sends.
        :param send: Takes what the client gets.
        """
        limited = scope["type"] == "http" and not is_free(scope)
        client = self.client(scope) if limited else None
        wait = 0.0 if client is None else self._buckets.take(client)
        if wait > 0:
            detail = f"too many requests from this {self.what}: at most {self.rate:g} a second are taken for long"
            await refusal(429, detail, retry_after(wait))(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def address_of(taken: ClientAddress, holds: Callable[[], bool]) -> Callable[[Message], str | None]:
    """
    Say by which address requests are limited.

    :param taken: Which address counts; where that is none, the peer is limited all the same.
    :param holds: Whether requests are limited at the moment.
    :returns: Gives the network of a request.
    """
    return lambda scope: network_of(scope, "peer" if taken == "none" else taken) if holds() else None


def key_of(scope: Message) -> str | None:
    """
    Say by which key a request is limited.

    :param scope: The request.
    :returns: The id of the key that opened it, if one did.
    """
    key = scope.get("state", {}).get(KEY)
    return None if key is None else str(key.key_id)
