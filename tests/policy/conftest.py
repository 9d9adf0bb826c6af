import random
from types import SimpleNamespace

import pytest

from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.features import features_of
from ltrr_haystack.policy.warm_start import LabelledQuery
from ltrr_haystack.types import Decision, Impression, Provenance, SettledDecision, Understanding

KINDS = ("navigational", "topical")
FINDS = {
    "bm25": {"navigational": 0.95, "topical": 0.1},
    "dense": {"navigational": 0.1, "topical": 0.95},
    "sparse": {"navigational": 0.5, "topical": 0.5},
}
"""Arm → kind of query → how much of what is relevant the arm finds."""


class World:
    """
    Overlapping arms and two kinds of queries: for one kind bm25 suffices, for the other dense does.

    Three documents are relevant to each query. They stand among the first ten of the arms that find them, for one in
    five queries among the first thirty, and each is clicked with probability 0.4 when it is shown.
    """

    click_rate = 0.4

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.actions = parse_actions(
            {name: {"levels": [0, 10, 30], "cost_per_call": 0.08, "cost_per_candidate": 0.003} for name in FINDS},
            budget=90,
            baseline={"bm25": 30, "dense": 30, "sparse": 30},
        )

    def query(self) -> SimpleNamespace:
        kind = self.rng.choice(KINDS)
        found = {}
        for arm, finds in FINDS.items():
            ranks = self.rng.sample(range(1, 31), 3) if self.rng.random() < 0.2 else self.rng.sample(range(1, 11), 3)
            found[arm] = {f"d{i}": rank for i, rank in enumerate(ranks) if self.rng.random() < finds[kind]}
        understanding = Understanding("q", "q", tokens=("q",), query_type=kind)
        return SimpleNamespace(kind=kind, found=found, understanding=understanding, features=features_of(understanding))

    def value(self, query, allocation) -> float:
        """What an allocation is worth in expectation."""
        shown = {d for arm, ranks in query.found.items() for d, rank in ranks.items() if rank <= allocation[arm]}
        return self.click_rate * len(shown) - self.actions.cost(allocation)

    def labelled(self, query) -> LabelledQuery:
        results = {}
        for arm, ranks in query.found.items():
            at = {rank: document for document, rank in ranks.items()}
            results[arm] = tuple(at.get(rank, f"{arm}-{rank}") for rank in range(1, 31))
        return LabelledQuery(query.understanding, query.features, results, {f"d{i}": 1.0 for i in range(3)})

    def settled(self, seq, query, joint, allocation, policy) -> SettledDecision:
        decision = Decision(
            query_id=f"q{seq}",
            decided_at=float(seq),
            understanding=query.understanding,
            actions=self.actions,
            allocation=allocation,
            propensity=joint.probability(allocation),
            mode="live",
            policy=policy.name,
            features=query.features,
            marginals=joint.marginals,
            baseline_share=joint.baseline_share,
            floor=joint.floor,
            preferred=joint.preferred,
            safe_start=policy.safe_start,
        )
        impressions = []
        for document in ("d0", "d1", "d2"):
            arms = {
                arm: Provenance(ranks[document], None, 0.0)
                for arm, ranks in query.found.items()
                if ranks.get(document, 99) <= allocation[arm]
            }
            if arms:
                impressions.append(Impression(document, len(impressions) + 1, 0.0, arms))
        rewards = {i.object_id: 1.0 for i in impressions if self.rng.random() < self.click_rate}
        return SettledDecision(seq, decision, tuple(impressions), rewards)

    def live(self, policy, rounds):
        """Let a policy serve and learn; returns the value of each round, the baseline's, and when the gate opened."""
        ours, baseline, opened = [], [], None
        for seq in range(1, rounds + 1):
            query = self.query()
            joint = policy.distribution(self.actions, query.features)
            allocation = joint.sample(self.rng)
            ours.append(self.value(query, allocation))
            baseline.append(self.value(query, self.actions.baseline))
            policy.learn(self.settled(seq, query, joint, allocation, policy))
            if opened is None and not policy.safe_start:
                opened = seq
        return ours, baseline, opened


@pytest.fixture
def make_world():
    return World


@pytest.fixture
def make_settled():
    """Settled decisions from a short form: object id → {arm: rank}, and object id → reward."""

    def settled(actions, allocation, shown, rewards, **decision):
        logged = {
            "query_id": "q",
            "decided_at": 0.0,
            "understanding": Understanding("love", "love"),
            "propensity": 1.0,
            "mode": "live",
            "policy": "any",
            **decision,
        }
        impressions = tuple(
            Impression(object_id, ordinal, 0.0, {arm: Provenance(rank, None, 0.0) for arm, rank in arms.items()})
            for ordinal, (object_id, arms) in enumerate(shown.items(), start=1)
        )
        return SettledDecision(1, Decision(actions=actions, allocation=allocation, **logged), impressions, rewards)

    return settled
