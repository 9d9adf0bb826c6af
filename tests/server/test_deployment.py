import httpx
import pytest
from haystack import Pipeline, component

pytest.importorskip("hayhooks")

from fastapi import FastAPI

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.server.deployment import close, deploy, pipelines_of, scopes_of, warm_up, withdraw

WRAPPER = """
from hayhooks import BasePipelineWrapper
from haystack import Pipeline

class PipelineWrapper(BasePipelineWrapper):
    def setup(self) -> None:
        {setup}

    def run_api(self, query: str) -> str:
        return query
"""


@component
class Probe:
    def __init__(self, failure: str | None = None):
        self.failure = failure
        self.calls: list[str] = []

    @component.output_types(query=str)
    def run(self, query: str):
        return {"query": query}

    def warm_up(self):
        self._call("warm_up")

    def close(self):
        self._call("close")

    def _call(self, name: str):
        if name == self.failure:
            raise OSError("no room")
        self.calls.append(name)


def pipeline(probe: Probe) -> Pipeline:
    made = Pipeline()
    made.add_component("probe", probe)
    return made


@pytest.fixture
def folder(tmp_path):
    def write(**setups: str):
        for name, setup in setups.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "pipeline_wrapper.py").write_text(WRAPPER.format(setup=setup))
        return tmp_path

    return write


class TestDeploy:
    def test_gives_the_wrappers_and_their_pipelines_by_name(self, folder):
        app = FastAPI()
        wrappers = deploy(app, folder(deployed_one="self.pipeline = Pipeline()", deployed_two="self.pipeline = 3"))
        try:
            assert list(wrappers) == ["deployed_one", "deployed_two"]
            assert list(pipelines_of(wrappers)) == ["deployed_one"]
            assert "/deployed_two/run" in app.openapi()["paths"]
        finally:
            withdraw(list(wrappers))

    @pytest.mark.parametrize(
        ("body", "status"),
        [({"query": "a"}, 200), ({"query": "a", "qurey": "b"}, 422), ({"query": "a", "headers": {}}, 422)],
    )
    async def test_an_unknown_field_is_refused_with_those_that_are_known(self, folder, body, status):
        app = FastAPI()
        wrappers = deploy(app, folder(deployed_strict="self.pipeline = Pipeline()"))
        try:
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")
            answer = await client.post("/deployed_strict/run", json=body)
        finally:
            withdraw(list(wrappers))
        assert answer.status_code == status
        if status == 422:
            [mistake] = answer.json()["detail"]
            assert mistake["loc"] == ["body", *(name for name in body if name != "query")]
            assert mistake["msg"] == "unknown field; possible are query"

    def test_names_every_pipeline_that_cannot_be_deployed_and_why(self, folder):
        broken = folder(
            good="self.pipeline = Pipeline()", bad="raise OSError('no such index')", worse="import nothing_like_that"
        )
        with pytest.raises(ConfigurationError) as raised:
            deploy(FastAPI(), broken)
        told = str(raised.value)
        assert "pipeline 'bad': " in told
        assert "no such index" in told
        assert "pipeline 'worse': " in told
        assert "'good'" not in told

    def test_what_failed_can_be_mended_and_deployed(self, folder):
        where = folder(mended="raise OSError('not yet')", other="self.pipeline = Pipeline()")
        with pytest.raises(ConfigurationError):
            deploy(FastAPI(), where)
        (where / "mended" / "pipeline_wrapper.py").write_text(WRAPPER.format(setup="self.pipeline = Pipeline()"))
        withdraw(list(deploy(FastAPI(), where)))

    def test_a_yaml_file_beside_the_folders_is_deployed_too(self, tmp_path):
        (tmp_path / "echoed.yml").write_text(
            "components:\n  probe:\n    type: haystack.components.joiners.branch.BranchJoiner\n"
            "    init_parameters: {type_: str}\nconnections: []\n"
            "inputs: {value: probe.value}\noutputs: {value: probe.value}\n"
        )
        withdraw(list(deploy(FastAPI(), tmp_path)))

    def test_an_empty_folder_is_a_mistake(self, tmp_path):
        with pytest.raises(ConfigurationError, match="has no pipelines"):
            deploy(FastAPI(), tmp_path)

    def test_a_folder_with_a_pipeline_and_no_wrapper_would_not_be_served_and_is_refused(self, folder):
        where = folder(good="self.pipeline = Pipeline()")
        (where / "lost").mkdir()
        (where / "lost" / "search.yml").write_text("components: {}")
        with pytest.raises(ConfigurationError, match=r"lost has search\.yml but no pipeline_wrapper\.py"):
            deploy(FastAPI(), where)

    def test_a_folder_with_neither_is_none_of_our_business(self, folder):
        where = folder(alone="self.pipeline = Pipeline()")
        (where / "__pycache__").mkdir()
        wrappers = deploy(FastAPI(), where)
        withdraw(list(wrappers))
        assert list(wrappers) == ["alone"]

    def test_a_yaml_file_that_needs_a_wrapper_is_refused(self, tmp_path):
        (tmp_path / "bare.yml").write_text("components: {}\nconnections: []\n")
        with pytest.raises(ConfigurationError, match=r"pipeline 'bare': .*inputs"):
            deploy(FastAPI(), tmp_path)

    def test_a_wrapper_that_nothing_can_call_is_refused(self, tmp_path):
        (tmp_path / "chat").mkdir()
        (tmp_path / "chat" / "pipeline_wrapper.py").write_text(
            "from hayhooks import BasePipelineWrapper\n"
            "class PipelineWrapper(BasePipelineWrapper):\n"
            "    def setup(self) -> None: self.pipeline = None\n"
            "    def run_chat_completion(self, model: str, messages: list[dict], body: dict) -> str: return ''\n"
        )
        with pytest.raises(ConfigurationError, match=r"'chat': .*neither run_api nor run_api_async"):
            deploy(FastAPI(), tmp_path)


class TestScopes:
    def test_a_wrapper_declares_its_scope_or_is_known_by_name_or_needs_admin(self, folder):
        where = folder(
            **dict.fromkeys(("search", "feedback", "indexing", "other", "mine"), "self.pipeline = Pipeline()")
        )
        text = (where / "mine" / "pipeline_wrapper.py").read_text()
        (where / "mine" / "pipeline_wrapper.py").write_text(f"{text}\n    scope = 'search'\n")
        wrappers = deploy(FastAPI(), where)
        try:
            assert scopes_of(wrappers) == {
                "/feedback/run": "feedback",
                "/indexing/run": "index",
                "/mine/run": "search",
                "/other/run": "admin",
                "/search/run": "search",
            }
        finally:
            withdraw(list(wrappers))

    def test_one_that_there_is_not_is_refused(self, folder):
        where = folder(mine="self.pipeline = Pipeline()")
        text = (where / "mine" / "pipeline_wrapper.py").read_text()
        (where / "mine" / "pipeline_wrapper.py").write_text(f"{text}\n    scope = 'everything'\n")
        with pytest.raises(
            ConfigurationError, match=r"'mine': .*declares the scope 'everything'; expected one of search"
        ):
            deploy(FastAPI(), where)


class TestLife:
    async def test_warms_up_and_closes_all(self):
        probes = [Probe(), Probe()]
        pipelines = {str(number): pipeline(probe) for number, probe in enumerate(probes)}
        await warm_up(pipelines)
        await close(pipelines)
        assert [probe.calls for probe in probes] == [["warm_up", "close"]] * 2

    async def test_a_pipeline_that_cannot_be_warmed_up_is_named(self):
        with pytest.raises(ConfigurationError, match="pipeline 'cold' cannot be warmed up: OSError: no room"):
            await warm_up({"warm": pipeline(Probe()), "cold": pipeline(Probe(failure="warm_up"))})

    async def test_one_that_does_not_close_keeps_no_other_open(self):
        last = Probe()
        await close({"stuck": pipeline(Probe(failure="close")), "last": pipeline(last)})
        assert last.calls == ["close"]
