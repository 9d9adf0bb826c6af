"""What an action is worth."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from haystack.core.serialization import default_from_dict, default_to_dict

from ltrr_haystack.errors import ConfigurationError

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "click": 1.0,
    "click_through": 1.0,
    "play": 1.0,
    "watch": 1.0,
    "like": 2.0,
    "add_to_cart": 3.0,
    "purchase": 5.0,
    "dislike": -1.0,
}
"""Rewards where none are configured, in units of a click."""

MOST = 10.0
"""What one impression can earn or lose at the most, however many events speak of it: none may drown all others."""


def bounded(reward: float) -> float:
    """
    Keep what an impression earned within what one impression can mean.

    :param reward: The sum of the rewards of its events.
    :returns: The sum, cut to ±`MOST`; 0 if it is not finite.
    """
    return max(-MOST, min(MOST, reward)) if math.isfinite(reward) else 0.0


@dataclass(frozen=True, repr=False)
class RewardModel:
    """
    Says what each action is worth; an action that it does not name is worth 0.

    ### Usage example

    ```python
    from ltrr_haystack.feedback.rewards import RewardModel

    RewardModel({"click": 1.0, "purchase": 10.0})("purchase")  # 10.0
    ```

    :param weights: Action name → reward, negative for what speaks against a document. They stand in the place of the
        defaults, all of them.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))

    def __post_init__(self) -> None:
        """
        Check the weights.

        :raises ConfigurationError: If an action has no name, or its reward is not a number within ±`MOST`.
        """
        if not isinstance(self.weights, Mapping):
            raise ConfigurationError(f"rewards must be action name → reward, got {type(self.weights).__name__}")
        for action, weight in self.weights.items():
            if not isinstance(action, str) or not action:
                raise ConfigurationError(f"rewards must name actions by text such as 'click', got {action!r}")
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not abs(weight) < math.inf:
                raise ConfigurationError(f"reward of action '{action}' must be a finite number, got {weight!r}")
            if abs(weight) > MOST:
                got = f"{weight:g}" if abs(weight) < 1e300 else "more than 1e+300"
                raise ConfigurationError(
                    f"reward of action '{action}' must lie within ±{MOST:g}, got {got}: scale all rewards alike"
                )

    def __call__(self, action_name: str) -> float:
        """
        Say what one action is worth.

        :param action_name: The action.
        :returns: Its reward, 0 if the model does not name it.
        """
        return float(self.weights.get(action_name, 0.0))

    def __repr__(self) -> str:
        """Show the actions with their rewards."""
        return f"RewardModel({', '.join(f'{action}={weight:g}' for action, weight in self.weights.items())})"

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise for a pipeline file.

        :returns: A dictionary for `from_dict`.
        """
        return default_to_dict(self, weights=dict(self.weights))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make a RewardModel from what `to_dict` gave.

        :param data: The dictionary.
        :returns: The model.
        """
        return default_from_dict(cls, data)
