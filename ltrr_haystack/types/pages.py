"""What is shown of the candidates, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.types.arms import ArmReport
from ltrr_haystack.types.candidates import Candidate, Provenance
from ltrr_haystack.types.decisions import Decision


@dataclass(frozen=True, slots=True)
class Impression(FrozenValue):
    """
    A candidate with its position on the page and the ranking features it had.

    :param object_id: What the document is known by.
    :param ordinal: Position on the page, from 1; 0 for a candidate that was not shown.
    :param score: The score that put it there.
    :param arms: Arm → where that arm had it.
    :param features: Ranking feature → value; what has no value is left out.
    :param place: The candidate's place in the union's own order, from 1. A policy refuses to learn from one without it.
    :param model_place: Its place in the order of the ranking model, from 1; 0 where it is not known.
    :param propensity: The probability with which it was put at its position; 1 where no chance had a part in it.
    :param page_propensity: The probability with which it was on the page at all.
    """

    object_id: str
    ordinal: int
    score: float
    arms: Mapping[str, Provenance]
    features: Mapping[str, float] = field(default_factory=dict, repr=False)
    place: int = 0
    model_place: int = 0
    propensity: float = 1.0
    page_propensity: float = 1.0


@dataclass(frozen=True, slots=True)
class Ranking(FrozenValue):
    """
    The candidates to be shown, in their final order.

    :param decision: The decision behind them.
    :param candidates: Best first, with the ranker's scores.
    :param features: For each candidate its ranking features; what has no value is left out.
    :param reports: How each arm that was asked fared.
    :param ranker_version: Version of the ranking model; 0 for the union's own order.
    :param page_version: Version of the page model, by whose examination curve the page's evidence is counted; 0 for the
        default one.
    :param propensities: For each candidate the probability of its place, and that of being on the page at all; empty
        where no place was drawn by chance.
    :param unshown: Some of the candidates that were ranked and are not shown, for training.
    :param unshown_features: For each of them its ranking features.
    :param model_places: For each of the union's first documents, those that were ranked, its place in the order of the
        ranking model, from 1; empty where the page is in the union's order.
    :param expected: For each of these documents how likely it is clicked when it is looked at, as clicks are predicted
        best; pages are ordered more cautiously (see `PageModel`).
    """

    decision: Decision
    candidates: tuple[Candidate, ...] = field(repr=False)
    features: tuple[Mapping[str, float], ...] = field(repr=False)
    reports: tuple[ArmReport, ...] = ()
    ranker_version: int = 0
    page_version: int = 0
    propensities: tuple[tuple[float, float], ...] = field(default=(), repr=False)
    unshown: tuple[Candidate, ...] = field(default=(), repr=False)
    unshown_features: tuple[Mapping[str, float], ...] = field(default=(), repr=False)
    model_places: tuple[int, ...] = field(default=(), repr=False)
    expected: tuple[float, ...] = field(default=(), repr=False)

    def impressions(self) -> tuple[Impression, ...]:
        """
        What the person gets to see.

        :returns: One impression for each candidate, in order.
        """
        chances = self.propensities or ((1.0, 1.0),) * len(self.candidates)
        rows = zip(self.candidates, self.features, chances, strict=True)
        return tuple(_impression(ordinal, *row) for ordinal, row in enumerate(rows, start=1))


@dataclass(frozen=True, slots=True)
class SettledDecision(FrozenValue):
    """
    A decision whose reward wait is over, with what came of it: what everything is learned from.

    :param seq: Its place in the order of settlement, from 1.
    :param decision: The decision.
    :param impressions: What was shown, by position.
    :param rewards: Object id → sum of the rewards of its events; objects without events are left out.
    :param reports: How each arm that was asked fared.
    :param ranker_version: Version of the model that ordered the page; 0 for the union's own order.
    :param counted: Whether it counts for the models that are trained, policy and ranker. Searches of one client beyond
        its share do not.
    :param capped: Object id → what counts of its rewards for learning, where that is not their sum.
    :param page_version: Version of the page model that ordered the page; 0 for the default one.
    :param unshown: Some of the candidates that were ranked and not shown.
    :param model_places: For each of the union's first documents its place in the order of the ranking model; empty
        where the page is in the union's order.
    :param expected: For each of these documents how likely it is clicked when it is looked at, as clicks are predicted
        best; pages are ordered more cautiously (see `PageModel`).
    """

    seq: int
    decision: Decision
    impressions: tuple[Impression, ...] = field(repr=False)
    rewards: Mapping[str, float]
    reports: tuple[ArmReport, ...] = ()
    ranker_version: int = 0
    counted: bool = True
    capped: Mapping[str, float] = field(default_factory=dict)
    page_version: int = 0
    unshown: tuple[Impression, ...] = field(default=(), repr=False)
    model_places: tuple[int, ...] = field(default=(), repr=False)
    expected: tuple[float, ...] = field(default=(), repr=False)

    @property
    def counted_rewards(self) -> Mapping[str, float]:
        """Object id → what counts of its rewards for learning."""
        return {**self.rewards, **self.capped}


def _impression(
    ordinal: int,
    candidate: Candidate,
    features: Mapping[str, float],
    propensities: tuple[float, float] = (1.0, 1.0),
) -> Impression:
    return Impression(
        candidate.object_id,
        ordinal,
        candidate.score,
        candidate.arms,
        features,
        candidate.place,
        candidate.model_place,
        *propensities,
    )
