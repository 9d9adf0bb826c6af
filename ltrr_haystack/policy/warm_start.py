"""A policy that has learned before the first search: from queries whose good documents are known."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.policy.credit import leave_one_out
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.types import (
    ActionSet,
    Allocation,
    ArmReport,
    Decision,
    Features,
    FrozenValue,
    Impression,
    Provenance,
    SettledDecision,
    Understanding,
)

_RRF_K = 60
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
    click_rate: float = 0.4,
    rounds: int = 10,
    page: int = 10,
    seed: int = 0,
) -> None:
    """
    Let a policy search labelled queries as if people had clicked, and learn from it by the live way.

    In each round an allocation is drawn for every query, half the time as the policy would and half the time evenly,
    since nobody pays for what is tried here. The arms' results are fused by reciprocal rank, and each document on the
    page is rewarded with what its clicks are expected to be worth: `click_rate` × relevance.
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
    for query in labelled:
        policy.fit_whole(_pretended(query, actions, deepest, click_rate, page))
    rng = random.Random(seed)
    for turn in range(rounds):
        rng.shuffle(labelled)
        for query in labelled:
            own = policy.distribution(actions, query.features)
            allocation = JointDistribution(actions, own.marginals, 0.0, _TRIED).sample(rng)
            settled = _pretended(query, actions, allocation, click_rate, page)
            policy.fit(actions, query.features, leave_one_out(settled), counts=1 if turn == 0 else 0)


def _pretended(
    query: LabelledQuery, actions: ActionSet, allocation: Allocation, click_rate: float, page: int
) -> SettledDecision:
    union = _fused(query.results, allocation)
    shown = union[:page]
    places = {object_id: place for place, (object_id, _) in enumerate(union, start=1)}
    reports = tuple(
        ArmReport(arm, depth, len(found), 0.0, found=tuple([places[object_id] for object_id in found]), rrf_k=_RRF_K)
        for arm, depth in allocation.items()
        if (found := query.results[arm][:depth])
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
        Impression(object_id, ordinal, 0.0, arms, place=ordinal)
        for ordinal, (object_id, arms) in enumerate(shown, start=1)
    )
    rewards = {object_id: click_rate * query.relevance.get(object_id, 0.0) for object_id, _ in shown}
    return SettledDecision(0, decision, impressions, rewards, reports)


def _fused(results: Mapping[str, tuple[str, ...]], allocation: Allocation) -> list[tuple[str, dict[str, Provenance]]]:
    """Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009); ties go to the smaller id."""
    found: dict[str, dict[str, Provenance]] = {}
    for arm, depth in allocation.items():
        for rank, object_id in enumerate(results[arm][:depth], start=1):
            found.setdefault(object_id, {}).setdefault(arm, Provenance(rank, None, 0.0))

    def order(entry: tuple[str, dict[str, Any]]) -> tuple[float, str]:
        return -sum(1 / (_RRF_K + provenance.rank) for provenance in entry[1].values()), entry[0]

    return sorted(found.items(), key=order)
