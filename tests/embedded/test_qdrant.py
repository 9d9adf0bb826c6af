import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from uuid import uuid4

import numpy as np
import pytest
from haystack import Document, Pipeline
from haystack.document_stores.types import DuplicatePolicy
from haystack.errors import FilterError

pytest.importorskip("haystack_integrations.document_stores.qdrant")

from qdrant_client.http import models

from ltrr_haystack.embedded import locked_qdrant
from ltrr_haystack.embedded.qdrant import EmbeddedQdrantRetriever, EmbeddedQdrantStore
from ltrr_haystack.embedded.scans import scan

NORTH, EAST, NORTH_EAST = [0.0, 1.0], [1.0, 0.0], [0.7, 0.7]
DOCUMENTS = [
    Document(id="north", content="up", embedding=NORTH, meta={"year": 1999}),
    Document(id="east", content="right", embedding=EAST, meta={"year": 2005}),
]


def store(name: str, **settings) -> EmbeddedQdrantStore:
    return EmbeddedQdrantStore(name, embedding_dim=2, **settings)


@pytest.fixture
def name() -> str:
    return uuid4().hex


class TestEmbeddedQdrantStore:
    def test_stores_of_one_name_hold_the_same_documents_and_others_do_not(self, name):
        store(name).write_documents(DOCUMENTS)
        assert store(name).count_documents() == 2
        assert store(f"not-{name}").count_documents() == 0

    def test_documents_stay_when_a_store_in_memory_is_closed(self, name):
        first, second = store(name), store(name)
        first.write_documents(DOCUMENTS)
        second.count_documents()
        first.close()
        first.close()
        assert second.count_documents() == 2
        assert first.count_documents() == 2

    def test_documents_on_disk_are_there_again_for_another_client(self, name, tmp_path):
        first, second = store(name, path=str(tmp_path / "qdrant")), store(name, path=str(tmp_path / "qdrant"))
        first.write_documents(DOCUMENTS)
        assert second.count_documents() == 2
        first.close()
        second.close()
        again = store(name, path=str(tmp_path / "qdrant"))
        assert sorted(document.id for document in again.filter_documents()) == ["east", "north"]
        again.close()

    async def test_coroutines_see_the_same_documents_as_threads(self, name):
        store(name).write_documents(DOCUMENTS)
        assert await store(name).count_documents_async() == 2
        await store(name).write_documents_async([Document(id="ne", content="", embedding=NORTH_EAST)])
        assert store(name).count_documents() == 3
        closing = store(name)
        await closing.close_async()

    def test_searches_while_documents_are_written(self, name):
        store(name).write_documents(DOCUMENTS)

        def write(number: int) -> int:
            fresh = [Document(id=f"{number}-{each}", content="", embedding=NORTH_EAST) for each in range(20)]
            return store(name).write_documents(fresh, policy=DuplicatePolicy.OVERWRITE)

        def search(_: int) -> str:
            retriever = EmbeddedQdrantRetriever(store(name))
            return retriever.run(query_embedding=NORTH, top_k=1)["documents"][0].id

        with ThreadPoolExecutor(8) as pool:
            written = [pool.submit(write, number) for number in range(10)]
            found = [pool.submit(search, number) for number in range(40)]
            assert {each.result() for each in found} == {"north"}
            assert sum(each.result() for each in written) == 200
        assert store(name).count_documents() == 202

    def test_many_threads_may_open_one_name_at_once(self, name):
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(lambda _: store(name).count_documents(), range(32))) == [0] * 32

    def test_opens_nothing_until_it_is_used(self, name, tmp_path):
        store(name, path=str(tmp_path / "qdrant"))
        assert not (tmp_path / "qdrant").exists()

    def test_survives_a_round_trip(self, name):
        first = store(name, similarity="dot_product")
        again = EmbeddedQdrantStore.from_dict(first.to_dict())
        assert again.to_dict() == first.to_dict()
        assert (again.name, again.embedding_dim, again.similarity) == (name, 2, "dot_product")


class TestEmbeddedQdrantRetriever:
    def test_finds_the_nearest_first_without_embeddings(self, name):
        store(name).write_documents(DOCUMENTS)
        found = EmbeddedQdrantRetriever(store(name)).run(query_embedding=[0.1, 1.0], top_k=5)["documents"]
        assert [document.id for document in found] == ["north", "east"]
        assert [document.embedding for document in found] == [None, None]

    def test_filters(self, name):
        store(name).write_documents(DOCUMENTS)
        filters = {"field": "meta.year", "operator": ">", "value": 2000}
        found = EmbeddedQdrantRetriever(store(name)).run(query_embedding=NORTH, filters=filters)["documents"]
        assert [document.id for document in found] == ["east"]

    def test_can_be_awaited(self, name):
        store(name).write_documents(DOCUMENTS)
        found = asyncio.run(EmbeddedQdrantRetriever(store(name)).run_async(query_embedding=EAST, top_k=1))
        assert [document.id for document in found["documents"]] == ["east"]

    def test_survives_yaml(self, name):
        pipeline = Pipeline()
        pipeline.add_component("dense", EmbeddedQdrantRetriever(store(name), top_k=3))
        text = pipeline.dumps()
        assert Pipeline.loads(text).dumps() == text


class TestFilters:
    RECENT = MappingProxyType({"field": "meta.year", "operator": ">", "value": 2000})

    @pytest.mark.parametrize("similarity", ["cosine", "dot_product", "l2"])
    def test_leave_the_nearest_of_those_that_match_with_the_same_scores(self, name, similarity):
        rng = np.random.default_rng(3)
        documents = [
            Document(id=f"{each}", content="", meta={"year": 1990 + each % 20}, embedding=rng.normal(size=2).tolist())
            for each in range(200)
        ]
        store(name, similarity=similarity).write_documents(documents)
        retriever = EmbeddedQdrantRetriever(store(name, similarity=similarity))
        query = rng.normal(size=2).tolist()
        everything = retriever.run(query_embedding=query, top_k=200)["documents"]
        expected = [(each.id, each.score) for each in everything if each.meta["year"] > 2000][:10]
        found = retriever.run(query_embedding=query, filters=dict(self.RECENT), top_k=10)["documents"]
        assert [each.id for each in found] == [object_id for object_id, _ in expected]
        assert [each.score for each in found] == pytest.approx([score for _, score in expected])

    def test_settings_of_the_retriever_hold_for_them_too(self, name):
        store(name).write_documents(DOCUMENTS)
        retriever = EmbeddedQdrantRetriever(store(name), scale_score=True, return_embedding=True)
        with_filters = retriever.run(query_embedding=[0.1, 1.0], filters={**self.RECENT, "value": 1900})["documents"]
        without = retriever.run(query_embedding=[0.1, 1.0])["documents"]
        assert [(each.id, each.embedding) for each in with_filters] == [(each.id, each.embedding) for each in without]
        assert [each.score for each in with_filters] == pytest.approx([each.score for each in without])
        threshold = {"score_threshold": 0.5, "scale_score": False}
        found = retriever.run(query_embedding=NORTH, filters={**self.RECENT, "value": 1900}, **threshold)["documents"]
        assert [each.id for each in found] == ["north"]

    def test_are_applied_once_until_the_store_changes(self, name, monkeypatch):
        store(name).write_documents(DOCUMENTS)
        scans = []
        monkeypatch.setattr(locked_qdrant, "scan", lambda *arguments: scans.append(1) or scan(*arguments))
        retriever = EmbeddedQdrantRetriever(store(name))

        def found() -> list[str]:
            found = retriever.run(query_embedding=NORTH, filters=dict(self.RECENT))["documents"]
            return [each.id for each in found]

        assert [found(), found(), found()] == [["east"]] * 3
        assert len(scans) == 1
        store(name).write_documents([replace(DOCUMENTS[0], meta={"year": 2020})], policy=DuplicatePolicy.OVERWRITE)
        assert found() == ["north", "east"]
        store(name).delete_documents(["east"])
        assert found() == ["north"]
        assert len(scans) == 3

    def test_a_document_that_changes_during_the_scan_is_looked_at_again(self, name, monkeypatch):
        store(name).write_documents(DOCUMENTS)

        def overwritten_after(*arguments):
            rows = scan(*arguments)
            store(name).write_documents([replace(DOCUMENTS[1], meta={"year": 1950})], policy=DuplicatePolicy.OVERWRITE)
            return rows

        monkeypatch.setattr(locked_qdrant, "scan", overwritten_after)
        assert EmbeddedQdrantRetriever(store(name)).run(query_embedding=NORTH, filters=dict(self.RECENT)) == {
            "documents": []
        }

    def test_a_document_without_an_embedding_is_found_by_filters_alone(self, name):
        store(name).write_documents([*DOCUMENTS, Document(id="bare", content="", meta={"year": 2010})])
        found = EmbeddedQdrantRetriever(store(name)).run(query_embedding=NORTH, filters=dict(self.RECENT))["documents"]
        assert [each.id for each in found] == ["east"]
        assert [each.id for each in store(name).filter_documents(dict(self.RECENT))] == ["east", "bare"]

    async def test_can_be_awaited(self, name):
        store(name).write_documents(DOCUMENTS)
        found = await EmbeddedQdrantRetriever(store(name)).run_async(query_embedding=NORTH, filters=dict(self.RECENT))
        assert [each.id for each in found["documents"]] == ["east"]
        assert [each.id for each in await store(name).filter_documents_async(dict(self.RECENT))] == ["east"]

    def test_a_long_scan_keeps_nobody_else_from_searching(self, name, monkeypatch):
        store(name).write_documents(DOCUMENTS)
        begun, go = threading.Event(), threading.Event()

        def long_scan(*arguments):
            begun.set()
            go.wait(10)
            return scan(*arguments)

        monkeypatch.setattr(locked_qdrant, "scan", long_scan)
        retriever = EmbeddedQdrantRetriever(store(name))
        with ThreadPoolExecutor(1) as pool:
            filtered = pool.submit(retriever.run, query_embedding=NORTH, filters=dict(self.RECENT))
            begun.wait(10)
            assert len(retriever.run(query_embedding=NORTH)["documents"]) == 2
            go.set()
            assert [each.id for each in filtered.result()["documents"]] == ["east"]

    def test_of_qdrants_own_are_left_to_qdrant(self, name):
        store(name).write_documents(DOCUMENTS)
        own = models.Filter(must=[models.FieldCondition(key="meta.year", match=models.MatchValue(value=2005))])
        found = EmbeddedQdrantRetriever(store(name)).run(query_embedding=NORTH, filters=own)["documents"]
        assert [each.id for each in found] == ["east"]

    def test_that_are_not_valid_are_an_error(self, name):
        store(name).write_documents(DOCUMENTS)
        with pytest.raises(FilterError, match="Unknown comparison operator '~'"):
            EmbeddedQdrantRetriever(store(name)).run(query_embedding=NORTH, filters={**self.RECENT, "operator": "~"})
