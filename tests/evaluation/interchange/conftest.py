"""Small logs, made by hand."""

from collections.abc import Mapping, Sequence

import pytest
from haystack import Document

from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.types import (
    ActionSet,
    Arm,
    ArmResult,
    Decision,
    Features,
    Ranking,
    SettledDecision,
    Understanding,
)

ACTIONS = ActionSet(
    (Arm("bm25", "lexical", (0, 10), 0.01, 0.001), Arm("dense", "dense", (0, 10))),
    budget=10,
    baseline={"bm25": 10, "dense": 0},
)


class Log:
    """Makes settled decisions, and puts them into a store as a running system would."""

    def __init__(self, record):
        self.record = record

    actions = ACTIONS

    def decision(self, query_id="q1", query="sad songs", **changes) -> Decision:
        values = {
            "query_id": query_id,
            "decided_at": 1_700_000_000.25,
            "understanding": Understanding(query, query),
            "actions": ACTIONS,
            "allocation": {"bm25": 10, "dense": 0},
            "propensity": 0.47,
            "mode": "live",
            "policy": "vw",
            "policy_version": 3,
            "features": Features({"type": "topical", "digits": 2.0}, {"weekday": "4"}, {"bm25": {"ctr": 0.25}}),
            "marginals": {"bm25": (0.5, 0.5), "dense": (0.8, 0.2)},
            "baseline_share": 0.1,
            "floor": 0.3,
        }
        return Decision(**{**values, **changes})

    def ranking(
        self, decision: Decision, shown: Sequence[str], arms: Mapping[str, Sequence[str]] | None = None
    ) -> Ranking:
        ran = [arm for arm, depth in decision.allocation.items() if depth > 0]
        found = {arm: [each for each in shown if arm in (arms or {}).get(each, ran)] for arm in ran}
        results = {
            arm: ArmResult(arm, tuple(Document(id=object_id, content="text") for object_id in of), 0.0)
            for arm, of in found.items()
        }
        union = UnionJoiner(list(decision.actions.names)).run(decision, **results)["candidates"]
        page = tuple(each for object_id in shown for each in union.candidates if each.object_id == object_id)
        return Ranking(decision, page, tuple({} for _ in page), union.reports)

    def settled(
        self, seq: int = 1, shown: Sequence[str] = ("a", "b"), rewards: Mapping[str, float] | None = None, **decision
    ) -> SettledDecision:
        ranking = self.ranking(self.decision(f"q{seq}", **decision), shown)
        return SettledDecision(seq, ranking.decision, ranking.impressions(), rewards or {}, ranking.reports)


@pytest.fixture
def log(record):
    return Log(record)
