from dataclasses import replace
from pathlib import Path

import pytest

from ltrr_haystack.errors import ConfigurationError, InvalidInputError, SnapshotError, StoreError
from ltrr_haystack.evaluation.off_policy import BaselineTarget, PolicyTarget, StaticTarget, parse_target
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.uniform import UniformPolicy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.types import Features

ROUTER = """
components:
  router:
    type: ltrr_haystack.components.bandit_router.BanditRouter
    init_parameters:
      arms:
        bm25: {levels: [0, 10]}
        dense: {levels: [0, 10]}
      budget: 10
      baseline: {bm25: 10}
      store:
        type: ltrr_haystack.store.store.LTRRStore
        init_parameters: {url: {type: env_var, env_vars: [LTRR_STORE_URL], strict: true}}
      policy:
        type: ltrr_haystack.policy.%s
        init_parameters: {%s}
connections: []
"""


@pytest.fixture
def pipeline(tmp_path):
    def write(policy="vw.VWPolicy", settings="gamma: 7.0", name="search.yml"):
        file = tmp_path / name
        file.write_text(ROUTER % (policy, settings))
        return file

    return write


@pytest.fixture
def decision(make_settled, make_joint):
    return make_settled(1, make_joint(), {"bm25": 10, "dense": 10}).decision


class TestStatic:
    def test_is_read_from_its_spec(self, store, decision):
        target = parse_target("static:bm25=50,dense=10", store)
        assert isinstance(target, StaticTarget)
        assert target.distribution(decision) == {"bm25": 50, "dense": 10}
        assert (target.name, target.learned) == ("static:bm25=50,dense=10", 0)

    @pytest.mark.parametrize(
        "spec", ["static:", "static:bm25", "static:bm25=-1", "static:bm25=1.5", "static:bm25=1,bm25=2", "static:=3"]
    )
    def test_refuses_what_is_no_allocation(self, store, spec):
        with pytest.raises(InvalidInputError, match="write it as static:bm25=50,dense=10"):
            parse_target(spec, store)

    def test_refuses_to_run_nothing(self, store):
        with pytest.raises(InvalidInputError, match="one of them above 0"):
            parse_target("static:bm25=0", store)


class TestBaseline:
    def test_is_that_of_each_decision(self, store, decision):
        target = parse_target("baseline", store)
        assert isinstance(target, BaselineTarget)
        assert target.distribution(decision) == decision.actions.baseline


class TestSnapshot:
    def test_draws_or_plays_what_it_prefers(self, store, decision):
        version = store.add_snapshot("policy", VWPolicy().to_bytes(), {"learned": 40}, activate=True)
        drawing, greedy = (parse_target(f"snapshot:{version}{form}", store) for form in ("", ":greedy"))
        joint = drawing.distribution(decision)
        assert isinstance(joint, JointDistribution)
        assert greedy.distribution(decision) == joint.preferred
        assert (drawing.name, greedy.name) == ("snapshot:1", "snapshot:1:greedy")
        assert drawing.learned == greedy.learned == 40

    def test_takes_the_settings_of_the_pipeline(self, store, pipeline):
        settings = VWPolicy(gamma=7.0, bits=12)
        store.add_snapshot("policy", settings.to_bytes(), {}, activate=True)
        target = parse_target("snapshot:1", store, pipelines=pipeline(settings="gamma: 7.0, bits: 12").parent)
        assert isinstance(target, PolicyTarget)
        assert target.policy.to_dict() == settings.to_dict()
        with pytest.raises(SnapshotError):
            parse_target("snapshot:1", store)

    def test_names_those_that_there_are(self, store):
        for _ in range(2):
            store.add_snapshot("policy", VWPolicy().to_bytes(), {}, activate=True)
        with pytest.raises(StoreError, match="there is no policy snapshot 7; there are 1, 2"):
            parse_target("snapshot:7", store)

    @pytest.mark.parametrize("spec", ["snapshot", "snapshot:", "snapshot:x", "snapshot:0", "snapshot:1:sober"])
    def test_refuses_what_is_no_version(self, store, spec):
        with pytest.raises(InvalidInputError, match="write it as snapshot:12"):
            parse_target(spec, store)

    def test_of_a_decision_the_drawing_and_the_greedy_one_ask_the_policy_once(self, decision):
        class Counting(VWPolicy):
            asked = 0

            def distribution(self, actions, features):
                Counting.asked += 1
                return super().distribution(actions, features)

        drawing = PolicyTarget(Counting(), "drawing", learned=3)
        greedy = drawing.greedily("greedy")
        for _ in range(2):
            assert greedy.distribution(decision) == drawing.distribution(decision).preferred
        assert Counting.asked == 1
        drawing.distribution(replace(decision, features=Features(query={"type": "broad"})))
        assert Counting.asked == 2
        assert (greedy.name, greedy.learned, greedy.greedy) == ("greedy", 3, True)


class TestConfig:
    def test_is_the_policy_of_a_pipeline_over_its_own_arms_with_what_was_learned(self, store, pipeline, decision):
        store.add_snapshot("policy", VWPolicy().to_bytes(), {"learned": 9}, activate=True)
        target = parse_target(f"config:{pipeline()}", store)
        joint = target.distribution(decision)
        assert isinstance(target.policy, VWPolicy)
        assert (target.policy.gamma, target.learned) == (7.0, 9)
        assert joint.actions.budget == 10

    def test_says_when_nothing_that_was_learned_fits(self, store, pipeline, decision):
        store.add_snapshot("policy", VWPolicy().to_bytes(), {}, activate=True)
        target = parse_target(f"config:{pipeline('uniform.UniformPolicy', '')}:greedy", store)
        assert isinstance(target.policy, UniformPolicy)
        assert target.name.endswith(":greedy (unlearned)")
        assert target.distribution(decision) == {"bm25": 10, "dense": 0}

    def test_of_the_bundled_pipelines(self, store):
        pipelines = Path(__file__).parents[3] / "pipelines" / "search"
        target = parse_target(f"config:{pipelines}", store)
        assert target.actions.names == ("bm25", "dense", "structured", "related", "memory")

    def test_refuses_what_cannot_be_read(self, store, tmp_path):
        with pytest.raises(ConfigurationError, match=r"missing\.yml cannot be read"):
            parse_target(f"config:{tmp_path / 'missing.yml'}", store)


@pytest.mark.parametrize("spec", ["", "best", "config:", "static", "baseline:1"])
def test_refuses_what_names_no_policy_and_says_how_to_write_one(store, spec):
    with pytest.raises(InvalidInputError, match="static:bm25=50,dense=10"):
        parse_target(spec, store)
