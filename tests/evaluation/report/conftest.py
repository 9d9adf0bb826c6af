"""Small logs, made by hand."""

from collections.abc import Mapping, Sequence

import pytest
from haystack import Document

from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import (
    ActionSet,
    Arm,
    ArmReport,
    ArmResult,
    Decision,
    Features,
    Ranking,
    SettledDecision,
    Understanding,
)

START = 1_700_000_000.0


class Log:
    """Makes settled decisions, and puts them into a store as a running system would."""

    def __init__(self, record):
        self.record = record

    start = START
    actions = ActionSet(
        (Arm("bm25", "lexical", (0, 10), 0.0, 0.01), Arm("memory", "memory", (0, 10))),
        budget=20,
        baseline={"bm25": 10, "memory": 10},
    )

    def decision(self, number=1, query="sad songs", query_type="topical", **changes) -> Decision:
        values = {
            "query_id": f"q{number}",
            "decided_at": START + number,
            "understanding": Understanding(query, query, query_type=query_type),
            "actions": self.actions,
            "allocation": {"bm25": 10, "memory": 10},
            "propensity": None,
            "mode": "live",
            "policy": "vw",
            "features": Features(),
            "marginals": {"bm25": (0.5, 0.5), "memory": (0.5, 0.5)},
            "baseline_share": 0.2,
            "floor": 0.1,
            "preferred": {"bm25": 10, "memory": 10},
        }
        values.update(changes)
        decision = Decision(**values)
        if decision.propensity is None:
            values["propensity"] = JointDistribution.of(decision).probability(decision.allocation)
        return Decision(**values)

    def ranking(
        self,
        decision: Decision,
        shown: Sequence[str] = ("a", "b"),
        reports: Sequence[ArmReport] | None = None,
        ranker_version=0,
    ) -> Ranking:
        ran = {arm: depth for arm, depth in decision.allocation.items() if depth > 0}
        found = tuple(Document(id=object_id, content="x") for object_id in shown)
        results = {arm: ArmResult(arm, found, 0.002) for arm in ran}
        union = UnionJoiner(list(decision.actions.names)).run(decision, **results)["candidates"]
        said = union.reports if reports is None else tuple(reports)
        return Ranking(decision, union.candidates, tuple({} for _ in union.candidates), said, ranker_version)

    def settled(
        self,
        number=1,
        rewards: Mapping[str, float] | None = None,
        shown=("a", "b"),
        reports=None,
        ranker_version=0,
        **decision,
    ):
        ranking = self.ranking(self.decision(number, **decision), shown, reports, ranker_version)
        return SettledDecision(
            number, ranking.decision, ranking.impressions(), rewards or {}, ranking.reports, ranker_version
        )


@pytest.fixture
def log(record):
    return Log(record)
