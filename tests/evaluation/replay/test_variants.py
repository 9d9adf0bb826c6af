import random
from dataclasses import asdict, replace

import pytest

from factories import remember
from ltrr_haystack.evaluation.replay.variants import VARIANTS, ForgetfulStore, WithoutExploring, ranker_of
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.gains import AllocationGains
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.ranking.candidate_features import ClickFeatures, CombinedFeatures, MetadataFeatures, TextFeatures
from ltrr_haystack.store import ALLOCATIONS
from ltrr_haystack.types import Features

ACTIONS = parse_actions({"bm25": {"levels": [0, 10]}, "dense": {"levels": [10, 30]}}, 30, {"bm25": 10})
"""The baseline leaves out an arm that otherwise always runs."""


SETTINGS = {"seed": 3, "top_k": 7, "frozen": False}


class LetLoose(VWPolicy):
    """A policy that is past its safe start and prefers arms that cost nothing."""

    def distribution(self, actions, features):
        joint = super().distribution(actions, features)
        joint.held_back = False
        return joint


class TestWithoutExploring:
    def test_held_back_it_plays_the_baseline(self):
        joint = WithoutExploring(VWPolicy()).distribution(ACTIONS, Features())
        assert [joint.sample(random.Random(seed)) for seed in range(20)] == [{"bm25": 10, "dense": 0}] * 20

    def test_let_loose_it_plays_what_it_prefers(self):
        policy = LetLoose()
        joint = WithoutExploring(policy).distribution(ACTIONS, Features())
        preferred = dict(policy.distribution(ACTIONS, Features()).preferred)
        assert preferred["dense"] > 0
        assert [joint.sample(random.Random(seed)) for seed in range(20)] == [preferred] * 20
        assert joint.probability(preferred) == 1.0

    @pytest.mark.parametrize("policy", [VWPolicy(safe_min=7), StaticPolicy({"dense": 30})])
    def test_goes_by_name_settings_and_snapshots_of_its_policy(self, policy):
        frozen = WithoutExploring(policy)
        assert (frozen.name, frozen.to_dict(), frozen.card()) == (policy.name, policy.to_dict(), policy.card())
        assert type(frozen.restored(policy.to_bytes()).policy) is type(policy)
        assert WithoutExploring.from_dict(frozen.to_dict()).policy.to_dict() == policy.to_dict()


class TestVariants:
    def test_each_takes_one_part_out(self):
        whole = asdict(VARIANTS["ours"])
        assert set(whole.values()) == {True}
        for name, variant in VARIANTS.items():
            if name != "ours":
                assert asdict(variant) == whole | {name.removeprefix("ours-"): False}


class TestRanker:
    def test_has_the_settings_of_the_variant(self, precomputed, open_store):
        store = open_store()
        made = {
            (name, frozen): ranker_of(precomputed, variant, store, seed=3, top_k=7, frozen=frozen)
            for name, variant in VARIANTS.items()
            for frozen in (False, True)
        }
        assert {ranker.top_k for ranker in made.values()} == {7}
        live = {name for (name, frozen), ranker in made.items() if ranker.explore and not frozen}
        assert live == set(VARIANTS) - {"ours-exploration"}
        assert not any(ranker.explore for (_, frozen), ranker in made.items() if frozen)
        assert {name for (name, _), ranker in made.items() if ranker.features is not None} == {"ours-text"}
        assert made["ours-text", True].features.names == ("clicks.over_expected",)

    def test_has_the_settings_of_the_pipeline(self, precomputed, open_store):
        own = replace(precomputed, ranking={"rerank": 10, "explore": False, "log_unshown": 0})
        made = {name: ranker_of(own, VARIANTS[name], open_store(), **SETTINGS) for name in VARIANTS}
        assert {(each.rerank, each.log_unshown, each.top_k) for each in made.values()} == {(10, 0, 7)}
        assert not any(each.explore for each in made.values())

    def test_without_texts_all_other_features_stay(self, precomputed, open_store):
        elsewhere, store = open_store(), open_store()
        texts, clicks = TextFeatures(elsewhere, ["content"]), ClickFeatures(elsewhere)
        titles = TextFeatures(elsewhere, ["meta.title"])
        popular = MetadataFeatures({"meta.popularity": None})

        def names(features):
            own = replace(precomputed, features=features)
            ranker = ranker_of(own, VARIANTS["ours-text"], store, **SETTINGS)
            return ranker.features.names

        assert names(CombinedFeatures([texts, popular, CombinedFeatures([titles, clicks])])) == (
            *CombinedFeatures([popular]).names,
            "clicks.over_expected",
        )
        assert names(clicks) == ("clicks.over_expected",)
        assert names(texts) == ()

    def test_features_are_over_the_systems_own_store(self, precomputed, open_store):
        elsewhere, store = open_store(), open_store()
        features = CombinedFeatures([CombinedFeatures([TextFeatures(elsewhere)]), ClickFeatures(elsewhere)])
        ranker = ranker_of(replace(precomputed, features=features), VARIANTS["ours"], store, **SETTINGS)
        ((texts,), clicks) = (ranker.features.parts[0].parts, ranker.features.parts[1])
        assert texts.store is clicks.store is store


class TestForgetfulStore:
    def test_remembers_nothing_of_what_is_there(self, open_store):
        store, forgetful = open_store(), open_store(ForgetfulStore)
        remember(store, {("love", "song-7"): (1.0, 1.0)})
        assert [entry.object_id for entry in store.memory("love")] == ["song-7"]
        assert forgetful.memory("love") == []

    def test_no_page_is_measured_with_what_it_does_not_remember(self, open_store):
        store, forgetful = open_store(), open_store(ForgetfulStore)
        gains = AllocationGains("bm25=10", {}, 1.0, 0.0, 20)
        both = replace(gains, repeated=replace(gains, least_searched=3))
        for each in (store, forgetful):
            assert each.snapshot(ALLOCATIONS) is None
        store.add_snapshot(ALLOCATIONS, both.to_bytes(), {}, activate=True)
        assert AllocationGains.from_bytes(store.snapshot(ALLOCATIONS).payload) == both
        assert AllocationGains.from_bytes(forgetful.snapshot(ALLOCATIONS).payload) == gains
