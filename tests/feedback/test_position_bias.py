import numpy as np
import pytest

from ltrr_haystack.feedback.position_bias import PRIOR_DEVIATION, PRIOR_ETA, Looks, learn_curve


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
    return Looks(shown, clicked, first, np.arange(pairs) // 5)


@pytest.mark.parametrize("truth", [[1.0, 0.7, 0.58, 0.5], [1.0, 0.5, 0.33, 0.25], [1.0, 0.95, 0.3, 0.28]])
def test_finds_the_curve_that_the_clicks_were_drawn_by_though_better_documents_began_at_the_top(truth):
    found = learn_curve(swapped(truth))
    assert found.learned == pytest.approx(truth, rel=0.1)
    assert max(found.deviations) < 0.1


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
    found = learn_curve(Looks(shown, clicked, first, np.arange(pairs) // 10))
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
    shown[:400, :2], clicked[:400, :2] = looks.shown, looks.clicked
    shown[400:, 2], clicked[400:, 2] = 60.0, 6.0
    first = np.concatenate([looks.first, np.full(100, 3)])
    found = learn_curve(Looks(shown, clicked, first, np.arange(500) // 5))
    assert found.learned[1] == pytest.approx(0.5, rel=0.1)
    assert found.deviations[2] > 4 * found.deviations[1]


def test_the_same_log_gives_the_same_curve():
    looks = swapped([1.0, 0.5, 0.4], pairs=100, searches=10)
    assert learn_curve(looks, seed=3) == learn_curve(looks, seed=3)


def test_with_few_moved_documents_the_prior_stays():
    assert learn_curve(swapped([1.0, 0.1], pairs=40)).eta == PRIOR_ETA
