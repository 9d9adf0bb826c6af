from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.page_order import by_expected_attraction
from ltrr_haystack.ranking.place_prior import DEFAULT_LOOKS, PlacePrior
from ltrr_haystack.ranking.place_prior_fitting import (
    CAUTION,
    FEWEST_CLICKS,
    LAST_PLACE,
    POWERS,
    PRIOR_LOOKS,
    calibrated_rates,
    falling_rates,
    fitted_prior_looks,
    fitted_priors,
    looks_against_a_click,
)


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
        assert found[2:] == pytest.approx(PlacePrior().expected(np.arange(3, LAST_PLACE + 1)).tolist())

    def test_a_place_that_does_better_than_the_one_before_shares_its_rate_with_it(self):
        """Place 1 alone is .5 of 4 looks, place 2 3.308 of 4: together 3.808 of 8, and above place 3 at .232."""
        found = rates([1, 1, 1, 2, 2, 2], [0, 0, 0, 1, 1, 1], [1.0] * 6)
        assert found[:2] == pytest.approx([0.475974, 0.475974], abs=1e-5)
        assert found[2] == pytest.approx(0.5 / 3**0.7)

    def test_the_one_with_more_looks_weighs_more(self):
        """Three clicks in nine looks at place 1 are 3.5 of 10, one in one at place 2 is 1.308 of 2: 4.808 of 12."""
        found = rates([1] * 9 + [2], [1] * 3 + [0] * 6 + [1], [1.0] * 10)
        assert found[:2] == pytest.approx([4.80779 / 12] * 2, abs=1e-5)


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
        before = PlacePrior().expected(np.arange(1, LAST_PLACE + 1))
        assert found == pytest.approx((0.25 * before / before[place - 1]).tolist(), rel=1e-3)

    def test_a_few_clicks_hardly_move_the_power(self):
        """
        A click in two looks at places 1 and 10 alike. The power p at which 2 ln(1 + 10^-p) + p ln 10 + ((p - .7) /
        .35)^2 / 2 is smallest is .544; these clicks alone would have it at its bound of a tenth.
        """
        found = falling([1, 1, 10, 10], [1, 0, 1, 0], [1.0] * 4)
        assert found[9] / found[0] == pytest.approx(10**-0.544, abs=0.002)

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
            prior = PlacePrior(tuple(rates), prior_looks)
            return by_expected_attraction(prior.posteriors(places, nothing, seen), places)[0].tolist()

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


def after_a_click(prior, place=10, page=10):
    """The order, from 0, after a first page on which one place was clicked and all others were looked at and passed."""
    places = np.arange(1, LAST_PLACE + 1)
    looks = np.where(places <= page, PageModel().curve.over(places), 0.0)
    clicks = (places == place).astype(float)
    return by_expected_attraction(prior.posteriors(places, clicks, looks), places)[0].tolist()


class TestLooksAgainstAClick:
    def test_by_hand(self):
        """With n = 2.5, .5 · 2.5 / 3.5 and (.1 · 2.5 + 1) / 3.5 are both .357."""
        assert looks_against_a_click(PlacePrior((0.5, *[0.2] * 8, 0.1))) == pytest.approx(2.5)

    @given(first=st.floats(1e-3, 0.99), power=st.floats(*POWERS))
    def test_on_a_first_page_a_click_on_the_tenth_document_leaves_the_first_one_first(self, first, power):
        rates = np.clip(first * np.arange(1, LAST_PLACE + 1) ** -power, 1e-4, 0.99)
        prior = PlacePrior(tuple(rates.tolist()))
        looks = looks_against_a_click(prior)
        assert after_a_click(replace(prior, looks=1.0001 * looks))[0] == 0
        assert after_a_click(replace(prior, looks=0.9 * looks))[0] == 9

    def test_where_rates_are_at_their_bound_it_is_a_number_still(self):
        assert looks_against_a_click(PlacePrior((1e-4,) * LAST_PLACE)) == 1e6


@pytest.mark.parametrize("fitted", [calibrated_rates, falling_rates])
class TestBothRates:
    def test_places_beyond_the_last_are_left_out(self, fitted):
        found = fitted(np.array([LAST_PLACE + 1]), np.ones(1), np.ones(1))
        assert found == pytest.approx(PlacePrior().expected(np.arange(1, LAST_PLACE + 1)))

    @given(impressions=st.lists(st.tuples(st.integers(1, 60), st.booleans(), st.floats(0.01, 1.0)), max_size=200))
    def test_are_probabilities_that_never_rise(self, fitted, impressions):
        places, clicked, examined = zip(*impressions, strict=True) if impressions else ((), (), ())
        found = fitted(np.array(places, int), np.array(clicked, float), np.array(examined, float))
        assert len(found) == LAST_PLACE
        assert ((found > 0) & (found < 1)).all()
        assert (np.diff(found) <= 1e-12).all()


class TestBothPriors:
    """A thousand pairs, each looked at three times at place 1 or 4 by people who look at everything."""

    @pytest.fixture
    def log(self):
        rng = np.random.default_rng(0)
        places = np.tile([1, 4], 500)
        attraction = rng.beta(3.0 * 0.6 / places**0.5, 3.0 * (1 - 0.6 / places**0.5))
        pairs, places, clicked, examined = clicks_of(places, attraction, 3, rng)
        return pairs, places, clicked, examined, np.repeat([0.0, 1.0, 2.0], 1000)

    def test_rates_are_those_of_documents_of_which_less_than_a_look_was_known(self, log):
        _, places, clicked, examined, _ = log
        ordering, calibrated = fitted_priors(*log)
        first = places[:1000], clicked[:1000], examined[:1000]
        assert ordering.rates == tuple(falling_rates(*first))
        assert calibrated.rates == tuple(calibrated_rates(*first))

    def test_the_one_that_orders_pages_is_worth_more_looks(self, log):
        pairs, places, clicked, examined, _ = log
        ordering, calibrated = fitted_priors(*log)
        assert calibrated.looks == fitted_prior_looks(pairs, calibrated.expected(places), clicked, examined)
        assert ordering.looks == CAUTION * calibrated.looks

    def test_pairs_whose_first_looks_came_before_the_log_say_nothing_of_the_looks(self, log):
        """They are always clicked or never, so that a single look would be worth most."""
        pairs, places, clicked, examined, seen = log
        more = np.repeat(np.arange(1000, 2000), 3)
        certain = (more % 2).astype(float)
        both = fitted_priors(
            np.concatenate([pairs, more]),
            np.concatenate([places, np.full(3000, 4)]),
            np.concatenate([clicked, certain]),
            np.concatenate([examined, np.ones(3000)]),
            np.concatenate([seen, np.tile([5.0, 6.0, 7.0], 1000)]),
        )
        assert both == fitted_priors(*log)

    def test_where_the_place_is_not_known_there_is_no_rate(self, log):
        pairs, places, clicked, examined, seen = log
        ordering, calibrated = fitted_priors(
            np.append(pairs, 1000),
            np.append(places, 0),
            np.append(clicked, 1.0),
            np.append(examined, 1.0),
            np.append(seen, 0.0),
        )
        before = fitted_priors(*log)
        assert (ordering.rates, calibrated.rates) == (before[0].rates, before[1].rates)

    def test_where_places_seem_alike_one_click_still_turns_no_page_over(self):
        """Half of the documents of each place are always clicked, so that single looks tell most."""
        rng = np.random.default_rng(0)
        places = np.tile(np.arange(1, 11), 300)
        pairs, _, clicked, examined = clicks_of(places, (rng.random(3000) < 0.5).astype(float), 2, rng)
        ordering, calibrated = fitted_priors(pairs, np.tile(places, 2), clicked, examined, np.repeat([0.0, 1.0], 3000))
        assert ordering.looks == looks_against_a_click(ordering) > CAUTION * calibrated.looks
        assert after_a_click(ordering)[0] == 0
        assert after_a_click(replace(ordering, looks=CAUTION * calibrated.looks))[0] == 9

    def test_few_clicks_leave_the_defaults(self, log):
        few = [values[:100] for values in log]
        assert few[2].sum() < FEWEST_CLICKS
        assert fitted_priors(*few) == (PlacePrior(), PlacePrior())

    def test_where_nothing_was_seen_twice_the_looks_are_the_default(self, log):
        ordering, calibrated = fitted_priors(*[values[:1000] for values in log])
        assert ordering.looks == calibrated.looks == DEFAULT_LOOKS
        assert len(ordering.rates) == len(calibrated.rates) == LAST_PLACE
