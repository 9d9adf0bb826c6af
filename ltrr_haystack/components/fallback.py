"""What is asked where the arms that were drawn brought nothing."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from haystack import default_from_dict

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.types import ArmRequest, ArmResult, Decision

TOO_LATE = "timeout: no time was left"


class Fallback:
    """
    Asks the arms of the baseline that a decision did not draw, so that no page is empty because of what was drawn.

    A policy draws what has mostly been worth it. Where just that fails, or finds nothing, the others of the pipeline as
    it is without learning are there to be asked, as long as somebody waits.

    :param arms: The arms by name.
    :param timeout: Seconds after the decision within which they must answer.
    :raises ConfigurationError: If something is no arm, or an arm is there under another name than its own.
    """

    def __init__(self, arms: Mapping[str, RetrievalArm], timeout: float) -> None:
        for name, arm in arms.items():
            if not isinstance(arm, RetrievalArm):
                raise ConfigurationError(f"fallback '{name}' must be a RetrievalArm, got {type(arm).__name__}")
            if arm.name != name:
                raise ConfigurationError(f"fallback '{name}' is the arm '{arm.name}'; name it by the arm's own name")
        self._arms = dict(arms)
        self._timeout = timeout

    def ask(self, decision: Decision) -> dict[str, ArmResult]:
        """
        Ask one arm after the other.

        :param decision: The decision whose arms brought nothing.
        :returns: Arm → what it brought, or why it brought nothing.
        """
        return {
            name: self._arms[name].retrieve(request, left) if (left := self._left(decision)) > 0 else _too_late(name)
            for name, request in self._requests(decision).items()
        }

    async def ask_async(self, decision: Decision) -> dict[str, ArmResult]:
        """
        Ask the arms together, without blocking the event loop.

        :param decision: The decision whose arms brought nothing.
        :returns: Arm → what it brought, or why it brought nothing.
        """
        requests, left = self._requests(decision), self._left(decision)
        if left <= 0:
            return {name: _too_late(name) for name in requests}
        asked = [self._arms[name].retrieve_async(request, left) for name, request in requests.items()]
        return dict(zip(requests, await asyncio.gather(*asked), strict=True))

    def warm_up(self) -> None:
        """Warm up the arms."""
        for arm in self._arms.values():
            arm.warm_up()

    async def warm_up_async(self) -> None:
        """Warm up the arms for the running event loop."""
        for arm in self._arms.values():
            await arm.warm_up_async()

    def close(self) -> None:
        """Close the arms."""
        for arm in self._arms.values():
            arm.close()

    async def close_async(self) -> None:
        """Close the arms, by their asynchronous twins."""
        for arm in self._arms.values():
            await arm.close_async()

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the arms.

        :returns: Name → what the arm's `to_dict` gives.
        """
        return {name: arm.to_dict() for name, arm in self._arms.items()}

    def _requests(self, decision: Decision) -> dict[str, ArmRequest]:
        understanding = decision.understanding
        return {
            name: ArmRequest(understanding.query, depth, decision.filters, understanding)
            for name, depth in decision.actions.baseline.items()
            if depth > 0 and name in self._arms and not decision.allocation.get(name, 0)
        }

    def _left(self, decision: Decision) -> float:
        """By the wall clock, which may have been set back meanwhile."""
        return min(self._timeout, decision.decided_at + self._timeout - time.time())


def arms_of(nested: Mapping[str, Any] | None) -> dict[str, RetrievalArm] | None:
    """
    Make the arms that a pipeline file names.

    :param nested: Name → arm, or what its `to_dict` gave.
    :returns: Name → arm.
    """
    if nested is None:
        return None
    return {
        name: default_from_dict(RetrievalArm, arm) if isinstance(arm, dict) else arm for name, arm in nested.items()
    }


def _too_late(name: str) -> ArmResult:
    return ArmResult(name, (), 0.0, TOO_LATE)
