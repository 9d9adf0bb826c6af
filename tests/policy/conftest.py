import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

from factories import decision, drawn, in_lists, page, settled, unite
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.features import features_of
from ltrr_haystack.policy.warm_start import LabelledQuery
from ltrr_haystack.types import ActionSet, Arm, SettledDecision, Understanding

KINDS = ("navigational", "topical")
FINDS = {
    "bm25": {"navigational": 0.95, "topical": 0.1},
    "dense": {"navigational": 0.1, "topical": 0.95},
    "sparse": {"navigational": 0.5, "topical": 0.5},
}
"""Arm → kind of query → how much of what is relevant the arm finds."""

RELEVANT = ("d0", "d1", "d2")


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

    def lists(self, query) -> dict[str, tuple[str, ...]]:
        """What each arm finds, to its full depth."""
        at = {arm: {rank: document for document, rank in ranks.items()} for arm, ranks in query.found.items()}
        return {arm: tuple(of.get(rank, f"{arm}-{rank}") for rank in range(1, 31)) for arm, of in at.items()}

    def labelled(self, query) -> LabelledQuery:
        return LabelledQuery(query.understanding, query.features, self.lists(query), dict.fromkeys(RELEVANT, 1.0))

    def settled(self, seq, query, joint, allocation, policy) -> SettledDecision:
        settled = joined(
            self.actions,
            allocation,
            self.lists(query),
            {},
            query_id=f"q{seq}",
            decided_at=float(seq),
            understanding=query.understanding,
            policy=policy.name,
            features=query.features,
            **{name: each for name, each in drawn(joint, allocation).items() if name != "allocation"},
        )
        shown = [each.object_id for each in settled.impressions if each.object_id in RELEVANT]
        rewards = {object_id: 1.0 for object_id in sorted(shown) if self.rng.random() < self.click_rate}
        return replace(settled, seq=seq, rewards=rewards)

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


def joined(actions, allocation, lists, rewards, *, shown=None, weights=None, rrf_k=60.0, **changes) -> SettledDecision:
    """
    A settled decision as production logs it: the real joiner unites what the arms found.

    :param lists: Arm → object ids, best first.
    :param shown: Object ids in the order of the page; the whole union if left out.
    """
    made = decision(**{"query_id": "q", "actions": actions, "allocation": allocation, "policy": "any", **changes})
    union = unite(made, lists, UnionJoiner(list(allocation), weights=weights, rrf_k=rrf_k))
    return settled(page(union, shown), rewards)


@pytest.fixture(scope="session")
def make_settled():
    """
    Settled decisions from a short form: object id → {arm: rank}, and object id → reward.

    Above its documents each arm finds others that nobody else finds, and the whole union is shown.
    """

    def made(actions, allocation, found, rewards, **settings):
        return joined(actions, allocation, in_lists(found, allocation), rewards, **settings)

    return made


@pytest.fixture(scope="session")
def make_logged():
    """
    Settled decisions of a union whose places are given.

    Arm → for each of its ranks the place of that document in the union, and what of the union was shown: object id →
    place.
    """

    def logged(actions, allocation, found, shown, rewards, **settings):
        names = {place: object_id for object_id, place in shown.items()}
        lists = {arm: [names.get(place, f"d{place}") for place in places] for arm, places in found.items()}
        settled = joined(actions, allocation, lists, rewards, shown=list(shown), **settings)
        assert {each.object_id: each.place for each in settled.impressions} == shown
        return settled

    return logged


@pytest.fixture(scope="session", name="unite")
def _unite():
    """Lets the real joiner unite lists of object ids, and shows the whole union as it stands."""

    def united(lists, allocation, weights=None):
        levels = {arm: tuple(range(max(len(found), 1) + 1)) for arm, found in lists.items()}
        actions = ActionSet(tuple(Arm(arm, arm, row) for arm, row in levels.items()), 1000, allocation)
        return joined(actions, allocation, lists, {}, weights=weights)

    return united
