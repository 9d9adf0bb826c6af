"""Why a page is as it is: what each of its documents owes to the arms, the ranking model, memory and chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.memory.index import Remembered
from ltrr_haystack.policy.features import searched_before
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.ranking.features import FUSED, PLACE
from ltrr_haystack.ranking.model import RankingModel, start_scores
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.types import Allocation, Candidate, Decision, Mode, Provenance, Ranking, Understanding

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class FusedPart(FrozenValue):
    """
    What the union's own order says of a document.

    :param score: The union's score, with what memory arms add to it.
    :param place: The place in the order of that score, from 1; 0 where it is not known.
    :param searched_place: The place without what memory arms add, from 1; `null` where it is not known. The ranking
        model starts from it.
    """

    score: float | None
    place: int
    searched_place: int | None


@dataclass(frozen=True, slots=True)
class ModelPart(FrozenValue):
    """
    What the ranking model says of a document: its score is `start + expected + Σ contributions`.

    The contributions are SHAP values of the trees (Lundberg et al., "Consistent individualized feature attribution for
    tree ensembles", 2018), as LightGBM computes them.

    :param score: The score that the model orders by.
    :param start: The score that the model starts from: -log(1 + the place without memory).
    :param expected: What the trees add to the score in the mean over what they were trained on.
    :param contributions: Feature → what its value adds to the score beyond that, the largest effect first; features
        without effect are left out.
    """

    score: float
    start: float
    expected: float
    contributions: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MemoryPart(FrozenValue):
    """
    What was seen of a document for this query, and what follows from it.

    :param successes: Rewards, in units of a click.
    :param looks: How often it was looked at: each time it was shown counts with the examination of its position.
    :param since: When the first of it was learned, in seconds since 1970, UTC; `null` if that is not known.
    :param mean: The expected click rate after that, by which the page is ordered: the mean of the posterior. `null` on
        a page in the union's own order.
    :param prior: The expected click rate before that: the one of the document's place in the ranking model's order.
    :param prior_looks: How many looks the prior is worth.
    """

    successes: float
    looks: float
    since: float | None
    mean: float | None
    prior: float | None
    prior_looks: float | None


@dataclass(frozen=True, slots=True)
class DocumentExplanation(FrozenValue):
    """
    Why a document stands where it does.

    :param place: Its place on the page, from 1.
    :param arms: The arms that found it, each with its rank, its score, and the score scaled to 0 … 1.
    :param fused: What the union's own order says of it.
    :param ranker: What the ranking model says of it; `null` where none ordered it: none ordered the page, or it stood
        below what the model orders, and is there because people chose it before.
    :param model_place: Its place in the ranking model's order, from 1; without a model, in the one that models start
        from; on a page in the union's own order, in that one.
    :param memory: What was seen of it for this query.
    :param expected_place: Where it would stand without chance, from 1; it may be below the page.
    :param explored: Whether chance put it elsewhere than it would stand without.
    :param propensity: The probability with which it was put at its place, given the candidates; 1 where nothing was
        drawn.
    """

    place: int
    arms: Mapping[str, Provenance]
    fused: FusedPart
    ranker: ModelPart | None
    model_place: int
    memory: MemoryPart
    expected_place: int
    explored: bool
    propensity: float


@dataclass(frozen=True, slots=True)
class ArmExplanation(FrozenValue):
    """
    What the policy decided for an arm, and how the arm fared.

    :param depth: How many candidates it might draw; 0 if it did not run.
    :param baseline_depth: How many it draws in the baseline.
    :param levels: The depths to choose from.
    :param probabilities: For each level the probability with which it was drawn; empty where no policy was asked.
    :param returned: How many candidates it brought; `null` if it did not run.
    :param seconds: Wall-clock time of its retriever; `null` if it did not run.
    :param failed: Whether it was asked and failed.
    :param fallback: Whether it was asked because the arms that the decision drew brought nothing.
    """

    depth: int
    baseline_depth: int
    levels: tuple[int, ...]
    probabilities: tuple[float, ...]
    returned: int | None
    seconds: float | None
    failed: bool
    fallback: bool


@dataclass(frozen=True, slots=True)
class DecisionExplanation(FrozenValue):
    """
    What was understood of a query and decided for it.

    :param understanding: What was understood of the query.
    :param searched_before: How many searches for it had been learned from; without any, it was served as a new query.
    :param allocation: Arm → how many candidates it might draw.
    :param propensity: The probability with which this allocation was chosen.
    :param arms: Arm → what was decided for it, and how it fared.
    :param preferred: The allocation that the policy holds to be best; empty where no policy was asked.
    :param baseline_share: The probability with which the baseline was played outright.
    :param memory_share: The probability with which the baseline was played with memory added to it.
    :param floor: Share of the rest that is spread evenly over all feasible allocations.
    :param mode: The router's mode.
    :param safe_start: Whether the safe start holds the policy back.
    :param in_union_order: Whether the page is that of the pipeline without learning: no model, memory or chance ordered
        it.
    :param policy: The policy's name.
    :param policy_version: Version of the policy; 0 before the first.
    :param ranker_version: Version of the ranking model; 0 for none.
    :param page_version: Version of the page model (examination curve, click rates of places); 0 for the default one.
    """

    understanding: Understanding
    searched_before: int
    allocation: Allocation
    propensity: float
    arms: Mapping[str, ArmExplanation]
    preferred: Allocation
    baseline_share: float
    memory_share: float
    floor: float
    mode: Mode
    safe_start: bool
    in_union_order: bool
    policy: str
    policy_version: int
    ranker_version: int
    page_version: int


@dataclass(frozen=True, slots=True)
class Explanation(FrozenValue):
    """
    Why a page is as it is.

    It holds nothing about other people but sums over all who searched for the same query.

    :param documents: Object id → why the document stands where it does, in the order of the page.
    :param decision: What was understood of the query and decided for it.
    """

    documents: Mapping[str, DocumentExplanation]
    decision: DecisionExplanation


@dataclass(frozen=True, slots=True)
class LearnedOrder:
    """
    What ordered a page that is not in the union's own order.

    :param page_model: The page model.
    :param model: The ranking model; `None` where none is active that fits.
    :param order: The candidates' rows by expected click rate, best first.
    :param shown: The rows of those on the page, in its order.
    """

    page_model: PageModel
    model: RankingModel | None
    order: Rows
    shown: Rows

    def expected_places(self) -> list[int]:
        """
        Tell where the documents of the page would stand without chance.

        :returns: For each its place, from 1.
        """
        places = np.empty(len(self.order), dtype=np.intp)
        places[self.order] = np.arange(1, len(self.order) + 1)
        return [int(place) for place in places[self.shown]]


@dataclass(frozen=True, slots=True)
class Grounds:
    """
    What a page was made from, beside what its Ranking carries.

    :param remembered: Object id → what is remembered of it for the query.
    :param learned: What ordered it; `None` for a page in the union's own order.
    """

    remembered: Mapping[str, Remembered]
    learned: LearnedOrder | None = None


def explain(ranking: Ranking, grounds: Grounds) -> Explanation:
    """
    Explain a page.

    :param ranking: The page.
    :param grounds: What it was made from.
    :returns: The explanation.
    """
    learned = grounds.learned
    places = list(range(1, len(ranking.candidates) + 1))
    rows = zip(
        places,
        places if learned is None else learned.expected_places(),
        ranking.candidates,
        ranking.features,
        _model_parts(ranking, None if learned is None else learned.model),
        strict=True,
    )
    documents = {
        candidate.object_id: DocumentExplanation(
            place=place,
            arms=candidate.arms,
            fused=_fused_part(candidate, features),
            ranker=model_part,
            model_place=candidate.model_place,
            memory=_memory_part(candidate, grounds),
            expected_place=expected_place,
            explored=place != expected_place,
            propensity=ranking.propensities[place - 1][0] if ranking.propensities else 1.0,
        )
        for place, expected_place, candidate, features, model_part in rows
    }
    return Explanation(documents, _decision(ranking, in_union_order=learned is None))


def _fused_part(candidate: Candidate, features: Mapping[str, float]) -> FusedPart:
    searched_place = features.get(PLACE)
    return FusedPart(features.get(FUSED), candidate.place, None if searched_place is None else round(searched_place))


def _model_parts(ranking: Ranking, model: RankingModel | None) -> Sequence[ModelPart | None]:
    if model is None or not ranking.candidates:
        return [None] * len(ranking.candidates)
    features = model.schema.matrix(ranking.features)
    places = [each[PLACE] for each in ranking.features]
    contributions, expected = model.contributions(features)
    parts = [
        ModelPart(score, start, expected, _strongest_first(dict(zip(model.schema.names, row, strict=True))))
        for score, start, row in zip(
            model.scores(features, places).tolist(),
            start_scores(places).tolist(),
            contributions.tolist(),
            strict=True,
        )
    ]
    ordered = len(ranking.model_places)
    return [part if each.model_place <= ordered else None for part, each in zip(parts, ranking.candidates, strict=True)]


def _strongest_first(contributions: Mapping[str, float]) -> dict[str, float]:
    felt = [(name, value) for name, value in contributions.items() if value != 0]
    return dict(sorted(felt, key=lambda item: (-abs(item[1]), item[0])))


def _memory_part(candidate: Candidate, grounds: Grounds) -> MemoryPart:
    known = grounds.remembered.get(candidate.object_id)
    seen = (0.0, 0.0, None) if known is None else (known.successes, known.exposures, known.since)
    if grounds.learned is None:
        return MemoryPart(*seen, mean=None, prior=None, prior_looks=None)
    prior = grounds.learned.page_model.ordering
    rate = float(prior.expected([candidate.model_place])[0])
    return MemoryPart(*seen, mean=candidate.score, prior=rate, prior_looks=prior.looks)


def _decision(ranking: Ranking, *, in_union_order: bool) -> DecisionExplanation:
    decision = ranking.decision
    return DecisionExplanation(
        understanding=decision.understanding,
        searched_before=round(searched_before(decision.features)),
        allocation=decision.allocation,
        propensity=decision.propensity,
        arms=_arms(decision, ranking),
        preferred=decision.preferred,
        baseline_share=decision.baseline_share,
        memory_share=decision.memory_share,
        floor=decision.floor,
        mode=decision.mode,
        safe_start=decision.safe_start,
        in_union_order=in_union_order,
        policy=decision.policy,
        policy_version=decision.policy_version,
        ranker_version=ranking.ranker_version,
        page_version=ranking.page_version,
    )


def _arms(decision: Decision, ranking: Ranking) -> dict[str, ArmExplanation]:
    reports = {report.arm: report for report in ranking.reports}
    joint = JointDistribution.of(decision) if decision.marginals else None
    explained = {}
    for arm in decision.actions.arms:
        report = reports.get(arm.name)
        explained[arm.name] = ArmExplanation(
            depth=decision.allocation.get(arm.name, 0),
            baseline_depth=decision.actions.baseline.get(arm.name, 0),
            levels=arm.levels,
            probabilities=() if joint is None else joint.of_levels(arm.name),
            returned=None if report is None else report.returned,
            seconds=None if report is None else report.seconds,
            failed=report is not None and report.error is not None,
            fallback=report is not None and report.fallback,
        )
    return explained
