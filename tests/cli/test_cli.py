import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass

import pytest
import typer
from haystack import Document, component
from haystack.utils import Secret
from typer.testing import CliRunner

from ltrr_haystack import FeedbackWriter, LTRRStore, build_search_pipeline
from ltrr_haystack.__about__ import __version__
from ltrr_haystack.cli import app
from ltrr_haystack.learning import Learner, Progress
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior

SEARCH = """
components:
  router:
    type: ltrr_haystack.components.bandit_router.BanditRouter
    init_parameters:
      arms: {{bm25: {{kind: lexical, levels: [0, 5]}}}}
      budget: 5
      baseline: {{bm25: 5}}
      store:
        type: ltrr_haystack.store.store.LTRRStore
        init_parameters: {{url: {{type: env_var, env_vars: [{variable}], strict: true}}}}
  bm25:
    type: ltrr_haystack.components.retrieval_arm.RetrievalArm
    init_parameters: {{name: bm25, retriever: {{type: not.installed.Retriever, init_parameters: {{}}}}}}
connections: []
"""


@component
class Songs:
    @component.output_types(documents=list[Document])
    def run(self, query: str, filters: dict | None = None, top_k: int | None = None):
        return {"documents": [Document(id=f"d{rank}", content=query, score=1 / rank) for rank in range(1, 6)]}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/ltrr.db"


@pytest.fixture
def log(url):
    """Twenty searches; in each of them the third document was clicked."""
    store = LTRRStore(Secret.from_token(url))
    search = build_search_pipeline(
        {"bm25": Songs()},
        arms={"bm25": {"kind": "lexical", "levels": [0, 5]}},
        budget=5,
        baseline={"bm25": 5},
        store=store,
        mode="baseline",
    )
    feedback = FeedbackWriter(store)
    for number in range(20):
        person = {"user_id": f"person-{number}"}
        page = search.run({"understanding": {"query": "love"}, "router": person})["impressions"]
        click = {"action_name": "click", "query_id": page["query_id"]}
        feedback.run([{**click, "event_attributes": {"object": {"object_id": "d3"}}}])
    yield store
    store.close()


@pytest.fixture
def ltrr(url, tmp_path, monkeypatch):
    """Runs a command on the store; what it sets in the environment is gone afterwards."""
    for name in ("LTRR_STORE_URL", "LTRR_HOME", "LTRR_REWARD_WAIT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def run(*arguments, store=True, home=tmp_path):
        where = ["--store", url] if store else []
        return CliRunner().invoke(app, [*arguments, *where, "--home", str(home)])

    return run


@pytest.fixture
def others_database(tmp_path):
    """The database of another application, where the store is looked for."""
    path = tmp_path / "ltrr.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (name TEXT)")
    return path


@pytest.fixture
def pipelines(tmp_path, monkeypatch):
    """Pipelines whose router's store is at a url of their own, or where `LTRR_STORE_URL` says."""

    def folder(url):
        variable = "LTRR_STORE_URL" if url == "${LTRR_STORE_URL}" else "OWN_STORE_URL"
        monkeypatch.setenv("OWN_STORE_URL", url)
        made = tmp_path / "pipelines"
        made.mkdir()
        (made / "search.yml").write_text(SEARCH.format(variable=variable))
        return made

    return folder


class TestLearn:
    def test_learns_what_is_settled_once_and_says_so_in_a_line(self, log, ltrr):
        first, second = (ltrr("learn", "--reward-wait", "0").output for _ in range(2))
        assert first == ("learned from 20 decisions and 0 late rewards; settled up to decision 20; policy version 1\n")
        assert second.startswith("learned from 0 decisions and 0 late rewards; settled up to decision 20;")
        assert {entry.object_id for entry in log.memory("love") if entry.successes} == {"d3"}

    def test_waits_for_the_reward(self, log, ltrr):
        assert ltrr("learn", "--reward-wait", "3600").output.startswith("learned from 0 decisions")

    def test_says_when_another_learner_is_at_it(self, log, ltrr):
        log.acquire_lease("a server", 60)
        assert ltrr("learn").output.startswith("nothing learned: another learner is active")

    def test_needs_no_retriever(self, log, ltrr, pipelines):
        """The retriever of these pipelines is not installed."""
        learned = ltrr("learn", "--reward-wait", "0", "--pipelines", str(pipelines("${LTRR_STORE_URL}")))
        assert learned.output.startswith("learned from 20 decisions"), learned.output

    def test_a_store_that_is_not_there_is_refused_unless_it_is_told_to_begin_one(self, ltrr, tmp_path):
        refused = ltrr("learn")
        assert refused.exit_code == 1
        assert "there is no store at" in " ".join(refused.output.split())
        assert "--create" in refused.output
        assert list(tmp_path.glob("*.db")) == []
        assert ltrr("learn", "--create").output.startswith("learned from 0 decisions")
        assert (tmp_path / "ltrr.db").is_file()

    def test_the_database_of_another_application_becomes_a_store_only_if_it_is_told_so(self, ltrr, others_database):
        before = others_database.read_bytes()
        refused = ltrr("learn")
        assert refused.exit_code == 1
        assert "it has no table 'ltrr_schema'" in " ".join(refused.output.split())
        assert "--create" in refused.output
        assert others_database.read_bytes() == before
        assert ltrr("learn", "--create").output.startswith("learned from 0 decisions")

    def test_a_file_that_is_no_database_is_told_with_what_to_do(self, ltrr, tmp_path):
        (tmp_path / "ltrr.db").write_bytes(b"a letter" * 1000)
        for arguments in (["learn"], ["learn", "--create"]):
            refused = " ".join(ltrr(*arguments).output.split())
            assert "its file is not a database. Correct the url of the store" in refused
            assert "Try again later" not in refused

    def test_the_store_that_is_named_goes_before_the_pipelines_own(self, log, ltrr, pipelines, tmp_path):
        elsewhere = pipelines(f"sqlite:///{tmp_path}/elsewhere.db")
        assert ltrr("learn", "--reward-wait", "0", "--pipelines", str(elsewhere)).output.startswith("learned from 20")
        refused = ltrr("learn", "--pipelines", str(elsewhere), store=False)
        assert refused.exit_code == 1
        assert "elsewhere.db" in "".join(refused.output.split())

    def test_a_store_without_a_url_is_told_in_a_line(self, ltrr, pipelines, monkeypatch):
        folder = pipelines("sqlite:///anything.db")
        monkeypatch.delenv("OWN_STORE_URL")
        refused = ltrr("learn", "--pipelines", str(folder), store=False)
        assert refused.exit_code == 1
        assert "OWN_STORE_URL" in " ".join(refused.output.split())

    def test_pipelines_that_cannot_be_used_are_named(self, log, ltrr, tmp_path):
        (tmp_path / "search.yml").write_text("components: [")
        refused = ltrr("learn", "--pipelines", str(tmp_path))
        assert refused.exit_code == 1
        assert "search.ymlisnoYAML" in "".join(refused.output.split())

    def test_whatever_else_a_pass_counts_is_told(self, log, ltrr, monkeypatch):
        @dataclass(frozen=True)
        class More(Progress):
            set_aside: int = 0

        monkeypatch.setattr(Learner, "run_once", lambda self: More(5, 3, 1, 2, set_aside=4))
        assert ltrr("learn").output == (
            "learned from 3 decisions and 1 late rewards; settled up to decision 5; policy version 2; set aside: 4\n"
        )


class TestModels:
    def test_says_what_the_gates_have_come_to(self, log, ltrr):
        gate = {"gain": 0.05, "safe_start": True, "verdict": "as good, 68 % cheaper"}
        log.add_snapshot("policy", b"model", {"policy": "vw", "leader": gate}, activate=True)
        listed = " ".join(ltrr("models").output.replace("│", " ").split())
        assert "policy vw leader (held back): as good, 68 % cheaper" in listed

    def test_lists_the_versions_and_goes_back_to_one(self, log, ltrr):
        for number in (1, 2):
            log.add_snapshot("ranker", b"model", {"note": f"number {number}"}, activate=True)
        listed = ltrr("models").output
        assert "number 1" in listed
        assert ltrr("activate", "ranker", "1").output == "ranker 1 is active\n"
        assert log.active_version("ranker") == 1

    @pytest.mark.parametrize("kind", ["policy", "ranker", "page", "catalogue"])
    def test_every_kind_is_listed_and_can_be_deactivated(self, log, ltrr, kind):
        log.add_snapshot(kind, b"model", {"prior_looks": 12.5}, activate=True)
        (line,) = (line for line in ltrr("models").output.splitlines() if "12.5" in line)
        assert [cell.strip() for cell in line.split("│")[1:4]] == [kind, "1", "active"]
        assert ltrr("activate", kind, "0").output == f"no {kind} is active\n"
        assert log.active_version(kind) == 0

    def test_marks_what_is_damaged_and_does_not_activate_it(self, log, ltrr, tmp_path):
        for _ in range(2):
            log.add_snapshot("ranker", b"model", {}, activate=True)
        with closing(sqlite3.connect(tmp_path / "ltrr.db")) as connection:
            connection.execute("UPDATE ltrr_snapshots SET payload = x'00' WHERE kind = 'ranker' AND version = 1")
            connection.commit()
        (damaged,) = (line for line in ltrr("models").output.splitlines() if "damaged" in line)
        assert damaged.split("│")[2].strip() == "1"
        refused = ltrr("activate", "ranker", "1")
        assert refused.exit_code == 1
        assert "is damaged" in refused.output

    def test_a_version_that_is_not_there_is_named_with_those_that_are(self, log, ltrr):
        log.add_snapshot("ranker", b"model", {}, activate=True)
        refused = ltrr("activate", "ranker", "7")
        assert refused.exit_code == 1
        assert "7" in refused.output
        assert "1" in refused.output


class TestPrune:
    def test_removes_what_is_old_and_learned(self, log, ltrr):
        assert ltrr("prune", "--older-than", "0").output.startswith("0 searches removed")
        ltrr("learn", "--reward-wait", "0")
        told = ltrr("prune", "--older-than", "0").output
        assert told.startswith("20 searches removed")
        assert "MB of disk space released" in told
        assert log.counts().decisions == 0

    @pytest.mark.parametrize("days", ["1e999", "nan", "1e9"])
    def test_an_age_that_is_none_is_refused_with_the_option_and_its_range(self, log, ltrr, days):
        refused = ltrr("prune", "--older-than", days)
        assert refused.exit_code == (2 if days == "nan" else 1)
        assert "--older-than" in refused.output
        assert log.counts().decisions == 20


class TestTrainRanker:
    def test_says_what_is_missing(self, log, ltrr, tmp_path):
        ltrr("learn", "--reward-wait", "0")
        told = ltrr("train-ranker", "--json", str(tmp_path / "report.json"))
        assert told.exit_code == 0
        report = json.loads((tmp_path / "report.json").read_text())
        assert report["gate"]["passed"] is False
        assert report["gate"]["reason"] == f"{report['rewarded']} rewarded decisions, at least 200 are needed"
        assert report["decisions"] == 20
        assert (report["version"], report["active"]) == (0, False)
        assert "at least 200 are needed" in told.output
        assert "The page model was fitted: version 1, it is live." in told.output
        assert log.active_version("page") == 1

    def test_says_what_the_page_model_expects_beside_the_one_before_and_how_to_go_back(self, log, ltrr):
        ltrr("learn", "--reward-wait", "0")
        first = ltrr("train-ranker").output
        card = log.snapshots("page")[0].card
        expected = PlacePrior(tuple(card["click_rates"]), card["prior_looks"]).expected([1, 10])
        assert (
            f"version 1: click rate {expected[0]:.3f} at place 1, {expected[1]:.3f} at place 10, worth "
            f"{card['prior_looks']:.4g} looks\n"
        ) in first
        assert "the default one: click rate 0.500 at place 1, 0.100 at place 10, worth 10 looks\n" in first
        assert "To go back: ltrr activate page 0\n" in first
        second = ltrr("train-ranker").output
        assert second.index("version 2: click rate") < second.index("version 1: click rate")
        assert "To go back: ltrr activate page 1\n" in second
        assert "To go back" not in ltrr("train-ranker", "--no-activate").output

    def test_a_page_model_whose_card_says_nothing_is_no_obstacle(self, log, ltrr):
        log.add_snapshot("page", PageModel().to_bytes(), {}, activate=True)
        ltrr("learn", "--reward-wait", "0")
        assert "version 1: its card does not say what it expects" in ltrr("train-ranker").output

    def test_nothing_is_made_of_nothing(self, log, ltrr):
        """Nobody has learned from the log."""
        assert "No page model was fitted: there is nothing to learn from." in ltrr("train-ranker").output
        assert log.active_version("page") == 0

    def test_nothing_goes_live_where_that_is_not_wanted(self, log, ltrr):
        ltrr("learn", "--reward-wait", "0")
        told = ltrr("train-ranker", "--no-activate").output.replace("\n", " ")
        assert "The page model was fitted: version 1, it is not live, the default one is." in told
        ltrr("train-ranker")
        told = ltrr("train-ranker", "--no-activate").output.replace("\n", " ")
        assert "version 3, it is not live, version 2 is." in told
        assert log.active_version("page") == 2

    def test_a_file_that_cannot_be_written_is_named(self, log, ltrr, tmp_path):
        refused = ltrr("train-ranker", "--json", str(tmp_path / "nowhere" / "report.json"))
        assert refused.exit_code == 1
        assert "nowhere" in refused.output.replace("\n", "")


class TestOptions:
    def test_the_version_is_told(self):
        assert CliRunner().invoke(app, ["--version"]).output == f"ltrr-haystack {__version__}\n"

    def test_every_command_that_opens_a_store_finds_it_by_the_same_option(self):
        commands = typer.main.get_command(app).commands
        options = {name: {option for each in of.params for option in each.opts} for name, of in commands.items()}
        assert {name for name, of in options.items() if "--store" not in of} == {
            "simulate",
            "benchmark",
            "keys",
            "catalogue",
        }
        assert not any("--log" in of for of in options.values())

    def test_defaults_that_come_from_elsewhere_are_told(self):
        """Rich would take square brackets for markup."""
        shown = " ".join(CliRunner().invoke(app, ["learn", "--help"]).output.replace("│", " ").split())
        assert "(default: $LTRR_REWARD_WAIT or 1800)" in shown

    @pytest.mark.parametrize(
        "command",
        [
            ["models"],
            ["activate", "policy", "1"],
            ["prune"],
            ["learn"],
            ["train-ranker"],
            ["evaluate", "--policy", "baseline"],
            ["report", "--out", "report.html"],
            ["export", "--format", "dsjson", "--out", "log.json"],
        ],
        ids=lambda command: command[0],
    )
    def test_what_only_reads_makes_no_store(self, ltrr, tmp_path, command):
        refused = ltrr(*command, store=False, home=tmp_path / "mistyped")
        assert refused.exit_code == 1
        assert "there is no store at" in " ".join(refused.output.split())
        assert list(tmp_path.glob("*.db")) == []
        assert not (tmp_path / "mistyped").exists()

    @pytest.mark.parametrize("command", [["models"], ["learn"]], ids=lambda command: command[0])
    def test_a_home_that_cannot_be_looked_into_is_named(self, ltrr, tmp_path, command):
        refused = ltrr(*command, store=False, home=tmp_path / ("long" * 100))
        assert refused.exit_code == 1
        told = refused.output.replace("\n", "")
        assert "cannot be read:" in told
        assert "longlong" in told

    @pytest.mark.parametrize(
        "command",
        [["models"], ["prune"], ["train-ranker"], ["keys", "list"], ["report", "--out", "report.html"]],
        ids=lambda command: command[0],
    )
    def test_the_database_of_another_application_is_left_alone(self, ltrr, others_database, tmp_path, command):
        before = others_database.read_bytes()
        refused = ltrr(*command)
        assert refused.exit_code == 1
        told = " ".join(refused.output.split())
        assert "it has no table 'ltrr_schema', and may belong to another application; set another one with" in told
        assert others_database.read_bytes() == before
        assert list(tmp_path.glob("ltrr.db*")) == [others_database]


class TestErrors:
    def test_where_something_is_to_be_read_no_store_is_made(self, tmp_path):
        missing = f"sqlite:///{tmp_path}/typing-error.db"
        refused = CliRunner().invoke(app, ["models", "--store", missing, "--home", str(tmp_path)])
        assert refused.exit_code == 1
        assert "there is no store at" in refused.output.replace("\n", " ")
        assert not (tmp_path / "typing-error.db").exists()

    def test_a_folder_is_no_store_and_no_file(self, ltrr, tmp_path):
        told = ltrr("models", "--store", f"sqlite:///{tmp_path}", store=False).output
        assert f"the store cannot be at '{tmp_path}', which is a folder: name a file in it" in told
        for command in (["report"], ["export", "--format", "dsjson"]):
            refused = ltrr(*command, "--out", str(tmp_path))
            assert refused.exit_code == 1
            assert f"--out '{tmp_path}' is a folder; name a file in it" in refused.output
            assert ".part" not in refused.output

    def test_an_address_that_is_none_is_told_as_everywhere(self, tmp_path):
        for command in (["simulate"], ["explain", "love"]):
            refused = CliRunner().invoke(app, [*command, "--url", "foo", "--home", str(tmp_path)])
            assert refused.exit_code == 1
            assert "--url must begin with 'http://' or 'https://'" in refused.output

    def test_brackets_in_a_message_are_no_markup(self, tmp_path):
        refused = CliRunner().invoke(app, ["models", "--store", f"sqlite:///{tmp_path}/[/x].db"])
        assert refused.exit_code == 1
        assert "[/x].db" in refused.output.replace("\n", "")

    def test_a_server_that_is_not_there_is_an_error(self, tmp_path):
        refused = CliRunner().invoke(
            app, ["simulate", "--url", "http://127.0.0.1:9", "--impressions", "5", "--home", str(tmp_path)]
        )
        assert refused.exit_code == 1
        assert "no server answers at 'http://127.0.0.1:9'" in refused.output.replace("\n", " ")

    def test_a_foreseen_error_is_one_line_and_no_traceback(self, tmp_path):
        command = [sys.executable, "-m", "ltrr_haystack.cli", "demo", "--data", str(tmp_path / "nothing")]
        ended = subprocess.run([*command, "--home", str(tmp_path)], capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert ended.stderr.startswith("Error: ")
        assert "nothing" in ended.stderr.replace("\n", "")
        assert "Traceback" not in ended.stderr


def test_a_benchmark_says_at_once_that_its_folder_cannot_be_one(tmp_path):
    file = tmp_path / "taken"
    file.write_text("mine")
    refused = CliRunner().invoke(app, ["benchmark", "--out", str(file), "--home", str(tmp_path)])
    assert refused.exit_code == 1
    assert "cannot be created: File exists" in " ".join(refused.stderr.split())
    assert file.read_text() == "mine"
