import subprocess
import sys
from pathlib import Path

import pytest
from haystack import Pipeline
from haystack.core.errors import DeserializationError

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.routers import load_pipeline, load_router, load_search_pipeline

PIPELINES = Path(__file__).parents[1] / "pipelines"
ROUTER = """
components:
  router:
    type: ltrr_haystack.components.bandit_router.BanditRouter
    init_parameters:
      arms: {bm25: {kind: lexical, levels: [0, 10]}, dense: {kind: dense, levels: [0, 10]}}
      budget: 20
      baseline: {bm25: 10, dense: 10}
      store: &store
        type: ltrr_haystack.store.store.LTRRStore
        init_parameters: {url: {type: env_var, env_vars: [LTRR_STORE_URL], strict: true}}
      policy: {type: ltrr_haystack.policy.vw.VWPolicy, init_parameters: {gamma: 7.0}}
  bm25:
    type: ltrr_haystack.components.retrieval_arm.RetrievalArm
    init_parameters: {name: bm25, retriever: {type: not.installed.Retriever, init_parameters: {}}}
  impressions:
    type: not.installed.Writer
    init_parameters: {store: *store}
connections: []
"""


@pytest.fixture
def file(tmp_path):
    """A search pipeline whose retriever and writer are not installed."""
    (tmp_path / "search.yml").write_text(ROUTER)
    return tmp_path / "search.yml"


def test_the_rest_of_the_pipeline_need_not_be_installed(file):
    router = load_router(file)
    assert router.actions.names == ("bm25", "dense")
    assert isinstance(router.policy, VWPolicy)
    assert router.policy.gamma == 7.0
    assert load_router(file.parent).actions == router.actions


def test_no_retriever_and_no_embedder_is_imported():
    program = (
        "import sys; from ltrr_haystack.routers import load_router; load_router(sys.argv[1]);"
        "print([name for name in ('qdrant_client', 'sentence_transformers', 'ltrr_haystack.embedded') "
        "if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program, PIPELINES], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.returncode) == ("[]\n", 0), ended.stderr


def test_what_may_be_deserialised_stays_as_it_was(file, monkeypatch):
    monkeypatch.delenv("HAYSTACK_DESERIALIZATION_ALLOWLIST")
    feedback = PIPELINES / "feedback" / "feedback.yml"
    load_router(file)
    load_pipeline(feedback)
    with pytest.raises(DeserializationError, match="allowlist"):
        Pipeline.loads(feedback.read_text())


def test_a_pipeline_within_a_pipeline_is_looked_into(file, tmp_path):
    nested = "components:\n  all:\n    type: some.SuperComponent\n    init_parameters:\n      pipeline:\n"
    inner = "\n".join(f"        {line}" for line in ROUTER.splitlines())
    (tmp_path / "search.yml").write_text(nested + inner)
    assert load_router(file).budget == 20


class TestRefused:
    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(ConfigurationError, match=r"nothing\.yml cannot be read: .* name a pipeline's YAML file"):
            load_router(tmp_path / "nothing.yml")

    @pytest.mark.parametrize(
        ("other", "reason"),
        [("a: [1, 2", r"other\.yml is no YAML"), (ROUTER, r"there are 2 BanditRouters in .*other\.yml, .*search\.yml")],
        ids=["no YAML", "two routers"],
    )
    def test_another_file_that_is_no_yaml_or_has_a_second_router(self, file, other, reason):
        file.with_name("other.yml").write_text(other)
        with pytest.raises(ConfigurationError, match=reason):
            load_router(file.parent)

    def test_a_folder_without_a_router(self, tmp_path):
        (tmp_path / "compose.yml").write_text("services: [a, {type: 3}]")
        with pytest.raises(ConfigurationError, match=r"no YAML file of .* has a BanditRouter"):
            load_router(tmp_path)

    @pytest.mark.parametrize(
        ("right", "wrong", "reason"),
        [
            ("kind: lexical", "kind: lexicl", "did you mean 'lexical'"),
            ("budget: 20", "budgt: 20", "unexpected keyword argument 'budgt'"),
            ("ltrr_haystack.policy.vw.VWPolicy", "not.installed.Policy", "not.installed"),
        ],
    )
    def test_a_router_that_cannot_be_made_is_told_with_its_file_and_the_reason(self, file, right, wrong, reason):
        file.write_text(ROUTER.replace(right, wrong))
        with pytest.raises(ConfigurationError, match=rf"BanditRouter of .*search\.yml cannot be loaded: .*{reason}"):
            load_router(file)


class TestLoadPipeline:
    @pytest.mark.parametrize(
        "text", [b"components: [", b"", b"- a list", b"\xff\xfe\x00", b"components: {x: {type: os.system}}"]
    )
    def test_what_is_no_pipeline_is_named_with_its_file(self, tmp_path, text):
        file = tmp_path / "search.yml"
        file.write_bytes(text)
        with pytest.raises(ConfigurationError, match=r"search\.yml"):
            load_pipeline(file)

    def test_what_a_component_of_ours_says_is_told_though_haystack_wraps_it(self, tmp_path):
        file = tmp_path / "search.yml"
        file.write_text(
            "components:\n  joiner:\n    type: ltrr_haystack.components.union_joiner.UnionJoiner\n"
            "    init_parameters: {arms: [bm25], rrf_k: -1}\nconnections: []\n"
        )
        with pytest.raises(ConfigurationError, match=r"search\.yml' cannot be loaded: rrf_k of UnionJoiner must be"):
            load_pipeline(file)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(ConfigurationError, match=r"nowhere\.yml"):
            load_pipeline(tmp_path / "nowhere.yml")


def test_the_search_pipeline_of_a_folder_is_the_one_with_the_router(monkeypatch, tmp_path):
    monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
    pytest.importorskip("tantivy")
    pytest.importorskip("sentence_transformers")
    assert {"router", "ranker", "impressions"} <= set(load_search_pipeline(PIPELINES).graph.nodes)
    (tmp_path / "indexing.yml").write_text("components: {}")
    with pytest.raises(ConfigurationError, match="has a BanditRouter"):
        load_search_pipeline(tmp_path)
