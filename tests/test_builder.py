import pytest
from haystack import Document, component

from ltrr_haystack import FeedbackWriter, build_feedback_pipeline, build_search_pipeline
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.click_prior import ClickPrior, DocumentClicks

ARMS = {"bm25": {"kind": "lexical", "levels": [0, 10]}, "memory": {"kind": "memory", "levels": [10]}}


@component
class Found:
    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        return {"documents": [Document(id="d1", content="love", score=1.0)]}


class TestBuildSearchPipeline:
    def test_searches_and_takes_feedback(self, store):
        search = build_search_pipeline(
            {"bm25": Found(), "memory": Found()},
            arms=ARMS,
            budget=20,
            baseline={"bm25": 10},
            store=store,
            mode="baseline",
        )
        page = search.run({"understanding": {"query": "love"}})["impressions"]
        assert [document.id for document in page["documents"]] == ["d1"]
        (candidate,) = page["ranking"].candidates
        assert set(candidate.arms) == {"bm25"}
        event = {
            "action_name": "click",
            "query_id": page["query_id"],
            "event_attributes": {"object": {"object_id": "d1"}},
        }
        feedback = build_feedback_pipeline(FeedbackWriter(store))
        assert feedback.run({"feedback": {"events": [event]}})["feedback"]["accepted"] == 1

    def test_all_parts_know_documents_by_the_same_key(self, store):
        class Sold(Found):
            def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
                return {"documents": [Document(id="d1", content="love", score=1.0, meta={"sku": "s1"})]}

        draft = ClickPrior({"s1": DocumentClicks(4.0, 1.0, {})}).draft()
        store.add_snapshot(draft.kind, draft.payload, draft.card, activate=True)
        search = build_search_pipeline(
            {"bm25": component(Sold)()},
            arms={"bm25": {"kind": "lexical", "levels": [10]}},
            budget=10,
            baseline={"bm25": 10},
            store=store,
            key="meta.sku",
        )
        ranking = search.run({"understanding": {"query": "love"}})["impressions"]["ranking"]
        assert [each.object_id for each in ranking.candidates] == ["s1"]
        assert ranking.features[0]["clicks.over_expected"] == 2.0

    def test_the_lower_bound_reaches_the_router(self, store):
        built = build_search_pipeline(
            {"bm25": Found(), "memory": Found()},
            arms=ARMS,
            budget=20,
            baseline={"bm25": 10},
            store=store,
            min_candidates=10,
        )
        assert built.get_component("router").actions.min_candidates == 10

    def test_the_arms_of_the_baseline_are_asked_where_those_that_were_drawn_bring_nothing(self, store):
        class Nothing(Found):
            def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
                return {"documents": []}

        search = build_search_pipeline(
            {"bm25": Found(), "memory": component(Nothing)()},
            arms={"bm25": {"kind": "lexical", "levels": [0, 10]}, "memory": {"kind": "memory", "levels": [10]}},
            budget=20,
            baseline={"bm25": 10},
            store=store,
            policy=StaticPolicy({"bm25": 0, "memory": 10}),
        )
        page = search.run({"understanding": {"query": "love"}})["impressions"]
        assert [document.id for document in page["documents"]] == ["d1"]
        assert [(report.arm, report.fallback) for report in page["ranking"].reports] == [
            ("memory", False),
            ("bm25", True),
        ]
        joiner = search.get_component("joiner")
        assert joiner.fallback == {"bm25": search.get_component("bm25")}

    def test_the_fallback_is_what_it_is_told_to_be(self, store):
        settings = {"arms": ARMS, "budget": 20, "baseline": {"bm25": 10}, "store": store}
        retrievers = {"bm25": Found(), "memory": Found()}
        built = build_search_pipeline(retrievers, **settings, fallback=["bm25"], fallback_timeout=0.5)
        joiner = built.get_component("joiner")
        assert (list(joiner.fallback), joiner.fallback_timeout) == (["bm25"], 0.5)
        with pytest.raises(ConfigurationError, match=r"fallback names the unknown arms \['dense'\]"):
            build_search_pipeline(retrievers, **settings, fallback=["dense"])

    def test_retrievers_and_arms_must_carry_the_same_names(self, store):
        with pytest.raises(ConfigurationError, match=r"only one of them has \['dense', 'memory'\]"):
            build_search_pipeline(
                {"bm25": Found(), "dense": Found()}, arms=ARMS, budget=20, baseline={"bm25": 10}, store=store
            )

    def test_an_arm_cannot_take_the_name_of_a_component(self, store):
        arms = {"ranker": {"kind": "lexical", "levels": [0, 10]}}
        with pytest.raises(ConfigurationError, match="ranker"):
            build_search_pipeline({"ranker": Found()}, arms=arms, budget=10, baseline={"ranker": 10}, store=store)
