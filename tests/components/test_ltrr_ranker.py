import asyncio
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from haystack import Document, Pipeline, default_from_dict, default_to_dict

from factories import Unreachable, action_set, decision, unite
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.ranking.candidate_features import CombinedFeatures, TextFeatures
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.store import RANKER, LTRRStore
from ranked import ARMS, by_object, calm, click_rates, ids, likes, places, remember_one, scores, union


@pytest.fixture(scope="module")
def likes_dense():
    return likes("arm.dense.normalised")


@pytest.fixture(scope="module")
def likes_bm25():
    return likes("arm.bm25.normalised")


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
        assert features["d1"]["memory.exposures"] == 40.0
        assert "memory.exposures" not in features["d0"]

    def test_nothing_found_is_an_empty_ranking(self, store):
        ranking = LTRRanker(store).run(replace(union(), candidates=()))["ranking"]
        assert (ranking.candidates, ranking.features) == ((), ())

    def test_top_k_of_the_request_comes_first(self, store):
        ranker = LTRRanker(store, top_k=3)
        assert len(ids(ranker.run(union(), top_k=7))) == 7
        assert len(ids(ranker.run(union(), top_k=100))) == 20

    @pytest.mark.parametrize(("top_k", "got"), [("5", "a number, got '5'"), (1.5, "a whole number, got 1.5")])
    def test_refuses_a_top_k_that_is_no_whole_number(self, store, top_k, got):
        with pytest.raises(InvalidInputError, match=f"top_k of LTRRanker must be {got}"):
            LTRRanker(store).run(union(), top_k=top_k)

    def test_refuses_a_top_k_below_one(self, store):
        with pytest.raises(InvalidInputError, match="top_k of LTRRanker must be at least 1, got 0"):
            LTRRanker(store).run(union(), top_k=0)
        with pytest.raises(InvalidInputError, match="top_k of LTRRanker must be at least 1, got -3"):
            LTRRanker(store).run(union(), top_k=-3)


class TestWhatMemoryBrings:
    def test_has_no_say_in_the_models_order(self, store):
        """Memory puts m0 and d5 first in the union; without it d5 is sixth, and m0 would not be there."""
        made = decision("q1", "sad songs", actions=action_set(**dict.fromkeys(ARMS, (0, 100))))
        bm25 = [Document(id=f"d{row}", content="text", score=20.0 - row) for row in range(20)]
        recall = [Document(id="m0", content="text", score=1.0), replace(bm25[5], score=0.9)]
        joiner = UnionJoiner(list(ARMS), weights={"recall": 3.0})
        candidates = unite(made, {"bm25": bm25, "recall": recall}, joiner)
        assert {each.object_id for each in candidates.candidates[:2]} == {"m0", "d5"}
        ranking = calm(store, top_k=21, rerank=50).run(candidates)["ranking"]
        places = {each.object_id: each.model_place for each in ranking.candidates}
        assert places == {"m0": 21, **{f"d{row}": row + 1 for row in range(20)}}


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
            ({"explore_to": 3}, r"explore_to of LTRRanker must be explore_from \(4\) or more, got 3"),
            ({"top_k": float("nan")}, "top_k of LTRRanker must be a finite number, got nan"),
            ({"top_k": 1.5}, "top_k of LTRRanker must be a whole number, got 1.5"),
            ({"poll_interval": "x"}, "poll_interval of LTRRanker must be a number, got 'x'"),
            ({"key": 5}, "key of LTRRanker must be 'id' or like 'meta.sku', got 5"),
            ({"deep_share": 1.5}, "deep_share of LTRRanker must be from 0 to 1, got 1.5"),
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
        settings = {"top_k": 5, "poll_interval": 0.5, "rerank": 7, "explore": False, "explore_from": 2, "explore_to": 6}
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
