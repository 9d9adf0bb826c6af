import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.page_order import Exploration, by_expected_attraction

RNG = np.random.default_rng


def alike(documents, looks=4.0):
    return np.full(documents, looks * 0.3), np.full(documents, looks * 0.7)


class TestByExpectedAttraction:
    def test_the_highest_mean_is_first_and_the_model_s_place_decides_between_equal_ones(self):
        alpha, beta = np.array([1.0, 3.0, 1.0]), np.array([9.0, 7.0, 9.0])
        order, means = by_expected_attraction((alpha, beta), np.array([3, 2, 1]))
        assert order.tolist() == [1, 2, 0]
        assert means.tolist() == pytest.approx([0.1, 0.3, 0.1])


class TestDraw:
    @given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 6), st.integers(0, 6), st.integers(0, 1000))
    def test_a_page_has_each_document_once_and_only_the_places_between_move(self, documents, page, first, more, seed):
        order, last = RNG(seed).permutation(documents), first + more
        drawn = Exploration(first=first, last=last).draw(order, alike(documents), page, RNG(seed))
        if drawn is None:
            return
        shown, propensities = drawn
        assert shown[: first - 1].tolist() == order[: min(first - 1, page)].tolist()
        assert len(set(shown.tolist())) == len(shown) == min(page, documents)
        assert set(order[documents if documents <= page else 50 :].tolist()).isdisjoint(shown.tolist())
        at_its_place, on_the_page = propensities.T
        assert ((at_its_place > 0) & (at_its_place <= on_the_page) & (on_the_page <= 1)).all()
        assert (propensities[: first - 1] == 1).all()
        assert shown[last:].tolist() == order[last:page].tolist()
        assert (propensities[last:] == 1).all()

    def test_propensities_are_how_often_a_document_comes_to_each_place(self):
        """Two documents that are alike change places in half of the draws; the third is certain."""
        posteriors = (np.array([100.0, 2.0, 2.0]), np.array([1.0, 2.0, 2.0]))
        shown, propensities = Exploration(first=2, draws=4000).draw(np.arange(3), posteriors, 3, RNG(0))
        assert propensities[0].tolist() == [1.0, 1.0]
        assert propensities[1].tolist() == pytest.approx([0.5, 1.0], abs=0.03)
        drawn = [Exploration(first=2).draw(np.arange(3), posteriors, 3, RNG(seed))[0][1] for seed in range(600)]
        assert np.mean(np.array(drawn) == shown[1]) == pytest.approx(propensities[1, 0], abs=0.07)

    def test_propensities_are_counted_in_64_draws(self):
        """The page that is shown is one of them, so that none is 0."""
        for seed in range(20):
            _, propensities = Exploration().draw(np.arange(40), alike(40), 10, RNG(seed))
            assert (propensities * 64).tolist() == np.rint(propensities * 64).tolist()
            assert len(np.unique(propensities[3:])) > 8
            assert propensities.min() >= 1 / 64

    def test_what_is_known_to_be_better_comes_first_more_often(self):
        alpha, beta = np.array([1.0, 1.0, 8.0, 8.0, 4.0]), np.array([1.0, 1.0, 92.0, 92.0, 6.0])
        shown, propensities = Exploration(first=3, deep_share=0.0).draw(np.arange(5), (alpha, beta), 5, RNG(1))
        best = shown.tolist().index(4)
        assert best == 2
        assert propensities[best, 0] > 0.95

    def test_one_document_from_below_the_page_comes_in_a_share_of_the_searches(self):
        order, posteriors = np.arange(30), alike(30, looks=10.0)
        never, sometimes, always = (
            [
                int((Exploration(deep_share=share).draw(order, posteriors, 10, RNG(seed))[0] >= 10).sum())
                for seed in range(300)
            ]
            for share in (0.0, 0.3, 1.0)
        )
        assert (set(never), set(sometimes)) == ({0}, {0, 1})
        assert 0.2 < np.mean(sometimes) < 0.4
        # Of documents that are alike, the best of the twenty below is hardly ever the last of the eight that compete.
        assert set(always) == {1}

    def test_a_document_from_below_that_is_worth_little_comes_seldom(self):
        """Rare clicks in many looks are certain to be less than frequent ones."""
        alpha, beta = np.full(30, 300.0), np.full(30, 700.0)
        alpha[10:], beta[10:] = 10.0, 990.0
        pages = [Exploration(deep_share=1.0).draw(np.arange(30), (alpha, beta), 10, RNG(seed))[0] for seed in range(50)]
        assert max(map(max, pages)) == 9

    def test_of_a_long_page_only_the_first_ten_places_are_drawn_unless_told_otherwise(self):
        order, posteriors = np.arange(60), alike(60)
        pages = {
            last: np.array([Exploration(last=last).draw(order, posteriors, 30, RNG(seed))[0] for seed in range(40)])
            for last in (Exploration().last, 30)
        }
        moved = {last: np.flatnonzero((drawn != order[:30]).any(axis=0)) + 1 for last, drawn in pages.items()}
        assert {last: places.max() for last, places in moved.items()} == {10: 10, 30: 30}
        assert all(set(page.tolist()) == set(range(30)) for page in pages[10]), "nothing leaves a longer page"

    def test_no_document_from_below_the_deepest_rank(self):
        exploration = Exploration(deep_share=1.0, deepest=12)
        shown = [exploration.draw(np.arange(30), alike(30), 10, RNG(seed))[0] for seed in range(100)]
        assert max(map(max, shown)) == 11

    @pytest.mark.parametrize(("documents", "page", "first"), [(0, 10, 4), (3, 10, 4), (4, 10, 4), (20, 3, 4)])
    def test_a_page_with_nothing_to_draw_stays(self, documents, page, first):
        assert Exploration(first=first).draw(np.arange(documents), alike(documents), page, RNG(0)) is None

    def test_the_same_seed_draws_the_same_page(self):
        one, other = (Exploration().draw(np.arange(40), alike(40), 10, RNG(5)) for _ in range(2))
        assert one[0].tolist() == other[0].tolist()
        assert one[1].tolist() == other[1].tolist()


@pytest.mark.parametrize(
    "wrong", [{"first": 0}, {"first": 5, "last": 4}, {"deepest": 0}, {"draws": 0}, {"deep_share": 1.1}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Exploration(**wrong)
