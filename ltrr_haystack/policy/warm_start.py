"""A policy that has learned before the first search: from queries whose good documents are known."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.fusion import RRF_K, fuse
from ltrr_haystack.policy.credit import leave_one_out
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.types import (
    ActionSet,
    Allocation,
    ArmReport,
    Decision,
    Features,
    Impression,
    Provenance,
    SettledDecision,
    Understanding,
)

_TRIED = 0.5


@dataclass(frozen=True, slots=True)
class LabelledQuery(FrozenValue):
    """
    A query whose good documents are known, with what every arm finds for it.

    :param understanding: What was understood of the query.
    :param features: What the policy would have seen.
    :param results: Arm → object ids at its full depth, best first.
    :param relevance: Object id → how good it is, 0 to 1; what is left out is of no use.
    """

    understanding: Understanding
    features: Features
    results: Mapping[str, tuple[str, ...]]
    relevance: Mapping[str, float]


def warm_start(
    policy: VWPolicy,
    queries: Iterable[LabelledQuery],
    actions: ActionSet,
    *,
    weights: Mapping[str, float] | None = None,
    rrf_k: float = RRF_K,
    click_rate: float = 0.4,
    rounds: int = 10,
    page: int = 10,
    seed: int = 0,
) -> None:
    """
    Let a policy search labelled queries as if people had clicked, and learn from it by the live way.

    In each round an allocation is drawn for every query, half the time as the policy would and half the time evenly,
    since nobody pays for what is tried here. The arms' results are fused as UnionJoiner fuses them, and each document
    on the page is rewarded with what its clicks are expected to be worth: `click_rate` × relevance.
    A query counts once as a settled decision, however many rounds it goes through, since its labels tell no more the
    second time; and once, with all arms as deep as they go, whatever the budget, it tells what whole allocations are
    worth. The safe start hears nothing of it: what is pretended shows nothing of real people.

    ### Usage example

    ```python
    from ltrr_haystack.policy.actions import parse_actions
    from ltrr_haystack.policy.vw import VWPolicy
    from ltrr_haystack.policy.warm_start import LabelledQuery, warm_start
    from ltrr_haystack.types import Features, Understanding

    actions = parse_actions({"bm25": {"levels": [0, 10]}, "dense": {"levels": [0, 10]}}, 20, {"bm25": 10, "dense": 10})
    love = LabelledQuery(
        Understanding("love", "love"), Features(), {"bm25": ("a", "b"), "dense": ("b", "c")}, {"c": 1.0}
    )
    policy = VWPolicy()
    warm_start(policy, [love], actions)
    ```

    :param policy: The policy that shall learn.
    :param queries: A few hundred labelled queries.
    :param actions: What there will be to choose from.
    :param weights: Arm → its weight in the union, as the pipeline's UnionJoiner has it; 1 for arms that are left out.
    :param rrf_k: The joiner's `rrf_k`.
    :param click_rate: How often a fully relevant document on the page is assumed to be clicked.
    :param rounds: How often to go through the queries, each time in another order.
    :param page: How many documents a person sees.
    :param seed: Seed of the draws and of the order.
    :raises ConfigurationError: If a setting cannot work, or a query lacks the results of an arm.
    """
    if not 0 < click_rate <= 1:
        raise ConfigurationError(f"click_rate must be more than 0 and at most 1, got {click_rate}")
    if rounds < 1 or page < 1:
        raise ConfigurationError(f"rounds and page must be at least 1, got {rounds} and {page}")
    labelled = list(queries)
    for query in labelled:
        missing = [name for name in actions.names if name not in query.results]
        if missing:
            raise ConfigurationError(
                f"the labelled query {query.understanding.query!r} lacks the results of arm '{missing[0]}'; "
                "give an empty tuple if it finds nothing"
            )
    deepest = {arm.name: arm.levels[-1] for arm in actions.arms}
    pretended = partial(
        _pretended, actions=actions, weights=weights or {}, rrf_k=rrf_k, click_rate=click_rate, page=page
    )
    for query in labelled:
        policy.fit_whole(pretended(query, deepest))
    rng = random.Random(seed)
    for turn in range(rounds):
        rng.shuffle(labelled)
        for query in labelled:
            own = policy.distribution(actions, query.features)
            allocation = JointDistribution(actions, own.marginals, 0.0, _TRIED).sample(rng)
            credit = leave_one_out(pretended(query, allocation))
            policy.fit(actions, query.features, credit, counts=1 if turn == 0 else 0)


def _pretended(
    query: LabelledQuery,
    allocation: Allocation,
    *,
    actions: ActionSet,
    weights: Mapping[str, float],
    rrf_k: float,
    click_rate: float,
    page: int,
) -> SettledDecision:
    lists = {arm: query.results[arm][:depth] for arm, depth in allocation.items()}
    places = {object_id: place for place, object_id in enumerate(fuse(lists, weights, rrf_k), start=1)}
    shown = list(places)[:page]
    reports = tuple(
        ArmReport(
            arm,
            allocation[arm],
            len(found),
            0.0,
            found=tuple([places[object_id] for object_id in found]),
            weight=weights.get(arm, 1.0),
            rrf_k=rrf_k,
        )
        for arm, found in lists.items()
        if found
    )
    decision = Decision(
        query_id="",
        decided_at=0.0,
        understanding=query.understanding,
        actions=actions,
        allocation=allocation,
        propensity=1.0,
        mode="live",
        policy=VWPolicy.name,
        features=query.features,
    )
    impressions = tuple(
        Impression(object_id, place, 0.0, _provenance(lists, object_id), place=place)
        for place, object_id in enumerate(shown, start=1)
    )
    rewards = {object_id: click_rate * query.relevance.get(object_id, 0.0) for object_id in shown}
    return SettledDecision(0, decision, impressions, rewards, reports)


def _provenance(lists: Mapping[str, Sequence[str]], object_id: str) -> dict[str, Provenance]:
    return {
        arm: Provenance(found.index(object_id) + 1, None, 0.0) for arm, found in lists.items() if object_id in found
    }
