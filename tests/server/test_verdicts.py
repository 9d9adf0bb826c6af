import pytest
from haystack import Pipeline

from factories import remember
from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.uniform import UniformPolicy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.server.verdicts import Verdicts
from ltrr_haystack.types import Features

SAID = {"remembered": "of known queries", "contextual": "of the model", "leader": "of the leader"}


class Judged(VWPolicy):
    """A policy whose card says who is ahead, and for each gate what it is about; counts how often it is asked."""

    ahead = "leader"
    asked = 0

    def card(self):
        type(self).asked += 1
        parts = {name: {"verdict": f"{told}, n={self.n}"} for name, told in SAID.items()}
        return {**super().card(), "new_queries": self.ahead, **parts}


@pytest.fixture
def search(store, monkeypatch):
    """A router in a pipeline, and its verdict on what it decides."""
    monkeypatch.setattr(Judged, "asked", 0)

    def make(policy, **settings):
        router = BanditRouter(
            {"bm25": {"levels": [0, 10]}}, 10, {"bm25": 10}, store, policy=policy, poll_interval=0.0, **settings
        )
        pipeline = Pipeline()
        pipeline.add_component("router", router)
        verdicts = Verdicts(pipeline)

        def of(query="love"):
            return verdicts.of(router.run(QueryUnderstanding().run(query)["understanding"])["decision"])

        return of

    return make


def test_known_and_new_queries_have_verdicts_of_their_own(store, search):
    remember(store, history={("love", "bm25"): (3.0, 1.0, 30.0)})
    of = search(Judged())
    assert of("love") == "of known queries, n=0"
    assert of("rain") == "of the leader, n=0"


def test_for_new_queries_the_way_that_is_ahead_is_judged(search, monkeypatch):
    monkeypatch.setattr(Judged, "ahead", "contextual")
    assert search(Judged())("rain") == "of the model, n=0"


def test_each_version_is_asked_once(store, search):
    of = search(Judged())
    assert [of() for _ in range(5)] == ["of the leader, n=0"] * 5
    assert Judged.asked == 1
    for counts in (7, 8):
        policy = VWPolicy()
        policy.fit(parse_actions({"bm25": {"levels": [0, 10]}}, 10, {"bm25": 10}), Features(), {}, counts=counts)
        store.add_snapshot("policy", policy.to_bytes(), {}, activate=True)
        assert {of() for _ in range(5)} == {f"of the leader, n={counts}"}
    assert Judged.asked == 3


def test_of_a_policy_that_is_gone_nothing_is_said(store):
    pipeline = Pipeline()
    router = BanditRouter({"bm25": {"levels": [0, 10]}}, 10, {"bm25": 10}, store, policy=Judged(), poll_interval=0.0)
    pipeline.add_component("router", router)
    decision = router.run(QueryUnderstanding().run("love")["understanding"])["decision"]
    store.add_snapshot("policy", VWPolicy().to_bytes(), {}, activate=True)
    router.active.current()
    assert Verdicts(pipeline).of(decision) is None


@pytest.mark.parametrize(
    ("policy", "settings"), [(UniformPolicy(), {}), (Judged(), {"mode": "baseline"})], ids=["uniform", "baseline"]
)
def test_where_no_policy_is_judged_there_is_none(search, policy, settings):
    assert search(policy, **settings)() is None


def test_a_pipeline_without_a_router_has_none(store):
    pipeline = Pipeline()
    pipeline.add_component("understanding", QueryUnderstanding())
    router = BanditRouter({"bm25": {"levels": [0, 10]}}, 10, {"bm25": 10}, store)
    decision = router.run(QueryUnderstanding().run("love")["understanding"])["decision"]
    assert Verdicts(pipeline).of(decision) is None
