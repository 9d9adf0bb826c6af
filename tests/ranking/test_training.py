import random
import sys
from dataclasses import replace

import numpy as np
import pytest

from ltrr_haystack.errors import ConfigurationError, InvalidInputError, MissingExtraError
from ltrr_haystack.ranking.examples import example_of
from ltrr_haystack.ranking.gate import judge
from ltrr_haystack.ranking.models import RankingModels
from ltrr_haystack.ranking.training import TrainingSettings, fit, train_ranker
from ltrr_haystack.store import RANKER

DISCOUNTS = 1.0 / np.log2(2.0 + np.arange(10))


def true_ndcg(score, visits, schema):
    """nDCG against the relevance that was planted, which no model gets to see."""
    values = []
    for visit in visits:
        relevant = np.array([candidate.object_id in visit.relevant for candidate in visit.ranking.candidates], float)
        if relevant.any():
            order = np.argsort(-score(schema.matrix(visit.ranking.features)), kind="stable")
            values.append((relevant[order] @ DISCOUNTS) / (np.sort(relevant)[::-1] @ DISCOUNTS))
    return np.mean(values)


class TestFit:
    def test_puts_first_what_people_looked_for_though_it_was_shown_last(self, world, schema, model):
        """One relevant document, clearly so for dense, at position ten, where one person in ten looked."""
        clear = []
        for number in range(100):
            union = world.union_of(f"late-{number}", {9}, random.Random(number))
            *others, last = (candidate.arms["dense"].score for candidate in union.candidates)
            if last > max(others) + 0.1:
                clear.append(int(np.argmax(model.scores(schema.matrix(world.shown(union).features)))))
        assert len(clear) >= 20
        assert clear.count(9) / len(clear) > 0.8

    def test_position_bias_is_told_from_relevance(self, world, schema, examples):
        """The union .57, a model that takes every click at face value .92, one that knows of positions .95."""
        pages = examples(3000, seed=1)
        at_face_value = [replace(page, ordinals=np.ones_like(page.ordinals)) for page in pages]
        people = world.visits(600, seed=9)
        settings = TrainingSettings()
        union = true_ndcg(lambda features: -np.arange(10.0), people, schema)
        naive = true_ndcg(fit(at_face_value, schema, settings, seed=0).scores, people, schema)
        aware = true_ndcg(fit(pages, schema, settings, seed=0).scores, people, schema)
        assert union == pytest.approx(0.57, abs=0.02)
        assert naive == pytest.approx(0.92, abs=0.02)
        assert aware == pytest.approx(0.95, abs=0.015)
        assert aware > naive + 0.015

    def test_the_same_log_and_seed_give_the_same_model(self, schema, examples):
        pages = examples(300, seed=1)
        first, again = (fit(pages, schema, TrainingSettings(rounds=20), seed=3) for _ in range(2))
        assert first.trees == again.trees


class TestGate:
    """What the gate is for: a model that knows its queries by heart helps nobody who types another one."""

    BY_HEART = TrainingSettings(rounds=60, learning_rate=0.1, leaves=31, min_leaf=5)

    @pytest.mark.parametrize("seed", range(3))
    def test_a_model_that_knows_queries_by_heart_does_not_pass(self, world, schema, store, seed):
        visits = world.riddles(60, 40, seed)
        rewarded = [example_of(visit.settled(seq), schema) for seq, visit in enumerate(visits) if visit.clicked]

        learned = fit(rewarded[::2], schema, self.BY_HEART, seed=0)
        other_sessions = rewarded[1::2]
        union = [page.features[:, schema.columns["fused"]] for page in other_sessions]
        scores = [learned.scores(page.features) for page in other_sessions]
        of_the_same_queries = judge(other_sessions, union, scores, min_queries=20, seed=0)

        world.record(store, visits)
        report = train_ranker(store, seed=seed, settings=self.BY_HEART)
        assert of_the_same_queries.passed, of_the_same_queries.reason
        assert report.situations["without_memory"].queries > 50
        assert not report.passed, report.reason
        assert not report.active

    def test_clicks_without_meaning_do_not_pass(self, world, store):
        """A gate at 95 % lets one in forty through by chance; of these it lets none."""
        world.record(store, world.visits(1200, seed=2, known=30, noise=True))
        for seed in range(2):
            report = train_ranker(store, seed=seed)
            assert {name: trained.gate.passed for name, trained in report.situations.items()} == {
                "with_memory": False,
                "without_memory": False,
            }, report.reason
            assert (report.passed, report.active) == (False, False)
        assert [info.version for info in store.snapshots(RANKER)] == [1, 2]
        assert store.active_version(RANKER) == 0


class TestTrainRanker:
    def test_what_is_better_goes_live(self, logged):
        report = train_ranker(logged)
        assert all(trained.gate.difference.low > 0.2 for trained in report.situations.values())
        assert (report.version, report.active, report.passed) == (1, True, True)
        snapshot = logged.snapshot(RANKER)
        assert snapshot.version == 1
        assert snapshot.card["gate"] == {"passed": True, "reason": report.reason}
        assert report.reason.startswith("pages with memory: better than")
        assert "; pages without memory: better than" in report.reason

    def test_each_situation_has_a_model_that_sees_what_there_is(self, logged, schema, searched):
        report = train_ranker(logged)
        models = RankingModels.from_bytes(logged.snapshot(RANKER).payload).models
        assert models["with_memory"].schema == schema
        assert models["without_memory"].schema == searched
        remembered, new = (next(iter(trained.importance)) for trained in report.situations.values())
        assert remembered == "memory.posterior"
        assert new.startswith("arm.dense.")
        assert (report.schema, report.features) == (schema.fingerprint, schema.names)

    def test_says_what_it_learned_from(self, world, store):
        visits = world.visits(1200, seed=1, known=30)
        world.record(store, visits)
        report = train_ranker(store)
        rewarded = [visit for visit in visits if visit.clicked]
        known = [visit for visit in rewarded if int(visit.ranking.decision.understanding.tokens[1]) < 30]
        also_searched = [visit for visit in rewarded if visit not in known or set(visit.clicked) - {"d8", "d9"}]
        remembered, new = report.situations["with_memory"], report.situations["without_memory"]
        assert report.decisions == 1200
        assert report.left_out == {"no reward": 1200 - len(rewarded)}
        assert (remembered.decisions, remembered.queries) == (len(known), 30)
        assert remembered.impressions == 10 * len(known)
        assert (new.decisions, new.queries) == (len(also_searched), 60)
        assert new.decisions < len(rewarded)
        assert new.impressions == sum(8 if visit in known else 10 for visit in also_searched)

    def test_where_memory_tells_and_search_does_not_only_the_remembered_have_a_model(self, world, store):
        world.record(store, world.visits(1500, seed=3, known=60, blind=True))
        report = train_ranker(store)
        gates = {name: trained.gate.passed for name, trained in report.situations.items()}
        assert gates == {"with_memory": True, "without_memory": False}, report.reason
        assert report.active
        assert list(RankingModels.from_bytes(store.snapshot(RANKER).payload).models) == ["with_memory"]

    def test_where_memory_knew_nothing_only_new_queries_have_a_model(self, world, store):
        world.record(store, world.visits(900, seed=1))
        report = train_ranker(store)
        assert report.situations["with_memory"].gate.reason == "0 rewarded decisions, at least 200 are needed"
        assert report.situations["without_memory"].gate.passed
        assert report.active
        assert list(RankingModels.from_bytes(store.snapshot(RANKER).payload).models) == ["without_memory"]

    def test_models_that_passed_can_be_kept_without_going_live(self, logged):
        report = train_ranker(logged, activate_if_passed=False)
        assert (report.passed, report.version, report.active) == (True, 1, False)
        assert logged.active_version(RANKER) == 0

    def test_where_nothing_passes_all_models_are_kept_and_none_is_live(self, logged):
        report = train_ranker(logged, min_queries=5000)
        assert (report.version, report.active, report.passed) == (1, False, False)
        assert (
            "pages without memory: too few queries with a reward to tell: 60, at least 5000 are needed" in report.reason
        )
        assert set(RankingModels.from_bytes(logged.snapshot(RANKER, 1).payload).models) == {
            "with_memory",
            "without_memory",
        }

    def test_with_too_little_to_learn_from_nothing_is_trained(self, logged):
        report = train_ranker(logged, min_decisions=5000)
        assert (report.version, report.passed) == (0, False)
        for trained in report.situations.values():
            assert trained.gate.reason == f"{trained.decisions} rewarded decisions, at least 5000 are needed"
        assert logged.snapshots(RANKER) == []

    def test_an_empty_log_trains_nothing(self, store):
        report = train_ranker(store)
        assert (report.version, report.decisions) == (0, 0)

    def test_of_each_query_it_learns_from_no_more_than_the_settings_say(self, logged):
        report = train_ranker(logged, min_decisions=50, settings=TrainingSettings(rounds=2, max_per_query=3))
        assert report.situations["with_memory"].decisions == 3 * 30
        assert report.left_out["older than the newest 3 of its query"] > 100

    def test_the_same_log_and_seed_give_the_same_report_and_models(self, logged):
        first, again, other = (train_ranker(logged, seed=seed) for seed in (5, 5, 6))
        assert replace(first, version=0) == replace(again, version=0)
        assert logged.snapshot(RANKER, 1).payload == logged.snapshot(RANKER, 2).payload
        assert first.situations["without_memory"].gate != other.situations["without_memory"].gate

    @pytest.mark.parametrize("name", ["min_decisions", "min_queries", "max_decisions"])
    def test_refuses_a_bound_that_is_none(self, store, name):
        with pytest.raises(InvalidInputError, match=f"{name} of train_ranker must be at least 1, got 0"):
            train_ranker(store, **{name: 0})

    def test_without_lightgbm_it_says_how_to_get_it(self, store, monkeypatch):
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[ranking\]"'):
            train_ranker(store)


class TestTrainingSettings:
    @pytest.mark.parametrize(
        "setting",
        [{"folds": 1}, {"max_per_query": 0}, {"rounds": 0}, {"leaves": 1}, {"min_leaf": 0}, {"learning_rate": 0.0}],
    )
    def test_refuses_what_cannot_train(self, setting):
        with pytest.raises(ConfigurationError, match=next(iter(setting))):
            TrainingSettings(**setting)
