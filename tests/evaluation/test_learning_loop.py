"""The engine with real pipelines over a tiny catalogue."""

import pytest
from haystack import Document, component
from haystack.utils import Secret

from ltrr_haystack.builder import build_search_pipeline
from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.arms import FailingRetriever
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.people import People
from ltrr_haystack.evaluation.simulate import simulate
from ltrr_haystack.evaluation.systems import PipelineSystem
from ltrr_haystack.evaluation.warm import warm_start_from
from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.store import LTRRStore

ARMS = {
    "good": {"kind": "lexical", "levels": [0, 5], "cost_per_call": 0.2},
    "bad": {"kind": "dense", "levels": [0, 5], "cost_per_call": 0.2},
}
BASELINE = {"good": 5, "bad": 5}
QUERIES = [Query(f"q{number}", f"query number {number}", "topical") for number in range(20)]
DOCUMENTS = [Document(id=f"{name}-{number}", content=name) for name in ("good", "bad") for number in range(5)]
DATA = DataSet("tiny", DOCUMENTS, QUERIES, {query.id: {"good-0": 3, "good-1": 3} for query in QUERIES})


def held_back_little():
    """A policy that mostly plays what it prefers from the start; how long the safe start takes is tested elsewhere."""
    return VWPolicy(safe_baseline_share=0.1)


@component
class Finds:
    """Always finds the same five documents."""

    def __init__(self, name):
        self.name = name

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        found = [document for document in DOCUMENTS if document.id.startswith(self.name)]
        return {"documents": found[:top_k]}


RETRIEVERS = {"good": Finds("good"), "bad": Finds("bad")}


@pytest.fixture
def make(tmp_path):
    """Makes systems over the tiny catalogue; the retrievers may be others."""

    def make_with(retrievers=RETRIEVERS):
        def make_system(name):
            store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/{name}.db"))
            policy = held_back_little()
            pipeline = build_search_pipeline(
                retrievers,
                arms=ARMS,
                budget=10,
                baseline=BASELINE,
                store=store,
                policy=policy,
                mode="baseline" if name == "baseline" else "live",
                poll_interval=0.0,
                seed=7,
            )
            if name == "baseline":
                return PipelineSystem(pipeline)
            learner = Learner(store, policy, reward_wait=600.0)
            if name == "learning_warm":
                warm = held_back_little()
                warm_start_from(DATA, warm, parse_actions(ARMS, 10, BASELINE), retrievers, size=20, seed=7)
                learner.install(warm)
            return PipelineSystem(pipeline, FeedbackWriter(store), learner)

        return make_system

    return make_with


class TestSimulate:
    def test_the_learning_system_leaves_out_the_arm_that_brings_nothing(self, make):
        figures = simulate(DATA, make(), impressions=400, seed=7, warm=True).to_dict()
        assert figures["failed_searches"] == 0
        assert figures["rejected_events"] == 0
        assert figures["baseline"]["candidates_per_query"] == 10
        assert figures["baseline"]["arm_calls_per_query"] == 2
        last = figures["arm_shares_last_fifth"]["topical"]
        assert last["good"] > 0.9
        assert last["bad"] < 0.3
        assert figures["learning_warm"]["click_rate"] > figures["learning"]["click_rate"]
        for system in ("learning", "learning_warm"):
            assert figures[system]["candidates_per_query"] < 8
            assert figures[system]["safe_start_rounds"] > 0

    def test_an_arm_that_fails_fails_no_search_and_is_left_out(self, make):
        retrievers = {"good": Finds("good"), "bad": FailingRetriever()}
        figures = simulate(DATA, make(retrievers), impressions=400, seed=7).to_dict()
        assert figures["failed_searches"] == 0
        assert figures["baseline"]["missing_arms"] == {"bad": 400}
        assert 0 < figures["learning"]["missing_arms"]["bad"] < 400
        assert figures["arm_shares_last_fifth"]["topical"]["bad"] < 0.3


class TestPipelineSystem:
    def test_answers_with_the_page_and_the_decision(self, make):
        system = make()("learning")
        search = next(People(DATA, seed=1).stream(1))
        answer = system.search(search)
        assert len(answer.shown) == sum(answer.allocation.values()) > 0
        assert set(answer.allocation) == {"good", "bad"}
        assert answer.mode == "live"
        assert answer.safe_start is True
        assert answer.missing == ()
        system.close()

    def test_what_people_do_is_learned_at_once_whatever_the_reward_wait(self, make, tmp_path):
        system = make()("learning")
        people = People(DATA, seed=1)
        for search in people.stream(10):
            system.search(search)
        system.learn()
        assert LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/learning.db")).counts().learned == 10
        system.close()


class TestWarmStartFrom:
    def test_arms_without_a_retriever_are_left_to_live_learning(self):
        policy = VWPolicy()
        actions = parse_actions(ARMS, 10, BASELINE)
        assert warm_start_from(DATA, policy, actions, {"good": RETRIEVERS["good"]}, size=300, seed=1) == 20
        assert policy.n == 20

    def test_needs_an_arm(self):
        with pytest.raises(ConfigurationError, match=r"at least one arm of \['good', 'bad'\], got \['other'\]"):
            warm_start_from(
                DATA, VWPolicy(), parse_actions(ARMS, 10, BASELINE), {"other": RETRIEVERS["good"]}, size=3, seed=1
            )
