import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.people import People
from ltrr_haystack.evaluation.replay.systems import PipelineSystem
from ltrr_haystack.evaluation.replay.variants import BASELINE, Variant


@pytest.fixture
def make(precomputed, tmp_path):
    systems = []

    def make_system(variant):
        systems.append(PipelineSystem(precomputed, variant, tmp_path / f"{len(systems)}.db", seed=7, top_k=10))
        return systems[-1]

    yield make_system
    for system in systems:
        system.close()
    assert list(tmp_path.iterdir()) == []


class TestPipelineSystem:
    def test_answers_with_the_page_and_the_decision(self, precomputed, make):
        answer = make(Variant()).search(next(People(precomputed.data, seed=1).stream(1)))
        assert answer.shown == answer.candidates
        assert len(answer.shown) > 0
        assert set(answer.allocation) == {"good", "bad", "memory"}
        assert (answer.mode, answer.safe_start, answer.missing) == ("live", True, ())
        assert answer.query_id == answer.decision.query_id

    def test_learns_from_all_but_the_searches_that_stay_open(self, precomputed, make):
        system = make(Variant())
        for search in People(precomputed.data, seed=1).stream(10):
            system.search(search)
        system.learn(leave_open=10)
        assert system.store.counts().learned == 0
        system.learn()
        assert system.store.counts().learned == 10

    def test_the_baseline_has_no_memory_and_learns_nothing(self, precomputed, make):
        system = make(BASELINE)
        answer = system.search(next(People(precomputed.data, seed=1).stream(1)))
        system.learn()
        assert (dict(answer.allocation), answer.safe_start) == ({"good": 4, "bad": 4}, False)
        assert system.store.counts().learned == 0
        assert system.train() is None

    def test_the_baseline_cannot_be_warm_started(self, make):
        with pytest.raises(ConfigurationError, match="only a VWPolicy that learns can be warm-started"):
            make(BASELINE).warm_start(3)

    def test_arms_find_what_those_of_another_pipeline_found(self, precomputed, make):
        system, search = make(Variant(bandit=False)), next(People(precomputed.data, seed=1).stream(1))
        whole = {*system.search(search).candidates}
        gone = {f"{search.query.id}-a", f"{search.query.id}-u"}
        system.find_in(precomputed.without(gone))
        assert {*system.search(search).candidates} == whole - gone != whole
        system.find_in(precomputed)
        assert {*system.search(search).candidates} == whole
