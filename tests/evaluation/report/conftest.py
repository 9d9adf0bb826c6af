"""Small logs, made by hand."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from factories import decision, page, result, settled, unite
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import ActionSet, Arm, Decision, Ranking, SettledDecision, Understanding

START = 1_700_000_000.0


class Log:
    """Makes settled decisions, and the pages before them."""

    start = START
    actions = ActionSet(
        (Arm("bm25", "lexical", (0, 10), 0.0, 0.01), Arm("memory", "memory", (0, 10))),
        budget=20,
        baseline={"bm25": 10, "memory": 10},
    )

    def decision(self, number=1, query="sad songs", query_type="topical", **changes) -> Decision:
        values = {
            "actions": self.actions,
            "decided_at": START + number,
            "understanding": Understanding(query, query, query_type=query_type),
            "allocation": {"bm25": 10, "memory": 10},
            "policy": "vw",
            "marginals": {"bm25": (0.5, 0.5), "memory": (0.5, 0.5)},
            "baseline_share": 0.2,
            "floor": 0.1,
            "preferred": {"bm25": 10, "memory": 10},
        }
        made = decision(**{"query_id": f"q{number}", **values, **changes})
        if "propensity" in changes:
            return made
        return replace(made, propensity=JointDistribution.of(made).probability(made.allocation))

    def ranking(self, made: Decision, shown: Sequence[str] = ("a", "b"), **changes) -> Ranking:
        found = {arm: result(arm, shown, seconds=0.002) for arm in made.actions.names}
        return page(unite(made, found), **changes)

    def settled(self, number=1, rewards=None, shown=("a", "b"), **changes) -> SettledDecision:
        of_page = {name: changes.pop(name) for name in ("reports", "ranker_version") if name in changes}
        return settled(self.ranking(self.decision(number, **changes), shown, **of_page), rewards, number)


@pytest.fixture
def log():
    return Log()
