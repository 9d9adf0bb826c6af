import pytest

pytest.importorskip("lightgbm")

from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior_fitting import CAUTION, looks_against_a_click
from ltrr_haystack.store import PAGE

SETTINGS = Settings(impressions=1200, seeds=(0,))


@pytest.fixture(scope="module")
def left(prior_looks, precomputed):
    with prior_looks.searched(precomputed, SETTINGS) as left:
        yield left


class TestWorth:
    def test_a_prior_of_little_worth_shows_what_people_chose_and_one_of_endless_worth_the_model_s_order(
        self, prior_looks, left
    ):
        """The union has what answers a query at places 2 to 6, where nDCG is .36 to .63."""
        (little, _, chosen), (endless, _, unmoved) = prior_looks.worth(left, [0.5, 1e6], SETTINGS.impressions)
        assert (little, endless) == (0.5, 1e6)
        assert chosen > 0.95
        assert unmoved < 0.7

    def test_the_learned_page_model_is_active_again(self, prior_looks, left):
        before = left.system.store.snapshot(PAGE).version
        for _ in prior_looks.worth(left, [1.0], SETTINGS.impressions):
            assert left.system.store.snapshot(PAGE).version != before
        assert left.system.store.snapshot(PAGE).version == before

    def test_it_counts_in_looks_that_predict_clicks_best(self, prior_looks, left):
        model = PageModel.from_bytes(left.system.store.snapshot(PAGE).payload)
        best = model.calibrated.looks
        assert model.ordering.looks == looks_against_a_click(model.ordering) > CAUTION * best
        found = prior_looks.worth(left, [1.0, 3.0], SETTINGS.impressions)
        assert [looks for _, looks, _ in found] == [best, 3.0 * best]

    def test_people_typed_what_is_judged(self, left, precomputed):
        assert 0 < len(left.seen) < len(precomputed.data.queries)

    def test_where_too_little_was_seen_there_is_nothing_to_multiply(self, prior_looks, precomputed):
        few = Settings(impressions=30, seeds=(0,))
        with (
            prior_looks.searched(precomputed, few) as left,
            pytest.raises(ValueError, match="there were too few searches"),
        ):
            next(prior_looks.worth(left, [1.0], 30))


@pytest.mark.parametrize(("given", "click_model", "noise"), [([], "mixed", 0.05), (["--hard"], "hard", 0.2)])
def test_people_are_those_of_the_benchmark(prior_looks, given, click_model, noise):
    arguments = prior_looks.options("…").parse_args(["--data", "songs", "--seed", "3", "--impressions", "70", *given])
    settings = prior_looks.settings_of(arguments)
    assert (settings.click_model, settings.click_noise) == (click_model, noise)
    assert (settings.seeds, settings.impressions) == ((3,), 70)


class TestMain:
    @pytest.fixture(autouse=True)
    def small(self, prior_looks, precomputed, monkeypatch):
        monkeypatch.setattr(prior_looks, "load_beir", lambda folder: None)
        monkeypatch.setattr(prior_looks, "hybrid", lambda *_: precomputed)

    def test_a_table_says_which_multiple_is_in_use(self, prior_looks, left, capsys):
        """Here it is not CAUTION: the union's order says little, so one click would turn pages over."""
        prior_looks.main(["--data", "songs", "--impressions", "1200"])
        shown = capsys.readouterr().out
        assert "songs" in shown
        (in_use,) = [line for line in shown.splitlines() if "in use" in line]
        model = prior_looks.fitted(left)
        assert f"{model.ordering.looks / model.calibrated.looks:.3g}, in use" in in_use
        assert f"{model.ordering.looks:.1f}" in in_use

    def test_too_few_searches_are_an_error(self, prior_looks, capsys):
        with pytest.raises(SystemExit):
            prior_looks.main(["--data", "songs", "--impressions", "30"])
        assert "there were too few searches; raise --impressions" in capsys.readouterr().err
