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

    def test_broken_yaml_is_told_with_place_and_cause(self, tmp_path):
        assert refused(tmp_path, "components:\n  a: [1, 2\nconnections: []\n") == (
            "search.yml is no YAML: expected ',' or ']', but got ':' in line 3, column 12, while parsing a flow "
            "sequence in line 2, column 6; correct it there"
        )

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("root:x:0:0", "and this is text"),
            ("", "and this is empty"),
            ("components: [a]", "its 'components' are a list"),
            ("components: {ranker: {init_parameters: {}}}", "component 'ranker' of the pipeline"),
        ],
    )
    def test_yaml_that_is_no_pipeline_is_told_with_what_a_pipeline_is(self, tmp_path, text, found):
        told = refused(tmp_path, text)
        assert found in told
        assert "a pipeline has 'components', each a name with its 'type' and 'init_parameters'" in told

    def test_a_folder_is_told_with_a_file_in_it(self, file):
        with pytest.raises(ConfigurationError) as raised:
            load_pipeline(file.parent)
        assert str(raised.value) == (
            f"'{file.parent}' is a folder; name the YAML file of one pipeline, such as '{file}'"
        )

    @pytest.mark.parametrize(
        ("kind", "told"),
        [
            (
                "ltrr_haystack.components.ltrr_ranker.LTRRankr",
                "there is no class 'ltrr_haystack.components.ltrr_ranker.LTRRankr'; did you mean "
                "'ltrr_haystack.components.ltrr_ranker.LTRRanker'?",
            ),
            (
                "haystack.components.joiners.DocumentJoiner",
                "there is no class 'haystack.components.joiners.DocumentJoiner'; did you mean "
                "'haystack.components.joiners.document_joiner.DocumentJoiner'?",
            ),
            (
                "ltrr_haystack.components.ltrr_rankr.LTRRanker",
                "there is no module 'ltrr_haystack.components.ltrr_rankr'; did you mean "
                "'ltrr_haystack.components.ltrr_ranker'?",
            ),
            (
                "my_company.songs.SongRetriever",
                "Haystack imports nothing from the module 'my_company.songs' unless it is told to trust it; if you do, "
                "set HAYSTACK_DESERIALIZATION_ALLOWLIST=my_company.songs in the environment, else correct the type",
            ),
            (
                "haystack_integrations.components.rankers.not_there.Ranker",
                "there is no module 'haystack_integrations.components.rankers.not_there'; install the package, such as "
                "not-there-haystack, that brings it, or correct the type",
            ),
        ],
    )
    def test_a_component_that_there_is_not_is_named_with_the_remedy(self, tmp_path, kind, told):
        reason = refused(tmp_path, f"components: {{mine: {{type: {kind}, init_parameters: {{}}}}}}")
        assert reason == f"the pipeline 'search.yml' cannot be loaded: component 'mine': {told}"

    def test_a_connection_to_nobody_is_told(self, tmp_path):
        joiner = "haystack.components.joiners.document_joiner.DocumentJoiner"
        told = refused(
            tmp_path,
            f"components: {{joiner: {{type: {joiner}, init_parameters: {{}}}}}}\n"
            "connections: [{sender: joiner.documents, receiver: nobody.documents}]",
        )
        assert "nobody" in told
        assert "not found" in told

    def test_a_package_that_is_missing_is_told_with_how_to_install_it_and_nothing_is_logged(
        self, tmp_path, monkeypatch, caplog
    ):
        for name in [name for name in sys.modules if name.startswith("ltrr_haystack.embedded.tantivy")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "tantivy", None)
        store = "{type: ltrr_haystack.embedded.tantivy.store.TantivyDocumentStore, init_parameters: {}}"
        writer = "haystack.components.writers.document_writer.DocumentWriter"
        told = refused(
            tmp_path, f"components: {{writer: {{type: {writer}, init_parameters: {{document_store: {store}}}}}}}"
        )
        assert told == (
            "the pipeline 'search.yml' cannot be loaded: the embedded lexical engine needs tantivy; install it with: "
            "pip install 'ltrr-haystack[tantivy]'"
        )
        assert not [record for record in caplog.records if record.exc_info]

    @pytest.mark.parametrize(("module", "extra"), [("qdrant", "qdrant"), ("pgvector", "pgvector")])
    def test_so_is_an_integration_that_an_extra_brings(self, tmp_path, monkeypatch, module, extra):
        """Also where others of its package were imported, and it is there and lacks what it needs."""
        pytest.importorskip("haystack_integrations.components.retrievers.qdrant")
        path = f"haystack_integrations.components.retrievers.{module}"
        missing = ModuleNotFoundError(f"No module named '{path}'", name=path)

        def fail(*_):
            raise missing

        monkeypatch.setattr("haystack.utils.type_serialization.thread_safe_import", fail)
        told = refused(tmp_path, f"components: {{mine: {{type: {path}.No, init_parameters: {{}}}}}}")
        assert f"it needs '{path}'; install it with: pip install 'ltrr-haystack[{extra}]'" in told


def refused(folder, text):
    """Why a pipeline is not loaded; without the folder."""
    (folder / "search.yml").write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        load_pipeline(folder / "search.yml")
    return str(raised.value).replace(f"{folder}/", "")


def test_the_search_pipeline_of_a_folder_is_the_one_with_the_router(monkeypatch, tmp_path):
    monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{tmp_path}/ltrr.db")
    pytest.importorskip("tantivy")
    pytest.importorskip("sentence_transformers")
    assert {"router", "ranker", "impressions"} <= set(load_search_pipeline(PIPELINES).graph.nodes)
    (tmp_path / "indexing.yml").write_text("components: {}")
    with pytest.raises(ConfigurationError, match="has a BanditRouter"):
        load_search_pipeline(tmp_path)
