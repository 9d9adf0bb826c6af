import random
from dataclasses import replace

import numpy as np
import pytest
from haystack.utils import Secret

import factories
from factories import action_set, decision, unite
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking import place_prior_fitting
from ltrr_haystack.ranking.features import EXPOSURES
from ltrr_haystack.ranking.page_fitting import fit_page_model, fit_to, keep_page_model
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import DEFAULT_LOOKS, PlacePrior
from ltrr_haystack.ranking.place_prior_fitting import (
    CAUTION,
    FEWEST_LOOKS,
    LAST_PLACE,
    MOST_LOOKS,
    PRIOR_LOOKS,
    looks_against_a_click,
)
from ltrr_haystack.store import PAGE, LTRRStore, read_log

NOW = 1_700_000_000.0
WORDS = action_set(words=(0, 20))
DOCUMENTS = [f"d{number}" for number in range(20)]


class Service:
    """People search and click; twenty documents are found in one order for each of some queries."""

    def __init__(self, store, noise=0.02, queries=8):
        self.store = store
        self.noise = noise
        self.rng = random.Random(0)
        self.ranker = LTRRanker(store, poll_interval=0.0)
        self.learner = Learner(store, StaticPolicy(), reward_wait=0.0)
        self.wanted = {f"query {n}": set(self.rng.sample(DOCUMENTS[:12], 3)) for n in range(queries)}
        self.searches = 0

    def search(self, query, **who):
        self.searches += 1
        made = decision(f"q{self.searches}", query, actions=WORDS, decided_at=NOW, **who)
        return self.ranker.run(unite(made, {"words": DOCUMENTS}))["ranking"]

    def people(self, number):
        """Each of them looks at place k with probability k ** -.7, and clicks what is wanted, or by mistake."""
        visits = []
        for _ in range(number):
            query = self.rng.choice(list(self.wanted))
            ranking = self.search(query, user_id=f"person {self.searches}")
            looked = [each.object_id for each in ranking.impressions() if self.rng.random() < each.ordinal**-0.7]
            chance = {each: 0.8 if each in self.wanted[query] else self.noise for each in looked}
            visits.append((ranking, {each: 1.0 for each in looked if self.rng.random() < chance[each]}))
        self.record(visits)

    def record(self, visits):
        factories.record(self.store, visits, settle=False)
        self.learner.run_once(now=NOW + 10)


class TestFromTheLog:
    def test_an_empty_log_leaves_the_default(self, store):
        assert fit_page_model(store) == PageModel()
        assert keep_page_model(store) == PageModel()
        assert store.snapshots(PAGE) == []

    def test_so_does_one_that_nobody_has_learned_from(self, store):
        service = Service(store)
        factories.record(store, [(service.search("query 0"), {"d0": 1.0})])
        assert fit_page_model(store) == PageModel()

    def test_few_searches_leave_the_worth_of_a_look(self, store):
        service = Service(store)
        service.people(10)
        model = fit_page_model(store)
        assert 0 < model.looks < FEWEST_LOOKS
        assert model.ordering.looks == model.calibrated.looks == DEFAULT_LOOKS
        assert model != PageModel()

    def test_few_clicks_leave_the_click_rates(self, store, monkeypatch):
        """So one click does not lift a document over all others because a few searches made all places alike."""
        service = Service(store)
        service.people(10)
        few = fit_page_model(store)
        assert few.ordering == few.calibrated == PlacePrior()
        monkeypatch.setattr(place_prior_fitting, "FEWEST_CLICKS", 1)
        assert len(fit_page_model(store).ordering.rates) == LAST_PLACE

    def test_clicks_on_documents_that_were_known_tell_nothing_of_click_rates(self, store, monkeypatch):
        service = Service(store)
        for _ in range(3):
            service.people(60)
        clicked = [
            impression.features.get(EXPOSURES, 0.0) < 1.0
            for settled in read_log(store)
            for impression in settled.impressions
            if settled.rewards.get(impression.object_id, 0.0) > 0
        ]
        assert sum(clicked) < len(clicked)
        for fewest, learned in ((sum(clicked), True), (sum(clicked) + 1, False)):
            monkeypatch.setattr(place_prior_fitting, "FEWEST_CLICKS", fewest)
            assert (len(fit_page_model(store).ordering.rates) == LAST_PLACE) is learned

    def test_it_may_be_kept_without_going_live(self, store):
        Service(store).people(10)
        keep_page_model(store, activate=False)
        assert ([each.version for each in store.snapshots(PAGE)], store.active_version(PAGE)) == ([1], 0)

    def test_one_that_is_taken_back_while_another_is_fitted_stays_out_of_use(self, store, monkeypatch):
        Service(store).people(10)
        keep_page_model(store)

        def taken_back_meanwhile(*log, **settings):
            store.activate(PAGE, 0)
            return fit_page_model(*log, **settings)

        monkeypatch.setattr("ltrr_haystack.ranking.page_fitting.fit_page_model", taken_back_meanwhile)
        keep_page_model(store)
        assert (store.active_version(PAGE), len(store.snapshots(PAGE))) == (0, 2)

    def test_the_ranker_takes_up_what_was_kept(self, store):
        service = Service(store)
        service.people(300)
        before = service.search("never searched")
        model = keep_page_model(store)
        after = service.search("never searched")
        assert (before.page_version, after.page_version) == (0, 1)
        assert PageModel.from_bytes(store.snapshot(PAGE, 1).payload) == model
        assert {each.model_place: each.score for each in after.candidates} == {
            each.model_place: pytest.approx(model.ordering.expected([each.model_place])[0]) for each in after.candidates
        }
        assert after.candidates[0].score != before.candidates[0].score
        assert len(model.ordering.rates) == LAST_PLACE
        (card,) = [each.card for each in store.snapshots(PAGE)]
        assert card["prior_looks"] == round(model.ordering.looks, 2)
        assert card["looks"] > 0

    def test_pages_trust_the_model_s_order_more_than_what_judges_others(self, store):
        """
        Its places are worth more looks, here as many as one click asks for, since the union's order says little of what
        is wanted. Their rates follow one law, where the others are alike in steps.
        """
        service = Service(store)
        service.people(300)
        model = fit_page_model(store)
        assert model.ordering.looks == looks_against_a_click(model.ordering) > CAUTION * model.calibrated.looks
        assert model.calibrated.looks in PRIOR_LOOKS
        falls = np.diff(np.log(model.ordering.rates)) / np.diff(np.log(np.arange(1.0, LAST_PLACE + 1)))
        assert falls == pytest.approx(falls[0], abs=1e-9)
        assert (np.diff(model.calibrated.rates) == 0).any()
        assert len(set(model.calibrated.rates)) > 1

    def test_what_predicts_clicks_best_is_told_by_what_was_seen_at_each_place(self, store, monkeypatch):
        told = []
        monkeypatch.setattr(place_prior_fitting, "fitted_prior_looks", lambda _, priors, *__: told.append(priors))
        service = Service(store)
        service.people(300)
        model = fit_page_model(store)
        assert set(told[0].tolist()) <= set(model.calibrated.rates)
        assert model.calibrated.looks == DEFAULT_LOOKS < looks_against_a_click(model.ordering) == model.ordering.looks
        assert len(model.ordering.rates) == len(model.calibrated.rates) == LAST_PLACE

    def test_what_is_fitted_is_never_worth_more_than_the_most_looks(self, store, monkeypatch):
        monkeypatch.setattr(place_prior_fitting, "fitted_prior_looks", lambda *_: 150.0)
        Service(store).people(300)
        model = fit_page_model(store)
        assert (model.ordering.looks, model.calibrated.looks) == (MOST_LOOKS, 150.0)

    def test_a_prior_is_worth_more_looks_where_more_is_clicked_by_mistake(self, tmp_path):
        found = []
        for noise in (0.02, 0.5):
            store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/{noise}.db"))
            Service(store, noise).people(600)
            found.append(fit_page_model(store).calibrated.looks)
            store.close()
        clear, noisy = found
        assert clear < DEFAULT_LOOKS / 2
        assert noisy > 2 * clear

    def test_what_was_chosen_beyond_a_client_s_share_is_neither_a_click_nor_a_pass(self, store):
        """A page has one look less then: the one at its first place."""
        service = Service(store)
        service.people(40)
        pages = list(read_log(store))
        chosen = [replace(each, rewards={each.impressions[0].object_id: 1.0}) for each in pages]
        capped = [replace(each, capped=dict.fromkeys(each.rewards, 0.0)) for each in chosen]
        counted = fit_to(chosen)
        in_vain = fit_to(capped)
        assert counted.looks - in_vain.looks == pytest.approx(len(pages), abs=0.1)
        in_part = fit_to([replace(each, capped=dict.fromkeys(each.rewards, 0.25)) for each in chosen])
        assert in_part == counted, "passes of the same client count whole, too"

    def test_the_same_log_gives_the_same_bytes(self, store):
        Service(store).people(60)
        assert fit_page_model(store).to_bytes() == fit_page_model(store).to_bytes()

    def test_searches_that_count_for_no_model_are_passed_over(self, store):
        Service(store).people(40)
        pages = list(read_log(store))
        assert fit_to([replace(each, counted=False) for each in pages]) == fit_to([]) != fit_to(pages)

    def test_searches_of_one_client_beyond_its_share_do_not_move_it(self, store):
        """A client clicks the tenth document of every page it gets; after its share is used up that is for nothing."""
        service = Service(store)
        service.people(60)

        def attack(number):
            found = [service.search("query 0", user_id="mallory") for _ in range(number)]
            service.record([(each, {each.candidates[-1].object_id: 1.0}) for each in found])

        attack(20)
        before = fit_page_model(store)
        attack(100)
        assert fit_page_model(store) == before
