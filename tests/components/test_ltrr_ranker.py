import asyncio
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from haystack import Document, Pipeline

from factories import Unreachable, action_set, decision, remember, unite
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.ranking.examples import Example
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.store import RANKER, LTRRStore
from ltrr_haystack.types import Provenance

ARMS = ("bm25", "dense", "recall")


def union(documents=20, arms=ARMS):
    """
    The union follows bm25; dense has the documents in the opposite order.

    An arm named recall brings what people chose before, and finds nothing.
    """
    words = dict.fromkeys(arms, (0, 100))
    made = decision(query="sad songs", actions=action_set(**words))
    bm25 = [Document(id=f"d{row}", content="text", score=float(documents - row)) for row in range(documents)]
    dense = [replace(each, score=(row + 1.0) / documents) for row, each in enumerate(bm25)][::-1]
    return unite(made, {"bm25": bm25, "dense": dense}, UnionJoiner(list(arms), weights={"dense": 0.0}))


def likes(feature, *, arms=ARMS, most=1.0):
    """The bytes of a model that likes one feature, which is never above `most`: the more of it, the better."""
    schema = FeatureSchema.of_arms(arms).without_memory(("recall",))
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


def places(result):
    return [int(candidate.object_id[1:]) for candidate in result["ranking"].candidates]


def ids(result):
    return [candidate.object_id for candidate in result["ranking"].candidates]


class TestWithoutModel:
    def test_keeps_the_unions_order_and_scores(self, store):
        candidates = union()
        ranking = LTRRanker(store, top_k=3).run(candidates)["ranking"]
        assert ranking.candidates == candidates.candidates[:3]
        assert ranking.ranker_version == 0
        assert ranking.decision is candidates.decision
        assert ranking.reports == candidates.reports

    def test_features_are_logged_all_the_same(self, store):
        ranking = LTRRanker(store, top_k=3).run(union())["ranking"]
        assert len(ranking.features) == 3
        assert ranking.features[1]["arm.bm25.reciprocal_rank"] == 0.5
        assert ranking.impressions()[1].features == ranking.features[1]

    def test_memory_is_among_the_features(self, store):
        remember_one(store)
        features = LTRRanker(store).run(union())["ranking"].features
        assert features[1]["memory.posterior"] == pytest.approx(31 / 60)  # (1 + 30) / (20 + 40)
        assert "memory.posterior" not in features[0]

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
        ranking = LTRRanker(store, top_k=5, rerank=20).run(union())["ranking"]
        assert ranking.ranker_version == 1
        assert min(int(candidate.object_id[1:]) for candidate in ranking.candidates) >= 10
        scores = [candidate.score for candidate in ranking.candidates]
        assert scores == sorted(scores, reverse=True)

    def test_scores_fall_from_the_first_to_the_last(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        found = LTRRanker(store, top_k=20).run(union())["ranking"].candidates
        by_score = [(-candidate.score, int(candidate.object_id[1:])) for candidate in found]
        assert by_score == sorted(by_score)

    def test_a_candidate_keeps_its_place_in_the_union_beside_its_new_one(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        candidates = union()
        placed = tuple(replace(one, place=place) for place, one in enumerate(candidates.candidates, start=1))
        ranking = LTRRanker(store).run(replace(candidates, candidates=placed))["ranking"]
        shown = [int(candidate.object_id[1:]) + 1 for candidate in ranking.candidates]
        assert [impression.place for impression in ranking.impressions()] == shown
        assert shown != sorted(shown)

    def test_logs_the_features_that_it_would_without_a_model(self, store, likes_dense):
        before = LTRRanker(store, top_k=20).run(union())["ranking"]
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        after = LTRRanker(store, top_k=20).run(union())["ranking"]

        def by_object(ranking):
            return {c.object_id: features for c, features in zip(ranking.candidates, ranking.features, strict=True)}

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

    def test_no_more_than_ten_are_put_into_another_order(self, store):
        result = LTRRanker(store).run(union())
        assert sorted(places(result)) == list(range(10))
        assert places(result) != list(range(10))

    def test_what_stands_beyond_never_enters_the_page(self, store):
        for rerank in (3, 5, 12):
            found = places(LTRRanker(store, top_k=3, rerank=rerank).run(union()))
            assert max(found) < rerank
        assert max(places(LTRRanker(store, top_k=3, rerank=20).run(union()))) >= 12

    def test_what_is_shown_is_ordered_even_where_it_is_more_than_that(self, store):
        few = places(LTRRanker(store, top_k=8, rerank=1).run(union()))
        assert sorted(few) == list(range(8))
        assert few[0] != 0
        assert places(LTRRanker(store, rerank=1).run(union(), top_k=8)) == few

    def test_a_search_in_mode_baseline_keeps_the_unions_order_and_logs_its_features(self, store):
        candidates = union()
        as_it_is = replace(candidates, decision=replace(candidates.decision, mode="baseline"))
        ranking = LTRRanker(store, top_k=5).run(as_it_is)["ranking"]
        assert ranking.candidates == candidates.candidates[:5]
        assert ranking.ranker_version == 0
        assert ranking.features[1]["arm.bm25.reciprocal_rank"] == 0.5

    def test_a_search_in_mode_apprentice_is_ranked(self, store):
        candidates = union()
        tried = replace(candidates, decision=replace(candidates.decision, mode="apprentice"))
        assert LTRRanker(store).run(tried)["ranking"].ranker_version == 1


class TestMemory:
    def test_the_model_is_blind_to_what_memory_knows(self, store, likes_dense):
        store.add_snapshot(RANKER, likes_dense, {}, activate=True)
        before = LTRRanker(store).run(union())["ranking"]
        remember_one(store)
        after = LTRRanker(store).run(union())["ranking"]
        assert after.candidates == before.candidates
        assert after.features != before.features

    def test_what_a_memory_arm_alone_brought_starts_from_the_last_place(self, store):
        """It stands first in the union; no feature tells the model of it, and its place is that without memory."""
        store.add_snapshot(RANKER, likes("fused.searched", most=0.04), {}, activate=True)
        candidates = union()
        first = replace(candidates.candidates[0], arms={"recall": Provenance(1, 0.9, 1.0)})
        brought = replace(candidates, candidates=(first, *candidates.candidates[1:]))
        found = LTRRanker(store).run(brought)["ranking"]
        assert found.candidates[-1].object_id == "d0"
        assert found.features[-1]["place.searched"] == 20.0
        assert {"arm.recall.present", "fused", "arms"} <= found.features[-1].keys()


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
        assert len(messages) == 2
        assert any("version 1 stays in use: StoreUnavailableError: it cannot be reached" in text for text in messages)
        assert any("without memory features, until this is mended: StoreUnavailableError" in text for text in messages)

    def test_when_the_store_is_back_that_is_said_and_the_next_outage_is_reported_anew(self, store, caplog):
        unreachable = Unreachable(store)
        ranker = LTRRanker(unreachable)
        with caplog.at_level(logging.WARNING):
            for gone in (True, False, True):
                unreachable.gone = gone
                ranker.run(union())
        told = [each.getMessage() for each in caplog.records if "without memory features" in each.getMessage()]
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

    def test_goes_through_yaml_with_its_store(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        pipeline = Pipeline()
        pipeline.add_component("ranker", LTRRanker(LTRRStore(), top_k=5, poll_interval=0.5, rerank=7))
        loaded = Pipeline.loads(pipeline.dumps()).get_component("ranker")
        assert (loaded.top_k, loaded.poll_interval, loaded.rerank) == (5, 0.5, 7)
        assert len(ids(loaded.run(union()))) == 5
        loaded.close()

    def test_a_constructor_opens_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        LTRRanker(LTRRStore())
        assert list(tmp_path.iterdir()) == []
