from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.evaluation.click_models import (
    CascadeModel,
    ClickModel,
    DependentClickModel,
    MixedReaders,
    attraction,
    page_reader,
)

PAGE = [("a", 1), ("b", 3), ("c", 2)]
"""Without noise and with a highest grade of 3 they attract with probability 1/7, 1 and 3/7."""


def rates(reader, page=PAGE, searches=20_000):
    rng = Random(7)
    counts = [0] * len(page)
    for _ in range(searches):
        drawn = {}
        chance = lambda purpose, what: drawn.setdefault((purpose, what), rng.random())  # noqa: E731, B023
        for position in reader.clicked(page, chance):
            counts[position - 1] += 1
    return [count / searches for count in counts]


def fixed(**chances):
    """Chances by purpose; documents by their names."""
    return lambda purpose, what: chances.get(what, chances.get(purpose, 0.0))


class TestAttraction:
    def test_grows_with_the_grade_from_noise_to_certainty(self):
        assert [attraction(grade, 0.1, 3) for grade in range(4)] == pytest.approx(
            [0.1, 0.228571, 0.485714, 1.0], abs=1e-6
        )

    def test_a_grade_above_the_highest_is_the_highest(self):
        assert attraction(5, 0.0, 2) == 1.0

    def test_where_there_is_one_grade_it_always_attracts(self):
        assert [attraction(grade, 0.0, 1) for grade in (0, 1)] == [0.0, 1.0]


class TestPositionBased:
    def test_clicks_come_by_position_and_grade_independently(self):
        # 1 · 1/7; 1/2 · 1; 1/3 · 3/7
        assert rates(ClickModel(noise=0.0)) == pytest.approx([1 / 7, 1 / 2, 1 / 7], abs=0.012)


class TestCascade:
    def test_the_first_document_that_attracts_ends_the_search(self):
        # 1/7; 6/7 · 1; nobody gets past the one that always attracts
        assert rates(CascadeModel(noise=0.0)) == pytest.approx([1 / 7, 6 / 7, 0], abs=0.012)

    def test_every_position_is_reached_as_long_as_nothing_attracts(self):
        page = [("x", 0)] * 9 + [("b", 3)]
        assert CascadeModel(noise=0.0).clicked(page, fixed(document=0.5)) == [10]


class TestDependent:
    def test_after_a_click_the_person_goes_on_or_is_content(self):
        # a: 1/7. b: 6/7 + 1/7 · 0.6 = 0.942857. c: after b with 0.6, 3/7 of them: 0.942857 · 0.6 · 3/7
        expected = [1 / 7, 0.942857, 0.242449]
        assert rates(DependentClickModel(noise=0.0)) == pytest.approx(expected, abs=0.012)

    def test_with_no_going_on_it_is_the_cascade(self):
        for attracted in ("a", "b", "c", "nobody"):
            chance = fixed(document=0.99, **{attracted: 0.0})
            one, other = DependentClickModel(continuation=0.0), CascadeModel()
            assert one.clicked(PAGE, chance) == other.clicked(PAGE, chance)

    def test_refuses_what_is_no_probability(self):
        with pytest.raises(ValueError, match=r"continuation must be 0 to 1, got 1\.5"):
            DependentClickModel(continuation=1.5)


class TestMixed:
    def test_each_reader_takes_its_part(self):
        one, other = (
            page_reader("position", noise=0.0, highest_grade=3),
            page_reader("cascade", noise=0.0, highest_grade=3),
        )
        # the means of the two above
        assert rates(MixedReaders((one, other))) == pytest.approx([1 / 7, 19 / 28, 1 / 14], abs=0.012)

    def test_one_search_is_read_by_one_reader(self):
        readers = MixedReaders((ClickModel(eta=0.0, noise=0.0), CascadeModel(noise=0.0)))
        assert readers.clicked(PAGE, fixed(reader=0.0)) == [1, 2, 3]
        assert readers.clicked(PAGE, fixed(reader=0.9)) == [1]

    def test_needs_a_reader(self):
        with pytest.raises(ValueError, match="at least one reader"):
            MixedReaders(())


class TestPageReader:
    def test_names_what_there_is(self):
        with pytest.raises(ValueError, match="click model 'eager' is unknown; choose one of position, cascade"):
            page_reader("eager", noise=0.0, highest_grade=3)

    @given(
        st.sampled_from(["position", "cascade", "dependent", "mixed"]),
        st.lists(st.integers(0, 3), max_size=12),
        st.integers(0, 10_000),
    )
    def test_whatever_is_clicked_is_on_the_page_in_order_and_once(self, name, grades, seed):
        rng = Random(seed)
        drawn = {}
        page = [(f"d{number}", grade) for number, grade in enumerate(grades)]
        positions = page_reader(name, noise=0.1, highest_grade=3).clicked(
            page, lambda purpose, what: drawn.setdefault((purpose, what), rng.random())
        )
        assert positions == sorted(set(positions))
        assert all(1 <= position <= len(page) for position in positions)
