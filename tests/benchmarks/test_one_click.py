import numpy as np
import pytest

from factories import remember
from ltrr_haystack.ranking.page_model import PageModel
from ranked import calm, places, union


@pytest.mark.parametrize("others_clicked", [True, False])
@pytest.mark.parametrize("earlier", [0, 1, 3, 10, 100])
def test_the_place_is_the_one_to_which_the_ranker_brings_the_document(store, one_click, earlier, others_clicked):
    model = PageModel()
    remembered = one_click.evidence(model, earlier, others_clicked)
    remember(store, {("sad songs", f"d{place - 1}"): amounts for place, amounts in remembered.items()})
    page = places(calm(store, top_k=100).run(union(100)))
    assert page.index(9) + 1 == one_click.place_after(model, remembered)


def test_by_hand(one_click):
    """
    Place 10 is clicked at .5 / 10 ** .7 = .0998, so one click makes that 1.998 of 11 = .182: below place 4 at .189.

    After a hundred more looks at 10 ** -.7 = .2 each it is 1.998 of 30.15 = .0663: below place 17 at .0688, which is
    the sixteenth of the others, and above place 18 at .0661.
    """
    model = PageModel()
    assert one_click.place_after(model, {10: (0.2, 1.0)}) == 5
    assert one_click.place_after(model, {10: (101 * 10**-0.7, 1.0)}) == 17


def test_the_more_it_was_passed_by_the_less_a_click_does(one_click):
    model = PageModel()
    after = [one_click.place_after(model, one_click.evidence(model, earlier, True)) for earlier in range(0, 2000, 50)]
    assert after == sorted(after)
    assert after[-1] > 50


def test_looks_are_those_of_the_curve(one_click):
    found = one_click.evidence(PageModel(), 3, False)
    assert [looks for looks, _ in found.values()] == pytest.approx((4 * np.arange(1.0, 11.0) ** -0.7).tolist())
    assert [successes for _, successes in found.values()] == [0.0] * 9 + [1.0]
