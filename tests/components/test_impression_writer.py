import time

import pytest
from haystack import Document, Pipeline
from haystack.utils import Secret

from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.errors import StoreError
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import ActionSet, Arm, Candidate, Decision, Provenance, Ranking, Understanding


def ranking_of(query_id: str, *object_ids: str) -> Ranking:
    actions = ActionSet((Arm("bm25", "lexical", (0, 10)),), budget=10, baseline={"bm25": 10})
    decision = Decision(
        query_id=query_id,
        decided_at=time.time(),
        understanding=Understanding("love", "love"),
        actions=actions,
        allocation={"bm25": 10},
        propensity=1.0,
        mode="baseline",
        policy="static",
    )
    candidates = tuple(
        Candidate(
            object_id=object_id,
            document=Document(id=object_id, content=f"about {object_id}", meta={"genre": "pop"}, score=17.0),
            arms={"bm25": Provenance(rank, 17.0, 1.0)},
            score=1 / rank,
        )
        for rank, object_id in enumerate(object_ids, start=1)
    )
    return Ranking(decision=decision, candidates=candidates, features=({},) * len(candidates))


@pytest.fixture
def store(tmp_path):
    store = LTRRStore(Secret.from_token(f"sqlite:///{tmp_path}/log.db"))
    yield store
    store.close()


class TestImpressionWriter:
    def test_the_search_is_in_the_log_when_it_answers(self, store):
        ranking = ranking_of("q1", "d1", "d2")
        answer = ImpressionWriter(store).run(ranking)
        assert answer["query_id"] == "q1"
        assert answer["ranking"] is ranking
        search = store.searches(["q1"])["q1"]
        assert dict(search.ordinals) == {"d1": 1, "d2": 2}
        assert search.decided_at == pytest.approx(ranking.decision.decided_at)

    def test_documents_carry_the_score_that_put_them_there_and_nothing_else_changes(self, store):
        ranking = ranking_of("q1", "d1", "d2")
        documents = ImpressionWriter(store).run(ranking)["documents"]
        assert [(document.id, document.score) for document in documents] == [("d1", 1.0), ("d2", 0.5)]
        assert [document.content for document in documents] == ["about d1", "about d2"]
        assert all(document.meta == {"genre": "pop"} for document in documents)
        assert [candidate.document.score for candidate in ranking.candidates] == [17.0, 17.0]

    def test_a_search_that_found_nothing_is_logged_too(self, store):
        assert ImpressionWriter(store).run(ranking_of("q1"))["documents"] == []
        assert dict(store.searches(["q1"])["q1"].ordinals) == {}

    async def test_a_search_that_cannot_be_logged_gets_no_answer(self, store):
        writer = ImpressionWriter(store)
        writer.run(ranking_of("q1", "d1"))
        with pytest.raises(StoreError, match="The search 'q1' is recorded already"):
            writer.run(ranking_of("q1", "d2"))
        with pytest.raises(StoreError, match="The search 'q1' is recorded already"):
            await writer.run_async(ranking_of("q1", "d2"))

    def test_runs_in_a_pipeline_from_yaml(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/log.db")
        writer = ImpressionWriter(LTRRStore())
        pipeline = Pipeline()
        pipeline.add_component("impressions", writer)
        loaded = Pipeline.loads(pipeline.dumps())
        assert loaded.to_dict() == pipeline.to_dict()
        ranking = ranking_of("q1", "d1")
        assert loaded.run({"impressions": {"ranking": ranking}})["impressions"]["ranking"] is ranking
        assert set(writer.store.searches(["q1"])) == {"q1"}
        loaded.get_component("impressions").close()
        writer.close()

    def test_warms_up_and_closes_as_often_as_one_likes(self, store):
        writer = ImpressionWriter(store)
        writer.warm_up()
        writer.warm_up()
        writer.close()
        writer.close()


class TestImpressionWriterAsync:
    async def test_the_search_is_in_the_log_when_it_answers(self, store):
        writer = ImpressionWriter(store)
        await writer.warm_up_async()
        answer = await writer.run_async(ranking_of("q1", "d1"))
        assert [document.score for document in answer["documents"]] == [1.0]
        assert dict(store.searches(["q1"])["q1"].ordinals) == {"d1": 1}
        await writer.close_async()
