import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
from haystack import Document

from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.features import features_of
from ltrr_haystack.policy.warm_start import LabelledQuery
from ltrr_haystack.types import (
    ActionSet,
    Arm,
    ArmReport,
    ArmResult,
    Decision,
    Impression,
    Provenance,
    SettledDecision,
    Understanding,
)

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
            safe_start=joint.held_back,
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


@pytest.fixture(scope="session")
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


@pytest.fixture
def make_logged(make_settled):
    """
    Settled decisions with the union as it is logged.

    Arm → for each of its ranks the place of that document in the union, and what of the union was shown: object id →
    place.
    """

    def logged(actions, allocation, found, shown, rewards, *, weights=None, rrf_k=60.0, **decision):
        arms = {
            object_id: {arm: places.index(place) + 1 for arm, places in found.items() if place in places}
            for object_id, place in shown.items()
        }
        settled = make_settled(actions, allocation, arms, rewards, **decision)
        impressions = [replace(each, place=shown[each.object_id]) for each in settled.impressions]
        reports = tuple(
            ArmReport(
                arm,
                depth,
                len(found.get(arm, ())),
                0.0,
                found=tuple(found.get(arm, ())),
                weight=(weights or {}).get(arm, 1.0),
                rrf_k=rrf_k,
            )
            for arm, depth in allocation.items()
            if depth > 0
        )
        return replace(settled, impressions=tuple(impressions), reports=reports)

    return logged


@pytest.fixture
def unite():
    """
    Lets the real joiner unite lists of object ids, and shows the whole union as it stands.

    Gives the settled decision; `rewards` are those of the documents.
    """

    def united(lists, allocation, weights=None, rewards=None):
        levels = {arm: tuple(range(max(len(found), 1) + 1)) for arm, found in lists.items()}
        actions = ActionSet(tuple(Arm(arm, arm, row) for arm, row in levels.items()), 1000, allocation)
        decision = Decision("q", 0.0, Understanding("q", "q"), actions, allocation, 1.0, "live", "any")
        results = {
            arm: ArmResult(arm, tuple(Document(id=object_id, content="") for object_id in found), 0.0)
            for arm, found in lists.items()
        }
        candidates = UnionJoiner(list(lists), weights=weights).run(decision, **results)["candidates"]
        impressions = tuple(
            Impression(each.object_id, ordinal, each.score, each.arms, {}, each.place)
            for ordinal, each in enumerate(candidates.candidates, start=1)
        )
        return SettledDecision(1, decision, impressions, rewards or {}, candidates.reports)

    return united
