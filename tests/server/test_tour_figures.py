import pytest

from ltrr_haystack.server.tour_figures import TourFigures, rate, sign_test


class TestRate:
    def test_the_interval_is_wilsons(self):
        found = rate(5, 10)
        assert (found.click_rate, found.searches) == (0.5, 10)
        # Newcombe (1998), "Two-sided confidence intervals for the single proportion", method 3.
        assert (found.low, found.high) == pytest.approx((0.2366, 0.7634), abs=1e-4)

    def test_it_stays_between_0_and_1(self):
        assert rate(0, 5).low == 0.0
        assert rate(5, 5).high == 1.0


class TestSignTest:
    def test_the_same_in_both_directions(self):
        assert sign_test(5, 5) == 1.0
        assert sign_test(9, 1) == sign_test(1, 9) == pytest.approx(22 / 1024)

    def test_without_a_difference_there_is_none(self):
        assert sign_test(0, 0) == 1.0


class TestTourFigures:
    def test_the_curve_has_about_twelve_points_of_so_many_searches_each(self):
        figures = TourFigures(600)
        for number in range(600):
            figures.add("love", ["a"], clicks=1 if number >= 300 else 0)
        assert [point.searches for point in figures.curve] == list(range(50, 601, 50))
        assert [point.click_rate for point in figures.curve] == [0.0] * 6 + [1.0] * 6
        assert (figures.searches, figures.clicks) == (600, 300)

    def test_the_chart_has_the_baseline_up_to_the_same_searches(self):
        figures = TourFigures(10)
        assert figures.chart() is None
        for number in range(10):
            figures.add("love", ["a"], clicks=number % 2)
            if number in (3, 7):
                figures.compare("love", ["b"], baseline=number == 3, live=True)
        live, baseline = figures.chart().curves
        assert [(point.first, point.last, point.estimate.value) for point in live.points] == [(1, 5, 0.4), (6, 10, 0.6)]
        assert [(point.first, point.last, point.estimate.value) for point in baseline.points] == [
            (1, 5, 1.0),
            (1, 10, 0.5),
        ]

    def test_a_short_tour_has_points_of_five_searches(self):
        figures = TourFigures(10)
        for _ in range(9):
            figures.add("love", ["a"], clicks=2)
        assert [point.searches for point in figures.curve] == [5]

    def compared(self, *pairs):
        figures = TourFigures(10)
        for live, baseline in pairs:
            figures.add("love", ["a"], clicks=int(live))
            figures.compare("love", ["b"], baseline=baseline, live=live)
        return figures

    def test_the_verdict_compares_the_same_searches_of_the_second_half(self):
        figures = self.compared(*[(False, True)] * 10, *[(True, False)] * 10)
        assert figures.baseline.click_rate == 0.5
        said = figures.verdict()
        assert "in 100% of 10 searches" in said
        assert "in 0%: more often than on the baseline's, beyond what chance makes likely" in said

    def test_a_loss_is_called_a_loss(self):
        said = self.compared(*[(False, True)] * 20).verdict()
        assert "in 0% of 10 searches" in said
        assert "less often than on the baseline's, beyond what chance makes likely" in said

    def test_a_small_difference_is_called_chance(self):
        assert "may be chance" in self.compared(*[(True, True)] * 9, (True, False)).verdict()

    def test_without_the_baseline_there_is_no_comparison(self):
        assert "too few" in TourFigures(10).verdict()

    def test_a_single_search_is_no_share(self):
        said = self.compared((True, True)).verdict()
        assert said == "1 search with 1 click; too few to compare them with the baseline."

    def test_clicks_that_were_lost_are_told(self):
        figures = self.compared((True, True))
        figures.rejected = 3
        assert "did not take 3 clicks" in figures.verdict()

    def test_the_query_that_changed_is_the_one_searched_for_most(self):
        figures = TourFigures(10)
        for query, first, times in (("love", "new", 4), ("rain", "old", 9), ("storm", "new", 2)):
            for _ in range(times):
                figures.add(query, [first, "x"], clicks=0)
            figures.compare(query, ["old", "x"], baseline=False, live=False)
        assert figures.changed() == ("love", 4, "old", "new")

    def test_a_page_that_changed_once_by_chance_is_not_named(self):
        figures = TourFigures(10)
        figures.add("love", ["old"], clicks=0)
        figures.compare("love", ["old"], baseline=False, live=False)
        figures.add("love", ["new"], clicks=0)
        assert figures.changed() is None
