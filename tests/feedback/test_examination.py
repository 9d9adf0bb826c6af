import random
from dataclasses import replace

import numpy as np
import pytest

from factories import decision, page, settled, unite
from ltrr_haystack.feedback.examination import (
    PRIOR,
    ExaminationCurve,
    below_click,
    clicks_of,
    counted_shares,
    estimate_curve,
)


class TestExaminationCurve:
    @pytest.mark.parametrize(("position", "expected"), [(1, 1.0), (2, 0.5), (4, 0.25), (10, 0.1)])
    def test_falls_with_the_position(self, position, expected):
        assert ExaminationCurve().at(position) == pytest.approx(expected)

    def test_eta_says_how_steeply(self):
        assert ExaminationCurve(0.5).at(4) == pytest.approx(0.5)
        assert ExaminationCurve(2.0).at(3) == pytest.approx(1 / 9)
        assert ExaminationCurve(0.0).at(7) == 1.0

    def test_many_positions_at_once(self):
        curve = ExaminationCurve(0.5)
        assert curve.over([1, 4, 16]).tolist() == pytest.approx([1.0, 0.5, 0.25])
        assert curve.cumulative(3).tolist() == pytest.approx([0.0, 1.0, 1 + 2**-0.5, 1 + 2**-0.5 + 3**-0.5])
        assert curve.ratio(np.array([4, 1]), np.array([1, 4])).tolist() == pytest.approx([2.0, 0.5])

    def test_positions_count_from_one(self):
        with pytest.raises(ValueError, match="position must be at least 1, since positions count from 1; got 0"):
            ExaminationCurve().at(0)

    def test_refuses_a_negative_eta(self):
        with pytest.raises(ValueError, match=r"eta must not be negative, got -0\.5"):
            ExaminationCurve(-0.5)


class TestLooks:
    CURVE = ExaminationCurve(learned=(1.0, 0.5, 0.4), before_click=(1.0, 0.8, 0.6), after_click=(1.0, 0.3, 0.2))

    @pytest.mark.parametrize(
        ("clicked", "expected"),
        [
            ([False, False, False], [1.0, 0.8, 0.6]),
            ([True, False, False], [1.0, 0.3, 0.2]),
            ([False, True, False], [1.0, 0.8, 0.2]),
            ([True, False, True], [1.0, 0.3, 0.2]),
            ([False, False, True], [1.0, 0.8, 0.6]),
        ],
    )
    def test_depend_on_what_was_clicked_above_and_not_on_the_document_itself(self, clicked, expected):
        assert self.CURVE.looks([1, 2, 3], clicked).tolist() == pytest.approx(expected)

    def test_in_any_order_of_the_documents(self):
        assert self.CURVE.looks([3, 1, 2], [False, False, True]).tolist() == pytest.approx([0.2, 1.0, 0.8])

    def test_beyond_what_was_learned_the_last_position_tells(self):
        """At 6 the curve has half of what it has at 3, in either state."""
        assert self.CURVE.looks([6], [False]).tolist() == pytest.approx([0.3])
        assert self.CURVE.looks([1, 6], [True, False]).tolist() == pytest.approx([1.0, 0.1])

    def test_are_those_of_all_pages_where_nothing_was_learned_of_clicks(self):
        assert ExaminationCurve(1.0).looks([1, 2], [True, False]).tolist() == [1.0, 0.5]

    def test_an_empty_page_has_none(self):
        assert self.CURVE.looks([], []).tolist() == []

    def test_which_documents_stand_below_a_click(self):
        assert below_click([1, 2, 3, 4], [False, True, False, True]).tolist() == [False, False, True, True]
        assert below_click([1, 2], [False, False]).tolist() == [False, False]

    def test_a_flatter_curve_raises_both_states_alike(self):
        curve = ExaminationCurve(
            learned=(1.0, 0.5), deviations=(0.0, 0.1), before_click=(1.0, 0.8), after_click=(1.0, 0.3)
        )
        flatter = curve.flatter(1.0)
        assert flatter.learned == pytest.approx((1.0, 0.6))
        assert flatter.before_click == pytest.approx((1.0, 0.96))
        assert flatter.after_click == pytest.approx((1.0, 0.36))
        assert curve.flatter(3.0).before_click == (1.0, 1.0)

    def test_a_steeper_curve_has_at_least_half_of_what_was_learned(self):
        assert ExaminationCurve(learned=(1.0, 0.5), deviations=(0.0, 0.4)).flatter(-1.0).learned == (1.0, 0.25)

    def test_refuses_states_that_do_not_fit_the_curve(self):
        with pytest.raises(ValueError, match="before_click must have as many probabilities as learned, 2, got"):
            ExaminationCurve(learned=(1.0, 0.5), before_click=(1.0,), after_click=(1.0, 0.5))
        with pytest.raises(ValueError, match="after_click must have probabilities above 0"):
            ExaminationCurve(learned=(1.0, 0.5), before_click=(1.0, 0.5), after_click=(1.0, 0.0))
        with pytest.raises(ValueError, match="must be given together"):
            ExaminationCurve(learned=(1.0, 0.5), before_click=(1.0, 0.5))


def replays(eta, size, seed=3):
    """Half of the pages lose the first of two documents in the replay; the second is clicked by position."""
    rng = random.Random(seed)
    weights, logged, ratios = [], [], []
    for _ in range(size):
        full, drawn_again_full = rng.random() < 0.5, rng.random() < 0.5
        reached = full or not drawn_again_full
        logged.append(float(rng.random() < 0.8 * (0.5**eta if full else 1.0)))
        ratios.append(2.0 if full and not drawn_again_full else 1.0)
        weights.append((2.0 if drawn_again_full else 1.0) * reached)
    earned = np.array(logged) * (np.array(weights) > 0)
    return np.array(weights), lambda eta: earned * np.array(ratios) ** eta, np.array(logged)


class TestWhatCounts:
    @pytest.mark.parametrize(
        ("reward", "counted", "share", "click"),
        [
            pytest.param(0.0, 0.0, 1.0, 0.0, id="what was passed by counts whole"),
            pytest.param(-1.0, -1.0, 1.0, 0.0, id="as does what was disliked"),
            pytest.param(1.0, 1.0, 1.0, 1.0, id="a click"),
            pytest.param(1.0, 0.1, 0.1, 0.1, id="a click of which a tenth counts"),
            pytest.param(1.0, 0.0, 0.0, 0.0, id="a click in vain"),
            pytest.param(5.0, 1.0, 1.0, 1.0, id="a purchase of which as much as a click counts"),
            pytest.param(5.0, 0.5, 0.5, 0.5, id="a purchase of which half a click counts"),
            pytest.param(0.25, 0.25, 1.0, 1.0, id="what is worth less than a click and counts whole"),
            pytest.param(0.3, round(0.3 * 2**24) / 2**24, 1.0, 1.0, id="rounded by the learner"),
            pytest.param(1.0, -0.5, 0.0, 0.0, id="taken back late"),
            pytest.param(-1.0, 0.0, 0.0, 0.0, id="a dislike in vain"),
            pytest.param(-2.0, -0.5, 0.5, 0.0, id="a dislike of which half a click counts"),
        ],
    )
    def test_of_an_impression(self, reward, counted, share, click):
        made = settled(page(unite(decision(), {"bm25": ["a", "b"]})), {"b": reward} if reward else {})
        of = replace(made, capped={"b": counted} if counted != reward else {})
        assert counted_shares(of).tolist() == [1.0, share]
        assert clicks_of(of).tolist() == [0.0, click]
        assert ExaminationCurve().looks_at(of).tolist() == [1.0, 0.5 * share]


class TestEstimateCurve:
    @pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, 1.5])
    def test_finds_the_curve_by_which_the_clicks_were_drawn(self, eta):
        found = estimate_curve(*replays(eta, 40_000))
        assert found.eta == pytest.approx(eta, abs=0.1)
        assert found.deviation < 0.1

    def test_stays_with_the_prior_where_the_log_says_nothing(self):
        found = estimate_curve(np.ones(50), lambda eta: np.ones(50), np.ones(50))
        assert found.eta == pytest.approx(PRIOR.eta, abs=0.02)
        assert found.deviation == pytest.approx(PRIOR.deviation, abs=0.03)
        assert estimate_curve(np.full(3, np.nan), lambda eta: np.zeros(3), np.zeros(3)) == PRIOR

    def test_a_short_log_moves_it_a_little(self):
        short, long = estimate_curve(*replays(0.0, 100)), estimate_curve(*replays(0.0, 10_000))
        assert long.deviation < short.deviation
        assert long.eta < short.eta
