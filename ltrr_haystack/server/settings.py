"""What a server is told about those who call it."""

import os
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self, cast, get_args

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.server.admission import AT_ONCE
from ltrr_haystack.server.client_address import ClientAddress

KEY_RATE = 100.0
ADDRESS_RATE = 50.0

VARIABLES = {
    "client_address": "LTRR_CLIENT_ADDRESS",
    "key_rate": "LTRR_KEY_RATE",
    "address_rate": "LTRR_ADDRESS_RATE",
    "searches_at_once": "LTRR_SEARCHES_AT_ONCE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """
    Who may call, how often, and how slowly.

    :param everybody: Whether callers from other machines are let in where there are no keys.
    :param client_address: Which address stands for a client that says nothing of itself; see `ClientAddress`.
    :param key_rate: Requests a second that the holder of a key may make for long; 0 for any number.
    :param address_rate: The same for an address; without it 50, and any number as long as no key is needed on this
        machine alone.
    :param searches_at_once: Most searches at work, see `AT_ONCE`; of those with filters half as many besides.
    :param body_limit: Most bytes of a request's body.
    :param body_seconds: Within which a body must have come.
    :param head_seconds: Within which the head of a request must have come.
    :param keep_alive_seconds: For which a connection may rest between two requests.
    :param stall_seconds: Within which a client must have taken what waits to be sent to it.
    :param threads: Threads for components that are not asynchronous, such as embedders.
    """

    everybody: bool = False
    client_address: ClientAddress = "none"
    key_rate: float = KEY_RATE
    address_rate: float | None = None
    searches_at_once: int = AT_ONCE
    body_limit: int = 2_000_000
    body_seconds: float = 20.0
    head_seconds: float = 10.0
    keep_alive_seconds: int = 5
    stall_seconds: float = 30.0
    threads: int = 64

    def __post_init__(self) -> None:
        if self.client_address not in get_args(ClientAddress):
            expected = ", ".join(get_args(ClientAddress))
            raise ConfigurationError(f"client_address must be one of {expected}, got {self.client_address!r}")
        for name, rate in (("key_rate", self.key_rate), ("address_rate", self.address_rate)):
            if rate is not None and not (isfinite(rate) and rate >= 0):
                raise ConfigurationError(f"{name} must be a number of requests a second, 0 for any number; got {rate}")
        if self.searches_at_once < 1:
            raise ConfigurationError(f"searches_at_once must be at least 1, got {self.searches_at_once}")

    @classmethod
    def from_environment(cls, **given: Any) -> Self:
        """
        Take what is given, and the rest from the environment (see `VARIABLES`).

        :param given: Settings by name; `None` for those that are not given.
        :returns: The settings.
        :raises ConfigurationError: If one is not what it must be; the message names it, or its variable.
        """
        settings = {name: value for name, value in given.items() if value is not None}
        for name, variable in VARIABLES.items():
            text = os.environ.get(variable)
            if text and name not in settings:
                settings[name] = _read(name, variable, text)
        return cls(**settings)

    def rate_of_addresses(self, *, keys_needed: bool) -> float:
        """
        Say how often one address may call.

        :param keys_needed: Whether callers need a key.
        :returns: Requests a second; 0 for any number.
        """
        if self.address_rate is not None:
            return self.address_rate
        return ADDRESS_RATE if keys_needed or self.everybody else 0.0


def _read(name: str, variable: str, text: str) -> ClientAddress | float | int:
    if name == "client_address":
        if text not in get_args(ClientAddress):
            raise ConfigurationError(f"{variable} must be one of {', '.join(get_args(ClientAddress))}, got {text!r}")
        return cast(ClientAddress, text)
    try:
        number = int(text) if name == "searches_at_once" else float(text)
    except ValueError:
        number = -1
    if not (isfinite(number) and number >= 0) or (name == "searches_at_once" and number < 1):
        raise ConfigurationError(f"{variable} must be a number, got {text!r}")
    return number
