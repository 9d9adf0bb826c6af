from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.evaluation.click_models import CascadeModel, ClickModel
from ltrr_haystack.evaluation.readers import (
    ABANDONMENTS,
    CONTINUATIONS,
    ETAS,
    TRUSTS,
    AbandoningReader,
    Habits,
    MixedReaders,
    habits_of,
    page_reader,
)

PAGE = [("a", 1), ("b", 3), ("c", 2)]
"""Without noise and with a highest grade of 3 they attract with probability 1/7, 1 and 3/7."""

NAMES = ["position", "cascade", "dependent", "mixed", "hard"]


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
    """Chances by purpose; documents and positions by their names."""
    return lambda purpose, what: chances.get(what, chances.get(purpose, 0.0))


class TestMixed:
    def test_each_reader_takes_its_part(self):
        one, other = ClickModel(noise=0.0), CascadeModel(noise=0.0)
        # the means of the two: 1/7 and 1/7; 1/2 and 6/7; 1/7 and 0
        assert rates(MixedReaders((one, other))) == pytest.approx([1 / 7, 19 / 28, 1 / 14], abs=0.012)

    def test_one_search_is_read_by_one_reader(self):
        readers = MixedReaders((ClickModel(eta=0.0, noise=0.0), CascadeModel(noise=0.0)))
        assert readers.clicked(PAGE, fixed(reader=0.0)) == [1, 2, 3]
        assert readers.clicked(PAGE, fixed(reader=0.9)) == [1]

    def test_examine_as_their_mean_does(self):
        readers = MixedReaders((ClickModel(eta=0.0), CascadeModel(noise=0.0)))
        # always, and 1, 6/7, 0
        assert readers.examined(PAGE) == pytest.approx([1, 13 / 14, 1 / 2])

    def test_needs_a_reader(self):
        with pytest.raises(ValueError, match="at least one reader"):
            MixedReaders(())


class TestAbandoning:
    READER = AbandoningReader(ClickModel(eta=0.0, noise=0.0), 0.25)

    def test_whoever_leaves_clicks_nothing_below(self):
        # each further position is reached by three quarters of those before: 1/7, 0.75 · 1, 0.5625 · 3/7
        assert rates(self.READER) == pytest.approx([1 / 7, 0.75, 0.241071], abs=0.012)
        assert self.READER.clicked(PAGE, fixed(abandonment=0.9, **{"2": 0.2})) == [1, 2]

    def test_examines_less_the_further_down(self):
        assert self.READER.examined(PAGE) == pytest.approx([1, 0.75, 0.5625])
        cascade = AbandoningReader(CascadeModel(noise=0.0), 0.5)
        assert cascade.examined(PAGE[:2]) == pytest.approx([1, 3 / 7])

    def test_refuses_what_is_no_probability(self):
        with pytest.raises(ValueError, match=r"abandonment must be at least 0 and below 1, got 1\.0"):
            AbandoningReader(ClickModel(), 1.0)


class TestHabits:
    def test_of_all_but_hard_readers_are_the_same_under_each_seed(self):
        assert {habits_of(name, seed) for name in NAMES[:-1] for seed in range(3)} == {Habits()}
        assert Habits() == Habits(eta=1.0, continuation=0.6, trust=0.0, abandonment=0.0)

    def test_of_hard_readers_are_drawn_from_the_seed_within_their_bounds(self):
        drawn = [habits_of("hard", seed) for seed in range(50)]
        assert drawn == [habits_of("hard", seed) for seed in range(50)]
        assert len({one.eta for one in drawn}) > 40
        for one in drawn:
            for value, (least, most) in zip(
                (one.eta, one.continuation, one.trust, one.abandonment),
                (ETAS, CONTINUATIONS, TRUSTS, ABANDONMENTS),
                strict=True,
            ):
                assert least <= value <= most


class TestPageReader:
    def test_names_what_there_is(self):
        with pytest.raises(ValueError, match="click model 'eager' is unknown; choose one of position, cascade"):
            page_reader("eager", noise=0.0, highest_grade=3)

    def test_hard_readers_have_their_habits(self):
        habits = Habits(eta=0.0, continuation=1.0, trust=0.5, abandonment=0.25)
        hard = page_reader("hard", noise=0.0, highest_grade=3, habits=habits)
        # the second position: always, with 1 - 1/2 and always, and then 0.75 of that
        assert hard.examined([("x", 0), ("y", 0)]) == pytest.approx([1, 0.75 * 2.5 / 3])

    @given(
        st.sampled_from(NAMES),
        st.lists(st.integers(0, 3), max_size=12),
        st.integers(0, 10_000),
    )
    def test_whatever_is_clicked_is_on_the_page_in_order_and_once(self, name, grades, seed):
        rng = Random(seed)
        drawn = {}
        page = [(f"d{number}", grade) for number, grade in enumerate(grades)]
        reader = page_reader(name, noise=0.1, highest_grade=3, habits=habits_of(name, seed))
        positions = reader.clicked(page, lambda purpose, what: drawn.setdefault((purpose, what), rng.random()))
        assert positions == sorted(set(positions))
        assert all(1 <= position <= len(page) for position in positions)

    @given(
        st.sampled_from(NAMES),
        st.lists(st.integers(0, 3), min_size=1, max_size=12),
        st.integers(0, 10_000),
    )
    def test_the_first_position_is_always_examined_and_a_lower_one_never_more_than_a_higher(self, name, grades, seed):
        page = [(f"d{number}", grade) for number, grade in enumerate(grades)]
        examined = page_reader(name, noise=0.1, highest_grade=3, habits=habits_of(name, seed)).examined(page)
        assert examined[0] == 1.0
        assert examined == sorted(examined, reverse=True)
        assert examined[-1] >= 0.0

    @pytest.mark.parametrize("name", NAMES)
    def test_what_is_clicked_was_examined_as_often_as_is_said(self, name):
        """A document that always attracts is clicked whenever it is examined."""
        page = [("a", 0), ("b", 1), ("c", 3)]
        reader = page_reader(name, noise=0.2, highest_grade=3, habits=habits_of(name, 1))
        assert rates(reader, page)[2] == pytest.approx(reader.examined(page)[2], abs=0.012)
