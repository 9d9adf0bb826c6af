"""
What a search leaves behind, made as a pipeline makes it.

`decision` is what a router could have chosen, `unite` what the real joiner makes of what the arms found, `page` what
was shown of it, and `settled` what it earned: `settled(page(unite(decision(), {"bm25": ["a", "b"]})), {"a": 1.0})`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from haystack import Document

from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import StoreUnavailableError
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.ranking.judged_queries import JudgedQuery
from ltrr_haystack.store import EventRecord, Evidence, HistoryDelta, LearningUpdate, LTRRStore
from ltrr_haystack.types import (
    ActionSet,
    Allocation,
    Arm,
    ArmResult,
    CandidateSet,
    Decision,
    Impression,
    Interpretation,
    Ranking,
    SettledDecision,
    Understanding,
)

KINDS = {"bm25": "lexical", "words": "lexical", "memory": "memory", "recall": "memory"}
"""Arm → its kind; arms that are not named are dense."""


TWO_ARMS_AND_MEMORY = parse_actions(
    {
        "a": {"levels": [0, 5], "cost_per_call": 0.1},
        "b": {"levels": [0, 5], "cost_per_call": 0.1},
        "memory": {"kind": "memory", "levels": [0, 5], "cost_per_call": 0.01},
    },
    15,
    {"a": 5, "b": 5},
)
"""Two arms that cost the same and are the baseline, and a memory."""


def action_set(budget: int | None = None, baseline: Allocation | None = None, **levels: Sequence[int]) -> ActionSet:
    """
    Arms by their levels: `action_set(bm25=(0, 10), dense=(0, 10, 30))`.

    :param budget: Enough for all arms at their deepest if left out.
    :param baseline: All arms at their deepest if left out.
    :param levels: Arm → its levels.
    """
    arms = tuple(Arm(name, KINDS.get(name, "dense"), tuple(row)) for name, row in levels.items())
    deepest = {arm.name: arm.levels[-1] for arm in arms}
    return ActionSet(arms, budget or sum(deepest.values()), deepest if baseline is None else baseline)


def understood(query: str, *slots: Mapping[str, str], leftover: str = "") -> Understanding:
    """A query with readings, the first twice as likely as the next; one without slots takes the query for text."""
    weights = [2.0**-place for place in range(len(slots))]
    readings = [
        Interpretation(each, leftover if each else query, weight / sum(weights))
        for each, weight in zip(slots, weights, strict=True)
    ]
    return Understanding(query, query, tuple(query.split()), interpretations=tuple(readings))


BM25 = action_set(bm25=(0, 10))
TWO_ARMS = action_set(bm25=(0, 10, 30), dense=(0, 10, 30))


def decision(query_id: str = "q1", query: str = "love", *, actions: ActionSet = BM25, **changes: Any) -> Decision:
    """A decision for the baseline, but for `changes`."""
    made = {
        "decided_at": 0.0,
        "understanding": Understanding(query, query, tuple(query.split())),
        "allocation": actions.baseline,
        "propensity": 1.0,
        "mode": "live",
        "policy": "static",
    }
    return Decision(query_id=query_id, actions=actions, **{**made, **changes})


def drawn(joint: JointDistribution, allocation: Allocation) -> dict[str, Any]:
    """What a decision says of the distribution that its allocation was drawn from."""
    return {
        "allocation": allocation,
        "propensity": joint.probability(allocation),
        "marginals": joint.marginals,
        "baseline_share": joint.baseline_share,
        "floor": joint.floor,
        "preferred": joint.preferred,
        "safe_start": joint.held_back,
    }


def result(arm: str, found: Iterable[str | Document], seconds: float = 0.01, error: str | None = None) -> ArmResult:
    """What an arm brought, best first: documents, or their ids."""
    documents = [each if isinstance(each, Document) else Document(id=each, content=each) for each in found]
    return ArmResult(arm, tuple(documents), seconds, error)


def unite(
    made: Decision, found: Mapping[str, ArmResult | Iterable[str | Document]], joiner: UnionJoiner | None = None
) -> CandidateSet:
    """
    Let the joiner unite what the arms found.

    :param found: Arm → what it brought; of arms that the decision draws and that are left out, nothing.
    :param joiner: One without weights if left out.
    """
    results = {arm: each if isinstance(each, ArmResult) else result(arm, each) for arm, each in found.items()}
    ran = {arm: results.get(arm, result(arm, ())) for arm, depth in made.allocation.items() if depth > 0}
    return (joiner or UnionJoiner(list(made.actions.names))).run(made, **ran)["candidates"]


def page(
    union: CandidateSet,
    shown: Sequence[str] | None = None,
    features: Sequence[Mapping[str, float]] | None = None,
    **changes: Any,
) -> Ranking:
    """Show some of a union in the order of their ids in `shown`; all of it, as it stands, if left out."""
    by_id = {each.object_id: each for each in union.candidates}
    candidates = tuple(by_id[object_id] for object_id in (by_id if shown is None else shown))
    logged = tuple({} for _ in candidates) if features is None else tuple(features)
    return Ranking(
        **{
            "decision": union.decision,
            "candidates": candidates,
            "features": logged,
            "reports": union.reports,
            **changes,
        }
    )


def ids(found: Mapping[str, Any] | Iterable[Document]) -> list[str]:
    """The ids of documents, or of the documents in an answer."""
    return [each.id for each in (found["documents"] if isinstance(found, Mapping) else found)]


def in_lists(ranks: Mapping[str, Mapping[str, int]], allocation: Allocation) -> dict[str, list[str]]:
    """
    Lists in which documents stand at given ranks, if they are drawn; between them stands what nobody else finds.

    :param ranks: Object id → arm → its rank there.
    """
    lists = {}
    for arm, depth in allocation.items():
        at = {of[arm]: object_id for object_id, of in ranks.items() if of.get(arm, depth + 1) <= depth}
        lists[arm] = [at.get(rank, f"{arm}-{rank}") for rank in range(1, max(at, default=0) + 1)]
    return lists


def search(query_id: str = "q1", shown: Sequence[str | Document] = (), **changes: Any) -> Ranking:
    """A page that every arm which was drawn found just as it is shown."""
    made = decision(query_id, **changes)
    return page(unite(made, dict.fromkeys([arm for arm, depth in made.allocation.items() if depth], shown)))


def unshown_impressions(ranking: Ranking) -> tuple[Impression, ...]:
    """What was ranked and not shown, as the log gives it back."""
    rows = zip(ranking.unshown, ranking.unshown_features, strict=True)
    return tuple(
        Impression(each.object_id, 0, each.score, each.arms, features, each.place, each.model_place)
        for each, features in rows
    )


def settled(ranking: Ranking, rewards: Mapping[str, float] | None = None, seq: int = 1) -> SettledDecision:
    """A page after the time in which it is waited for rewards."""
    impressions = ranking.impressions()
    return SettledDecision(
        seq,
        ranking.decision,
        impressions,
        rewards or {},
        ranking.reports,
        ranking.ranker_version,
        page_version=ranking.page_version,
        unshown=unshown_impressions(ranking),
        model_places=ranking.model_places,
        expected=ranking.expected,
    )


def clicks(ranking: Ranking, rewards: Mapping[str, float]) -> list[EventRecord]:
    """An event for each document of a page that earned something, at the time of the search."""
    query_id, at = ranking.decision.query_id, ranking.decision.decided_at
    return [
        EventRecord(f"{query_id}-{object_id}", query_id, object_id, "click", at, at, reward)
        for object_id, reward in rewards.items()
    ]


def record(store: LTRRStore, visits: Iterable[tuple[Ranking, Mapping[str, float]]], *, settle: bool = True) -> None:
    """Put pages with what they earned into a store, as a pipeline and people would."""
    events = []
    for ranking, rewards in visits:
        store.record_search(ranking)
        events += clicks(ranking, rewards)
    store.record_events(events)
    if settle:
        store.settle(before=1e12, limit=1_000_000)


def remember(
    store: LTRRStore,
    memory: Mapping[tuple[str, str], tuple[float, float]] | None = None,
    history: Mapping[tuple[str, str], tuple[float, float, float]] | None = None,
    *,
    at: float | None = None,
) -> None:
    """
    Commit what a learner would.

    :param memory: Query key and object id → exposures and successes.
    :param history: Query key and arm → draws, credit and candidates that were returned.
    :param at: When it was learned; now if left out.
    """
    store.acquire_lease("test", 30.0)
    store.commit_learning(
        LearningUpdate(
            holder="test",
            since=store.watermark(),
            learned=0,
            late=0,
            memory={pair: Evidence(*amounts) for pair, amounts in (memory or {}).items()},
            history={pair: HistoryDelta(*amounts) for pair, amounts in (history or {}).items()},
            updated_at=at,
        )
    )


class Unreachable:
    """A store that cannot be reached as long as it is `gone`."""

    def __init__(self, store):
        self.store = store
        self.gone = False

    def __getattr__(self, name):
        if self.gone:
            raise StoreUnavailableError("it cannot be reached")
        return getattr(self.store, name)


def judged_query(
    key: str,
    features: Any,
    *,
    places: Sequence[int] | None = None,
    attractions: Sequence[float] | None = None,
    grades: Sequence[float] | None = None,
) -> JudgedQuery:
    """
    What is known of the documents of a query, all of them shown.

    :param features: One row per document.
    :param places: In the order of the rows if left out.
    :param attractions: 0 for all if left out.
    :param grades: The attractions if left out.
    """
    rows = len(features)
    worth = np.zeros(rows) if attractions is None else np.array(attractions, dtype=float)
    return JudgedQuery(
        key,
        np.array(features, dtype=float),
        np.array(range(1, rows + 1) if places is None else places, dtype=np.int32),
        worth,
        np.zeros(rows),
        np.zeros(rows),
        worth,
        worth if grades is None else np.array(grades, dtype=float),
        np.ones(rows, dtype=bool),
    )
