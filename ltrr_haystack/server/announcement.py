"""What a server says of itself when it begins to answer."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from ltrr_haystack.server.settings import ServerSettings
from ltrr_haystack.store.engines import shown_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

    from ltrr_haystack.store import LTRRStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """
    What is served, and how.

    :param url: Where.
    :param store: The urls of the stores, without their passwords.
    :param reward_wait: Seconds until a decision is learned from; `None` where another process learns.
    :param safe_start: Whether the baseline is played until the log shows that the policy is worth more.
    :param warm: Arms that were asked once.
    :param cold: Arms that failed when they were asked, each with the kind of its error.
    :param keys: How many API keys are good.
    :param keys_needed: Whether callers need one.
    :param settings: Who else is let in, and the limits.
    """

    url: str
    store: tuple[str, ...] = ()
    reward_wait: float | None = None
    safe_start: bool = True
    warm: tuple[str, ...] = ()
    cold: "Mapping[str, str]" = field(default_factory=dict)
    keys: int = 0
    keys_needed: bool = False
    settings: ServerSettings = field(default_factory=ServerSettings)

    def lines(self) -> list[str]:
        """
        Say it.

        :returns: Lines of text.
        """
        said = [
            f"Serving at {self.url} (the API: {self.url}/docs; state: {self.url}/ready). Ctrl-C ends it.",
            f"  clicks:  {self._clicks()}",
            f"  policy:  {self._policy()}",
            f"  arms:    {self._arms()}",
            f"  store:   {', '.join(self.store) or 'none'}",
            f"  callers: {self._callers()}",
        ]
        limits = self._limits()
        return [*said, f"  limits:  {limits}"] if limits else said

    def _clicks(self) -> str:
        if self.reward_wait is None:
            return "are logged; nothing here learns from them (ltrr learn --follow does)"
        return f"count {duration(self.reward_wait)} after their search (--reward-wait)"

    def _policy(self) -> str:
        if self.safe_start:
            return "the baseline is played until the log shows that what was learned is worth more (safe start)"
        return "what was learned is played at once, without a safe start (--safe-start)"

    def _arms(self) -> str:
        cold = [f"{arm} failed when it was asked ({why})" for arm, why in self.cold.items()]
        warm = [f"{', '.join(self.warm)} {'is' if len(self.warm) == 1 else 'are'} warm"] if self.warm else []
        return "; ".join([*warm, *cold]) or "none"

    def _callers(self) -> str:
        if self.keys_needed:
            return f"need one of {self.keys} API key{'s' if self.keys != 1 else ''} (ltrr keys list)"
        if self.settings.everybody:
            return "everybody who can reach it, without any key (--open): anybody can index, and teach the search"
        return "this machine only, without a key; with one (ltrr keys add) also others"

    def _limits(self) -> str:
        rates = []
        if self.keys_needed and self.settings.key_rate:
            rates.append(f"{self.settings.key_rate:g} requests a second for a key")
        if address := self.settings.rate_of_addresses(keys_needed=self.keys_needed):
            rates.append(f"{address:g} for an address")
        return ", ".join(rates)


def serving_of(app: "FastAPI", url: str, settings: ServerSettings) -> Serving:
    """
    Say what an application serves.

    :param app: What `create_app` made, started.
    :param url: Where it is served.
    :param settings: Its settings.
    :returns: What is to be said of it.
    """
    state = app.state
    return Serving(
        url=url,
        store=tuple(url_of(store) for store in state.readiness.stores),
        reward_wait=None if state.learner is None else state.learner.learner.reward_wait,
        safe_start=state.safe_start,
        warm=tuple(arm for arm, failed in state.arms.items() if failed is None),
        cold={arm: failed for arm, failed in state.arms.items() if failed is not None},
        keys=state.keyring.count,
        keys_needed=state.keyring.needed,
        settings=settings,
    )


def url_of(store: "LTRRStore") -> str:
    """
    Say where a store is.

    :param store: The store.
    :returns: Its url, without any password.
    """
    try:
        return shown_url(make_url(str(store.url.resolve_value())))
    except (ArgumentError, ValueError):
        return "***"


def duration(seconds: float) -> str:
    """
    Say how long something takes.

    :param seconds: In seconds.
    :returns: In words.
    """
    for unit, length in (("hour", 3600.0), ("minute", 60.0)):
        if seconds >= length and seconds % length == 0:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if number != 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"
