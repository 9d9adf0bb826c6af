import time

from haystack import Document, Pipeline, component

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.server import warming
from ltrr_haystack.server.warming import warm_arms
from ltrr_haystack.types import Understanding


@component
class Cold:
    """Its first call takes long."""

    def __init__(self, seconds: float = 0.4):
        self.seconds = seconds
        self.calls = []

    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        time.sleep(0.0 if self.calls else self.seconds)
        self.calls.append((query, filters, top_k))
        return {"documents": [Document(id="a", content=query)]}


@component
class Broken:
    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        raise ConnectionError("no route to http://index.intern:9200")


@component
class Understood:
    def __init__(self):
        self.got = None

    @component.output_types(documents=list[Document])
    def run(self, query: str, understanding: Understanding, filters: dict | None = None, top_k: int | None = None):
        self.got = understanding
        return {"documents": []}


def pipeline(**retrievers) -> Pipeline:
    made = Pipeline()
    for name, retriever in retrievers.items():
        made.add_component(name, RetrievalArm(name, retriever, timeout=0.1, async_mode="thread"))
    return made


class TestWarmArms:
    def test_the_first_search_finds_what_the_arms_bring(self):
        from ltrr_haystack.types import ArmRequest

        cold = Cold()
        made = pipeline(cold=cold)
        assert warm_arms([made]) == {"cold": None}
        assert cold.calls == [("warm up", None, 1)]
        [document] = made.get_component("cold").run(ArmRequest(query="love", depth=1))["result"].documents
        assert document.content == "love"

    def test_one_that_fails_is_named_and_stops_nothing(self, caplog):
        assert warm_arms([pipeline(broken=Broken()), pipeline(cold=Cold(0.0))]) == {
            "broken": "ConnectionError",
            "cold": None,
        }
        assert "http://index.intern:9200" in caplog.text

    def test_one_that_hangs_is_not_waited_for(self, monkeypatch):
        monkeypatch.setattr(warming, "LONGEST_SECONDS", 0.05)
        assert warm_arms([pipeline(hanging=Cold(0.5))]) == {"hanging": "TimeoutError"}

    def test_one_that_needs_an_understanding_gets_one(self):
        understood = Understood()
        warm_arms([pipeline(understood=understood)])
        assert understood.got.tokens == ("warm", "up")

    def test_without_arms_there_is_nothing_to_do(self):
        assert warm_arms([Pipeline()]) == {}


class TestWarmPipeline:
    def test_loads_and_warms_a_file(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
        (tmp_path / "search.yml").write_text(
            "components:\n  bm25:\n    type: ltrr_haystack.components.retrieval_arm.RetrievalArm\n"
            "    init_parameters:\n      name: bm25\n      retriever:\n"
            "        type: haystack.components.retrievers.in_memory.bm25_retriever.InMemoryBM25Retriever\n"
            "        init_parameters:\n          document_store:\n"
            "            type: haystack.document_stores.in_memory.document_store.InMemoryDocumentStore\n"
            "            init_parameters: {index: warming}\nconnections: []\n"
        )
        assert warming.warm_pipeline(tmp_path / "search.yml").get_component("bm25").name == "bm25"
