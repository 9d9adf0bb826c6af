"""What the gates say of the policies that decide, for the answers to searches."""

from collections.abc import Mapping
from typing import Any

from haystack import Pipeline

from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.policy.vw import REMEMBERED
from ltrr_haystack.types import Decision

MOST_KEPT = 4
"""Versions whose cards are kept: searches that were decided before another policy came are answered after it."""


class Verdicts:
    """
    Says what is known of the policy behind a decision, for queries like the one that was searched.

    A policy's card is asked for once for each version, and not for each search.

    """

    def __init__(self, pipeline: Pipeline) -> None:
        """
        Find the router; nothing is opened.

        :param pipeline: The search pipeline.
        """
        self._router = next((each for _, each in pipeline.walk() if isinstance(each, BanditRouter)), None)
        self._cards: dict[int, dict[str, Any]] = {}

    def of(self, decision: Decision) -> str | None:
        """
        Give the verdict.

        :param decision: The decision.
        :returns: How the policy compares with the baseline, reward and cost apart; `None` where no policy was asked, or
            it does not tell.
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
