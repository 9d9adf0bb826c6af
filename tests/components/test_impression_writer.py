import logging
import sqlite3
import time
from contextlib import closing

import pytest
from haystack import Document, Pipeline

from factories import search
from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.errors import ConfigurationError, InvalidInputError, StoreError
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Ranking


def ranking_of(query_id: str, *object_ids: str) -> Ranking:
    documents = [Document(id=each, content=f"about {each}", meta={"genre": "pop"}, score=17.0) for each in object_ids]
    return search(query_id, documents, decided_at=time.time())


class TestImpressionWriter:
    def test_the_search_is_in_the_log_when_it_answers(self, store):
        ranking = ranking_of("q1", "d1", "d2")
        answer = ImpressionWriter(store).run(ranking)
        assert answer["query_id"] == "q1"
        assert answer["ranking"] is ranking
        assert answer["logged"] is True
        search = store.searches(["q1"])["q1"]
        assert dict(search.ordinals) == {"d1": 1, "d2": 2}
        assert search.decided_at == pytest.approx(ranking.decision.decided_at)

    def test_documents_carry_the_score_that_put_them_there_and_nothing_else_changes(self, store):
        ranking = ranking_of("q1", "d1", "d2")
        documents = ImpressionWriter(store).run(ranking)["documents"]
        assert [(document.id, document.score) for document in documents] == [("d1", 1 / 61), ("d2", 1 / 62)]
        assert [document.content for document in documents] == ["about d1", "about d2"]
        assert all(document.meta == {"genre": "pop"} for document in documents)
        assert [candidate.document.score for candidate in ranking.candidates] == [17.0, 17.0]

    def test_a_search_that_found_nothing_is_logged_too(self, store):
        assert ImpressionWriter(store).run(ranking_of("q1"))["documents"] == []
        assert dict(store.searches(["q1"])["q1"].ordinals) == {}

    async def test_a_search_that_is_not_to_be_logged_is_answered_all_the_same(self, store):
        writer, ranking = ImpressionWriter(store), ranking_of("q1", "d1", "d2")
        logged = ImpressionWriter(store).run(ranking_of("q2", "d1", "d2"))
        for answer in (writer.run(ranking, log=False), await writer.run_async(ranking, log=False)):
            assert answer["logged"] is False
            assert (answer["query_id"], answer["ranking"]) == ("q1", ranking)
            assert answer["documents"] == logged["documents"]
        assert "q1" not in store.searches(["q1"])

    async def test_a_search_of_an_id_that_is_logged_already_gets_no_answer(self, store):
        writer = ImpressionWriter(store)
        writer.run(ranking_of("q1", "d1"))
        with pytest.raises(StoreError, match="The search 'q1' is recorded already"):
            writer.run(ranking_of("q1", "d2"))
        with pytest.raises(StoreError, match="The search 'q1' is recorded already"):
            await writer.run_async(ranking_of("q1", "d2"))

    def test_runs_in_a_pipeline_from_yaml(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        writer = ImpressionWriter(LTRRStore(), timeout=0.25)
        pipeline = Pipeline()
        pipeline.add_component("impressions", writer)
        loaded = Pipeline.loads(pipeline.dumps())
        assert loaded.to_dict() == pipeline.to_dict()
        assert loaded.get_component("impressions").timeout == 0.25
        ranking = ranking_of("q1", "d1")
        assert loaded.run({"impressions": {"ranking": ranking}})["impressions"]["ranking"] is ranking
        assert set(writer.store.searches(["q1"])) == {"q1"}
        loaded.get_component("impressions").close()
        writer.close()

    @pytest.mark.parametrize("timeout", [0, -1.0, float("inf"), float("nan")])
    def test_refuses_a_timeout_that_is_none(self, store, timeout):
        with pytest.raises(ConfigurationError, match=r"timeout of ImpressionWriter must be (positive|a finite number)"):
            ImpressionWriter(store, timeout=timeout)

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
        assert [document.score for document in answer["documents"]] == [1 / 61]
        assert dict(store.searches(["q1"])["q1"].ordinals) == {"d1": 1}
        await writer.close_async()


@pytest.fixture
def gone(store, tmp_path):
    """The store's files are gone until this is called."""
    store.warm_up()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in tmp_path.glob("ltrr.db*"):
        file.rename(elsewhere / file.name)

    def put_back():
        for file in elsewhere.iterdir():
            file.rename(tmp_path / file.name)

    return put_back


class TestAStoreThatFails:
    def test_the_search_is_answered_and_says_that_it_is_not_logged(self, store, gone, caplog):
        writer = ImpressionWriter(store)
        with caplog.at_level(logging.WARNING, logger="ltrr_haystack"):
            answers = [writer.run(ranking_of(f"q{number}", "d1", "d2")) for number in range(5)]
        for answer in answers:
            assert answer["logged"] is False
            assert [document.id for document in answer["documents"]] == ["d1", "d2"]
        told = [each.getMessage() for each in caplog.records if each.getMessage().startswith("Searches are answered")]
        assert len(told) == 1

    async def test_so_does_its_twin(self, store, gone):
        answer = await ImpressionWriter(store).run_async(ranking_of("q1", "d1"))
        assert answer["logged"] is False
        assert [document.id for document in answer["documents"]] == ["d1"]

    def test_when_it_is_mended_searches_are_logged_again(self, store, gone):
        writer = ImpressionWriter(store)
        assert writer.run(ranking_of("q1", "d1"))["logged"] is False
        gone()
        deadline = time.monotonic() + 20
        number = 2
        while not writer.run(ranking_of(f"q{number}", "d1"))["logged"]:
            assert time.monotonic() < deadline
            number += 1
            time.sleep(0.01)
        assert set(store.searches(["q1", f"q{number}"])) == {f"q{number}"}

    def test_a_commit_that_takes_longer_than_the_timeout_is_not_waited_for(self, store, tmp_path):
        writer = ImpressionWriter(store, timeout=0.05)
        writer.warm_up()
        with closing(sqlite3.connect(tmp_path / "ltrr.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert writer.run(ranking_of("q1", "d1"))["logged"] is False
            other.execute("COMMIT")
        assert ImpressionWriter(store).run(ranking_of("q2", "d1"))["logged"] is True
        assert set(store.searches(["q1", "q2"])) == {"q2"}

    def test_what_no_store_could_hold_stays_a_mistake(self, store):
        with pytest.raises(InvalidInputError, match="NUL"):
            ImpressionWriter(store).run(ranking_of("q\0", "d1"))
