import logging
import sys
from dataclasses import replace

import pytest

from ltrr_haystack.errors import InvalidInputError, MissingExtraError
from ltrr_haystack.feedback.position_bias import PRIOR_DEVIATION
from ltrr_haystack.policy.gains import AllocationGains
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.ranking.model import RankingModel
from ltrr_haystack.ranking.page_fitting import fit_page_model
from ltrr_haystack.ranking.reading import read_ranker_log
from ltrr_haystack.ranking.training import train_page, train_ranker
from ltrr_haystack.store import ALLOCATIONS, CLICKS, PAGE, RANKER
from ltrr_haystack.types import Provenance


class TestTrainRanker:
    def test_what_is_better_goes_live(self, logged, quick, world, true_ndcg):
        report = train_ranker(logged, settings=quick)
        assert (report.version, report.active, report.passed) == (1, True, True), report.reason
        snapshot = logged.snapshot(RANKER)
        assert snapshot.version == 1
        assert snapshot.card["gate"]["passed"] is True
        assert snapshot.card["gate"]["reason"] == report.reason
        assert report.reason.startswith("on 60 queries that it had not seen not worse than the union's own order: +")
        people = world.visits(100, seed=9)
        assert true_ndcg(RankingModel.from_bytes(snapshot.payload), people) > true_ndcg(None, people) + 0.2

    def test_the_model_sees_nothing_of_memory_and_not_its_own_start(self, logged, searched, quick):
        report = train_ranker(logged, settings=quick)
        model = RankingModel.from_bytes(logged.snapshot(RANKER).payload)
        assert model.schema == searched
        assert (report.schema, report.features) == (searched.fingerprint, searched.names)
        assert next(iter(report.importance)).startswith("arm.dense.")

    def test_says_what_it_learned_from(self, world, store, quick):
        visits = world.visits(600, seed=1)
        world.record(store, visits)
        report = train_ranker(store, settings=quick)
        rewarded = [visit for visit in visits if visit.clicked]
        assert (report.decisions, report.until) == (600, 600)
        assert report.left_out == {}
        assert (report.rewarded, report.queries) == (len(rewarded), 60)
        shown = {
            (visit.ranking.decision.evidence_key, each.object_id)
            for visit in visits
            for each in visit.ranking.candidates
        }
        assert (report.shown, report.unshown) == (len(shown), 16 * 60 - len(shown))
        assert report.gate.queries == len({visit.ranking.decision.evidence_key for visit in rewarded}) == 60

    def test_a_query_is_judged_by_a_model_that_never_saw_it(self, world, store):
        """What is wanted for a query can be known by heart and not be understood."""
        settings = TrainingSettings(rounds=40, learning_rate=0.3, leaves=31, min_leaf=2, feature_fraction=1.0)
        world.record(store, world.riddles(40, 25, seed=2))
        report = train_ranker(store, settings=settings)
        assert report.gate.look == 1
        assert not report.passed, report.reason
        model = RankingModel.from_bytes(store.snapshot(RANKER, 1).payload)
        store.activate(RANKER, 1)
        _, beside_live = train_ranker(store, settings=settings).gate.comparisons
        assert model.importance
        assert beside_live.difference.mean == 0.0, "models like the live one have not seen the queries either"

    def test_says_what_allocations_are_worth_with_the_pages_of_the_live_model(self, logged, quick):
        """dense knows what is wanted and has no say in the union's order: ranked, its page is the better one."""
        report = train_ranker(logged, settings=quick)
        snapshot = logged.snapshot(ALLOCATIONS)
        gains = AllocationGains.from_bytes(snapshot.payload)
        assert gains.ranker == report.version == snapshot.card["ranker"] == 1
        assert gains.reordered
        assert gains.against == "bm25=20 dense=20"
        assert gains.queries == 60
        assert gains.of["bm25=20 dense=20"].clicks > 0.1
        assert gains.of["bm25=20"].clicks == pytest.approx(0.0, abs=0.02)

    def test_with_memory_beside_both_a_cheaper_allocation_is_nearer_to_the_baseline(self, logged, quick):
        """Each query was searched about ten times: what was clicked is brought back, whatever finds it."""
        train_ranker(logged, settings=quick)
        snapshot = logged.snapshot(ALLOCATIONS)
        gains = AllocationGains.from_bytes(snapshot.payload)
        assert gains.repeated.queries == snapshot.card["repeated"] == 60
        assert (gains.repeated.against, gains.repeated.reordered) == (gains.against, True)
        assert gains.repeated.of[gains.against].clicks == 0.0
        assert gains.repeated.baseline > gains.baseline + 0.3
        lost, lost_with_memory = (of.of["bm25=20"].behind_model for of in (gains, gains.repeated))
        assert 0.0 < lost_with_memory < lost / 2

    def test_where_a_model_does_not_go_live_the_pages_are_those_of_the_live_one(self, logged, quick):
        train_ranker(logged, settings=quick, activate_if_passed=False)
        kept = AllocationGains.from_bytes(logged.snapshot(ALLOCATIONS, 1).payload)
        assert (kept.ranker, kept.of["bm25=20 dense=20"].clicks) == (0, pytest.approx(0.0))

    def test_a_live_model_may_have_its_columns_in_another_order(self, logged, searched, known_queries, quick):
        """How it was trained is not known: it is taken as it is, and is as good on the log as one like it."""
        other = FeatureSchema(searched.names[::-1])
        queries = [replace(each, features=each.features[:, ::-1]) for each in known_queries(600, seed=1)]
        verdicts = []
        for schema, known in ((searched, known_queries(600, seed=1)), (other, queries)):
            logged.add_snapshot(RANKER, fit(known, schema, quick, 0).to_bytes(), {}, activate=True)
            verdicts.append(train_ranker(logged, settings=quick, activate_if_passed=False).gate.comparisons[1])
        plain, reversed_ = [each.other.mean for each in verdicts]
        assert reversed_ == pytest.approx(plain, rel=0.05)

    def test_unless_it_is_wanted_nothing_goes_live(self, logged):
        """Neither the ranker nor what else is learned from the log."""
        report = train_page(logged, activate_if_passed=False)
        kept = {kind for kind in (RANKER, PAGE, ALLOCATIONS, CLICKS) if logged.snapshots(kind)}
        assert kept == {RANKER, PAGE, ALLOCATIONS, CLICKS}
        assert {kind: logged.active_version(kind) for kind in kept} == dict.fromkeys(kept, 0)
        assert not report.active

    def test_what_is_taken_back_in_the_course_of_a_training_does_not_return_with_it(
        self, logged, quick, monkeypatch, caplog
    ):
        """The gate compared the new ranker with one that is not in use any more."""
        train_page(logged)
        live = (RANKER, PAGE, CLICKS, ALLOCATIONS)
        assert [logged.active_version(kind) for kind in live] == [1, 1, 1, 1]

        def taken_back_meanwhile(*queries, **settings):
            for kind in live:
                logged.activate(kind, 0)
            return read_ranker_log(*queries, **settings)

        monkeypatch.setattr("ltrr_haystack.ranking.training.read_ranker_log", taken_back_meanwhile)
        with caplog.at_level(logging.WARNING):
            report = train_ranker(logged, settings=quick)
        assert (report.version, report.passed, report.active) == (2, True, False), report.reason
        assert report.superseded
        assert [logged.active_version(kind) for kind in live] == [0, 0, 0, 0]
        assert [len(logged.snapshots(kind)) for kind in (RANKER, CLICKS, ALLOCATIONS)] == [2, 2, 2]
        assert "ranker 2 is kept and not in use: The 'ranker' snapshot was made to replace version 1" in caplog.text

    def test_of_a_live_model_that_may_know_the_queries_nothing_is_measured(
        self, logged, searched, known_queries, quick
    ):
        logged.add_snapshot(RANKER, fit(known_queries(100, seed=1), searched, quick, 0).to_bytes(), {}, activate=True)
        train_ranker(logged, settings=replace(quick, rounds=1, learning_rate=1e-6))
        assert logged.active_version(RANKER) == 1
        assert logged.snapshot(ALLOCATIONS) is None

    def test_where_all_that_was_chosen_only_a_memory_brought_nothing_is_trained(self, world, store):
        """There is nothing to learn of what a new query would show."""
        brought = {"recall": Provenance(1, 0.9, 1.0)}
        visits = []
        for visit in world.visits(30, seed=4, queries=30):
            first, *others = visit.ranking.candidates
            ranking = replace(visit.ranking, candidates=(replace(first, arms=brought), *others))
            visits.append(replace(visit, ranking=ranking, clicked=(first.object_id,)))
        world.record(store, visits)
        report = train_ranker(store, min_decisions=5)
        assert (report.rewarded, report.queries, report.version) == (30, 0, 0)

    def test_on_too_few_queries_no_allocation_is_measured(self, logged, quick):
        train_ranker(logged, settings=quick, min_queries=61)
        assert logged.snapshot(ALLOCATIONS) is None

    def test_a_live_model_of_an_earlier_version_is_compared_with_models_like_it(self, logged, quick):
        """Settings that are none any more are left out."""
        report = train_ranker(logged, settings=quick)
        card = {**report.card(), "settings": {**report.settings, "unshown_share": 1.0, "max_per_query": 50}}
        logged.add_snapshot(RANKER, logged.snapshot(RANKER).payload, card, activate=True)
        _, live = train_ranker(logged, settings=quick).gate.comparisons
        assert live.difference.mean == 0.0

    def test_models_that_passed_can_be_kept_without_going_live(self, logged, quick):
        report = train_ranker(logged, activate_if_passed=False, settings=quick)
        assert (report.passed, report.version, report.active) == (True, 1, False)
        assert logged.active_version(RANKER) == 0

    def test_where_a_model_does_not_pass_what_is_live_stays_live(self, logged, quick):
        train_ranker(logged, settings=quick)
        worse = train_ranker(logged, settings=replace(quick, rounds=1, learning_rate=1e-6))
        assert (worse.version, worse.passed, worse.active) == (2, False, False)
        assert logged.active_version(RANKER) == 1
        assert logged.snapshots(RANKER)[-1].card["gate"]["reason"] == worse.reason

    def test_a_model_that_is_worse_than_the_live_one_is_refused(self, logged, quick):
        """A single tree is better than the union, and not as good as forty."""
        train_ranker(logged, settings=quick)
        single = replace(quick, rounds=1, leaves=2, feature_fraction=1.0)
        beside = train_ranker(logged, settings=single)
        union, live = beside.gate.comparisons
        assert union.difference.low > 0
        assert not beside.passed
        assert "not shown not to be worse than the live model" in beside.reason
        assert live.difference.mean < 0

    def test_a_live_model_of_another_pipeline_is_nothing_to_compare_with(
        self, logged, searched, known_queries, quick, caplog
    ):
        other = replace(searched, names=tuple(name.replace("dense", "sparse") for name in searched.names))
        logged.add_snapshot(RANKER, fit(known_queries(100, seed=1), other, quick, 0).to_bytes(), {}, activate=True)
        with caplog.at_level(logging.WARNING):
            report = train_ranker(logged, settings=quick)
        assert report.active
        assert [each.name for each in report.gate.comparisons] == ["union's own order"]
        assert "The live ranker cannot be compared with" in caplog.text

    def test_while_the_live_model_cannot_rank_the_baseline_alone_opens_nothing(
        self, logged, searched, known_queries, quick
    ):
        """The union's order is served meanwhile, and the gains are those of its pages."""
        other = replace(searched, names=tuple(name.replace("dense", "sparse") for name in searched.names))
        logged.add_snapshot(RANKER, fit(known_queries(100, seed=1), other, quick, 0).to_bytes(), {}, activate=True)
        train_ranker(logged, settings=quick, activate_if_passed=False)
        gains = AllocationGains.from_bytes(logged.snapshot(ALLOCATIONS, 1).payload)
        assert (gains.ranker, gains.reordered) == (1, False)
        baseline = gains.of["bm25=20 dense=20"]
        assert baseline.clicks == 0.0
        assert not replace(gains, of={"bm25=20 dense=20": baseline}).opens

    def test_every_test_is_counted_passed_or_not(self, logged, quick):
        looks = []
        for settings in (quick, replace(quick, rounds=1, learning_rate=1e-6), quick):
            report = train_ranker(logged, settings=settings)
            looks.append((report.looks, report.gate.look))
        assert looks == [(1, 1), (2, 2), (3, 3)]
        assert [info.card["looks"] for info in logged.snapshots(RANKER)] == [1, 2, 3]
        logged.add_snapshot(RANKER, b"put there by hand", {}, activate=False)
        assert train_ranker(logged, settings=quick).looks == 4

    def test_where_there_was_too_little_to_test_no_look_is_spent(self, logged, quick):
        train_ranker(logged, settings=quick)
        report = train_ranker(logged, min_queries=5000, settings=quick)
        assert (report.version, report.active, report.passed) == (2, False, False)
        assert report.reason == "too few queries brought a reward: 60, at least 5000 are needed"
        assert (report.gate.look, report.looks) == (0, 1)
        assert train_ranker(logged, settings=quick).gate.look == 2

    def test_what_is_much_better_is_seen_though_no_document_ever_moved(self, world, store, quick, true_ndcg):
        """What is wanted stands on the page, however low; how far people look is not known."""
        world.record(store, world.visits(600, seed=1, explored=False))
        report = train_ranker(store, settings=quick)
        assert fit_page_model(store).curve.deviation == PRIOR_DEVIATION
        assert report.passed, report.reason
        people = world.visits(100, seed=9)
        model = RankingModel.from_bytes(store.snapshot(RANKER).payload)
        assert true_ndcg(model, people) > true_ndcg(None, people) + 0.2

    def test_of_models_that_learned_from_clicks_without_meaning_none_is_better(self, world, store):
        world.record(store, world.visits(900, seed=2, noise=True))
        report = train_ranker(store)
        assert report.gate.look == 1
        assert report.gate.comparisons[0].difference.low < 0

    def test_with_too_little_to_learn_from_nothing_is_trained(self, logged):
        report = train_ranker(logged, min_decisions=5000)
        assert (report.version, report.passed, report.looks) == (0, False, 0)
        assert report.reason == f"{report.rewarded} rewarded decisions, at least 5000 are needed"
        assert logged.snapshots(RANKER) == []

    def test_an_empty_log_trains_nothing(self, store):
        report = train_page(store)
        assert (report.version, report.decisions, report.until) == (0, 0, 0)

    def test_without_a_page_model_it_is_fitted_to_the_same_log(self, logged, quick):
        own = train_ranker(logged, settings=quick, activate_if_passed=False)
        given = train_ranker(logged, settings=quick, page_model=fit_page_model(logged), activate_if_passed=False)
        assert own.gate.model.mean == given.gate.model.mean

    def test_the_same_log_and_seed_give_the_same_model_and_figures(self, logged, quick):
        first, again = (train_ranker(logged, seed=5, settings=quick, activate_if_passed=False) for _ in range(2))
        assert first.gate.model.mean == again.gate.model.mean
        assert logged.snapshot(RANKER, 1).payload == logged.snapshot(RANKER, 2).payload
        other = train_ranker(logged, seed=6, settings=quick, activate_if_passed=False)
        assert other.gate.model.mean != first.gate.model.mean

    @pytest.mark.parametrize("name", ["min_decisions", "min_queries", "max_decisions"])
    def test_refuses_a_bound_that_is_none(self, store, name):
        with pytest.raises(InvalidInputError, match=f"{name} of train_ranker must be at least 1, got 0"):
            train_ranker(store, **{name: 0})

    def test_without_lightgbm_it_says_how_to_get_it(self, store, monkeypatch):
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        with pytest.raises(MissingExtraError, match=r'pip install "ltrr-haystack\[ranking\]"'):
            train_ranker(store)
