import io
import json
import os
from unittest.mock import patch

import pytest
from haystack import Document
from rich.console import Console
from typer.testing import CliRunner

from ltrr_haystack.cli import app
from ltrr_haystack.errors import ConfigurationError, LTRRError
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.replay.answers import Answer
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.simulate import simulate, simulate_pipeline, simulate_server
from ltrr_haystack.evaluation.replay.tables import live_tables, simulation_tables
from ltrr_haystack.policy.vw import VWPolicy

QUERIES = [Query("q1", "love", "ambiguous"), Query("q2", "sad songs", "mood"), Query("q3", "rain", "ambiguous")]
DATA = DataSet(
    "three",
    [Document(id=f"d{number}", content="x") for number in range(6)],
    QUERIES,
    {query.id: {"d0": 3} for query in QUERIES},
)


class Toy:
    """Shows always the same page, notes what it is asked, and fails where it is told to."""

    def __init__(self, shown, *, depth=30, mode="live", fails=lambda index: False, rejects=0):
        self.shown, self.depth, self.mode, self.fails, self.rejects = shown, depth, mode, fails, rejects
        self.asked, self.events, self.passes, self.trainings, self.closed = [], [], 0, 0, False

    def search(self, search):
        self.asked.append(search)
        if self.fails(search.index):
            raise ConnectionError("made to fail")
        return Answer(f"id-{search.index}", self.shown, {"bm25": self.depth, "dense": 0}, self.mode, search.index < 10)

    def feedback(self, events):
        self.events.extend(events)
        return self.rejects

    def learn(self, leave_open=0):
        self.passes += 1

    def train(self):
        self.trainings += 1

    def close(self):
        self.closed = True


@pytest.fixture
def wasteful():
    """Twenty queries; `good` finds the answers to all of them, `bad` finds nothing that answers any."""
    queries = [Query(f"q{number}", f"query number {number}", "topical") for number in range(20)]
    documents = {name: [Document(id=f"{name}-{n}", content=name) for n in range(5)] for name in ("good", "bad")}
    settings = {"levels": [0, 5], "cost_per_call": 0.2}
    return PrecomputedPipeline(
        data=DataSet(
            "tiny",
            [*documents["good"], *documents["bad"]],
            queries,
            {query.id: {"good-0": 3, "good-1": 3} for query in queries},
        ),
        arms={"good": {"kind": "lexical", **settings}, "bad": {"kind": "dense", **settings}},
        budget=10,
        baseline={"good": 5, "bad": 5},
        found={name: {query.text: found for query in queries} for name, found in documents.items()},
        policy=VWPolicy(safe_baseline_share=0.1),
    )


def run(systems, **settings):
    return simulate(DATA, systems.__getitem__, **({"impressions": 200, "seed": 7} | settings))


class TestSimulate:
    def test_the_same_people_meet_each_system_and_click_what_they_like(self):
        systems = {"baseline": Toy(("d1", "d0"), depth=100), "learning": Toy(("d0", "d1"))}
        figures = run(systems).to_dict()
        assert systems["baseline"].asked == systems["learning"].asked
        # The good document is clicked for certain where it stands first, and half the time where it stands second.
        assert figures["learning"]["click_rate"] == 1.0
        assert 0.4 < figures["baseline"]["click_rate"] < 0.65
        assert figures["baseline"]["candidates_per_query"] == 100
        assert figures["learning"]["candidates_per_query"] == 30
        assert figures["learning"]["arm_calls_per_query"] == 1
        assert figures["arm_shares"] == {"ambiguous": {"bm25": 1.0, "dense": 0.0}, "mood": {"bm25": 1.0, "dense": 0.0}}
        assert figures["safe_start_rounds"] == 10
        assert "learning_warm" not in figures
        assert json.loads(json.dumps(figures)) == figures

    def test_a_system_does_not_change_what_people_do_with_another(self):
        alone = run({"baseline": Toy(("d1",)), "learning": Toy(("d2", "d0"))}).to_dict()["learning"]
        beside = run({"baseline": Toy(("d0", "d4", "d5")), "learning": Toy(("d2", "d0"))}).to_dict()["learning"]
        assert alone == beside

    def test_clicks_become_feedback_to_the_system_that_showed_the_page(self):
        systems = {"baseline": Toy(("d1", "d0")), "learning": Toy(("d0",))}
        run(systems)
        assert len(systems["learning"].events) == 200
        assert {event["query_id"] for event in systems["learning"].events} == {f"id-{index}" for index in range(200)}

    def test_learns_every_twenty_searches_and_at_the_end_and_trains_after_each_fifth_but_the_last(self):
        systems = {"baseline": Toy(("d0",)), "learning": Toy(("d0",))}
        run(systems, impressions=45)
        assert (systems["learning"].passes, systems["learning"].trainings) == (3, 4)

    def test_a_failed_search_counts_as_nothing_but_failed(self):
        systems = {"baseline": Toy(("d0",)), "learning": Toy(("d0",), fails=lambda index: index % 4 == 1)}
        figures = run(systems).to_dict()
        assert figures["failed_searches"] == figures["learning"]["failed_searches"] == 50
        assert figures["baseline"]["failed_searches"] == 0
        assert figures["learning"]["click_rate"] == 1.0
        assert figures["learning"]["candidates_per_query"] == 30
        assert len(systems["learning"].events) == 150

    def test_gives_up_when_nothing_works_from_the_start(self):
        systems = {"baseline": Toy(("d0",)), "learning": Toy(("d0",), fails=lambda index: True)}
        with pytest.raises(LTRRError, match=r"the first 20 searches all failed; .* ConnectionError: made to fail"):
            run(systems)
        assert systems["baseline"].closed
        assert systems["learning"].closed

    def test_rejected_events_are_counted(self):
        assert run({"baseline": Toy(("d5",)), "learning": Toy(("d0",), rejects=1)}).to_dict()["rejected_events"] == 200

    def test_watchers_see_the_end(self):
        seen = []
        run(
            {"baseline": Toy(("d0",)), "learning": Toy(("d0",))},
            watch=lambda simulation: seen.append(simulation.metrics["learning"].whole.searches),
        )
        assert seen[-1] == 200

    def test_refuses_to_simulate_nothing(self):
        with pytest.raises(ConfigurationError, match="impressions must be at least 1"):
            run({}, impressions=0)


class TestSimulateServer:
    def test_the_baseline_comes_second_so_that_the_server_learns_nothing_from_it_before(self):
        order = []
        systems = {"baseline": Toy(("d1", "d0"), mode="baseline"), "learning": Toy(("d0",))}

        def make(name):
            order.append(name)
            return systems[name]

        simulation = simulate_server(DATA, "http://there", impressions=100, seed=7, make_system=make)
        assert order == ["learning", "baseline"]
        assert systems["baseline"].asked == systems["learning"].asked
        figures = simulation.to_dict()
        assert figures["baseline"]["click_rate"] < figures["learning"]["click_rate"] == 1.0
        assert figures["remarks"] == []

    def test_a_server_that_answers_in_another_mode_has_no_baseline_and_says_so(self):
        systems = {"baseline": Toy(("d0",), mode="live"), "learning": Toy(("d0",))}
        simulation = simulate_server(DATA, "http://there", impressions=50, seed=7, make_system=systems.__getitem__)
        figures = simulation.to_dict()
        assert figures["baseline"] is None
        assert figures["remarks"] == ["the server answers in mode 'live' only: there is no baseline"]
        assert len(systems["baseline"].asked) == 1


class TestSimulatePipeline:
    def test_the_learning_system_leaves_out_the_arm_that_brings_nothing(self, wasteful, tmp_path):
        figures = simulate_pipeline(wasteful, tmp_path, impressions=400, seed=7, warm_queries=300).to_dict()
        assert figures["failed_searches"] == 0
        assert figures["rejected_events"] == 0
        assert figures["baseline"]["candidates_per_query"] == 10
        assert figures["baseline"]["arm_calls_per_query"] == 2
        last = figures["arm_shares_last_fifth"]["topical"]
        assert last["good"] > 0.9
        assert last["bad"] < 0.3
        assert figures["learning_warm"]["click_rate"] > figures["learning"]["click_rate"]
        for system in ("learning", "learning_warm"):
            assert figures[system]["candidates_per_query"] < 8
            assert figures[system]["safe_start_rounds"] > 0
        assert list(tmp_path.iterdir()) == []

    def test_the_same_seed_gives_the_same_figures(self, wasteful, tmp_path):
        one, other = (simulate_pipeline(wasteful, tmp_path, impressions=60, seed=7).to_dict() for _ in range(2))
        assert one == other


class TestCommand:
    def test_walks_the_whole_way_from_files_to_figures(self, shop, pipelines, tmp_path):
        command = ["simulate", "--data", shop, "--pipelines", pipelines, "--home", tmp_path / "home"]
        command += ["--impressions", 50, "--warm-start", 4, "--faulty", "--json", tmp_path / "figures.json"]
        with patch.dict(os.environ):
            ended = CliRunner().invoke(app, [str(part) for part in command])
        assert ended.exit_code == 0, ended.output
        assert "shop: 50 searches, seed 7" in ended.output
        figures = json.loads((tmp_path / "figures.json").read_text())
        assert (figures["failed_searches"], figures["rejected_events"]) == (0, 0)
        # 4 + 4 of its own arms and 30 of each that fails; `words` finds what there is to be found.
        assert figures["baseline"]["candidates_per_query"] == 68
        assert figures["baseline"]["missing_arms"] == {"failing": 50, "sleeping": 50}
        assert figures["baseline"]["click_rate"] == 1.0
        assert figures["learning"]["click_rate"] > 0.5
        assert set(figures["learning_warm"]["missing_arms"]) == {"failing", "sleeping"}
        assert "memory" in figures["arm_shares"]["navigational"]


class TestTables:
    def test_say_all_that_was_counted(self):
        systems = {"baseline": Toy(("d1", "d0"), depth=100), "learning": Toy(("d0",), fails=lambda index: index == 3)}
        console = Console(record=True, width=140, file=io.StringIO())
        with live_tables(console) as watch:
            simulation = run(systems, watch=watch)
        console.print(simulation_tables(simulation))
        text = console.export_text()
        for words in (
            "three: 200 searches, seed 7",
            "candidates per query",
            "100.0",
            "rounds on the safe start",
            "mood",
        ):
            assert words in text

    def test_many_arms_fit_a_narrow_screen(self):
        """Kinds of query stand side by side, arms below each other: nothing is cut."""

        class Wide(Toy):
            def search(self, search):
                return Answer(
                    f"id-{search.index}", self.shown, {f"arm_{number}": 5 for number in range(12)}, "live", False
                )

        console = Console(record=True, width=80, file=io.StringIO())
        console.print(simulation_tables(run({"baseline": Toy(("d1", "d0")), "learning": Wide(("d0",))})))
        text = console.export_text()
        assert all(f"arm_{number} " in text for number in range(12))
        assert "… baseline" in text
        assert "100→100%" in text
        assert "…" not in text.replace("… in the last", "").replace("… baseline", "")
