"""The learning systems of a replay: the pipeline as it is, and with one part of the learning taken out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, Self

from haystack import Pipeline
from haystack.core.serialization import import_class_by_name

from ltrr_haystack.builder import build_search_pipeline
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline, PrecomputedRetriever
from ltrr_haystack.evaluation.replay.texts import without_texts
from ltrr_haystack.feedback.examination import UNION, ExaminationCurve
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.gains import AllocationGains
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.candidate_features import CandidateFeatures, ClickFeatures, CombinedFeatures
from ltrr_haystack.store import ALLOCATIONS, LTRRStore, MemoryEntry, Snapshot
from ltrr_haystack.types import ActionSet, Features, SettledDecision

PATIENCE = 60.0
"""Seconds that an arm has: on a busy machine none shall fail for want of time."""


@dataclass(frozen=True, slots=True)
class Variant:
    """
    Which parts of a pipeline learn.

    :param bandit: Whether a policy chooses the allocation; if not, the baseline is played, with memory added to it.
    :param memory: Whether there are memory arms and the ranker's memory features. What the router knows of its arms for
        a query stays in either case.
    :param ranker: Whether a ranker is trained; if not, the union's own order stays.
    :param exploration: Whether part of a page is left to chance while people search; a frozen system never does that.
    :param text: Whether the ranker sees features of the candidates' texts.
    """

    bandit: bool = True
    memory: bool = True
    ranker: bool = True
    exploration: bool = True
    text: bool = True

    @property
    def learns(self) -> bool:
        """Whether any part does."""
        return self.bandit or self.memory or self.ranker


BASELINE = Variant(bandit=False, memory=False, ranker=False)
"""The pipeline as it is without learning."""

OURS = "ours"
VARIANTS: Mapping[str, Variant] = {
    OURS: Variant(),
    "ours-bandit": Variant(bandit=False),
    "ours-memory": Variant(memory=False),
    "ours-ranker": Variant(ranker=False),
    "ours-exploration": Variant(exploration=False),
    "ours-text": Variant(text=False),
}


class ForgetfulStore(LTRRStore):
    """A store whose memory index is empty, whatever was learned, so no page is measured with it; all else is there."""

    def memory(self, query_key: str) -> list[MemoryEntry]:  # noqa: ARG002 (the store's own arguments)
        """
        Remember nothing.

        :param query_key: Not used.
        :returns: Nothing.
        """
        return []

    def snapshot(self, kind: str, version: int | None = None) -> Snapshot | None:
        """
        Read a model snapshot; gains of allocations as if no query had been searched before.

        :param kind: What it is a snapshot of.
        :param version: Its number; the active one if not given.
        :returns: The snapshot, or `None` if there is no such one.
        """
        found = super().snapshot(kind, version)
        if kind != ALLOCATIONS or found is None:
            return found
        gains = replace(AllocationGains.from_bytes(found.payload), repeated=None)
        return replace(found, payload=gains.to_bytes())


class WithoutExploring:
    """
    Plays what a policy serves when it neither explores nor gathers evidence: the baseline as long as the safe start
    holds it back, what it prefers from then on.

    :param policy: The policy.
    """

    explores = False

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.policy.name

    def distribution(self, actions: ActionSet, features: Features) -> JointDistribution:
        """
        Put all probability on one allocation.

        :param actions: What there is to choose from.
        :param features: What is known of the query.
        :returns: The distribution.
        """
        wanted = self.policy.distribution(actions, features)
        played = actions.baseline if wanted.held_back else wanted.preferred
        certain = replace(actions, baseline=played)
        return JointDistribution(certain, {}, 1.0, 0.0, wanted.preferred, held_back=wanted.held_back)

    def learn(self, settled: SettledDecision, curve: ExaminationCurve = UNION) -> Mapping[str, float]:
        """
        Learn as the policy does.

        :param settled: The decision and what came of it.
        :param curve: The probability that a place of the page is examined.
        :returns: Arm that ran → its credit at the depth it drew.
        """
        return self.policy.learn(settled, curve)

    def to_bytes(self) -> bytes:
        """
        Give the policy's snapshot.

        :returns: The snapshot.
        """
        return self.policy.to_bytes()

    def restored(self, payload: bytes) -> Self:
        """
        Make one around the policy of a snapshot.

        :param payload: The policy's snapshot.
        :returns: The policy of the snapshot, without exploring.
        """
        return type(self)(self.policy.restored(payload))

    def card(self) -> dict[str, Any]:
        """
        Say what the policy says of itself.

        :returns: Plain JSON types.
        """
        return self.policy.card()

    def to_dict(self) -> dict[str, Any]:
        """
        Give the policy's settings.

        :returns: A dictionary.
        """
        return self.policy.to_dict()

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """
        Make one around a policy of these settings.

        :param data: What `to_dict` of a VWPolicy or StaticPolicy gave.
        :returns: The policy, without exploring.
        """
        policy: Any = import_class_by_name(data["type"])
        return cls(policy.from_dict(data))


def policy_of(precomputed: PrecomputedPipeline, variant: Variant) -> Policy:
    """
    Give the policy of a variant.

    :param precomputed: The pipeline.
    :param variant: The variant.
    :returns: The pipeline's policy, or one that always plays the baseline, with memory added to it if there is one.
    """
    if variant.bandit:
        return precomputed.policy
    arms, baseline = _arms_and_baseline(precomputed, variant)
    actions = parse_actions(arms, precomputed.budget, baseline, precomputed.min_candidates)
    return StaticPolicy(dict(actions.baseline_with_memory)) if actions.memory_arms else StaticPolicy()


def understanding_of(precomputed: PrecomputedPipeline, store: LTRRStore) -> QueryUnderstanding:
    """
    Make what understands the queries of a system.

    :param precomputed: The pipeline.
    :param store: The system's store, which annotators that have a store read in the place of theirs.
    :returns: The pipeline's own, with annotators of the same settings.
    """
    annotators = [_over(store, each) for each in precomputed.understanding.annotators or ()]
    return QueryUnderstanding(**{**_settings(precomputed.understanding), "annotators": annotators or None})


def _over(store: LTRRStore, part: Any, **others: Any) -> Any:
    """Another part of the same settings over another store; itself where it has none."""
    if "store" not in signature(type(part).__init__).parameters:
        return part
    settings = _settings(part)
    changed = {name: value for name, value in {"store": store, **others}.items() if name in settings}
    return type(part)(**{**settings, **changed})


def _settings(part: Any) -> dict[str, Any]:
    parameters = signature(type(part).__init__).parameters
    return {name: getattr(part, name) for name in parameters if name != "self"}


def ranker_of(
    precomputed: PrecomputedPipeline, variant: Variant, store: LTRRStore, *, seed: int, top_k: int, frozen: bool
) -> LTRRanker:
    """
    Make the ranker of a variant.

    :param precomputed: The pipeline.
    :param variant: Which parts learn.
    :param store: The system's store.
    :param seed: Seed of what is drawn by chance.
    :param top_k: How many documents a page has.
    :param frozen: Whether nothing is left to chance.
    :returns: The ranker.
    """
    explores = precomputed.ranking.get("explore", True)
    return LTRRanker(
        store,
        top_k=top_k,
        poll_interval=0.0,
        features=_features(precomputed, variant, store),
        seed=seed,
        **{**precomputed.ranking, "explore": explores and variant.exploration and not frozen},
    )


def search_pipeline(
    precomputed: PrecomputedPipeline, variant: Variant, store: LTRRStore, *, seed: int, top_k: int, frozen: bool = False
) -> Pipeline:
    """
    Wire the real components over what the arms found before.

    :param precomputed: The pipeline.
    :param variant: Which parts learn.
    :param store: The system's store.
    :param seed: Seed of the router's choices.
    :param top_k: How many documents a page has.
    :param frozen: Whether it serves what was learned without exploring and without writing to the log.
    :returns: The pipeline.
    """
    arms, baseline = _arms_and_baseline(precomputed, variant)
    policy = policy_of(precomputed, variant)
    pipeline = build_search_pipeline(
        {name: _arm(precomputed, name, store) for name in arms},
        arms=arms,
        budget=precomputed.budget,
        min_candidates=precomputed.min_candidates,
        baseline=baseline,
        store=store,
        policy=WithoutExploring(policy) if frozen else policy,
        weights={name: weight for name, weight in precomputed.weights.items() if name in arms},
        top_k=top_k,
        poll_interval=0.0,
        log_timeout=PATIENCE,
        seed=seed,
        understanding=understanding_of(precomputed, store),
        ranker=ranker_of(precomputed, variant, store, seed=seed, top_k=top_k, frozen=frozen),
    )
    joiner: Any = pipeline.get_component("joiner")
    joiner.rrf_k = precomputed.rrf_k
    if frozen:
        pipeline.remove_component("impressions")
    return pipeline


def _features(precomputed: PrecomputedPipeline, variant: Variant, store: LTRRStore) -> CandidateFeatures | None:
    """The pipeline's own, over the system's store; `None` for the ranker's default."""
    features = precomputed.features
    if features is None:
        return None if variant.text else ClickFeatures(store, poll_interval=0.0)
    return _features_over(store, features if variant.text else without_texts(features))


def _features_over(store: LTRRStore, features: CandidateFeatures) -> CandidateFeatures:
    if isinstance(features, CombinedFeatures):
        return CombinedFeatures([_features_over(store, part) for part in features.parts])
    made: CandidateFeatures = _over(store, features, poll_interval=0.0)
    return made


def _arms_and_baseline(
    precomputed: PrecomputedPipeline, variant: Variant
) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    arms = {name: own for name, own in precomputed.arms.items() if variant.memory or name not in precomputed.memories}
    return arms, {name: depth for name, depth in precomputed.baseline.items() if name in arms}


def _arm(precomputed: PrecomputedPipeline, name: str, store: LTRRStore) -> RetrievalArm:
    if name in precomputed.faults:
        return precomputed.faults[name]()
    retriever = (
        precomputed.memory(name, store)
        if name in precomputed.memories
        else PrecomputedRetriever(precomputed.found[name])
    )
    return RetrievalArm(name, retriever, timeout=PATIENCE)
