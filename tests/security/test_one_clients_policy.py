"""Can one client make the policy drop an arm that others need? The real components, two arms that both help."""

import random
import time

import pytest
from haystack import Document, component
from haystack.utils import Secret

from ltrr_haystack import ClientLimits, FeedbackWriter, Learner, LTRRanker, LTRRStore, VWPolicy, build_search_pipeline

pytestmark = pytest.mark.security

ARMS = {
    "words": {"kind": "lexical", "levels": [0, 10], "cost_per_call": 0.05},
    "vectors": {"kind": "dense", "levels": [0, 10], "cost_per_call": 0.05},
}
BOTH = {"words": 10, "vectors": 10}
NOON = 1_700_046_000.0
"""A Wednesday."""

BOUNDLESS = ClientLimits(share=1.0, pages=1e6, rewards=1e6, document_rewards=1e6, pair_rewards=1e6, searches=1e6)


@component
class Finds:
    """Finds ten documents for each query that no other arm finds."""

    def __init__(self, arm: str):
        self.arm = arm

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        found = [Document(id=f"{self.arm} {query} {number}", content=query) for number in range(10)]
        return {"documents": found[:top_k]}


class Searched:
    """People search and click what either arm has among its first three; one client clicks `words` alone."""

    def __init__(self, folder, limits, seed):
        self.store = LTRRStore(Secret.from_token(f"sqlite:///{folder}/log.db"))
        policy = VWPolicy(safe_baseline_share=0.5)
        self.learner = Learner(self.store, policy, reward_wait=0.0, limits=limits)
        self.pipeline = build_search_pipeline(
            {arm: Finds(arm) for arm in ARMS},
            arms=ARMS,
            budget=20,
            baseline=BOTH,
            store=self.store,
            policy=policy,
            seed=0,
            poll_interval=0.0,
            ranker=LTRRanker(self.store, poll_interval=0.0, seed=0),
        )
        self.feedback = FeedbackWriter(self.store)
        self.rng = random.Random(seed)

    def search(self, query, user, wants, chance):
        run = {"understanding": {"query": query, "now": NOON}, "router": {"user_id": user}}
        page = self.pipeline.run(run)["impressions"]
        good = [
            document.id
            for document in page["documents"]
            if document.id.startswith(wants) and document.id[-1] in "012" and self.rng.random() < chance
        ]
        clicks = [
            {
                "action_name": "click",
                "query_id": page["query_id"],
                "event_attributes": {"object": {"object_id": document_id}},
            }
            for document_id in good
        ]
        if clicks:
            self.feedback.run(clicks)

    def learn(self):
        return self.learner.run_once(now=time.time() + 10)

    def preferred(self):
        """What the policy would ask for twenty queries that nobody searched."""
        router, understanding = (self.pipeline.get_component(name) for name in ("router", "understanding"))
        return [
            dict(router.run(understanding.run(f"never {number} seen", now=NOON)["understanding"])["decision"].preferred)
            for number in range(20)
        ]


def lost(tmp_path, limits, chance, seed):
    """Unseen queries that lose an arm by eighty searches of one user, after fifty people; and searches that count."""
    searched = Searched(tmp_path, limits, seed)
    for number in range(50):
        searched.search(f"query {searched.rng.randrange(60)}", f"person {number}", tuple(ARMS), chance)
    searched.learn()
    assert searched.preferred() == [BOTH] * 20
    for number in range(80):
        searched.search(f"spam {number}", "mallory", ("words",), 1.0)
    counted = 80 - searched.learn().uncounted
    taken = sum(wanted != BOTH for wanted in searched.preferred())
    searched.store.close()
    return taken, counted


@pytest.mark.parametrize(("chance", "seed"), [(0.5, 0), (0.5, 1), (0.3, 0), (0.3, 1), (0.3, 2), (0.2, 0), (0.2, 2)])
def test_of_eighty_searches_of_one_user_five_count_and_nobody_loses_an_arm(tmp_path, chance, seed):
    assert lost(tmp_path, None, chance, seed) == (0, 5)


def test_without_bounds_everybody_would_lose_it(tmp_path):
    assert lost(tmp_path, BOUNDLESS, 0.5, 0) == (20, 80)
