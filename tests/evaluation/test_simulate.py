import io
import json

import pytest
from haystack import Document
from rich.console import Console

from ltrr_haystack.errors import LTRRError
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.simulate import simulate, simulate_server
from ltrr_haystack.evaluation.systems import Answer
from ltrr_haystack.evaluation.tables import live_tables, simulation_tables

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

    def learn(self):
        self.passes += 1

    def train_ranker(self):
        self.trainings += 1

    def close(self):
        self.closed = True


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
        assert figures["arm_shares"] == {
            "ambiguous": {"bm25": 1.0, "dense": 0.0},
            "mood": {"bm25": 1.0, "dense": 0.0},
        }
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

    def test_learns_every_so_often_and_at_the_end_and_trains_when_told(self):
        systems = {"baseline": Toy(("d0",)), "learning": Toy(("d0",))}
        run(systems, impressions=45, learn_every=20, train_ranker_at=(10, 30))
        assert (systems["learning"].passes, systems["learning"].trainings) == (3, 2)

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

    def test_a_warm_started_system_takes_part_where_it_is_asked_for(self):
        systems = {"baseline": Toy(("d1",)), "learning": Toy(("d0",)), "learning_warm": Toy(("d0",), depth=10)}
        assert run(systems, warm=True).to_dict()["learning_warm"]["candidates_per_query"] == 10

    def test_rejected_events_are_counted(self):
        assert run({"baseline": Toy(("d5",)), "learning": Toy(("d0",), rejects=1)}).to_dict()["rejected_events"] == 200

    def test_watchers_see_the_end(self):
        seen = []
        run(
            {"baseline": Toy(("d0",)), "learning": Toy(("d0",))},
            watch=lambda simulation: seen.append(simulation.tallies["learning"].whole.searches),
        )
        assert seen[-1] == 200

    @pytest.mark.parametrize("settings", [{"impressions": 0}, {"learn_every": 0}])
    def test_refuses_numbers_below_one(self, settings):
        with pytest.raises(ValueError, match="must be at least 1"):
            run({}, **settings)


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
