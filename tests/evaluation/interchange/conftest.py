"""Small logs, made by hand."""

from collections.abc import Mapping, Sequence

import pytest

from factories import decision, page, settled, unite
from ltrr_haystack.types import ActionSet, Arm, Decision, Features, Ranking, SettledDecision

ACTIONS = ActionSet(
    (Arm("bm25", "lexical", (0, 10), 0.01, 0.001), Arm("dense", "dense", (0, 10))),
    budget=10,
    baseline={"bm25": 10, "dense": 0},
)


class Log:
    """Makes settled decisions, and the pages before them."""

    actions = ACTIONS

    def decision(self, query_id="q1", query="sad songs", **changes) -> Decision:
        values = {
            "decided_at": 1_700_000_000.25,
            "actions": ACTIONS,
            "propensity": 0.47,
            "policy": "vw",
            "policy_version": 3,
            "features": Features({"type": "topical", "digits": 2.0}, {"weekday": "4"}, {"bm25": {"ctr": 0.25}}),
            "marginals": {"bm25": (0.5, 0.5), "dense": (0.8, 0.2)},
            "baseline_share": 0.1,
            "floor": 0.3,
        }
        return decision(query_id, query, **{**values, **changes})

    def ranking(self, made: Decision, shown: Sequence[str], arms: Mapping[str, Sequence[str]] | None = None) -> Ranking:
        """:param arms: Object id → the arms that found it; all if left out."""
        names = made.actions.names
        found = {arm: [each for each in shown if arm in (arms or {}).get(each, names)] for arm in names}
        return page(unite(made, found), shown)

    def settled(
        self, seq: int = 1, shown: Sequence[str] = ("a", "b"), rewards: Mapping[str, float] | None = None, **changes
    ) -> SettledDecision:
        return settled(self.ranking(self.decision(f"q{seq}", **changes), shown), rewards, seq)


@pytest.fixture
def log():
    return Log()
