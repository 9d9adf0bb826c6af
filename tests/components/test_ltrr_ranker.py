import asyncio
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from haystack import Document, Pipeline, default_from_dict, default_to_dict

from factories import Unreachable, action_set, decision, remember, unite
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.ranking.candidate_features import CombinedFeatures, TextFeatures
from ltrr_haystack.ranking.examples import Example
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import PAGE, RANKER, LTRRStore
from ltrr_haystack.types import Provenance

ARMS = ("bm25", "dense", "recall")


def union(documents=20, arms=ARMS, query_id="q1", **changes):
    """
    The union follows bm25; dense has the documents in the opposite order.

    An arm named recall brings what people chose before, and finds nothing.
    """
    words = dict.fromkeys(arms, (0, 100))
    made = decision(query_id, "sad songs", actions=action_set(**words), **changes)
    bm25 = [Document(id=f"d{row}", content="text", score=float(documents - row)) for row in range(documents)]
    dense = [replace(each, score=(row + 1.0) / documents) for row, each in enumerate(bm25)][::-1]
    return unite(made, {"bm25": bm25, "dense": dense}, UnionJoiner(list(arms), weights={"dense": 0.0}))


def likes(feature, *, arms=ARMS, schema=None, most=1.0):
    """The bytes of a model that likes one feature, which is never above `most`: the more of it, the better."""
    schema = (schema or FeatureSchema.of_arms(arms)).without_memory(("recall",))
    draw = np.random.default_rng(0)
    examples = []
    for number in range(100):
        features = np.full((10, len(schema.names)), np.nan)
        liked = draw.random(10)
        features[:, schema.columns[feature]] = liked * most
        places = np.arange(1, 11, dtype=np.int32)
        examples.append(Example(f"query {number}", features, places, np.ceil(liked * 5), np.ones(10, dtype=bool)))
    settings = TrainingSettings(rounds=100, learning_rate=0.3, min_leaf=20, feature_fraction=1.0)
    return fit(examples, schema, settings, seed=0).to_bytes()


@pytest.fixture(scope="module")
def likes_dense():
    return likes("arm.dense.normalised")


@pytest.fixture(scope="module")
def likes_bm25():
    return likes("arm.bm25.normalised")


def remember_one(store, query="sad songs", object_id="d1"):
    """Have the memory index know one document for a query."""
    remember(store, {(query, object_id): (40.0, 30.0)})


def calm(store, **settings):
    """A ranker that draws nothing by chance."""
    return LTRRanker(store, explore=False, **settings)


def click_rates(number):
    """What the default page model expects of the first places."""
    return pytest.approx(PageModel().priors(np.arange(1, number + 1)).tolist())


def places(result):
    return [int(candidate.object_id[1:]) for candidate in result["ranking"].candidates]


def ids(result):
    return [candidate.object_id for candidate in result["ranking"].candidates]


def scores(result):
    return [candidate.score for candidate in result["ranking"].candidates]


def by_object(ranking):
    return {each.object_id: features for each, features in zip(ranking.candidates, ranking.features, strict=True)}


class TestWithoutModel:
    def test_keeps_the_unions_order_and_expects_of_each_place_what_is_usual_there(self, store):
        candidates = union()
        ranking = LTRRanker(store, top_k=3).run(candidates)["ranking"]
        assert [each.object_id for each in ranking.candidates] == ["d0", "d1", "d2"]
        assert [each.model_place for each in ranking.candidates] == [1, 2, 3]
        assert [each.score for each in ranking.candidates] == click_rates(3)
        assert (ranking.ranker_version, ranking.page_version, ranking.propensities) == (0, 0, ())
        assert ranking.decision is candidates.decision
        assert ranking.reports == candidates.reports

    def test_features_are_logged_all_the_same(self, store):
        ranking = LTRRanker(store, top_k=3).run(union())["ranking"]
        assert len(ranking.features) == 3
        assert ranking.features[1]["arm.bm25.reciprocal_rank"] == 0.5
        assert ranking.impressions()[1].features == ranking.features[1]

    def test_memory_is_among_the_logged_features(self, store):
        remember_one(store)
        features = by_object(calm(store).run(union())["ranking"])
        assert features["d1"]["memory.posterior"] == pytest.approx(31 / 60)  # (1 + 30) / (20 + 40)
        assert "memory.posterior" not in features["d0"]

    def test_nothing_found_is_an_empty_ranking(self, store):
        ranking = LTRRanker(store).run(replace(union(), candidates=()))["ranking"]
        assert (ranking.candidates, ranking.features) == ((), ())

    def test_top_k_of_the_request_comes_first(self, store):
        ranker = LTRRanker(store, top_k=3)
        assert len(ids(ranker.run(union(), top_k=7))) == 7
        assert len(ids(ranker.run(union(), top_k=100))) == 20

    def test_refuses_a_top_k_below_one(self, store):
        with pytest.raises(InvalidInputError, match="top_k of LTRRanker must be at least 1, got 0"):
            LTRRanker(store).run(union(), top_k=0)
        with pytest.raises(InvalidInputError, match="top_k of LTRRanker must be at least 1, got -3"):
            LTRRanker(store).run(union(), top_k=-3)


class TestWithModel:
    def test_orders_the_first_of_the_union_before_it_cuts(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        result = calm(store, top_k=5, rerank=20).run(union())
        assert result["ranking"].ranker_version == 1
        assert min(places(result)) >= 10
        assert [each.model_place for each in result["ranking"].candidates] == [1, 2, 3, 4, 5]

    def test_scores_are_the_click_rates_of_the_models_places(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        result = calm(store, top_k=20).run(union())
        assert scores(result) == click_rates(20)
        assert places(result) != sorted(places(result))

    def test_a_candidate_keeps_its_place_in_the_union_beside_its_new_one(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        result = LTRRanker(store).run(union())
        shown = [place + 1 for place in places(result)]
        assert [impression.place for impression in result["ranking"].impressions()] == shown
        assert shown != sorted(shown)

    def test_logs_the_features_that_it_would_without_a_model(self, store, likes_dense):
        before = LTRRanker(store, top_k=20).run(union())["ranking"]
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        after = LTRRanker(store, top_k=20).run(union())["ranking"]
        assert by_object(after) == by_object(before)

    def test_the_documents_stay_as_they_are(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        candidates = union()
        untouched = union()
        ranking = LTRRanker(store).run(candidates)["ranking"]
        assert candidates == untouched
        assert all(
            candidate.document is candidates.candidates[int(candidate.object_id[1:])].document
            for candidate in ranking.candidates
        )

    def test_many_threads_get_what_one_gets(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        ranker = LTRRanker(store, top_k=20, poll_interval=0.0)
        candidates = [union(documents) for documents in range(5, 20)] * 10
        expected = [ids(ranker.run(one)) for one in candidates]
        with ThreadPoolExecutor(8) as pool:
            assert [ids(result) for result in pool.map(ranker.run, candidates)] == expected


class TestRerank:
    @pytest.fixture(autouse=True)
    def _live(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)

    def test_the_first_fifty_are_put_into_another_order(self, store):
        found = [places(calm(store, **settings).run(union(60))) for settings in ({}, {"rerank": 60})]
        assert 40 <= max(found[0]) < 50 <= max(found[1])

    def test_what_stands_beyond_never_enters_the_page(self, store):
        for rerank in (3, 5, 12):
            found = places(LTRRanker(store, top_k=3, rerank=rerank).run(union()))
            assert max(found) < rerank
        assert max(places(LTRRanker(store, top_k=3, rerank=20).run(union()))) >= 12

    def test_unless_people_have_chosen_it(self, store):
        remember_one(store, object_id="d15")
        assert places(calm(store, top_k=3, rerank=3).run(union()))[0] == 15

    def test_what_is_shown_is_ordered_even_where_it_is_more_than_that(self, store):
        few = places(calm(store, top_k=8, rerank=1).run(union()))
        assert sorted(few) == list(range(8))
        assert few[0] != 0
        assert places(calm(store, rerank=1).run(union(), top_k=8)) == few


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

    def test_evidence_of_another_query_changes_nothing(self, store):
        remember_one(store, query="glad songs")
        assert ids(calm(store).run(union()))[:3] == ["d0", "d1", "d2"]

    def test_a_page_model_says_what_places_and_evidence_are_worth(self, store):
        remember(store, {("sad songs", "d2"): (2.0, 1.0)})
        model = PageModel(click_rates=(0.4, 0.2, 0.1), prior_looks=1.0)
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

    def test_the_probability_of_each_place_is_logged_with_what_was_shown(self, store):
        ranking = LTRRanker(store).run(union())["ranking"]
        chances = np.array(ranking.propensities)
        assert chances.shape == (10, 10)
        assert np.array_equal(chances[:3], np.eye(10)[:3])
        assert (np.diag(chances) > 0).all()
        assert [impression.propensities for impression in ranking.impressions()] == list(ranking.propensities)

    def test_a_search_is_drawn_the_same_again_by_its_id(self, store):
        first, again = (LTRRanker(store).run(union())["ranking"] for _ in range(2))
        assert first == again
        assert LTRRanker(store).run(union(query_id="another"))["ranking"].propensities != first.propensities

    def test_what_is_drawn_keeps_the_score_that_it_is_expected_to_earn(self, store):
        ranking = LTRRanker(store).run(union())["ranking"]
        expected = PageModel().priors([each.model_place for each in ranking.candidates])
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
        assert pages[0].impressions()[5].propensities == ()


class TestUnshown:
    def test_a_few_candidates_that_are_not_shown_are_logged_with_their_features(self, store):
        ranking = LTRRanker(store).run(union(60))["ranking"]
        logged = ranking.unshown_impressions()
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


class ByNumber:
    """A feature of the user's own: the number in a document's id, or whatever `fails` says."""

    names = ("mine.number",)

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    def compute(self, understanding, documents):
        if self.fails:
            raise RuntimeError("no numbers today")
        return np.array([[float(document.id[1:])] for document in documents])

    def to_dict(self):
        return default_to_dict(self, fails=self.fails)

    @classmethod
    def from_dict(cls, data):
        return default_from_dict(cls, data)


class TestFeatures:
    def test_texts_are_compared_if_nothing_else_is_said(self, store):
        features = LTRRanker(store).run(union())["ranking"].features
        assert any(name.startswith("text.content.") for name in features[0])

    def test_may_be_ones_own(self, store):
        ranking = calm(store, features=ByNumber()).run(union())["ranking"]
        assert [row["mine.number"] for row in ranking.features] == list(range(10))
        assert [row["mine.number"] + 1 for row in ranking.unshown_features] == [each.place for each in ranking.unshown]
        assert not any(name.startswith("text.") for name in ranking.features[0])

    def test_may_be_none_at_all(self, store):
        ranking = LTRRanker(store, features=CombinedFeatures([])).run(union())["ranking"]
        names = {name for row in ranking.features for name in row}
        assert names <= set(FeatureSchema.of_arms(ARMS).names)

    def test_a_model_ranks_by_them(self, store):
        schema = FeatureSchema.of_pipeline(ARMS, ByNumber.names)
        store.add_snapshot(RANKER, likes("mine.number", schema=schema, most=20.0), {}, activate=True)
        found = calm(store, top_k=5, features=ByNumber()).run(union())
        assert found["ranking"].ranker_version == 1
        assert min(places(found)) >= 10

    def test_of_a_model_that_the_pipeline_has_no_more_leave_the_unions_order(self, store, caplog):
        schema = FeatureSchema.of_pipeline(ARMS, ByNumber.names)
        store.add_snapshot(RANKER, likes("mine.number", schema=schema, most=20.0), {}, activate=True)
        with caplog.at_level(logging.WARNING):
            found = calm(store, top_k=2).run(union())
        assert (ids(found), found["ranking"].ranker_version) == (["d0", "d1"], 0)
        assert "only the model has mine.number" in caplog.text

    def test_that_fail_are_missing_and_reported_once(self, store, caplog):
        ranker = calm(store, features=ByNumber(fails=True))
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                ranking = ranker.run(union())["ranking"]
        assert [each.object_id for each in ranking.candidates] == [f"d{number}" for number in range(10)]
        assert "mine.number" not in ranking.features[0]
        assert ranking.features[0]["arm.bm25.present"] == 1.0
        (record,) = caplog.records
        assert "without ByNumber" in record.getMessage()
        assert "no numbers today" in record.getMessage()


class TestSwapping:
    def test_a_newer_model_is_taken_up_and_an_older_one_brought_back(self, store, likes_dense, likes_bm25):
        ranker = LTRRanker(store, top_k=1, poll_interval=0.0, rerank=20)
        assert ids(ranker.run(union())) == ["d0"]
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        (dense_first,) = ids(ranker.run(union()))
        assert int(dense_first[1:]) >= 10
        store.add_snapshot(RANKER, likes_bm25, {}, activate=True)
        result = ranker.run(union())
        assert (ids(result), result["ranking"].ranker_version) == (["d0"], 2)
        store.activate(RANKER, 1)
        result = ranker.run(union())
        assert (ids(result), result["ranking"].ranker_version) == ([dense_first], 1)

    def test_looks_no_more_often_than_it_is_told(self, store, likes_dense, monkeypatch):
        now = 1000.0
        monkeypatch.setattr("ltrr_haystack.store.active.time.monotonic", lambda: now)
        ranker = LTRRanker(store, poll_interval=1.0)
        ranker.run(union())
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        now = 1000.9
        assert ranker.run(union())["ranking"].ranker_version == 0
        now = 1001.0
        assert ranker.run(union())["ranking"].ranker_version == 1

    def test_while_one_search_looks_the_others_go_on_with_what_they_have(self, store, likes_dense, monkeypatch):
        now = 1000.0
        monkeypatch.setattr("ltrr_haystack.store.active.time.monotonic", lambda: now)
        ranker = LTRRanker(store, poll_interval=1.0)
        ranker.run(union())
        looking, may_go_on = Event(), Event()

        def slow(kind):
            if kind != RANKER:
                return 0
            looking.set()
            assert may_go_on.wait(10)
            return 1

        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        monkeypatch.setattr(store, "active_version", slow)
        now = 1002.0
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(ranker.run, union())
            assert looking.wait(10)
            assert ranker.run(union())["ranking"].ranker_version == 0
            may_go_on.set()
            assert first.result(10)["ranking"].ranker_version == 1

    def test_warm_up_loads_the_model_before_the_first_search(self, store, likes_dense, monkeypatch):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        ranker = LTRRanker(store, poll_interval=1000.0)
        ranker.warm_up()
        monkeypatch.setattr(store, "snapshot", None)
        assert ranker.run(union())["ranking"].ranker_version == 1


class TestFailures:
    def test_a_store_that_went_away_leaves_the_model_in_use_and_is_reported_once(self, store, likes_dense, caplog):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        unreachable = Unreachable(store)
        ranker = LTRRanker(unreachable, poll_interval=0.0)
        before = ids(ranker.run(union()))
        unreachable.gone = True
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                result = ranker.run(union())
        assert ids(result) == before
        assert result["ranking"].ranker_version == 1
        messages = [record.getMessage() for record in caplog.records]
        for begin in (
            "No newer ranker could be taken up, version 1 stays",
            "No newer page could be taken up, version 0",
        ):
            assert sum(text.startswith(begin) for text in messages) == 1
        assert sum("without what was seen for their queries, until this is mended" in text for text in messages) == 1
        assert len(set(messages)) == len(messages)

    def test_when_the_store_is_back_that_is_said_and_the_next_outage_is_reported_anew(self, store, caplog):
        unreachable = Unreachable(store)
        ranker = LTRRanker(unreachable)
        with caplog.at_level(logging.WARNING):
            for gone in (True, False, True):
                unreachable.gone = gone
                ranker.run(union())
        told = [each.getMessage() for each in caplog.records if "without what was seen" in each.getMessage()]
        assert ["until this is mended" in message for message in told] == [True, False, True]

    def test_a_store_that_was_never_there_does_not_keep_a_search_from_its_order(self, store):
        unreachable = Unreachable(store)
        unreachable.gone = True
        assert ids(LTRRanker(unreachable, top_k=2).run(union())) == ["d0", "d1"]

    def test_a_damaged_model_leaves_the_one_before_in_use(self, store, likes_dense, caplog):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        ranker = LTRRanker(store, poll_interval=0.0)
        ranker.run(union())
        store.add_snapshot(RANKER, likes_dense[:-10], {}, activate=True)
        with caplog.at_level(logging.WARNING):
            assert ranker.run(union())["ranking"].ranker_version == 1
            assert ranker.run(union())["ranking"].ranker_version == 1
        (record,) = caplog.records
        assert record.getMessage().startswith("ranker 1 is used in the place of ranker 2, until another version is")
        assert "(ltrr activate ranker 1): the ranking model is damaged" in record.getMessage()
        store.activate(RANKER, 1)
        assert ranker.run(union())["ranking"].ranker_version == 1

    def test_a_model_of_other_arms_serves_the_unions_order_and_says_why_once(self, store, caplog):
        model = likes("arm.sparse.normalised", arms=("bm25", "recall", "sparse"))
        store.add_snapshot(RANKER, model, {}, activate=True)
        ranker = LTRRanker(store, top_k=2)
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                result = ranker.run(union())
        assert ids(result) == ["d0", "d1"]
        assert result["ranking"].ranker_version == 0
        (record,) = caplog.records
        assert "Version 1 cannot rank, the union's order is served" in record.getMessage()
        assert "only the model has arm.sparse.normalised" in record.getMessage()

    def test_a_model_of_the_format_before_leaves_the_unions_order_and_it_says_once_what_to_do(self, store, caplog):
        header = b'{"format": "ltrr-ranker/2", "models": {}, "checksum": "00"}'
        store.add_snapshot(RANKER, header + b"\ntree", {}, activate=True)
        ranker = LTRRanker(store, top_k=2, poll_interval=0.0)
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                result = ranker.run(union())
        assert (ids(result), result["ranking"].ranker_version) == (["d0", "d1"], 0)
        (record,) = caplog.records
        assert "has format 'ltrr-ranker/2', this version reads 'ltrr-ranker/3'" in record.getMessage()
        assert "ltrr train-ranker" in record.getMessage()

    def test_without_lightgbm_the_unions_order_is_served_and_it_says_how_to_get_it(
        self, store, likes_dense, caplog, monkeypatch
    ):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        ranker = LTRRanker(store, top_k=1)
        with caplog.at_level(logging.WARNING):
            ranker.warm_up()
            assert ids(ranker.run(union())) == ["d0"]
        (record,) = caplog.records
        assert 'pip install "ltrr-haystack[ranking]"' in record.getMessage()


class TestLifecycle:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"top_k": 0}, "top_k of LTRRanker must be at least 1, got 0"),
            ({"rerank": 0}, "rerank of LTRRanker must be at least 1, got 0"),
            ({"poll_interval": -1.0}, "poll_interval of LTRRanker must not be negative, got -1.0"),
            ({"explore_from": 0}, "explore_from of LTRRanker must be at least 1, got 0"),
            ({"deep_share": 1.5}, "deep_share of LTRRanker must be a share from 0 to 1, got 1.5"),
            ({"log_unshown": -1}, "log_unshown of LTRRanker must not be negative, got -1"),
        ],
    )
    def test_refuses_settings_that_cannot_work(self, store, settings, message):
        with pytest.raises(ConfigurationError, match=message):
            LTRRanker(store, **settings)

    async def test_can_be_warmed_up_and_closed_again_and_again(self, store):
        ranker = LTRRanker(store)
        ranker.warm_up()
        await ranker.warm_up_async()
        ranker.close()
        await ranker.close_async()
        await asyncio.gather(ranker.warm_up_async(), ranker.warm_up_async())
        assert len(ids(ranker.run(union()))) == 10

    @pytest.mark.parametrize("own", [True, False])
    def test_goes_through_yaml_with_its_store_and_features(self, tmp_path, monkeypatch, own):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", f"ltrr_haystack,{__name__}")
        text = TextFeatures(LTRRStore(), ["content", "meta.title"], language="en")
        features = ByNumber() if own else CombinedFeatures([text, ByNumber()])
        settings = {"top_k": 5, "poll_interval": 0.5, "rerank": 7, "explore": False, "explore_from": 2}
        settings |= {"deep_share": 0.1, "log_unshown": 3}
        pipeline = Pipeline()
        pipeline.add_component("ranker", LTRRanker(LTRRStore(), features=features, **settings))
        loaded = Pipeline.loads(pipeline.dumps()).get_component("ranker")
        assert {name: getattr(loaded, name) for name in settings} == settings
        assert (type(loaded.features), loaded.features.names) == (type(features), features.names)
        ranking = loaded.run(union())["ranking"]
        assert ranking.features[3]["mine.number"] == 3.0
        assert own != any(name.startswith("text.content.") for name in ranking.features[0])
        loaded.close()

    def test_a_constructor_opens_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        LTRRanker(LTRRStore())
        assert list(tmp_path.iterdir()) == []
