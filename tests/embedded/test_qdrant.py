import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from haystack import Document, Pipeline
from haystack.document_stores.types import DuplicatePolicy

pytest.importorskip("haystack_integrations.document_stores.qdrant")

from ltrr_haystack.embedded.qdrant import EmbeddedQdrantRetriever, EmbeddedQdrantStore

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
