import sys
from pathlib import Path
from shutil import copytree

import pytest
from haystack import Pipeline
from haystack.utils import Secret

pytest.importorskip("tantivy")

from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.learning import ClientLimits, Learner
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.server.learners import (
    background_learner,
    configured_limits,
    configured_reward_wait,
    configured_train_every,
    load_learner,
    reward_wait_from,
)
from ltrr_haystack.store import LTRRStore

PIPELINES = Path(__file__).parents[2] / "pipelines"


@pytest.fixture(autouse=True)
def _store(monkeypatch, tmp_path):
    monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
    monkeypatch.delenv("LTRR_REWARD_WAIT", raising=False)
    monkeypatch.delenv("LTRR_TRAIN_EVERY", raising=False)


@pytest.fixture
def folder(tmp_path):
    return copytree(PIPELINES, tmp_path / "pipelines")


def load(name: str) -> Pipeline:
    return Pipeline.loads((PIPELINES / name / f"{name}.yml").read_text())


class TestLoadLearner:
    def test_takes_store_and_policy_of_the_router(self, folder, tmp_path):
        learner = load_learner(folder, reward_wait=5.0)
        assert (learner.reward_wait, learner.policy.name) == (5.0, "vw")
        assert learner.store.to_dict() == LTRRStore().to_dict()
        assert load_learner(folder).reward_wait == 1800.0
        assert list(tmp_path.glob("*.db")) == []

    def test_another_store_may_be_named(self, folder, tmp_path):
        other = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/other.db"))
        assert load_learner(folder, store=other).store is other

    def test_without_a_router_it_is_a_mistake(self, folder):
        (folder / "search" / "search.yml").unlink()
        with pytest.raises(ConfigurationError, match=r"no YAML file of .* has a BanditRouter"):
            load_learner(folder)

    def test_what_the_other_pipelines_need_is_of_no_matter(self, folder):
        (folder / "feedback" / "feedback.yml").write_text("components: {a: {type: no.such.Component}}")
        assert load_learner(folder).policy.name == "vw"


class TestBackgroundLearner:
    def test_learns_for_the_router(self):
        background = background_learner({"search": load("search"), "feedback": load("feedback")}, 0.5)
        assert (background.interval, background.learner.reward_wait) == (0.5, 1800.0)
        assert not background.running

    def test_has_the_ranker_trained_every_two_thousand_searches(self, monkeypatch):
        assert background_learner({"search": load("search")}, 0.5).training.every == 2_000
        monkeypatch.setenv("LTRR_TRAIN_EVERY", "50")
        assert background_learner({"search": load("search")}, 0.5).training.every == 50
        monkeypatch.setenv("LTRR_TRAIN_EVERY", "0")
        assert background_learner({"search": load("search")}, 0.5).training is None

    def test_without_lightgbm_the_page_model_is_fitted_by_the_same_schedule(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        assert background_learner({"search": load("search")}, 0.5).training.every == 2_000

    def test_leaves_it_to_a_writer_that_learns_inline(self):
        store = LTRRStore()
        feedback = Pipeline()
        feedback.add_component("feedback", FeedbackWriter(store, learn="inline", learner=Learner(store, VWPolicy())))
        assert background_learner({"search": load("search"), "feedback": feedback}, 0.5) is None

    def test_two_routers_are_a_mistake(self):
        pipelines = {"other": load("search"), "search": load("search")}
        with pytest.raises(ConfigurationError, match=r"the pipelines \['other', 'search'\] each have a BanditRouter"):
            background_learner(pipelines, 0.5)

    def test_without_a_router_there_is_nothing_to_learn(self):
        assert background_learner({"indexing": load("indexing")}, 0.5) is None


class TestRewardWait:
    @pytest.mark.parametrize(("text", "seconds"), [(None, 1800.0), ("3", 3.0), ("0.5", 0.5), ("0", 0.0)])
    def test_comes_from_the_environment(self, text, seconds, monkeypatch):
        monkeypatch.delenv("LTRR_REWARD_WAIT", raising=False)
        if text is not None:
            monkeypatch.setenv("LTRR_REWARD_WAIT", text)
        assert configured_reward_wait() == seconds

    @pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf"])
    def test_must_be_seconds(self, text, monkeypatch):
        monkeypatch.setenv("LTRR_REWARD_WAIT", text)
        with pytest.raises(ConfigurationError, match="LTRR_REWARD_WAIT must be a number of seconds"):
            configured_reward_wait()


class TestTrainEvery:
    @pytest.mark.parametrize("text", ["", "often", "-1", "1.5"])
    def test_must_be_a_whole_number(self, text, monkeypatch):
        monkeypatch.setenv("LTRR_TRAIN_EVERY", text)
        with pytest.raises(ConfigurationError, match="LTRR_TRAIN_EVERY must be a whole number, 0 for never"):
            configured_train_every()


class TestConfiguredLimits:
    def test_a_tenth_unless_it_is_said(self, monkeypatch):
        monkeypatch.delenv("LTRR_CLIENT_SHARE", raising=False)
        assert configured_limits() == ClientLimits()
        monkeypatch.setenv("LTRR_CLIENT_SHARE", "0.5")
        assert configured_limits() == ClientLimits(share=0.5)

    @pytest.mark.parametrize("text", ["", "much", "-0.1", "1.5", "nan"])
    def test_what_is_no_share_is_refused_by_name(self, monkeypatch, text):
        monkeypatch.setenv("LTRR_CLIENT_SHARE", text)
        with pytest.raises(ConfigurationError, match=f"LTRR_CLIENT_SHARE must be a number from 0 to 1, got '{text}'"):
            configured_limits()


def test_it_is_told_where_the_reward_wait_comes_from(monkeypatch):
    assert reward_wait_from(None) == "default"
    monkeypatch.setenv("LTRR_REWARD_WAIT", "5")
    assert reward_wait_from(None) == "variable"
    assert reward_wait_from(3.0) == "option"
