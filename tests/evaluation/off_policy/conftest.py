import random

import pytest
from haystack import Document

from factories import decision, drawn, in_lists, page, record, settled, unite
from ltrr_haystack.evaluation.off_policy import DecisionLog
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.features import features_of
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.types import Candidate, Ranking, Understanding

ACTIONS = parse_actions(
    {
        "bm25": {"levels": [0, 10], "cost_per_call": 0.1, "cost_per_candidate": 0.01},
        "dense": {"levels": [0, 10], "cost_per_call": 0.1, "cost_per_candidate": 0.01},
    },
    budget=20,
    baseline={"bm25": 10, "dense": 10},
)


def distribution(share=0.1, floor=0.0, bm25=(0.5, 0.5), dense=(0.8, 0.2)):
    return JointDistribution(ACTIONS, {"bm25": bm25, "dense": dense}, share, floor)


def decided(seq, joint, allocation, **changes):
    understanding = Understanding("love", "love", tokens=("love",), language="en")
    parts = {"decided_at": float(seq), "understanding": understanding, "features": features_of(understanding)}
    changes = {"query_id": f"q{seq}", "policy": "any", **parts, **drawn(joint, allocation), **changes}
    return decision(actions=joint.actions, **changes)


def settled_decision(seq, joint, allocation, shown=(), rewards=None, **changes):
    """`shown`: (object id, {arm: rank}) in the order of the page."""
    made = decided(seq, joint, allocation, **changes)
    union = unite(made, in_lists(dict(shown), allocation))
    return settled(page(union, [object_id for object_id, _ in shown]), rewards, seq)


class World:
    """
    Two kinds of queries. What is wanted of the navigational ones only bm25 finds, of the topical ones only dense.

    Besides, each arm finds something that nobody wants. A wanted document that is shown is clicked with probability
    0.6, wherever it stands: bm25 for the one and dense for the other is worth 0.6 less a cost of 0.2.
    """

    click_rate = 0.6

    def __init__(self, seed=7):
        self.rng = random.Random(seed)

    def log(self, size, joint, mode="live"):
        for seq in range(1, size + 1):
            kind = self.rng.choice(("navigational", "topical"))
            finder = "bm25" if kind == "navigational" else "dense"
            allocation = joint.sample(self.rng)
            shown = [(f"noise-{arm}", {arm: 1}) for arm, depth in allocation.items() if depth]
            if allocation[finder]:
                shown.insert(0, ("wanted", {finder: 2}))
            clicked = allocation[finder] and self.rng.random() < self.click_rate
            understanding = Understanding(kind, kind, tokens=(kind,), query_type=kind, language="en")
            yield settled_decision(
                seq,
                joint,
                allocation,
                shown,
                {"wanted": 1.0} if clicked else {},
                understanding=understanding,
                features=features_of(understanding),
                mode=mode,
                query_id=f"{seq}-{self.rng.random()}",
            )


@pytest.fixture(scope="session")
def actions():
    return ACTIONS


@pytest.fixture(scope="session")
def make_joint():
    return distribution


@pytest.fixture(scope="session")
def make_settled():
    return settled_decision


@pytest.fixture(scope="session")
def make_world():
    return World


@pytest.fixture(scope="session")
def usable():
    """The decisions that an evaluation would use, and the log that counted them."""

    def read(settled):
        log = DecisionLog(settled)
        return log, list(log)

    return read


@pytest.fixture
def keep(store):
    """Puts settled decisions into the store, as a pipeline and people would."""

    def put(decisions, settle=True):
        visits = []
        for each in decisions:
            candidates = tuple(
                Candidate(shown.object_id, Document(id=shown.object_id), shown.arms, shown.score, shown.place)
                for shown in each.impressions
            )
            ranking = Ranking(each.decision, candidates, tuple({} for _ in candidates), each.reports)
            visits.append((ranking, each.rewards))
        record(store, visits, settle=settle)

    return put
