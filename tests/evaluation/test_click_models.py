from random import Random

import pytest

from ltrr_haystack.evaluation.click_models import CascadeModel, ClickModel, DependentClickModel, attraction

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


class TestTrust:
    def test_a_document_that_answers_nothing_is_clicked_more_often_the_higher_it_stands(self):
        # 1 - 0.9 · 0.8; 1 - 0.9 · 0.9; 1 - 0.9 · 0.95
        wrong = [attraction(0, 0.1, 3, trust=0.2, position=position) for position in (1, 2, 4)]
        assert wrong == pytest.approx([0.28, 0.19, 0.145])

    def test_one_that_answers_is_clicked_on_top_of_that(self):
        # 0.19 + 0.81 · 1/7
        assert attraction(1, 0.1, 3, trust=0.2, position=2) == pytest.approx(0.305714, abs=1e-6)
        assert attraction(3, 0.1, 3, trust=0.2, position=2) == 1.0

    def test_every_model_has_it(self):
        page = [("x", 0), ("y", 0)]
        # examined 1 and 1/2
        assert rates(ClickModel(noise=0.1, trust=0.2), page) == pytest.approx([0.28, 0.095], abs=0.012)
        # the second is reached by 0.72, and then by 0.72 + 0.28 · 0.5
        assert rates(CascadeModel(noise=0.1, trust=0.2), page) == pytest.approx([0.28, 0.72 * 0.19], abs=0.012)
        expected = [0.28, 0.86 * 0.19]
        assert rates(DependentClickModel(0.5, noise=0.1, trust=0.2), page) == pytest.approx(expected, abs=0.012)

    def test_refuses_what_is_no_probability(self):
        with pytest.raises(ValueError, match=r"trust in \[0, 1\) .* trust=1\.0"):
            ClickModel(trust=1.0)


class TestExamined:
    def test_attention_of_a_position_based_reader_falls_whatever_is_shown(self):
        assert ClickModel(eta=0.5).examined([("x", 0)] * 4) == pytest.approx([1, 2**-0.5, 3**-0.5, 0.5])

    def test_a_cascade_goes_on_until_something_attracts(self):
        # a attracts with 1/7, b always
        assert CascadeModel(noise=0.0).examined(PAGE) == pytest.approx([1, 6 / 7, 0])

    def test_a_dependent_reader_goes_on_after_some_clicks(self):
        # 1 - 1/7 · 0.4; times 1 - 1 · 0.4
        assert DependentClickModel(noise=0.0).examined(PAGE) == pytest.approx([1, 0.942857, 0.565714], abs=1e-6)

    def test_an_empty_page_has_nothing_to_examine(self):
        assert [model().examined([]) for model in (ClickModel, CascadeModel, DependentClickModel)] == [[], [], []]
