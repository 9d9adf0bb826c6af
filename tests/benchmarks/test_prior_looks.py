import math

import pytest

pytest.importorskip("lightgbm")

from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import PAGE

SETTINGS = Settings(impressions=600, seeds=(0,))
FOURTH = 1 / math.log2(1 + 4)
"""nDCG of a page whose fourth document is the only one that answers."""


@pytest.fixture(scope="module")
def left(prior_looks, precomputed):
    with prior_looks.searched(precomputed, SETTINGS) as left:
        yield left


class TestWorth:
    def test_a_prior_of_no_worth_shows_what_people_chose_and_one_of_endless_worth_the_model_s_order(
        self, prior_looks, left
    ):
        (none, _, chosen), (endless, _, unmoved) = prior_looks.worth(left, [0.01, 1e6], SETTINGS.impressions)
        assert (none, endless) == (0.01, 1e6)
        assert chosen == pytest.approx(1.0)
        assert unmoved == pytest.approx(FOURTH)

    def test_it_counts_in_looks_that_predict_clicks_best(self, prior_looks, left):
        judged = PageModel.from_bytes(left.system.store.snapshot(PAGE).payload).judged_looks
        assert [looks for _, looks, _ in prior_looks.worth(left, [1.0, 3.0], SETTINGS.impressions)] == [
            judged,
            3.0 * judged,
        ]

    def test_people_typed_what_is_judged(self, left, precomputed):
        assert 0 < len(left.seen) < len(precomputed.data.queries)

    def test_without_a_page_model_there_is_nothing_to_judge(self, prior_looks, precomputed):
        few = Settings(impressions=1, seeds=(0,), train_at=())
        with (
            prior_looks.searched(precomputed, few) as left,
            pytest.raises(ValueError, match="no page model was learned"),
        ):
            next(prior_looks.worth(left, [1.0], 1))


def test_a_table_says_which_multiple_is_in_use(prior_looks, precomputed, capsys, monkeypatch):
    monkeypatch.setattr(prior_looks, "load_beir", lambda folder: None)
    monkeypatch.setattr(prior_looks, "hybrid", lambda *_: precomputed)
    prior_looks.main(["--data", "songs", "--impressions", "60"])
    shown = capsys.readouterr().out
    assert "songs" in shown
    assert "4, in use" in shown
