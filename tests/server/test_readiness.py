import asyncio
import threading

import pytest
from haystack import Pipeline
from haystack.utils import Secret

from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.errors import StoreError
from ltrr_haystack.learning import BackgroundLearner, Learner
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.server import readiness as module
from ltrr_haystack.server.keyring import Keyring
from ltrr_haystack.server.readiness import Readiness, find_stores
from ltrr_haystack.store import LTRRStore


@pytest.fixture
def readiness(store, monkeypatch):
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    made = Readiness([store], None, Keyring(store))
    made.warm = True
    return made


class TestReadiness:
    async def test_all_is_well(self, readiness):
        assert (await readiness.check()).model_dump() == {
            "ready": True,
            "pipelines": "warm",
            "store": "works",
            "learner": "elsewhere",
            "keys": "none",
        }

    async def test_cold_pipelines_are_not_ready(self, readiness):
        readiness.warm = False
        found = await readiness.check()
        assert (found.ready, found.pipelines) == (False, "cold")

    async def test_a_store_that_fails_is_not_ready_and_recovers(self, readiness, store, monkeypatch, caplog):
        def fail() -> None:
            raise StoreError("disk full")

        with monkeypatch.context() as patched:
            patched.setattr(store, "check", fail)
            found = await readiness.check()
        assert (found.ready, found.store) == (False, "fails")
        assert "disk full" in caplog.text
        assert (await readiness.check()).ready

    async def test_a_store_that_hangs_is_asked_once_and_is_not_ready(self, readiness, store, monkeypatch):
        monkeypatch.setattr(module, "CHECK_SECONDS", 0.05)
        go_on = threading.Event()
        asked = []
        monkeypatch.setattr(store, "check", lambda: (asked.append(1), go_on.wait(10)))
        found = await asyncio.gather(*(readiness.check() for _ in range(20)))
        assert {each.store for each in found} == {"fails"}
        assert len(asked) == 1
        go_on.set()
        await asyncio.sleep(0.05)
        assert (await readiness.check()).ready

    async def test_one_look_serves_all_who_ask_within_a_second(self, readiness, store, monkeypatch):
        monkeypatch.setattr(module, "KEPT_SECONDS", 60.0)
        asked = []
        monkeypatch.setattr(store, "check", lambda: asked.append(1))
        for _ in range(5):
            assert (await readiness.check()).ready
        assert len(asked) == 1

    async def test_a_learner_that_ended_is_not_ready(self, store, monkeypatch):
        learner = BackgroundLearner(Learner(store, VWPolicy(), reward_wait=1.0), interval=0.05)
        readiness = Readiness([store], learner, Keyring(store))
        readiness.warm = True
        learner.start()
        assert (await readiness.check()).learner == "learns"
        learner.stop()
        found = await readiness.check()
        assert (found.ready, found.learner) == (False, "stopped")


class TestFindStores:
    def test_one_for_each_database(self, tmp_path):
        pipeline = Pipeline()
        here, there = (Secret.from_env_var(name, strict=False) for name in ("HERE", "THERE"))
        for name, url in (("a", here), ("b", here), ("c", there)):
            pipeline.add_component(name, ImpressionWriter(LTRRStore(url)))
        other = Pipeline()
        other.add_component("feedback", FeedbackWriter(LTRRStore(here)))
        assert [store.url for store in find_stores([pipeline, other])] == [here, there]
