"""The summary that a server prints when it is ready."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from ltrr_haystack.server.learners import RewardWaitFrom
from ltrr_haystack.server.settings import ServerSettings
from ltrr_haystack.store.engines import shown_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

    from ltrr_haystack.store import LTRRStore

_BY_IDS_ALONE = "told apart by the ids that callers send alone; to take the network address as well: "


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSummary:
    """
    What a server serves, and how.

    :param url: The server's URL.
    :param store: The URLs of the stores, without their passwords.
    :param reward_wait: Seconds that a decision waits for feedback; `None` if this server does not learn.
    :param reward_wait_from: Where that comes from: an option of the command, a variable of the environment, or neither.
    :param safe_start: Whether the baseline is played until the log shows that the policy is worth more.
    :param warm: Arms that were warmed up.
    :param cold: Arms that failed when they were warmed up, each with the type of its error.
    :param keys: Number of valid API keys.
    :param keys_needed: Whether callers need an API key.
    :param public: Whether the server listens beyond this machine.
    :param settings: Access and limits.
    """

    url: str
    store: tuple[str, ...] = ()
    reward_wait: float | None = None
    reward_wait_from: RewardWaitFrom = "default"
    safe_start: bool = True
    warm: tuple[str, ...] = ()
    cold: "Mapping[str, str]" = field(default_factory=dict)
    keys: int = 0
    keys_needed: bool = False
    public: bool = False
    settings: ServerSettings = field(default_factory=ServerSettings)

    def lines(self, *, options: bool = True) -> list[str]:
        """
        Write the summary.

        :param options: Whether the server was started by a command that has all options of `ltrr serve`. Otherwise the
            variables of the environment are named in their place.
        :returns: Lines of text.
        """
        lines = [
            f"Serving at {self.url} (API: {self.url}/docs, state: {self.url}/ready). Press Ctrl-C to stop.",
            f"  feedback: {self._feedback(options)}",
            f"  policy:   {self._policy()}",
            f"  arms:     {self._arms()}",
            f"  store:    {', '.join(self.store) or 'none'}",
            f"  access:   {self._access()}",
        ]
        if self.public and self.settings.client_address == "none":
            peer = "--client-address peer" if options else "LTRR_CLIENT_ADDRESS=peer"
            lines.append(f"  clients:  {_BY_IDS_ALONE}{peer}, or forwarded behind a proxy")
        limits = self._limits()
        return [*lines, f"  limits:   {limits}"] if limits else lines

    def _feedback(self, options: bool) -> str:
        if self.reward_wait is None:
            return "logged, but not learned from in this process (run ltrr learn --follow)"
        return f"learned from {duration(self.reward_wait)} after the search ({self._source(options)})"

    def _source(self, options: bool) -> str:
        if self.reward_wait_from == "variable":
            return "LTRR_REWARD_WAIT"
        if not options:
            return "LTRR_REWARD_WAIT sets another time"
        return "--reward-wait" if self.reward_wait_from == "option" else "by default; --reward-wait sets another time"

    def _policy(self) -> str:
        if self.safe_start:
            return "safe start: the baseline is played until the log shows that the learned policy is worth more"
        return "the learned policy is played at once, without a safe start (--safe-start)"

    def _arms(self) -> str:
        cold = [f"{arm} failed when it was warmed up ({error})" for arm, error in self.cold.items()]
        warm = [f"{', '.join(self.warm)} {'is' if len(self.warm) == 1 else 'are'} warm"] if self.warm else []
        return "; ".join([*warm, *cold]) or "none"

    def _access(self) -> str:
        if self.keys_needed:
            return f"with one of {self.keys} API key{'s' if self.keys != 1 else ''} (ltrr keys list)"
        if self.settings.everybody:
            return "everybody who can reach the server, without an API key (--open), also to index and to send feedback"
        return "this machine only, without an API key; add a key to accept other machines (ltrr keys add)"

    def _limits(self) -> str:
        rates = []
        if self.keys_needed and self.settings.key_rate:
            rates.append(f"{self.settings.key_rate:g} requests per second for an API key")
        if address := self.settings.rate_of_addresses(keys_needed=self.keys_needed):
            rates.append(f"{address:g} requests per second for an address")
        return ", ".join(rates)


def summarize(app: "FastAPI", url: str, settings: ServerSettings, *, public: bool) -> ServerSummary:
    """
    Summarise what an application serves.

    :param app: An application of `create_app`, started.
    :param url: Its URL.
    :param settings: Its settings.
    :param public: Whether it listens beyond this machine.
    :returns: The summary.
    """
    state = app.state
    return ServerSummary(
        url=url,
        store=tuple(url_of(store) for store in state.readiness.stores),
        reward_wait=None if state.learner is None else state.learner.learner.reward_wait,
        reward_wait_from=state.reward_wait_from,
        safe_start=state.safe_start,
        warm=tuple(arm for arm, failed in state.arms.items() if failed is None),
        cold={arm: failed for arm, failed in state.arms.items() if failed is not None},
        keys=state.keyring.count,
        keys_needed=state.keyring.needed,
        public=public,
        settings=settings,
    )


def url_of(store: "LTRRStore") -> str:
    """
    Get the URL of a store for display.

    :param store: The store.
    :returns: Its URL without passwords.
    """
    try:
        return shown_url(make_url(str(store.url.resolve_value())))
    except (ArgumentError, ValueError):
        return "***"


def duration(seconds: float) -> str:
    """
    Write a duration in words.

    :param seconds: The duration in seconds.
    :returns: Hours or minutes if it is a whole number of them, otherwise seconds.
    """
    for unit, length in (("hour", 3600.0), ("minute", 60.0)):
        if seconds >= length and seconds % length == 0:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if number != 1 else ''}"
    return f"{seconds:g} second{'s' if seconds != 1 else ''}"
