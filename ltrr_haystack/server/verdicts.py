"""The safe start's verdict on a policy, for the response to a search."""

from collections.abc import Mapping
from typing import Any

from haystack import Pipeline

from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.policy.vw import REMEMBERED
from ltrr_haystack.types import Decision

MOST_KEPT = 4
"""Policy versions whose cards are kept, since a search may be answered after a newer version was loaded."""


class Verdicts:
    """
    Gives the verdict on the policy that made a decision: how it compares with the baseline for such queries.

    A policy's card is computed once for each version, not for each search.

    """

    def __init__(self, pipeline: Pipeline) -> None:
        """
        Find the pipeline's router; nothing is opened.

        :param pipeline: The search pipeline.
        """
        self._router = next((each for _, each in pipeline.walk() if isinstance(each, BanditRouter)), None)
        self._cards: dict[int, dict[str, Any]] = {}

    def of(self, decision: Decision) -> str | None:
        """
        Get the verdict on the policy that made a decision.

        :param decision: The decision.
        :returns: How the policy compares with the baseline, separately for reward and cost; `None` if no policy was
            asked, or it gives no verdict.
        """
        if self._router is None or decision.mode == "baseline":
            return None
        policy, version = self._router.active.held
        if version not in self._cards:
            self._cards = dict([*self._cards.items(), (version, policy.card())][-MOST_KEPT:])
        card = self._cards.get(decision.policy_version, {})
        part = card.get(str(card.get("new_queries")) if decision.features.is_new_query else REMEMBERED)
        told = part.get("verdict") if isinstance(part, Mapping) else None
        return told if isinstance(told, str) else None
