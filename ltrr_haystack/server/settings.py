"""The server's settings for access and limits."""

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
    Access and limits of a server.

    :param everybody: Whether callers from other machines are accepted as long as there are no API keys.
    :param client_address: Which address identifies a client whose searches carry no id; see `ClientAddress`.
    :param key_rate: Sustained requests per second for one API key; 0 for no limit.
    :param address_rate: Sustained requests per second for one address; 0 for no limit. If left out: 50, or no limit as
        long as there are no API keys and only this machine has access.
    :param searches_at_once: Maximum number of searches that run at once, see `AT_ONCE`. Half as many searches with
        filters may run in addition.
    :param body_limit: Maximum size of a request's body, in bytes.
    :param body_seconds: Seconds within which a body must arrive.
    :param head_seconds: Seconds within which the head of a request must arrive.
    :param keep_alive_seconds: Seconds for which a connection may be idle between two requests.
    :param stall_seconds: Seconds within which a client must read what waits to be sent to it.
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
                raise ConfigurationError(f"{name} must be a number of requests per second, 0 for no limit; got {rate}")
        if self.searches_at_once < 1:
            raise ConfigurationError(f"searches_at_once must be at least 1, got {self.searches_at_once}")

    @classmethod
    def from_environment(cls, **given: Any) -> Self:
        """
        Make settings from arguments and, for those not given, from environment variables (see `VARIABLES`).

        :param given: Settings by name; `None` means not given.
        :returns: The settings.
        :raises ConfigurationError: If a value is invalid. The message names the setting or the variable.
        """
        settings = {name: value for name, value in given.items() if value is not None}
        for name, variable in VARIABLES.items():
            text = os.environ.get(variable)
            if text and name not in settings:
                settings[name] = _read(name, variable, text)
        return cls(**settings)

    def rate_of_addresses(self, *, keys_needed: bool) -> float:
        """
        Get the rate limit for one address.

        :param keys_needed: Whether callers need an API key.
        :returns: Requests per second; 0 for no limit.
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
