import asyncio
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from haystack import Document, Pipeline, component
from haystack.utils import Secret

from factories import Unreachable, page, remember, settled, unite
from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.policy.features import features_of
from ltrr_haystack.policy.joint import JointDistribution
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.policy.uniform import UniformPolicy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.store import HistoryEntry, LTRRStore
from ltrr_haystack.types import Arm, ArmRequest, Decision, Understanding, evidence_key

ARMS = {
    "bm25": {"kind": "lexical", "levels": [0, 10, 30]},
    "dense": {"kind": "dense", "levels": [0, 10, 30], "cost_per_call": 0.01},
    "memory": {"kind": "memory", "levels": [5]},
}
BASELINE = {"bm25": 30, "dense": 10, "memory": 0}
LOVE = Understanding("Love songs", "love songs", ("love", "songs"))


def router(store, **settings):
    return BanditRouter(ARMS, 45, BASELINE, store, **settings)


class TestChoosing:
    def test_only_chosen_arms_get_a_request(self, store):
        chosen = StaticPolicy({"bm25": 30, "dense": 0, "memory": 5})
        out = router(store, policy=chosen).run(LOVE, filters={"field": "meta.a", "operator": "==", "value": 1})
        assert set(out) == {"decision", "bm25", "memory"}
        assert out["bm25"] == ArmRequest("Love songs", 30, {"field": "meta.a", "operator": "==", "value": 1}, LOVE)
        assert out["memory"].depth == 5
        assert out["decision"].allocation == {"bm25": 30, "dense": 0, "memory": 5}
        assert out["decision"].filters == {"field": "meta.a", "operator": "==", "value": 1}

    def test_the_budget_holds_whatever_is_drawn(self, store):
        drawing = router(store, policy=UniformPolicy())
        drawn = [drawing.run(LOVE)["decision"].allocation for _ in range(300)]
        assert max(sum(allocation.values()) for allocation in drawn) == 45
        assert all(allocation["memory"] == 5 for allocation in drawn)

    def test_no_fewer_are_drawn_than_must_be(self, store):
        drawing = router(store, policy=UniformPolicy(), min_candidates=35)
        decisions = [drawing.run(LOVE)["decision"] for _ in range(300)]
        totals = Counter(sum(decision.allocation.values()) for decision in decisions)
        assert set(totals) == {35, 45}
        assert all(decision.actions.min_candidates == 35 for decision in decisions)
        assert {decision.propensity for decision in decisions} == {1 / 4}

    def test_the_logged_propensity_is_that_of_the_logged_distribution(self, store):
        decision = router(store, seed=1).run(LOVE)["decision"]
        assert decision.propensity == JointDistribution.of(decision).probability(decision.allocation)

    def test_the_same_seed_chooses_the_same(self, store):
        def choices():
            seeded = router(store, policy=UniformPolicy(), seed=3)
            return [tuple(seeded.run(LOVE)["decision"].allocation.values()) for _ in range(20)]

        assert choices() == choices()
        assert len(set(choices())) > 3

    def test_each_decision_has_an_id_of_its_own_under_many_threads(self, store):
        shared = router(store)
        with ThreadPoolExecutor(8) as pool:
            decisions = list(pool.map(lambda _: shared.run(LOVE)["decision"], range(200)))
        assert len({decision.query_id for decision in decisions}) == 200


class TestInputs:
    @pytest.mark.parametrize("mode", ["baseline", "live"])
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"user_id": 5}, r"^user_id: expected a string, got int 5; pass str\(5\)$"),
            ({"session_id": b"s"}, "^session_id: expected a string, got bytes"),
            ({"client_id": "x" * 3000}, "client_id .* has 3000 bytes; expected at most 2048"),
            ({"client_address": 5}, "^client_address: expected a string, got int 5"),
            ({"context": "phone"}, "^context: expected a mapping .*, got str 'phone'"),
            ({"filters": "genre = jazz"}, "^filters: expected a mapping .*, got str 'genre = jazz'"),
            ({"filters": {"genre": "jazz"}}, "^filters: 'operator' key missing"),
            ({"filters": {"field": "meta.a", "operator": "?", "value": 1}}, "^filters: Unknown comparison operator"),
        ],
    )
    def test_what_cannot_be_is_refused_by_name_before_anything_is_decided(self, store, mode, given, message):
        with pytest.raises(InvalidInputError, match=message):
            router(store).run(LOVE, mode=mode, **given)

    def test_an_empty_filter_is_none(self, store):
        assert router(store).run(LOVE, filters={})["decision"].filters is None


class TestModes:
    def test_baseline_plays_the_baseline_and_asks_no_policy(self, store):
        decision = router(store, policy=UniformPolicy(), mode="baseline").run(LOVE)["decision"]
        assert decision.allocation == BASELINE
        assert (decision.propensity, decision.policy, decision.mode) == (1.0, "static", "baseline")

    def test_apprentice_plays_the_baseline_and_logs_what_the_policy_prefers(self, store):
        favourite = {"bm25": 0, "dense": 30, "memory": 5}
        decision = router(store, policy=StaticPolicy(favourite), mode="apprentice").run(LOVE)["decision"]
        assert decision.allocation == BASELINE
        assert decision.propensity == 1.0
        assert decision.preferred == favourite

    def test_a_query_may_ask_for_the_baseline(self, store):
        decision = router(store, policy=UniformPolicy()).run(LOVE, mode="baseline")["decision"]
        assert decision.mode == "baseline"

    @pytest.mark.parametrize(
        ("own", "asked", "played"),
        [
            ("live", "apprentice", "apprentice"),
            ("apprentice", "live", "apprentice"),
            ("baseline", "live", "baseline"),
            ("apprentice", "baseline", "baseline"),
        ],
    )
    def test_a_query_can_only_be_more_cautious_than_the_router(self, store, own, asked, played):
        decision = router(store, policy=UniformPolicy(), mode=own).run(LOVE, mode=asked)["decision"]
        assert decision.mode == played
        assert decision.allocation == BASELINE

    def test_where_no_policy_was_asked_no_preference_is_logged(self, store):
        assert router(store, mode="baseline").run(LOVE)["decision"].preferred == {}

    def test_an_unknown_mode_is_named_with_the_alternatives(self, store):
        with pytest.raises(
            ConfigurationError, match="mode 'love' is unknown; choose one of baseline, apprentice, live"
        ):
            router(store, mode="love")


class TestLearnedPolicies:
    def test_a_newer_snapshot_is_played_without_a_restart(self, store):
        live = router(store, poll_interval=0)
        assert live.run(LOVE)["decision"].policy_version == 0
        learned = VWPolicy()
        learned.learn(settled(page(unite(live.run(LOVE)["decision"], {}))))
        version = store.add_snapshot("policy", learned.to_bytes(), {}, activate=True)
        assert live.run(LOVE)["decision"].policy_version == version

    def test_what_is_known_of_the_person_and_the_moment_is_logged_with_the_decision(self, store):
        decision = router(store).run(LOVE, user_id="u1", session_id="s1", context={"device": "phone"})["decision"]
        assert (decision.user_id, decision.session_id) == ("u1", "s1")
        assert "phone" in decision.features.query.values()

    def test_whose_search_it_is_and_what_it_was_filtered_by_is_logged(self, store):
        rock = {"field": "meta.genre", "operator": "==", "value": "rock"}
        decision = router(store).run(LOVE, filters=rock, client_id="c1", client_address="a1")["decision"]
        assert (decision.client_id, decision.client_address, decision.filters) == ("c1", "a1", rock)
        assert decision.evidence_key == evidence_key("love songs", rock) != "love songs"
        assert decision.features.query["filters"] == "yes"
        assert "filters" not in router(store).run(LOVE)["decision"].features.query
        assert router(store).run(LOVE, filters={})["decision"].evidence_key == "love songs"

    def test_a_filtered_search_does_not_see_the_history_of_the_open_query(self, store):
        remember(store, history={("love songs", "bm25"): (3.0, 1.0, 30.0)})
        rock = {"field": "meta.genre", "operator": "==", "value": "rock"}
        assert set(router(store).run(LOVE)["decision"].features.history) == {"bm25"}
        assert router(store).run(LOVE, filters=rock)["decision"].features.history == {}

    def test_filters_that_json_does_not_know_are_logged_as_text(self, store):
        since = {"field": "meta.date", "operator": ">=", "value": datetime(2026, 5, 16, tzinfo=UTC)}
        decision = router(store).run(LOVE, filters=since)["decision"]
        assert Decision.from_json(decision.to_json()).filters["value"] == "2026-05-16 00:00:00+00:00"
        assert decision.evidence_key == Decision.from_json(decision.to_json()).evidence_key

    def test_during_the_safe_start_memory_is_added_to_some_baselines_of_known_queries_alone(self, store, monkeypatch):
        cold = router(store, seed=1)
        with_memory = {**BASELINE, "memory": 5}
        new = Counter(cold.run(LOVE)["decision"].memory_share for _ in range(20))
        assert set(new) == {0.0}
        monkeypatch.setattr(store, "history", lambda _: {"bm25": HistoryEntry(draws=1.0, credit=1.0, returned=10.0)})
        known = [cold.run(LOVE)["decision"] for _ in range(400)]
        assert {(round(each.baseline_share, 9), round(each.memory_share, 9)) for each in known} == {(0.63, 0.27)}
        played = Counter(
            "baseline" if each.allocation == BASELINE else each.allocation == with_memory for each in known
        )
        assert 210 < played["baseline"] < 295
        assert 75 < played[True] < 150
        assert {each.allocation["memory"] for each in known if each.allocation == BASELINE} == {0}
        assert all(JointDistribution.of(each).probability(each.allocation) == each.propensity for each in known)

    def test_a_cold_router_plays_mostly_the_baseline(self, store):
        cold = router(store, seed=1)
        decisions = [cold.run(LOVE)["decision"] for _ in range(200)]
        played = Counter(decision.allocation == BASELINE for decision in decisions)
        assert played[True] > 160
        assert all(decision.safe_start for decision in decisions)

    def test_without_a_safe_start_what_is_preferred_is_played_at_once(self, store):
        bold = router(store, policy=VWPolicy(gamma=7.0), seed=1)
        bold.change_policy({"safe_baseline_share": 0.0})
        decisions = [bold.run(LOVE)["decision"] for _ in range(200)]
        assert {(decision.baseline_share, decision.policy) for decision in decisions} == {(0.05, "vw")}
        assert sum(decision.allocation == BASELINE for decision in decisions) < 30
        assert bold.policy.gamma == 7.0
        even = router(store, policy=UniformPolicy())
        even.change_policy({"safe_baseline_share": 0.0})
        assert isinstance(even.policy, UniformPolicy)

    @pytest.mark.parametrize("mode", ["live", "apprentice"])
    def test_held_back_is_logged_for_each_query_by_itself(self, store, monkeypatch, mode):
        """New queries are let loose, known ones held back."""

        class HalfLoose(VWPolicy):
            def distribution(self, actions, features):
                joint = super().distribution(actions, features)
                joint.held_back = bool(features.history)
                return joint

        half = router(store, policy=HalfLoose(), mode=mode)
        assert not half.run(LOVE)["decision"].safe_start
        monkeypatch.setattr(store, "history", lambda _: {"bm25": HistoryEntry(draws=1.0, credit=1.0, returned=10.0)})
        assert half.run(LOVE)["decision"].safe_start


@component
class Echo:
    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        return {"documents": [Document(id=query)]}


class TestInAPipeline:
    def test_survives_yaml(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        original = BanditRouter(ARMS, 45, BASELINE, LTRRStore(), policy=UniformPolicy(), mode="apprentice", seed=5)
        pipeline = Pipeline()
        pipeline.add_component("router", original)
        text = pipeline.dumps()
        again = Pipeline.loads(text).get_component("router")
        assert Pipeline.loads(text).dumps() == text
        assert again.actions == original.actions
        assert (again.mode, again.seed, type(again.policy)) == ("apprentice", 5, UniformPolicy)

    def test_the_lower_bound_survives_yaml_and_is_none_where_it_is_not_given(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        bounded = BanditRouter(ARMS, 45, BASELINE, LTRRStore(), min_candidates=35)
        pipeline = Pipeline()
        pipeline.add_component("router", bounded)
        again = Pipeline.loads(pipeline.dumps()).get_component("router")
        assert again.min_candidates == again.actions.min_candidates == 35
        data = pipeline.to_dict()
        del data["components"]["router"]["init_parameters"]["min_candidates"]
        assert Pipeline.from_dict(data).get_component("router").actions.min_candidates == 0

    def test_arms_may_be_arm_objects_and_survive_yaml(self, store, monkeypatch, tmp_path):
        arms = [Arm("bm25", "lexical", (0, 10, 30)), Arm("dense", "dense", (0, 10, 30), 0.01), Arm("own", "own", (5,))]
        made = BanditRouter(arms, 45, {"bm25": 30}, store)
        assert made.actions.arms == tuple(arms)
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        pipeline = Pipeline()
        pipeline.add_component("router", BanditRouter(arms, 45, {"bm25": 30}, LTRRStore()))
        assert Pipeline.loads(pipeline.dumps()).get_component("router").actions.arms == tuple(arms)

    @pytest.mark.parametrize(
        ("arms", "message"),
        [
            ([Arm("a", "lexical", (5,)), "b"], "a list of arms must hold Arm objects only, got 'b'"),
            ([Arm("a", "lexical", (5,)), Arm("a", "dense", (5,))], "different names, got 'a' more than once"),
            ([Arm("a", "lexical", (10, 5))], "levels of arm 'a' must be 0 or more and ascending"),
            ([], "arms must map at least one arm name to its settings"),
        ],
    )
    def test_arm_objects_are_checked_as_settings_are(self, store, arms, message):
        with pytest.raises(ConfigurationError, match=message):
            BanditRouter(arms, 45, {"a": 5}, store)

    async def test_the_event_loop_is_left_for_the_first_warm_up_alone(self, store, monkeypatch):
        warming = router(store)
        await warming.warm_up_async()
        monkeypatch.setattr(asyncio, "to_thread", None)
        await warming.warm_up_async()
        assert warming.run(LOVE)["decision"].policy_version == 0

    def test_constructing_opens_nothing(self, tmp_path):
        router(LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/never.db")))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"baseline": {"bm25": 30, "dense": 30}}, "budget"),
            ({"baseline": {"bm52": 30}}, "bm52"),
            ({"budget": 3}, "budget"),
            ({"min_candidates": -5}, "min_candidates must be a whole number of 0 or more, got -5"),
            ({"min_candidates": 46}, "no allocation has at least 46 candidates within the budget of 45"),
            ({"baseline": {"bm25": 10}, "min_candidates": 20}, "baseline draws 10 .*min_candidates of 20"),
            ({"baseline": {"bm25": 10, "memory": 5}}, "memory arm 'memory' the depth 5: .* memory is no part of it"),
            ({"arms": {"bm25": {"kind": "lexical", "levels": [0, 10, 5]}}}, "levels"),
        ],
    )
    def test_settings_that_cannot_work_are_refused_by_name(self, store, change, message):
        settings = {"arms": ARMS, "budget": 45, "baseline": BASELINE} | change
        with pytest.raises(ConfigurationError, match=message):
            BanditRouter(**settings, store=store)


class TestAStoreThatFails:
    @pytest.fixture
    def unreachable(self, store):
        return Unreachable(store)

    def test_the_last_policy_decides_without_history(self, unreachable, caplog):
        unreachable.add_snapshot("policy", VWPolicy().to_bytes(), {}, activate=True)
        deciding = router(unreachable, poll_interval=0.0)
        assert deciding.run(LOVE)["decision"].policy_version == 1
        unreachable.gone = True
        with caplog.at_level(logging.WARNING):
            decisions = [deciding.run(LOVE)["decision"] for _ in range(3)]
        assert {decision.policy_version for decision in decisions} == {1}
        assert {decision.policy for decision in decisions} == {"vw"}
        assert decisions[0].features == features_of(LOVE, None, None, {}, {})
        told = [record.getMessage() for record in caplog.records]
        assert [message.split(",")[0] for message in told] == [
            "No newer policy could be taken up",
            "Decisions are made without the arms' history",
        ]

    def test_when_it_is_mended_the_history_is_read_again(self, unreachable, caplog, monkeypatch):
        deciding = router(unreachable, poll_interval=0.0)
        unreachable.gone = True
        deciding.run(LOVE)
        unreachable.gone = False
        known = {"bm25": HistoryEntry(draws=4.0, credit=2.0, returned=40.0)}
        monkeypatch.setattr(unreachable, "history", lambda query_key: known)
        with caplog.at_level(logging.WARNING):
            decision = deciding.run(LOVE)["decision"]
        assert decision.features == features_of(LOVE, None, None, {}, known)
        assert decision.features != features_of(LOVE, None, None, {}, {})
        assert "Decisions are made without the arms' history: mended" in caplog.text

    def test_a_query_that_no_store_could_hold_is_the_callers_mistake(self, unreachable):
        with pytest.raises(InvalidInputError, match="NUL"):
            router(unreachable).run(Understanding("a\0", "a\0", ("a",)))
