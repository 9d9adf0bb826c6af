"""What is replayed, and how."""

import json
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, get_args

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.readers import ClickModelName, noise_of
from ltrr_haystack.evaluation.replay.source import source_fingerprint

REPLAYS = "ltrr_haystack.evaluation.replay.parts"
"""The module that replays a system; results depend on it and on what it imports."""


@dataclass(frozen=True, slots=True)
class Settings:
    """
    A replay's settings; the same settings give the same figures, but for the times.

    :param impressions: How many searches each system meets, for each seed.
    :param seeds: Each seed is other people, another draw of the held-out queries, and other choices of the router.
    :param click_model: How people look through a page: `position`, `cascade`, `dependent`, `mixed` for all three,
        or `hard` for all three with trust bias, abandonment, and habits drawn for each seed (see `readers`).
    :param noise: Probability of a click on an examined document that answers nothing; 0.2 for `hard` readers and 0.05
        for all others if left out.
    :param exponent: The Zipf law's of the queries.
    :param held_out: Share of the queries that nobody types before the end.
    :param delay: After how many searches of others a click arrives, on average; exponentially distributed.
    :param reward_wait: After how many searches a decision is settled; later clicks are late.
    :param learn_every: Searches between two passes of the learner.
    :param train_at: At which shares of the stream the ranker is trained.
    :param drift: Whether other queries become popular half way.
    :param late_documents: Share of the documents that are not there before half way.
    :param top_k: How many documents a page has.
    :raises ConfigurationError: If a setting cannot work.
    """

    impressions: int = 20_000
    seeds: tuple[int, ...] = (0, 1, 2)
    click_model: ClickModelName = "mixed"
    noise: float | None = None
    exponent: float = 1.0
    held_out: float = 0.25
    delay: float = 10.0
    reward_wait: int = 50
    learn_every: int = 20
    train_at: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
    drift: bool = False
    late_documents: float = 0.0
    top_k: int = 10

    def __post_init__(self) -> None:
        for name in ("impressions", "learn_every", "top_k"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigurationError(f"seeds must be different numbers, at least one, got {self.seeds}")
        if not 0 < self.held_out < 1:
            raise ConfigurationError(f"held_out must lie between 0 and 1, got {self.held_out}")
        if self.click_model not in get_args(ClickModelName):
            raise ConfigurationError(
                f"click_model must be one of {', '.join(get_args(ClickModelName))}, got '{self.click_model}'"
            )
        if not 0 <= self.click_noise < 1:
            raise ConfigurationError(f"noise must be a probability, at least 0 and below 1, got {self.noise}")
        if self.delay < 0 or self.reward_wait < 0:
            raise ConfigurationError(
                f"delay and reward_wait must not be negative, got {self.delay} and {self.reward_wait}"
            )
        if not all(0 < share <= 1 for share in self.train_at):
            raise ConfigurationError(
                f"train_at must be shares of the stream, above 0 and at most 1, got {self.train_at}"
            )
        if not 0 <= self.late_documents < 1:
            raise ConfigurationError(
                f"late_documents must be a share of the documents, at least 0 and below 1, got {self.late_documents}"
            )

    @property
    def click_noise(self) -> float:
        """The probability of a click on an examined document that answers nothing, whether it was set or not."""
        return noise_of(self.click_model) if self.noise is None else self.noise

    @property
    def half_way(self) -> int:
        """The first search of the stream's second half, where whatever changes does."""
        return self.impressions // 2

    def to_dict(self) -> dict[str, Any]:
        """
        Give the settings by name.

        :returns: Name → value, the noise in any case.
        """
        return {**asdict(self), "noise": self.click_noise}

    def fingerprint(self, *others: str) -> str:
        """
        Give the mark of results that were made with these settings and this code.

        How many seeds there are makes no difference to the results of one.

        :param others: Whatever else the results depend on, such as the data set's fingerprint.
        :returns: Sixteen hexadecimal digits.
        """
        own = {name: value for name, value in self.to_dict().items() if name != "seeds"}
        text = json.dumps([own, source_fingerprint(REPLAYS), *others], sort_keys=True)
        return blake2b(text.encode(), digest_size=8).hexdigest()
