"""Mean and variance of a series with exponential discounting."""

import math
from collections.abc import Mapping
from typing import Self

from ltrr_haystack.errors import SnapshotError

HALF_LIFE = 2000.0
"""Number of values after which the weight of an earlier one is halved."""

DECAY = 0.5 ** (1 / HALF_LIFE)
"""Factor of all earlier weights with each new value."""


class Moments:
    """
    Incremental mean and variance under decaying weights (West 1979; Finch 2009).

    :ivar weight: Sum of the weights.
    :ivar mean: Their mean; 0 while there are none.
    """

    def __init__(self) -> None:
        """Create moments without values."""
        self.weight = 0.0
        self.mean = 0.0
        self._squared_weight = 0.0
        self._squares = 0.0

    def add(self, value: float) -> None:
        """
        Add a value.

        :param value: The value.
        """
        self.weight = self.weight * DECAY + 1
        self._squared_weight = self._squared_weight * DECAY**2 + 1
        before = value - self.mean
        self.mean += before / self.weight
        self._squares = self._squares * DECAY + before * (value - self.mean)

    def standard_error(self) -> float | None:
        """
        Give the standard error of the mean.

        :returns: The standard error; `None` with less than two values.
        """
        if self.weight <= 1:
            return None
        size = self.weight**2 / self._squared_weight
        return math.sqrt(self._squares / self.weight / (size - 1))

    def with_one_more(self, value: float) -> tuple[float, float]:
        """
        Give mean and standard error as if another value had been added.

        :param value: The value.
        :returns: Mean and standard error; the error is 0 while there are no values.
        """
        weight = self.weight + 1
        mean = (self.weight * self.mean + value) / weight
        squares = self._squares + self.weight / weight * (self.mean - value) ** 2
        size = weight**2 / (self._squared_weight + 1)
        return mean, math.sqrt(squares / weight / (size - 1)) if squares > 0 else 0.0

    def to_dict(self) -> dict[str, float]:
        """
        Serialise the state.

        :returns: Plain JSON types.
        """
        return {key.lstrip("_"): getattr(self, key) for key in _STATE}

    @classmethod
    def from_dict(cls, state: Mapping[str, float]) -> Self:
        """
        Restore moments from their state.

        :param state: What `to_dict` gave.
        :returns: The moments.
        :raises SnapshotError: If the state is incompatible: another version wrote it.
        """
        made = cls()
        for key in _STATE:
            if key.lstrip("_") not in state:
                raise SnapshotError(f"the state of a mean lacks {key.lstrip('_')}: another version wrote it")
            setattr(made, key, state[key.lstrip("_")])
        return made


_STATE = ("weight", "mean", "_squared_weight", "_squares")
