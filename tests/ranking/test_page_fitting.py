import random
from dataclasses import replace

import numpy as np
import pytest
from haystack.utils import Secret
from hypothesis import given
from hypothesis import strategies as st

import factories
from factories import action_set, decision, unite
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking import page_fitting
from ltrr_haystack.ranking.features import EXPOSURES
from ltrr_haystack.ranking.page_fitting import (
    CAUTION,
    FEWEST_LOOKS,
    LAST_PLACE,
    MOST_LOOKS,
    POWERS,
    PRIOR_LOOKS,
    calibrated_rates,
    falling_rates,
    fit_page_model,
    fit_to,
    fitted_prior_looks,
    keep_page_model,
)
from ltrr_haystack.ranking.page_model import DEFAULT_PRIOR_LOOKS, PageModel
from ltrr_haystack.ranking.page_order import by_expected_attraction
from ltrr_haystack.store import PAGE, LTRRStore, read_log

NOW = 1_700_000_000.0
WORDS = action_set(words=(0, 20))
DOCUMENTS = [f"d{number}" for number in range(20)]


def rates(places, clicked, examined):
    return calibrated_rates(np.array(places), np.array(clicked, float), np.array(examined, float)).tolist()


class TestCalibratedRates:
    def test_by_hand(self):
        """
        Two clicks in three looks at place 1 and a prior of .5 in one look: 2.5 of 4. At place 2, with .5 / 2 ** .7 =
        .308: 1.308 of 2.5. Nothing was seen of the others.
        """
        found = rates([1, 1, 1, 2, 2, 2], [1, 1, 0, 1, 0, 0], [1.0, 1.0, 1.0, 0.5, 0.5, 0.5])
        assert found[:2] == pytest.approx([0.625, 1.30779 / 2.5], abs=1e-5)
        assert found[2:] == pytest.approx(PageModel().priors(np.arange(3, LAST_PLACE + 1)).tolist())

    def test_a_place_that_does_better_than_the_one_before_shares_its_rate_with_it(self):
        """Place 1 alone is .5 of 4 looks, place 2 3.308 of 4: together 3.808 of 8, and above place 3 at .232."""
        found = rates([1, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 1], [1.0] * 6)
        assert found[:2] == pytest.approx([0.475974, 0.475974], abs=1e-5)
        assert found[2] == pytest.approx(0.5 / 3**0.7)

    def test_the_one_with_more_looks_weighs_more(self):
        """Three clicks in nine looks at place 1 are 3.5 of 10, one in one at place 2 is 1.308 of 2: 4.808 of 12."""
        found = rates([1] * 9 + [2], [1] * 3 + [0] * 6 + [1], [1.0] * 10)
        assert found[:2] == pytest.approx([4.80779 / 12] * 2, abs=1e-5)

    def test_places_beyond_the_last_are_left_out(self):
        assert rates([LAST_PLACE + 1], [1], [1.0]) == pytest.approx(PageModel().priors(np.arange(1, 51)).tolist())

    @given(st.lists(st.tuples(st.integers(1, 60), st.booleans(), st.floats(0.01, 1.0)), max_size=200))
    def test_are_probabilities_that_never_rise(self, impressions):
        places, clicked, examined = zip(*impressions, strict=True) if impressions else ((), (), ())
        found = calibrated_rates(np.array(places, int), np.array(clicked, float), np.array(examined, float))
        assert len(found) == LAST_PLACE
        assert ((found > 0) & (found < 1)).all()
        assert (np.diff(found) <= 1e-12).all()


def falling(places, clicked, examined):
    return falling_rates(np.array(places), np.array(clicked, float), np.array(examined, float)).tolist()


class TestFallingRates:
    def test_by_hand(self):
        """
        Two clicks in three looks at place 1, one in three at place 2, ten thousand times: half, so a third at place 3.
        """
        places, clicked = [1] * 3 + [2] * 6, [1, 1, 0, 1, 0, 0, 0, 0, 0]
        found = falling(places * 10_000, clicked * 10_000, ([1.0] * 3 + [0.5] * 6) * 10_000)
        assert found[:3] == pytest.approx([2 / 3, 1 / 3, 2 / 9], abs=1e-3)
        assert found[-1] == pytest.approx(2 / 3 / LAST_PLACE, abs=1e-3)

    def test_where_lower_places_do_better_they_fall_as_little_as_is_allowed(self):
        """One click in three looks at place 1, three in three at place 4: a power of a tenth."""
        found = np.array(falling([1, 1, 1, 4, 4, 4] * 100, [1, 0, 0, 1, 1, 1] * 100, [1.0] * 600))
        assert found / found[0] == pytest.approx(np.arange(1.0, LAST_PLACE + 1) ** -POWERS[0], abs=1e-4)
        assert found[[0, 3]].sum() * 3 == pytest.approx(4, abs=1e-4)

    @pytest.mark.parametrize("place", [1, 3])
    def test_a_single_place_leaves_the_power_that_is_taken_beforehand(self, place):
        """Its own rate is a quarter, and the others are as far from it as before anything was learned."""
        found = falling([place] * 400, [1, 0, 0, 0] * 100, [1.0] * 400)
        before = PageModel().priors(np.arange(1, LAST_PLACE + 1))
        assert found == pytest.approx((0.25 * before / before[place - 1]).tolist(), rel=1e-3)

    @pytest.mark.parametrize(("first", "power"), [(0.8, 0.6), (0.4, 0.15), (0.9, 1.6)])
    def test_are_found_again_in_clicks_that_were_drawn_with_them(self, first, power):
        rng = np.random.default_rng(0)
        places = rng.integers(1, LAST_PLACE + 1, 200_000)
        examined = rng.uniform(0.05, 1.0, len(places))
        clicked = rng.random(len(places)) < examined * first * places**-power
        found = falling(places, clicked, examined)
        assert found == pytest.approx((first * np.arange(1.0, LAST_PLACE + 1) ** -power).tolist(), rel=0.15)

    def test_still_fall_where_little_was_looked_at(self):
        """Few looks at low places, of which the last happened to be clicked: what is far below stays worth less."""
        few = falling([1] * 40 + [2] * 40 + [40] * 2, [1] * 24 + [0] * 16 + [1] * 12 + [0] * 28 + [1, 0], [1.0] * 82)
        assert few[39] < 0.6 * few[1] < 0.6 * few[0]

    def test_places_beyond_the_last_are_left_out(self):
        assert falling([LAST_PLACE + 1], [1], [1.0]) == pytest.approx(PageModel().priors(np.arange(1, 51)).tolist())

    @given(st.lists(st.tuples(st.integers(1, 60), st.booleans(), st.floats(0.01, 1.0)), max_size=200))
    def test_are_probabilities_that_never_rise(self, impressions):
        places, clicked, examined = zip(*impressions, strict=True) if impressions else ((), (), ())
        found = falling_rates(np.array(places, int), np.array(clicked, float), np.array(examined, float))
        assert len(found) == LAST_PLACE
        assert ((found > 0) & (found < 1)).all()
        assert (np.diff(found) <= 1e-12).all()

    @pytest.mark.parametrize("scale", [0.2, 0.5, 1.0])
    def test_a_client_with_a_tenth_of_the_searches_turns_no_page_over(self, scale):
        """
        It clicks the last three documents of pages that nobody had seen. A page of ten is then shown to somebody who
        clicks nothing: with a prior of 40 looks it stays as it is, with the fewest its first five documents stay ahead.
        """
        rng, page = np.random.default_rng(0), np.arange(1, 11)
        looks = PageModel().curve.over(page)
        honest = rng.random((9000, 10)) < looks * 0.3 * scale * page**-0.7
        attack = np.tile(page > 7, (1000, 1))
        rates = falling(np.tile(page, 10_000), np.concatenate([honest, attack]).ravel(), np.tile(looks, 10_000))
        places, nothing = np.arange(1, LAST_PLACE + 1), np.zeros(LAST_PLACE)
        seen = np.concatenate([looks, nothing[10:]])

        def order(prior_looks):
            model = PageModel(click_rates=tuple(rates), prior_looks=prior_looks)
            return by_expected_attraction(model.posteriors(places, nothing, seen), places)[0].tolist()

        assert order(40.0)[:10] == list(range(10))
        assert set(order(CAUTION)[:5]) == set(range(5))


def clicks_of(priors, attraction, looks, rng):
    """Each pair is looked at as often, one after the other; pair, prior, click and examination of every impression."""
    pairs = np.tile(np.arange(len(priors)), looks)
    clicked = (rng.random(len(pairs)) < attraction[pairs]).astype(float)
    return pairs, priors[pairs], clicked, np.ones(len(pairs))


class TestPriorLooks:
    @pytest.mark.parametrize("worth", [2.0, 10.0, 60.0])
    def test_are_found_again_in_pairs_that_were_drawn_with_them(self, worth):
        rng = np.random.default_rng(0)
        priors = rng.uniform(0.05, 0.5, 100_000)
        attraction = rng.beta(worth * priors, worth * (1 - priors))
        assert fitted_prior_looks(*clicks_of(priors, attraction, 3, rng)) == pytest.approx(worth, rel=0.3)

    def test_are_the_most_where_all_documents_of_a_place_are_alike(self):
        """What is clicked by chance alone says nothing of the document."""
        rng = np.random.default_rng(0)
        priors = rng.uniform(0.05, 0.5, 4000)
        assert fitted_prior_looks(*clicks_of(priors, priors, 20, rng)) > 50.0

    def test_are_the_fewest_where_each_document_is_always_clicked_or_never(self):
        rng = np.random.default_rng(0)
        wanted = (rng.random(2000) < 0.2).astype(float)
        assert fitted_prior_looks(*clicks_of(np.full(2000, 0.2), wanted, 20, rng)) == PRIOR_LOOKS[0]

    def test_are_those_of_the_first_looks(self):
        """
        One document in twenty is always clicked, the others by mistake in a fifth of all looks. Each look for itself
        says little, though with many of them the few stand out.
        """
        rng = np.random.default_rng(0)
        attraction = np.where(rng.random(20_000) < 0.05, 1.0, 0.2)
        few = fitted_prior_looks(*clicks_of(np.full(20_000, 0.24), attraction, 2, rng))
        many = fitted_prior_looks(*clicks_of(np.full(20_000, 0.24), attraction, 30, rng))
        assert many == pytest.approx(few, rel=0.3)
        assert many > 4.0

    def test_by_hand(self):
        """
        The second look at each of 500 pairs, clicked in 3 of 10 after a click and in 1 of 10 after none, with a prior
        of 0.15: (n·0.15 + 1) / (n + 1) = 0.3 at n = 4.67, and n·0.15 / (n + 1) = 0.1 at n = 2.
        """
        first = np.tile([1.0, 0.0], 250)
        second = np.where(first > 0, np.arange(500) % 20 < 6, np.arange(500) % 20 < 2).astype(float)
        pairs, clicked = np.tile(np.arange(500), 2), np.concatenate([first, second])
        found = fitted_prior_looks(pairs, np.full(1000, 0.15), clicked, np.ones(1000))
        assert 2.0 < found < 4.67

    def test_are_unknown_where_nothing_was_seen_twice(self):
        assert fitted_prior_looks(np.arange(3000), np.full(3000, 0.2), np.zeros(3000), np.ones(3000)) is None

    def test_more_clicks_than_looks_do_no_harm(self):
        rng = np.random.default_rng(0)
        pairs, priors, clicked, _ = clicks_of(np.full(500, 0.2), np.full(500, 0.9), 4, rng)
        assert np.isfinite(fitted_prior_looks(pairs, priors, clicked, np.full(len(pairs), 0.3)))


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

    def test_so_does_one_that_nobody_has_learned_from(self, store):
        service = Service(store)
        factories.record(store, [(service.search("query 0"), {"d0": 1.0})])
        assert fit_page_model(store) == PageModel()

    def test_few_searches_leave_the_worth_of_a_look(self, store):
        service = Service(store)
        service.people(10)
        model = fit_page_model(store)
        assert 0 < model.looks < FEWEST_LOOKS
        assert model.prior_looks == model.calibrated_looks == DEFAULT_PRIOR_LOOKS
        assert model != PageModel()

    def test_few_clicks_leave_the_click_rates(self, store, monkeypatch):
        """So one click does not lift a document over all others because a few searches made all places alike."""
        service = Service(store)
        service.people(10)
        few = fit_page_model(store)
        assert (few.click_rates, few.prior_looks) == (PageModel().click_rates, DEFAULT_PRIOR_LOOKS)
        monkeypatch.setattr(page_fitting, "FEWEST_CLICKS", 1)
        assert len(fit_page_model(store).click_rates) == LAST_PLACE

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
            monkeypatch.setattr(page_fitting, "FEWEST_CLICKS", fewest)
            assert (len(fit_page_model(store).click_rates) == LAST_PLACE) is learned

    def test_it_may_be_kept_without_going_live(self, store):
        Service(store).people(10)
        keep_page_model(store, activate=False)
        assert ([each.version for each in store.snapshots(PAGE)], store.active_version(PAGE)) == ([1], 0)

    def test_the_ranker_takes_up_what_was_kept(self, store):
        service = Service(store)
        service.people(300)
        before = service.search("never searched")
        model = keep_page_model(store)
        after = service.search("never searched")
        assert (before.page_version, after.page_version) == (0, 1)
        assert PageModel.from_bytes(store.snapshot(PAGE, 1).payload) == model
        assert {each.model_place: each.score for each in after.candidates} == {
            each.model_place: pytest.approx(model.priors([each.model_place])[0]) for each in after.candidates
        }
        assert after.candidates[0].score != before.candidates[0].score
        assert len(model.click_rates) == LAST_PLACE
        (card,) = [each.card for each in store.snapshots(PAGE)]
        assert card["prior_looks"] == round(model.prior_looks, 2)
        assert card["looks"] > 0

    def test_pages_trust_the_model_s_order_more_than_what_judges_others(self, store):
        """Its places are worth more looks, and their rates follow one law, where the others are alike in steps."""
        service = Service(store)
        service.people(300)
        model = fit_page_model(store)
        assert model.prior_looks == CAUTION * model.calibrated_looks
        assert model.calibrated_looks in PRIOR_LOOKS
        falls = np.diff(np.log(model.click_rates)) / np.diff(np.log(np.arange(1.0, LAST_PLACE + 1)))
        assert falls == pytest.approx(falls[0], abs=1e-9)
        assert (np.diff(model.calibrated_rates) == 0).any()
        assert len(set(model.calibrated_rates)) > 1

    def test_what_predicts_clicks_best_is_told_by_what_was_seen_at_each_place(self, store, monkeypatch):
        told = []
        monkeypatch.setattr(page_fitting, "fitted_prior_looks", lambda _, priors, *__: told.append(priors))
        service = Service(store)
        service.people(300)
        model = fit_page_model(store)
        assert set(told[0].tolist()) <= set(model.calibrated_rates)
        assert (model.prior_looks, model.calibrated_looks) == (DEFAULT_PRIOR_LOOKS, DEFAULT_PRIOR_LOOKS)
        assert len(model.click_rates) == len(model.calibrated_rates) == LAST_PLACE

    def test_a_prior_is_never_worth_more_than_the_most_looks(self, store, monkeypatch):
        monkeypatch.setattr(page_fitting, "fitted_prior_looks", lambda *_: 150.0)
        Service(store).people(300)
        model = fit_page_model(store)
        assert (model.prior_looks, model.calibrated_looks) == (MOST_LOOKS, 150.0)

    def test_a_prior_is_worth_more_looks_where_more_is_clicked_by_mistake(self, tmp_path):
        found = []
        for noise in (0.02, 0.5):
            store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/{noise}.db"))
            Service(store, noise).people(600)
            found.append(fit_page_model(store).calibrated_looks)
            store.close()
        clear, noisy = found
        assert clear < DEFAULT_PRIOR_LOOKS / 2
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

    def test_the_same_log_gives_the_same_bytes(self, store):
        Service(store).people(60)
        assert fit_page_model(store).to_bytes() == fit_page_model(store).to_bytes()

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
