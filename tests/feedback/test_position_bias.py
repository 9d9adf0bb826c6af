import os
import random
import subprocess
import sys

import numpy as np
import pytest

from ltrr_haystack.evaluation.readers import page_reader
from ltrr_haystack.feedback import position_bias
from ltrr_haystack.feedback.examination import below_click
from ltrr_haystack.feedback.position_bias import PRIOR_DEVIATION, PRIOR_ETA, Looks, _groups, _Pairs, learn_curve


def looks_of(shown, clicked, first, query):
    """Looks at documents above which nothing was clicked."""
    nothing = np.zeros_like(shown)
    return Looks(np.stack([shown, nothing], axis=1), np.stack([clicked, nothing], axis=1), first, query)


def swapped(truth, pairs=600, searches=60, seed=0, moves=True):
    """Documents of which the better begin at the top, and which chance then puts anywhere, or leaves where they are."""
    rng = np.random.default_rng(seed)
    places = len(truth)
    first = np.arange(pairs) % places + 1
    attraction = np.clip(rng.beta(1.0, 3.0, pairs) + 0.4 / first, 0, 1)
    shown, clicked = np.zeros((pairs, places)), np.zeros((pairs, places))
    for number in range(searches):
        at = rng.integers(places, size=pairs) if moves and number else first - 1
        click = rng.random(pairs) < np.asarray(truth)[at] * attraction
        np.add.at(shown, (np.arange(pairs), at), 1.0)
        np.add.at(clicked, (np.arange(pairs), at), click.astype(float))
    return looks_of(shown, clicked, first, np.arange(pairs) // 5)


@pytest.mark.parametrize("truth", [[1.0, 0.7, 0.58, 0.5], [1.0, 0.5, 0.33, 0.25], [1.0, 0.95, 0.3, 0.28]])
def test_finds_the_curve_that_the_clicks_were_drawn_by_though_better_documents_began_at_the_top(truth):
    found = learn_curve(swapped(truth))
    assert found.learned == pytest.approx(truth, rel=0.1)
    assert max(found.deviations) < 0.1


def test_meanwhile_linear_algebra_has_one_thread():
    """In a fresh process, where SciPy, which has a library of its own, is not loaded before."""
    program = """
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
from ltrr_haystack.feedback import position_bias

def threads():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

def maximise(*arguments):
    import scipy.optimize
    seen.update(threads())
    return np.ones((2, 2)), 0.0

position_bias._maximise, seen = maximise, set()
shown = np.ones((60, 2, 2))
with threadpool_limits(2, user_api="blas"):
    curve = position_bias.learn_curve(position_bias.Looks(shown, shown, np.ones(60, int), np.arange(60)))
    print(curve.learned, seen, threads())
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "(1.0, 1.0) {1} {2}"


class TestGroups:
    """Queries of one document each, which was shown below a click in so many of forty pages."""

    def looks(self, below, pages=40.0):
        shown = np.zeros((len(below), 2, 2))
        shown[:, 0, 0] = pages
        shown[:, 1, 1], shown[:, 0, 1] = below, pages - np.array(below)
        return Looks(shown, np.zeros_like(shown), np.full(len(below), 2), np.arange(len(below)))

    def test_each_shows_about_as_much(self):
        assert _groups(self.looks([39, 3, 20, 22, 0, 40])).tolist() == [2, 0, 1, 1, 0, 2]

    def test_those_alike_are_together_and_a_small_group_joins_the_nearest(self):
        assert set(_groups(self.looks([3] * 30)).tolist()) == {1}
        assert set(_groups(self.looks([3] * 30 + [4])).tolist()) == {1}

    def test_those_searched_seldom_are_one_whatever_was_clicked(self):
        """With fewer than thirty pages; three of each, so that none is a small group."""
        told = [(0, 30), (0, 20), (20, 20), (30, 30)] * 3
        looks = self.looks([below for below, _ in told], np.array([pages for _, pages in told], dtype=float))
        assert _groups(looks).tolist() == [0, 1, 1, 2] * 3

    def test_one_of_which_no_pair_is_taken_into_account_is_left_out(self, monkeypatch):
        """Pairs with few looks are cut off: all of the queries that show nothing below a click."""
        monkeypatch.setattr(position_bias, "MOST_PAIRS", 20)
        pages = np.array([60.0] * 20 + [40.0] * 40)
        looks = self.looks([59] * 20 + [0] * 40, pages)
        assert len(set(_groups(looks).tolist())) == 2
        ((rows, _),) = _Pairs.of(looks).groups
        assert rows.tolist() == [True] * 20


def test_where_only_lower_places_are_exchanged_the_curve_says_how_little_it_knows_of_the_rest():
    """The first three places never move, as on an explored page, and most documents are clicked seldom."""
    rng = np.random.default_rng(5)
    truth = np.arange(1, 7) ** -0.7
    pairs = 900
    first = np.arange(pairs) % 6 + 1
    attraction = rng.beta(0.3, 2.0, pairs)
    shown, clicked = np.zeros((pairs, 6)), np.zeros((pairs, 6))
    for number in range(30):
        lower = rng.integers(3, 6, size=pairs)
        at = np.where((first > 3) & (number > 0), lower, first - 1)
        click = rng.random(pairs) < truth[at] * attraction
        np.add.at(shown, (np.arange(pairs), at), 1.0)
        np.add.at(clicked, (np.arange(pairs), at), click.astype(float))
    found = learn_curve(looks_of(shown, clicked, first, np.arange(pairs) // 10))
    assert found.learned[5] / found.learned[3] == pytest.approx(truth[5] / truth[3], rel=0.2)
    errors = np.abs(np.array(found.learned) - truth)[1:]
    assert (errors < 3.0 * np.array(found.deviations)[1:]).all()


def test_the_deviation_covers_the_error():
    truth = [1.0, 0.6, 0.4]
    errors = []
    for seed in range(6):
        found = learn_curve(swapped(truth, pairs=120, searches=10, seed=seed))
        errors += [
            abs(one - other) / sd for one, other, sd in zip(found.learned, truth, found.deviations, strict=True) if sd
        ]
    assert np.mean(errors) < 2.0


def test_where_no_document_moves_the_prior_stays():
    assert learn_curve(swapped([1.0, 0.5, 0.2], moves=False)).learned == ()
    assert learn_curve(swapped([1.0, 0.5, 0.2], moves=False)).deviation == PRIOR_DEVIATION


def test_positions_that_no_document_moved_to_stay_uncertain():
    """Documents change between the first two positions; the third always has its own."""
    looks = swapped([1.0, 0.5], pairs=400)
    shown, clicked = np.zeros((500, 3)), np.zeros((500, 3))
    shown[:400, :2], clicked[:400, :2] = looks.shown[:, 0], looks.clicked[:, 0]
    shown[400:, 2], clicked[400:, 2] = 60.0, 6.0
    first = np.concatenate([looks.first, np.full(100, 3)])
    found = learn_curve(looks_of(shown, clicked, first, np.arange(500) // 5))
    assert found.learned[1] == pytest.approx(0.5, rel=0.1)
    assert found.deviations[2] > 4 * found.deviations[1]


def test_the_same_log_gives_the_same_curve():
    looks = swapped([1.0, 0.5, 0.4], pairs=100, searches=10)
    assert learn_curve(looks, seed=3) == learn_curve(looks, seed=3)


def test_with_few_moved_documents_the_prior_stays():
    assert learn_curve(swapped([1.0, 0.1], pairs=40)).eta == PRIOR_ETA


def read_pages(reader, queries=40, searches=150, places=5, seed=0, choices=(0, 0, 1, 2)):
    """
    People of a click model, before pages whose documents chance puts anywhere but for the first, which moves seldom.

    Each third query has a first document that always satisfies, as navigational queries have.
    """
    rng = random.Random(seed)
    shown, clicked = np.zeros((queries * places, 2, places)), np.zeros((queries * places, 2, places))
    first, examined = np.zeros(queries * places, dtype=np.intp), np.zeros(places)
    for query in range(queries):
        others = [rng.choice(choices) for _ in range(places - 1)]
        grades = [3 if query % 3 == 0 else rng.choice([0, 1, 2]), *others]
        for search in range(searches):
            rest = rng.sample(range(1, places), places - 1)
            order = [0, *rest] if search == 0 or rng.random() < 0.7 else [rest[0], 0, *rest[1:]]
            page = [(f"d{each}", grades[each]) for each in order]
            numbers = {}
            clicks = reader.clicked(page, lambda *asked, numbers=numbers: numbers.setdefault(asked, rng.random()))
            examined += reader.examined(page)
            was_clicked = [position in clicks for position in range(1, places + 1)]
            states = below_click(range(1, places + 1), was_clicked).astype(int)
            for place, each in enumerate(order):
                pair = query * places + each
                first[pair] = first[pair] or place + 1
                shown[pair, states[place], place] += 1
                clicked[pair, states[place], place] += was_clicked[place]
    return Looks(shown, clicked, first, np.repeat(np.arange(queries), places)), examined / (queries * searches)


class TestReaders:
    @pytest.mark.parametrize("name", ["position", "cascade", "dependent", "mixed"])
    def test_the_curve_is_how_often_places_were_examined_whoever_reads(self, name):
        looks, truth = read_pages(page_reader(name, noise=0.05, highest_grade=3))
        assert learn_curve(looks).learned == pytest.approx(truth.tolist(), rel=0.15)

    def test_queries_whose_documents_are_poor_are_looked_through_and_count_as_much(self):
        """Frequent ones with good documents tell most; of their last places little is seen by those who click."""
        reader = page_reader("mixed", noise=0.05, highest_grade=3)
        good, often = read_pages(reader, queries=24, searches=266, places=8, choices=(2, 3))
        poor, seldom = read_pages(reader, queries=60, searches=100, places=8, seed=9, choices=(0, 0, 0, 1))
        looks = Looks(
            *(np.concatenate([getattr(of, name) for of in (good, poor)]) for name in ("shown", "clicked", "first")),
            np.concatenate([good.query, poor.query + 24]),
        )
        truth = np.average([often, seldom], axis=0, weights=[24 * 266, 60 * 100])
        assert learn_curve(looks).learned == pytest.approx(truth.tolist(), rel=0.15)

    def test_below_documents_that_everybody_clicks_people_look_as_elsewhere(self):
        """Of such queries alone, nobody can tell whether the rest is not seen or not wanted; the deviation says so."""
        other, rarely = read_pages(page_reader("cascade", noise=0.05, highest_grade=3))
        queries, places, searches = 60, 5, 300
        shown, clicked = np.zeros((queries, places, 2, places)), np.zeros((queries, places, 2, places))
        shown[:, 0, 0, 0] = clicked[:, 0, 0, 0] = searches
        shown[:, 1:, 1, 1:] = searches / (places - 1)
        looks = Looks(
            np.concatenate([other.shown, shown.reshape(-1, 2, places)]),
            np.concatenate([other.clicked, clicked.reshape(-1, 2, places)]),
            np.concatenate([other.first, np.tile(np.arange(1, places + 1), queries)]),
            np.concatenate([other.query, 40 + np.repeat(np.arange(queries), places)]),
        )
        truth = np.average([rarely, [1.0, 0.0, 0.0, 0.0, 0.0]], axis=0, weights=[40 * 150, queries * searches])
        found = learn_curve(looks)
        assert found.learned == pytest.approx(truth.tolist(), rel=0.15)
        assert found.deviations[1] > 0.3 * found.learned[1]
        without = learn_curve(other)
        assert without.deviations[1] < 0.15 * without.learned[1]

    def test_who_stops_at_the_first_click_sees_nothing_below_it_and_everything_above(self):
        looks, _ = read_pages(page_reader("cascade", noise=0.05, highest_grade=3))
        found = learn_curve(looks)
        assert found.before_click == pytest.approx([1.0] * 5, abs=0.15)
        assert max(found.after_click[1:]) < 0.03

    def test_whether_something_was_clicked_is_nothing_to_readers_who_go_by_the_position(self):
        looks, truth = read_pages(page_reader("position", noise=0.05, highest_grade=3))
        found = learn_curve(looks)
        assert found.before_click == pytest.approx(truth.tolist(), rel=0.15)
        assert found.after_click[1:] == pytest.approx(truth.tolist()[1:], rel=0.15)

    def test_a_single_curve_would_hold_low_places_to_be_seen_more_than_they_are(self):
        """Documents move where the first one does not satisfy, and there people read on: that is not how all read."""
        looks, truth = read_pages(page_reader("cascade", noise=0.05, highest_grade=3))
        alike = looks_of(looks.shown.sum(axis=1), looks.clicked.sum(axis=1), looks.first, looks.query)
        assert learn_curve(alike).learned[1] > 1.1 * truth[1]


class TestLittleIsKnown:
    def test_a_log_without_clicks_stays_near_the_prior(self):
        """Nobody has sent clicks yet: that places are shown says nothing of how they are looked at."""
        looks = swapped([1.0, 0.5, 0.3], pairs=300, searches=10)
        found = learn_curve(Looks(looks.shown, np.zeros_like(looks.clicked), looks.first, looks.query))
        for probabilities in (found.learned, found.before_click, found.after_click):
            assert probabilities == pytest.approx((1.0, 2**-PRIOR_ETA, 3**-PRIOR_ETA), rel=0.35)
        log_deviations = [sd / one for sd, one in zip(found.deviations, found.learned, strict=True)]
        assert log_deviations[2] > 0.5 * PRIOR_DEVIATION * np.log(3)

    def test_a_state_that_hardly_occurred_is_near_what_is_to_be_expected(self):
        """One look below a click, without a click: nobody can tell from that."""
        looks = swapped([1.0, 0.5, 0.3])
        shown, clicked = looks.shown.copy(), looks.clicked.copy()
        shown[0, 1, 2] = 1.0
        found = learn_curve(Looks(shown, clicked, looks.first, looks.query))
        assert found.after_click[2] == pytest.approx(3**-PRIOR_ETA, rel=0.15)
        assert found.learned == pytest.approx((1.0, 0.5, 0.3), rel=0.1)

    def test_of_a_few_searches_it_says_that_it_hardly_knows(self):
        """Five looks at each document, and the first place never moves."""
        errors = []
        for seed in range(5):
            looks, truth = read_pages(page_reader("dependent", noise=0.05, highest_grade=3), searches=5, seed=seed)
            found = learn_curve(looks)
            errors += [
                abs(np.log(one / other)) / (sd / one)
                for one, other, sd in zip(found.learned[1:], truth[1:], found.deviations[1:], strict=True)
            ]
        assert np.mean(errors) < 2.0
