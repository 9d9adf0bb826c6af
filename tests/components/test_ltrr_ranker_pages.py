"""Evidence, chance, and what is logged of candidates that are not shown."""

from dataclasses import replace

import numpy as np
import pytest

from factories import remember, unshown_impressions
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior
from ltrr_haystack.store import PAGE, RANKER
from ltrr_haystack.types import Provenance
from ranked import calm, ids, likes, places, remember_one, scores, union


@pytest.fixture(scope="module")
def likes_dense():
    return likes("arm.dense.normalised")


@pytest.fixture(scope="module")
def likes_bm25():
    return likes("arm.bm25.normalised")


class TestEvidence:
    def test_a_page_is_in_the_order_of_expected_click_rates(self, store):
        """Ten looks are what a place is worth: d1 is at .5 / 2 ** .7 = .308, d4 at .5 / 5 ** .7 = .162."""
        remember(store, {("sad songs", "d1"): (10.0, 0.0), ("sad songs", "d4"): (10.0, 5.0)})
        found = calm(store, top_k=20).run(union())["ranking"].candidates
        expected = {each.object_id: each.score for each in found}
        assert expected["d1"] == pytest.approx(3.078 / 20, abs=1e-4)
        assert expected["d4"] == pytest.approx((1.621 + 5) / 20, abs=1e-4)
        assert [each.object_id for each in found[:6]] == ["d0", "d4", "d2", "d3", "d1", "d5"]
        assert [each.model_place for each in found[:6]] == [1, 5, 3, 4, 2, 6]
        assert [each.score for each in found] == sorted(expected.values(), reverse=True)

    def test_clicks_without_looks_count_as_looks(self, store):
        remember(store, {("sad songs", "d4"): (0.5, 1.0)})
        (found,) = [each for each in calm(store).run(union())["ranking"].candidates if each.object_id == "d4"]
        assert found.score == pytest.approx((1.621 + 1) / 11, abs=1e-4)

    def test_the_models_order_does_not_change_by_what_is_remembered(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)

        def by_model():
            found = calm(store, top_k=20).run(union())["ranking"].candidates
            return {each.object_id: each.model_place for each in found}

        before = by_model()
        remember_one(store)
        assert calm(store).run(union())["ranking"].candidates[0].object_id == "d1"
        assert by_model() == before

    def test_a_document_keeps_what_it_earned_when_the_ranker_changes(self, store, likes_dense, likes_bm25):
        remember(store, {("sad songs", "d9"): (400.0, 300.0)})
        for model in (likes_dense, likes_bm25):
            store.add_snapshot(RANKER, model, {}, activate=True)
            assert ids(calm(store).run(union()))[0] == "d9"

    def test_what_a_memory_arm_alone_brought_starts_from_the_last_place(self, store):
        """It stands first in the union; no feature tells the model of it, and its place is that without memory."""
        store.add_snapshot(RANKER, likes("fused.searched", most=0.04), {}, activate=True)
        candidates = union()
        first = replace(candidates.candidates[0], arms={"recall": Provenance(1, 0.9, 1.0)})
        brought = replace(candidates, candidates=(first, *candidates.candidates[1:]))
        found = calm(store, top_k=20).run(brought)["ranking"]
        assert found.candidates[-1].object_id == "d0"
        assert found.features[-1]["place.searched"] == 20.0
        assert {"arm.recall.present", "fused", "arms"} <= found.features[-1].keys()

    @pytest.mark.parametrize("successes", [0.0, 9.0])
    def test_what_stands_too_low_for_the_model_can_be_chosen_and_keeps_its_place_in_the_union(
        self, store, likes_dense, successes
    ):
        """The model likes d19 best, the last of the union; it orders the first five, of which d4 leads."""
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        remember(store, {("sad songs", "d19"): (9.0, successes)})
        ranking = calm(store, rerank=5, top_k=3).run(union())["ranking"]
        places = {each.object_id: each.model_place for each in ranking.candidates}
        assert places["d4"] == 1
        assert places.get("d19") == (20 if successes else None)
        assert sorted(ranking.model_places) == [1, 2, 3, 4, 5]

    def test_evidence_of_another_query_changes_nothing(self, store):
        remember_one(store, query="glad songs")
        assert ids(calm(store).run(union()))[:3] == ["d0", "d1", "d2"]

    def test_a_page_model_says_what_places_and_evidence_are_worth(self, store):
        remember(store, {("sad songs", "d2"): (2.0, 1.0)})
        model = PageModel(ordering=PlacePrior((0.4, 0.2, 0.1), 1.0))
        store.add_snapshot(PAGE, model.to_bytes(), {}, activate=True)
        result = calm(store, top_k=3).run(union())
        assert ids(result) == ["d0", "d2", "d1"]
        assert scores(result) == pytest.approx([0.4, (0.1 + 1) / 3, 0.2])
        assert result["ranking"].page_version == 1


class TestExploration:
    def test_the_first_three_places_never_move_by_chance(self, store):
        ranker = LTRRanker(store)
        pages = [places(ranker.run(union(query_id=f"q{number}"))) for number in range(60)]
        assert {tuple(page[:3]) for page in pages} == {(0, 1, 2)}
        assert len({tuple(page) for page in pages}) > 50
        assert all(len(set(page)) == 10 for page in pages)

    def test_one_document_from_below_the_page_at_most_and_in_a_share_of_the_searches(self, store):
        came = {}
        for share in (0.0, 0.5, 1.0):
            ranker = LTRRanker(store, deep_share=share)
            below = [sum(np.array(places(ranker.run(union(query_id=f"q{n}")))) >= 10) for n in range(100)]
            assert max(below) <= 1
            came[share] = np.mean(below)
        assert came[0.0] == 0
        assert 0.3 < came[0.5] < 0.6
        assert came[1.0] > 0.9

    @pytest.mark.parametrize(("rerank", "deepest"), [(50, 50), (70, 70)])
    def test_it_may_be_any_of_those_that_the_model_orders(self, store, rerank, deepest):
        ranker = LTRRanker(store, rerank=rerank, deep_share=1.0)
        came = [max(places(ranker.run(union(80, query_id=f"q{number}")))) for number in range(150)]
        assert deepest - 20 < max(came) < deepest

    def test_the_probability_of_its_place_and_of_the_page_is_logged_with_what_was_shown(self, store):
        ranking = LTRRanker(store).run(union())["ranking"]
        chances = np.array(ranking.propensities)
        assert chances.shape == (10, 2)
        assert (chances[:3] == 1).all()
        assert (chances[3:, 0] > 0).all()
        assert (chances[3:, 0] < chances[3:, 1]).any()
        logged = [(each.propensity, each.page_propensity) for each in ranking.impressions()]
        assert logged == list(ranking.propensities)

    def test_what_all_ranked_documents_were_expected_to_earn_is_logged(self, store):
        """Allocations that draw less are judged by it: their pages have these documents in this order."""
        ranking = LTRRanker(store).run(union(60))["ranking"]
        assert ranking.model_places == tuple(range(1, 51))
        assert ranking.expected == pytest.approx(PlacePrior().expected(range(1, 51)).tolist())

    def test_chance_follows_what_predicts_clicks_best_and_the_order_is_more_cautious(self, store):
        """
        d5 was clicked at its only look. By a prior of a thousand looks that changes no page; by one look it is worth
        (.05 + 1) / 2, and so it is logged, and mostly drawn for the first place that is left to chance.
        """
        remember(store, {("sad songs", "d5"): (1.0, 1.0)})
        law, seen = PlacePrior().expected(range(1, 51)).tolist(), (0.05,) * 50
        model = PageModel(ordering=PlacePrior(tuple(law), 1000.0), calibrated=PlacePrior(seen, 1.0))
        store.add_snapshot(PAGE, model.to_bytes(), {}, activate=True)
        quiet = calm(store).run(union())
        assert places(quiet) == list(range(10))
        assert scores(quiet) == pytest.approx([*law[:5], (1000 * law[5] + 1) / 1001, *law[6:10]])
        assert quiet["ranking"].expected == pytest.approx([0.05] * 5 + [0.525] + [0.05] * 14)
        ranker = LTRRanker(store, deep_share=0.0)
        drawn = [places(ranker.run(union(query_id=f"q{number}"))) for number in range(60)]
        assert {tuple(page[:3]) for page in drawn} == {(0, 1, 2)}
        assert np.mean([page[3] == 5 for page in drawn]) > 0.6

    def test_a_search_is_drawn_the_same_again_by_its_id(self, store):
        first, again = (LTRRanker(store).run(union())["ranking"] for _ in range(2))
        assert first == again
        assert LTRRanker(store).run(union(query_id="another"))["ranking"].propensities != first.propensities

    def test_what_is_drawn_keeps_the_score_that_it_is_expected_to_earn(self, store):
        ranking = LTRRanker(store).run(union())["ranking"]
        expected = PlacePrior().expected([each.model_place for each in ranking.candidates])
        assert [each.score for each in ranking.candidates] == pytest.approx(expected.tolist())

    def test_the_first_place_that_is_drawn_can_be_chosen(self, store):
        ranker = LTRRanker(store, explore_from=1)
        assert len({ids(ranker.run(union(query_id=f"q{number}")))[0] for number in range(30)}) > 1

    def test_can_be_switched_off(self, store):
        pages = [calm(store).run(union(query_id=f"q{number}"))["ranking"] for number in range(20)]
        assert {tuple(each.object_id for each in page.candidates) for page in pages} == {
            tuple(f"d{n}" for n in range(10))
        }
        assert {page.propensities for page in pages} == {()}
        assert pages[0].impressions()[5].propensity == 1.0


class TestUnshown:
    def test_a_few_candidates_that_are_not_shown_are_logged_with_their_features(self, store):
        ranking = LTRRanker(store).run(union(60))["ranking"]
        logged = unshown_impressions(ranking)
        assert len(logged) == 5
        assert {each.ordinal for each in logged} == {0}
        assert {each.object_id for each in logged}.isdisjoint(each.object_id for each in ranking.candidates)
        assert max(each.place for each in logged) <= 50
        assert all(each.model_place == each.place for each in logged)
        for each in logged:
            assert each.features["arm.bm25.reciprocal_rank"] == 1 / each.place
            assert each.features["place.searched"] == each.place

    def test_which_ones_is_drawn_by_the_searchs_id(self, store):
        ranker = LTRRanker(store)
        drawn = [ranker.run(union(query_id=f"q{number}"))["ranking"].unshown for number in range(20)]
        assert len({each.object_id for unshown in drawn for each in unshown}) > 8

    @pytest.mark.parametrize(("log_unshown", "logged"), [(0, 0), (5, 5), (100, 16)])
    def test_as_many_as_one_likes_but_none_that_people_chose_before(self, store, log_unshown, logged):
        """d15 was clicked once in very many looks: it is not shown, and is no example of what nobody wants either."""
        remember(store, {("sad songs", "d15"): (1000.0, 1.0)})
        unshown = calm(store, top_k=3, log_unshown=log_unshown).run(union())["ranking"].unshown
        assert len(unshown) == logged
        assert "d15" not in {each.object_id for each in unshown}

    def test_pages_of_today_log_them_too(self, store):
        ranking = LTRRanker(store).run(union(mode="baseline"))["ranking"]
        assert len(ranking.unshown) == len(ranking.unshown_features) == 5
        assert min(each.place for each in ranking.unshown) > 10

    def test_nor_do_pages_of_today_log_what_people_chose_before(self, store):
        remember(store, {("sad songs", "d15"): (1000.0, 1.0)})
        unshown = LTRRanker(store, log_unshown=100).run(union(mode="baseline"))["ranking"].unshown
        assert {each.object_id for each in unshown} == {f"d{number}" for number in range(10, 20)} - {"d15"}
