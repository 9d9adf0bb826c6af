import random
import sys
from dataclasses import replace

import numpy as np
import pytest

from ltrr_haystack.errors import ConfigurationError, InvalidInputError, MissingExtraError
from ltrr_haystack.ranking.gate import judge
from ltrr_haystack.ranking.model import RANKER, RankingModel
from ltrr_haystack.ranking.training import TrainingSettings, fit, train_ranker

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
        assert clear.count(9) / len(clear) > 0.9

    def test_position_bias_is_told_from_relevance(self, world, schema, examples):
        """The union .56, a model that takes every click at face value .94, one that knows of positions .97."""
        pages = examples(3000, seed=1)
        at_face_value = [replace(page, ordinals=np.ones_like(page.ordinals)) for page in pages]
        people = world.visits(600, seed=9)
        settings = TrainingSettings()
        union = true_ndcg(lambda features: -np.arange(10.0), people, schema)
        naive = true_ndcg(fit(at_face_value, schema, settings, seed=0).scores, people, schema)
        aware = true_ndcg(fit(pages, schema, settings, seed=0).scores, people, schema)
        assert union == pytest.approx(0.56, abs=0.02)
        assert naive == pytest.approx(0.94, abs=0.02)
        assert aware == pytest.approx(0.97, abs=0.01)
        assert aware > naive + 0.015

    def test_the_same_log_and_seed_give_the_same_model(self, schema, examples):
        pages = examples(300, seed=1)
        first, again = (fit(pages, schema, TrainingSettings(rounds=20), seed=3) for _ in range(2))
        assert first.to_bytes() == again.to_bytes()

    def test_clicks_without_meaning_do_not_pass_the_gate(self, schema, examples):
        """A gate at 95 % lets one in forty through by chance; of these five it lets none."""
        for seed in range(5):
            learned = fit(examples(600, seed=seed, noise=True), schema, TrainingSettings(rounds=30), seed)
            found = judge(learned, examples(300, seed=100 + seed, noise=True), min_decisions=50, seed=seed)
            assert not found.passed, found.reason


class TestTrainRanker:
    def test_a_model_that_is_better_goes_live(self, logged):
        report = train_ranker(logged)
        assert report.gate.passed
        assert report.gate.difference.low > 0.2
        assert (report.version, report.active) == (1, True)
        snapshot = logged.snapshot(RANKER)
        assert snapshot.version == 1
        assert RankingModel.from_bytes(snapshot.payload).schema.fingerprint == report.schema
        assert snapshot.card["gate"]["passed"] is True
        assert snapshot.card["learned_from"]["training"] == report.learned_from.training

    def test_says_what_it_learned_from(self, logged):
        source = train_ranker(logged).learned_from
        assert source.decisions == 900
        assert source.rewarded == source.training + source.held_out == 900 - source.left_out["no reward"]
        assert source.impressions == 10 * source.training
        assert source.sessions == source.training

    def test_a_model_that_passed_can_be_kept_without_going_live(self, logged):
        report = train_ranker(logged, activate_if_passed=False)
        assert (report.gate.passed, report.version, report.active) == (True, 1, False)
        assert logged.active_version(RANKER) == 0

    def test_a_model_trained_on_noise_is_kept_and_stays_out(self, world, store):
        world.record(store, world.visits(600, seed=2, noise=True))
        report = train_ranker(store)
        assert not report.gate.passed
        assert (report.version, report.active) == (1, False)
        assert store.active_version(RANKER) == 0

    def test_too_few_held_out_decisions_do_not_pass(self, logged):
        report = train_ranker(logged, min_held_out=5000)
        assert not report.active
        assert report.gate.reason.startswith("too few held-out decisions")

    def test_with_too_little_to_learn_from_nothing_is_trained(self, logged):
        report = train_ranker(logged, min_decisions=5000)
        assert report.version == 0
        assert report.gate.reason == f"{report.learned_from.rewarded} rewarded decisions, at least 5000 are needed"
        assert logged.snapshots(RANKER) == []

    def test_an_empty_log_trains_nothing(self, store):
        report = train_ranker(store)
        assert (report.version, report.learned_from.decisions) == (0, 0)

    def test_the_same_log_and_seed_give_the_same_report_and_model(self, logged):
        first, again = train_ranker(logged, seed=5), train_ranker(logged, seed=5)
        assert replace(first, version=0) == replace(again, version=0)
        assert logged.snapshot(RANKER, 1).payload == logged.snapshot(RANKER, 2).payload

    def test_refuses_a_minimum_that_is_none(self, store):
        with pytest.raises(InvalidInputError, match="min_held_out of train_ranker must be at least 1, got 0"):
            train_ranker(store, min_held_out=0)

    def test_without_lightgbm_it_says_how_to_get_it(self, store, monkeypatch):
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[ranking\]"'):
            train_ranker(store)


class TestTrainingSettings:
    @pytest.mark.parametrize(
        "setting", [{"held_out": 0.0}, {"held_out": 1.0}, {"rounds": 0}, {"leaves": 1}, {"learning_rate": 0.0}]
    )
    def test_refuses_what_cannot_train(self, setting):
        with pytest.raises(ConfigurationError, match=next(iter(setting))):
            TrainingSettings(**setting)
