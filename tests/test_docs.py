"""What README.md, AGENTS.md and docs/ say is so: programs and commands run, pipelines load, links lead somewhere."""

import re
import runpy
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from haystack import Document, Pipeline, component
from haystack.utils import Secret
from typer.testing import CliRunner

from ltrr_haystack import FeedbackWriter, Learner, LTRRStore, VWPolicy, build_search_pipeline
from ltrr_haystack.cli import app

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [
        ROOT / "README.md",
        ROOT / "AGENTS.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
}
NOT_RUN = re.compile(r"# (needs|serves|takes) ")
"""How the first line of a block begins whose commands need a server, a network or hours, or serve until Ctrl-C."""

SHARED_OPTIONS = {"--store", "--home", "--pipelines", "--data", "--json"}


def blocks(language: str, pages: dict[str, str] = PAGES) -> list:
    found = re.compile(rf"^```{language}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [
        pytest.param(block, id=f"{name}-{number}")
        for name, text in pages.items()
        for number, block in enumerate(found.findall(text), start=1)
    ]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files_and_headings(name):
    for link in re.findall(r"\]\(([^)\s]+)\)", PAGES[name]):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), link
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), link


def test_terms_live_where_the_glossary_says():
    rows = re.findall(r"^\|.*\| (`.*`) \|$", PAGES["AGENTS.md"].partition("## Glossary")[2], re.MULTILINE)
    assert len(rows) >= 25
    for path in re.findall(r"`([^`]*)`", " ".join(rows)):
        assert (ROOT / "ltrr_haystack" / path).exists(), path


def test_every_page_is_linked_from_the_readme():
    for name in PAGES:
        assert name == "README.md" or f"]({name}" in PAGES["README.md"], name


class TestReadme:
    def test_has_one_short_program_that_shows_the_effect_of_clicks(self, tmp_path, monkeypatch, capsys):
        [program] = blocks("python", {"README.md": PAGES["README.md"]})
        assert len(program.values[0].splitlines()) <= 25
        monkeypatch.chdir(tmp_path)
        exec(program.values[0], {})  # noqa: S102 (the program of the README)
        assert capsys.readouterr().out.splitlines() == [
            "ann ['sad song', 'sad song in the rain']",
            "bob ['sad song', 'sad song in the rain']",
            "eve ['sad song in the rain', 'sad song']",
        ]

    def test_what_one_click_does_is_what_the_program_prints(self):
        table = runpy.run_path(str(ROOT / "benchmarks" / "one_click.py"))["table"]()
        assert len(table.splitlines()) == 7
        assert table in PAGES["README.md"]

    def test_figures_are_those_of_the_evaluation(self):
        table = re.search(r"^\| measured .*?\n\n", PAGES["README.md"], re.DOTALL | re.MULTILINE)[0]
        figures = set(re.findall(r"\d+\.\d+", table))
        assert figures
        assert {figure for figure in figures if figure not in PAGES["docs/evaluation.md"]} == set()


@pytest.mark.parametrize("program", blocks("python", {name: PAGES[name] for name in PAGES if name != "README.md"}))
def test_programs_run(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(program, {})  # noqa: S102 (a program of the documentation)


@pytest.mark.parametrize("pipeline", blocks("yaml"))
def test_pipelines_load(pipeline, monkeypatch):
    for kind in re.findall(r"haystack_integrations[\w.]+", pipeline):
        pytest.importorskip(kind.rpartition(".")[0])
    monkeypatch.setenv("LTRR_STORE_URL", "sqlite://")
    monkeypatch.setenv("HAYSTACK_DESERIALIZATION_ALLOWLIST", "ltrr_haystack")
    assert set(Pipeline.loads(pipeline).graph.nodes) == set(yaml.safe_load(pipeline)["components"])


@component
class Songs:
    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        return {"documents": [Document(id=f"d{rank}", content=query, score=1 / rank) for rank in range(1, 6)]}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A folder with a store: thirty searches of two arms, a click on each page, a policy that learned from them."""
    folder = tmp_path_factory.mktemp("log")
    store = LTRRStore(Secret.from_token(f"sqlite:///{folder}/ltrr.db"))
    arms = {name: {"kind": kind, "levels": [5, 10]} for name, kind in (("bm25", "lexical"), ("dense", "dense"))}
    search = build_search_pipeline(
        {"bm25": Songs(), "dense": Songs()}, arms=arms, budget=20, baseline={"bm25": 10, "dense": 10}, store=store
    )
    feedback = FeedbackWriter(store)
    for number in range(30):
        person = {"user_id": f"person-{number}"}
        page = search.run({"understanding": {"query": "love"}, "router": person})["impressions"]
        click = {"action_name": "click", "query_id": page["query_id"]}
        feedback.run([{**click, "event_attributes": {"object": {"object_id": "d3"}}}])
    Learner(store, VWPolicy(), reward_wait=0.0).run_once()
    search.close()
    store.close()
    return folder


@pytest.fixture
def _copy_of_the_log(log, tmp_path, monkeypatch):
    folder = shutil.copytree(log, tmp_path / "log")
    monkeypatch.chdir(folder)
    for name in ("LTRR_HOME", "LTRR_REWARD_WAIT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("LTRR_STORE_URL", f"sqlite:///{folder}/ltrr.db")


@pytest.mark.usefixtures("_copy_of_the_log")
@pytest.mark.parametrize("block", [each for each in blocks("sh") if not NOT_RUN.match(each.values[0])])
def test_commands_run(block):
    for command in block.splitlines():
        program, *arguments = shlex.split(command)
        if program == "python":
            runpy.run_path(str(ROOT / arguments[0]), run_name="__main__")
            continue
        assert program == "ltrr", f"say why a test cannot run this, in the block's first line: {command}"
        ended = CliRunner().invoke(app, arguments)
        assert ended.exit_code == 0, f"{command}: {ended.output}"


def commands(command, name: str = "ltrr") -> Iterator[tuple[str, object]]:
    yield name, command
    for part, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{name} {part}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def options(name: str) -> set[str]:
    parameters = COMMANDS[name].params
    return {each for parameter in parameters for each in (*parameter.opts, *parameter.secondary_opts) if each[0] == "-"}


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_exist(page):
    shell = "".join(block.values[0] for block in blocks("sh", {page: PAGES[page]}))
    shown = re.findall(r"`(ltrr [a-z][^`|…]*)", PAGES[page])
    shown += re.findall(r"^(?:\w+='[^']*' )?(ltrr .*)$", shell, re.MULTILINE)
    for command in shown:
        words = command.split()
        name = next(" ".join(words[:length]) for length in (3, 2) if " ".join(words[:length]) in COMMANDS)
        assert {word for word in words if word.startswith("--")} <= options(name) | {"--help", "--version"}, command


class TestCommandLine:
    TEXT = PAGES["docs/command-line.md"]

    @pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not hasattr(command, "commands")])
    def test_has_every_option_of_a_command_and_no_other(self, name):
        sections = re.split(r"^### `(ltrr [^`]*)`$", self.TEXT, flags=re.MULTILINE)
        documented = dict(zip(sections[1::2], sections[2::2], strict=True))
        heading = next(each for each in documented if each.startswith(" ".join(name.split()[:2])))
        mentioned = set(re.findall(r"(?<=`)--[a-z-]+", documented[heading].split("\n## ")[0]))
        expected = options(name) - {"--help"}
        assert expected - SHARED_OPTIONS <= mentioned
        if "keys" not in name:
            assert mentioned <= expected


def test_every_variable_is_documented():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "ltrr_haystack").rglob("*.py"))
    table = PAGES["docs/serving.md"].partition("## Environment variables")[2]
    variables = set(re.findall(r"\bLTRR_[A-Z_]+\b", source))
    assert variables <= set(re.findall(r"^\| `(LTRR_\w+)`", table, re.MULTILINE))


def test_every_extra_is_documented():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    table = PAGES["docs/serving.md"].partition("## Extras of the package")[2]
    assert set(extras) - {"dev"} == set(re.findall(r"`([a-z-]+)`(?=[^|]*\| [^|]*\|$)", table, re.MULTILINE))
