import os
import sys

import pytest

from factories import record, search
from ltrr_haystack.learning import Learner, TrainingSchedule
from ltrr_haystack.learning.training_schedule import TrainingRecord
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.store import PAGE, RANKER, LTRRStore
from serving import eventually


@pytest.fixture
def store(sqlite_url, monkeypatch):
    """A store whose url is in the environment, with ten searches that a learner has been through."""
    monkeypatch.setenv("LTRR_STORE_URL", sqlite_url)
    opened = LTRRStore()
    rankings = [search(f"q{number}", ["a", "b", "c"], query=f"query {number}") for number in range(10)]
    record(opened, [(ranking, {"b": 1.0}) for ranking in rankings], settle=False)
    Learner(opened, StaticPolicy(), reward_wait=0.0).run_once(now=1e9)
    yield opened
    opened.close()


@pytest.fixture
def without_lightgbm(tmp_path, monkeypatch):
    """Processes that are started find no LightGBM."""
    (tmp_path / "lightgbm.py").write_text("raise ImportError('not installed')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))


def test_without_lightgbm_the_page_model_is_fitted_and_that_is_no_failure(store, without_lightgbm, capfd):
    schedule = TrainingSchedule(store, every=10)
    schedule.look()
    assert eventually(lambda: schedule.pid is None)
    schedule.look()
    assert schedule.pid is None
    assert len(store.snapshots(PAGE)) == 1
    assert store.snapshots(RANKER) == []
    assert TrainingRecord.of(store) == TrainingRecord(10)
    said = capfd.readouterr().err
    assert said.count("The page model was fitted, but no ranker was trained") == 1
    assert "pip install" in said
    assert "Traceback" not in said
