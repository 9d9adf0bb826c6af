import re
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from ltrr_haystack.cli import app
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.replay.curves import curves
from ltrr_haystack.evaluation.report.benchmark import benchmark_page, benchmark_report
from ltrr_haystack.evaluation.report.values import GroupChart, ReliabilityChart

HOSTILE = "</script></td><script>alert(1)</script><img src=https://example.org onerror=alert(2)>\"'&"
SECTIONS = ["goals", "results", "quality", "held-out", "saved", "arms", "reliability", "method", "notes"]


class Parsed(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.text = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def section(finished):
    def of(key):
        return next(section for section in benchmark_page(finished.figures()).sections if section.key == key)

    return of


def values_of(curve):
    return [point.estimate.value for point in curve.points]


class TestGoals:
    def test_stand_first_with_figure_and_verdict(self, finished):
        """Ours 0.65 and 0.4, fusion 0.5; 4 candidates of 10 and 1 call of 2."""
        finished.scores = {("ours", "seen"): [0.8, 0.5], ("ours", "heldout"): [0.4, 0.4]}
        finished.depths = {("ours", "heldout"): {"a": [4, 4], "b": [0, 0], "memory": [0, 0]}}
        page = benchmark_page(finished.figures())
        assert [section.key for section in page.sections] == SECTIONS
        assert page.subtitle.endswith("1 of 6 goals are met, 1 undecided.")
        assert page.tiles == {
            "goals met": "1 of 6",
            "nDCG@10 over rrf_full, seen": "+0.150",
            "nDCG@10 over rrf_full, paraphrased": "+0.000",
            "nDCG@10 over rrf_full, held out": "-0.100",
            "candidates against rrf_full, held out": "40%",
            "arm calls against rrf_full, held out": "50%",
            "searches a second": "50",
        }
        found = page.sections[0].findings
        assert [(finding.word, finding.severity) for finding in found] == [
            ("Undecided", "watch"),
            ("Missed", "bad"),
            ("Missed", "bad"),
            ("Met", "good"),
            ("Missed", "bad"),
            ("Missed", "bad"),
        ]
        assert found[0].title == "Seen queries: nDCG@10 over rrf_full: +0.150"
        assert "interval of the difference +0.000 to +0.300" in found[0].text
        assert found[0].text.endswith("The interval allows both.")
        assert found[1].text.endswith("-0.100 to -0.100.")
        assert found[4].text.startswith("Wanted: not shown to be worse. ours has 0.400, rrf_tuned 0.500;")

    def test_where_all_are_met_it_is_said(self, finished):
        finished.scores = {("ours", "seen"): [0.8, 0.8], ("ours", "heldout"): [0.6, 0.6]}
        finished.depths = {("ours", "heldout"): {"a": [4, 4], "b": [0, 0], "memory": [0, 0]}}
        assert benchmark_page(finished.figures()).subtitle.endswith("All 6 goals are met.")

    def test_candidates_are_told_with_and_without_memory(self, finished, section):
        finished.depths = {("ours", "heldout"): {"a": [5, 5], "b": [0, 0], "memory": [5, 5]}}
        candidates = section("goals").findings[3]
        assert (candidates.word, candidates.title.rpartition(": ")[2]) == ("Missed", "100.0%")
        assert "ours has 10.00 a search, rrf_full 10.00." in candidates.text
        assert candidates.text.endswith("Without memory arms it is 50.0%.")


class TestCharts:
    def test_show_the_figures_of_the_curves(self, finished):
        finished.scores = {("ours", "stream"): [0.5, 0.6, 0.7, 0.4], ("arm:b", "stream"): [0.6] * 4}
        finished.depths = {("ours", "stream"): {"a": [5, 5, 5, 5], "b": [0, 0, 5, 5], "memory": [0, 5, 5, 5]}}
        figures = finished.figures()
        drawn = curves(figures)
        sections = {section.key: section for section in benchmark_page(figures).sections}
        quality, gain, regret = sections["quality"].charts
        assert [curve.name for curve in quality.curves] == ["ours", "rrf_full", "rrf_equal", "arm:b", "oracle"]
        assert values_of(quality.curves[0]) == drawn["quality"]["ours"]["nDCG@10"] == [0.5, 0.6, 0.7, 0.4]
        assert [(point.first, point.last, point.until) for point in quality.curves[0].points] == [
            (number, number, None) for number in (1, 2, 3, 4)
        ]
        assert {curve.name: values_of(curve) for curve in gain.curves} == {
            system: drawn["gain"][system] for system in finished.LEARNING
        }
        assert values_of(regret.curves[-1]) == drawn["regret"]["rrf_full"] == [0.5, 1.0, 1.5, 2.0]
        candidates, calls = sections["saved"].charts
        assert values_of(candidates.curves[0]) == drawn["candidates_saved"]["ours"] == [0.5, 0.0, -0.5, -0.5]
        assert values_of(calls.curves[0]) == drawn["arm_calls_saved"]["ours"]

    def test_a_system_looks_alike_in_all_charts(self, finished):
        page = benchmark_page(finished.figures())
        looks = {
            (curve.name, curve.look)
            for key in ("quality", "saved")
            for section in page.sections
            if section.key == key
            for chart in section.charts
            for curve in chart.curves
        }
        assert len(looks) == len({name for name, _ in looks}) == len({look for _, look in looks})

    def test_arm_shares_are_parted_by_kind_and_leave_out_windows_without_it(self, finished, section):
        finished.depths = {("ours", "stream"): {"a": [5, 5, 5, 5], "b": [0, 0, 5, 5], "memory": [0, 5, 5, 5]}}
        everything, topical, broad = section("arms").charts
        assert [curve.name for curve in everything.curves] == ["a", "b", "memory"]
        assert (topical.title, broad.title) == ("ours, queries of the kind topical", "ours, queries of the kind broad")
        assert [(point.last, point.estimate.value) for point in broad.curves[1].points] == [(2, 0.0), (4, 1.0)]

    def test_of_many_kinds_the_most_frequent_are_shown(self, finished, monkeypatch, section):
        monkeypatch.setattr("ltrr_haystack.evaluation.report.benchmark_curves.MOST_KINDS", 1)
        arms = section("arms")
        assert [chart.title for chart in arms.charts] == ["ours, all queries", "ours, queries of the kind topical"]
        assert arms.text.endswith("The 1 most frequent of 2 kinds of query.")

    def test_held_out_stands_beside_seen_with_intervals(self, finished, section):
        finished.scores = {("ours", "seen"): [0.9, 0.7], ("ours", "heldout"): [0.4, 0.4]}
        finished.judged = {("ours", "seen"): [0.6, 0.6]}
        absolute, difference, judged = section("held-out").charts
        assert list(absolute.groups) == ["seen", "paraphrased", "held out"]
        assert judged.groups["seen"]["ours"].value == pytest.approx(0.1)
        assert isinstance(absolute, GroupChart)
        ours = absolute.groups["seen"]["ours"]
        assert (ours.value, ours.low, ours.high) == pytest.approx((0.8, 0.7, 0.9))
        assert difference.groups["held out"]["ours"].value == pytest.approx(-0.1)
        assert "rrf_full" not in difference.groups["seen"]

    def test_reliability_shows_those_that_leave_something_to_chance(self, finished, section):
        finished.forecasts = {"ours": ([0.5] * 4, [True, True, True, False])}
        reliability = section("reliability")
        (chart,) = reliability.charts
        assert isinstance(chart, ReliabilityChart)
        assert (chart.title, chart.unit, len(chart.bins)) == ("ours", "searches", 1)
        assert (chart.bins[0].predicted, chart.bins[0].observed.value, chart.bins[0].z) == (0.5, 0.75, 1.0)
        assert reliability.text.endswith(
            "Nothing is left to chance in ours-bandit, ours-memory, ours-ranker, ours-exploration, ours-text."
        )
        assert reliability.grids[0].rows[0][:2] == ("50.0%", "75.0%")

    def test_further_pipelines_have_their_arms_too(self, finished, section):
        finished.config = ["config:b"]
        assert section("arms").charts[-1].title == "config:b, all queries"
        assert "config:b" in [curve.name for curve in section("quality").charts[1].curves]


class TestResults:
    def test_every_system_on_every_split_the_frozen_ones_first(self, finished, section):
        grids = section("results").grids
        assert [grid.title for grid in grids] == [
            "Frozen at the end, queries that people had typed",
            "Frozen at the end, the same queries in other words",
            "Frozen at the end, held-out queries",
            "While people searched (exploration included)",
        ]
        systems = [row[0] for row in grids[0].rows]
        assert systems[:6] == list(finished.LEARNING)
        assert systems[6:] == ["rrf_full", "rrf_equal", "rrf_tuned", "best_arm", "arm:a", "arm:b", "oracle"]
        assert all(len(row) == len(grid.columns) for grid in grids for row in grid.rows)


class TestMethodAndNotes:
    def test_how_it_was_measured(self, finished, section):
        finished.settings = {"drift": True, "noise": 0.02, "click_model": "cascade", "late_documents": 0.1}
        finished.seeds = (4, 7)
        told = dict(section("method").grids[0].rows)
        assert section("method").grids[1].rows[1] == ("7", "eta 1, continuation 0.6, trust 0, abandonment 0")
        assert told["data"] == "shop: 1 documents, 4 queries that something answers, grades up to 3"
        assert told["click model"].startswith("cascade: ")
        assert told["noise"].startswith("2.0% ")
        assert told["drift"] == "Half way other queries become popular."
        assert told["documents"] == "10% of them are not there before half way."
        assert told["seeds"].startswith("4, 7. ")
        assert section("quality").text.endswith("become popular. 10% of the documents come half way.")

    def test_trainings_safe_start_versions_and_speed(self, finished, section):
        finished.held_back = {"ours": [True, True, True, False]}
        notes = section("notes")
        end, chosen, looks, examined, latency, trainings = notes.grids
        assert chosen.rows == (("best_arm", "0", "a"), ("rrf_tuned", "0", "a 2, b 0.25"))
        assert looks.rows == ()
        assert examined.columns == ("system", "seed", *map(str, range(1, 11)))
        assert examined.rows[0] == ("ours", "0", "1.000", *["0.500"] * 9)
        assert end.rows[0] == ("ours", "0", "let loose", "version 3", "version 1", "2", "0", "50")
        assert latency.rows[0] == ("ours", "10.0", "10.0", "10.0")
        assert trainings.rows[0] == ("ours", "0", "4", "passed, active", "better by 0.1")
        assert [(curve.name, values_of(curve)) for curve in notes.charts[0].curves] == [("ours", [1.0, 1.0, 1.0, 0.0])]
        assert "50 searches a second" in notes.text

    def test_what_is_not_there_is_left_out(self, finished, tmp_path):
        finished.notes = {"impressions_per_s": 20.0, "trainings": []}
        page = benchmark_report(finished.figures(), tmp_path / "report.html")
        end, _, _, examined, _, trainings = page.sections[-1].grids
        assert examined.rows == ()
        assert end.rows[0] == ("ours", "0", "–", "–", "–", "–", "–", "20")
        assert (trainings.rows, page.sections[-1].charts) == ((), ())
        reliability = next(section for section in page.sections if section.key == "reliability")
        assert (reliability.charts, reliability.grids) == ((), ())


class TestFile:
    def test_needs_nothing_from_elsewhere(self, finished, tmp_path):
        out = tmp_path / "report.html"
        benchmark_report(finished.figures(), out)
        html = out.read_text(encoding="utf-8")
        parsed = Parsed(html)
        assert [attributes["id"] for tag, attributes in parsed.elements if tag == "section"] == SECTIONS
        assert {tag for tag, _ in parsed.elements} & {"link", "img", "iframe", "object", "embed", "base"} == set()
        assert [attributes for _, attributes in parsed.elements if "src" in attributes] == []
        assert {attributes["href"][0] for _, attributes in parsed.elements if "href" in attributes} == {"#"}
        assert re.findall(r"https?://|url\(|@import", html) == []
        plots = [attributes for _, attributes in parsed.elements if attributes.get("class") == "plot"]
        assert len(plots) == sum(attributes.get("role") == "img" for _, attributes in parsed.elements) > 0

    def test_hostile_names_stay_text(self, finished, tmp_path):
        finished.config = ["config:b"]
        finished.forecasts = {"config:b": ([0.5], [True])}
        benchmark_report(finished.figures(), tmp_path / "plain.html")
        finished.name = HOSTILE
        finished.arms = {arm: f"{arm}{HOSTILE}" for arm in finished.arms}
        finished.kinds = {query: f"{kind}{HOSTILE}" for query, kind in finished.kinds.items()}
        finished.config = [f"config:{HOSTILE}"]
        finished.forecasts = {f"config:{HOSTILE}": ([0.5], [True])}
        finished.notes["trainings"][0]["reason"] = HOSTILE
        benchmark_report(finished.figures(), tmp_path / "hostile.html")
        plain, hostile = (Parsed((tmp_path / f"{name}.html").read_text()) for name in ("plain", "hostile"))
        assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
        assert [sorted(attributes) for _, attributes in hostile.elements] == [
            sorted(attributes) for _, attributes in plain.elements
        ]
        assert f"Benchmark: {HOSTILE}" in hostile.text
        assert HOSTILE in hostile.text

    def test_a_folder_that_is_not_there_is_named(self, finished, tmp_path):
        with pytest.raises(ConfigurationError, match="nowhere"):
            benchmark_report(finished.figures(), tmp_path / "nowhere" / "report.html")


class TestCommand:
    @pytest.fixture
    def ltrr(self, beir, tmp_path, monkeypatch):
        for name in ("LTRR_STORE_URL", "LTRR_HOME"):
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        data = beir([{"_id": "d", "text": "x"}], [{"_id": "q", "text": "x"}], ["query-id\tcorpus-id\tscore", "q\td\t1"])

        def run(out, *options):
            arguments = ["benchmark", "--out", str(out), "--data", str(data), "--home", str(tmp_path), *options]
            return CliRunner().invoke(app, arguments)

        return run

    def test_writes_the_report_into_the_folder_of_the_results(self, finished, ltrr, tmp_path, monkeypatch):
        monkeypatch.setattr("ltrr_haystack.evaluation.replay.benchmark", lambda *_, **__: finished.figures())
        told = ltrr(tmp_path)
        assert told.exit_code == 0, told.output
        assert "Benchmark: shop" in (tmp_path / "report.html").read_text(encoding="utf-8")
        assert told.output.endswith(f"The report: {tmp_path / 'report.html'}\n")
        assert "## Goals" in told.output

    def test_readers_noise_and_systems_are_those_that_were_asked_for(self, finished, ltrr, tmp_path, monkeypatch):
        asked = {}

        def run(*_, **options):
            asked.update(options)
            return finished.figures()

        monkeypatch.setattr("ltrr_haystack.evaluation.replay.benchmark", run)
        told = ltrr(tmp_path, "--clicks", "hard", "--noise", "0.1", "--systems", "ours, ours-text")
        assert told.exit_code == 0, told.output
        assert (asked["settings"].click_model, asked["settings"].click_noise) == ("hard", 0.1)
        assert asked["systems"] == ["ours", "ours-text"]
        ltrr(tmp_path, "--clicks", "hard")
        assert (asked["settings"].click_model, asked["settings"].click_noise) == ("hard", 0.2)
        ltrr(tmp_path)
        assert (asked["settings"].click_model, asked["settings"].click_noise, asked["systems"]) == ("mixed", 0.05, [])
