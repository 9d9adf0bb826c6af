"""The whole replay over a tiny catalogue, with the real components."""

import csv
import json

import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.people import Search
from ltrr_haystack.evaluation.replay.curves import curves
from ltrr_haystack.evaluation.replay.figures import Figures
from ltrr_haystack.evaluation.replay.files import write_files
from ltrr_haystack.evaluation.replay.outcomes import load_part
from ltrr_haystack.evaluation.replay.parts import people_of
from ltrr_haystack.evaluation.replay.running import replay
from ltrr_haystack.evaluation.replay.settings import Settings

SETTINGS = Settings(impressions=80, seeds=(0, 1), learn_every=10, reward_wait=20, delay=5.0, train_at=(0.5, 1.0))
SYSTEMS = [
    "ours",
    "ours-bandit",
    "ours-memory",
    "ours-ranker",
    "ours-exploration",
    "ours-text",
    "rrf_full",
    "rrf_equal",
    "rrf_tuned",
    "best_arm",
    "arm:good",
    "arm:bad",
    "oracle",
]
METRICS = ["nDCG@10", "judged_nDCG@10", "RR@10", "candidate_recall", "candidates_per_query", "arm_calls_per_query"]


@pytest.fixture(scope="module")
def replayed(precomputed, tmp_path_factory):
    return replay({"ours": precomputed}, SETTINGS, tmp_path_factory.mktemp("replayed"))


class TestReplay:
    def test_has_every_system_under_every_seed_before_the_same_people(self, replayed):
        assert list(replayed.parts) == SYSTEMS
        for parts in replayed.parts.values():
            assert [part.seed for part in parts] == [0, 1]
            for part, ours in zip(parts, replayed.parts["ours"], strict=True):
                assert list(part.splits) == ["stream", "seen", "paraphrased", "heldout"]
                for split, outcomes in part.splits.items():
                    assert outcomes.queries == ours.splits[split].queries
                    assert all(len(column) == len(outcomes.queries) for column in outcomes.scores.values())
                    assert len(outcomes.candidates) == len(outcomes.queries)

    def test_nobody_types_a_held_out_query(self, replayed):
        for part in replayed.parts["ours"]:
            stream, seen, held_out = (set(part.splits[split].queries) for split in ("stream", "seen", "heldout"))
            assert stream == seen
            assert not seen & held_out
            assert len(held_out) == 3

    def test_paraphrases_are_those_of_the_queries_that_people_typed_with_their_judgements(self, replayed):
        for part in replayed.parts["rrf_full"]:
            seen, paraphrased = (part.splits[split] for split in ("seen", "paraphrased"))
            # the arms find the same for both
            assert (paraphrased.queries, paraphrased.pages) == (seen.queries, seen.pages)
            assert paraphrased.scores == seen.scores

    def test_memory_does_not_know_what_nobody_typed(self, replayed):
        seen, paraphrased = (
            Figures(replayed).compare("ours-ranker", "rrf_full", split, "nDCG@10").difference.mean
            for split in ("seen", "paraphrased")
        )
        assert seen > paraphrased + 0.05

    def test_how_often_each_place_was_examined_in_truth_is_known(self, replayed):
        for part in replayed.parts["ours"]:
            examined = part.notes["examined"]
            assert len(examined) == 10
            assert examined[0] == 1.0
            # no page has more than seven documents
            assert examined[7:] == [0.0] * 3
            assert all(0 < share < 1 for share in examined[1:7])
            assert part.notes["readers"] == {"eta": 1.0, "continuation": 0.6, "trust": 0.0, "abandonment": 0.0}

    def test_each_training_is_noted_with_the_verdict_of_the_gate(self, replayed):
        trainings = replayed.parts["ours"][0].notes["trainings"]
        assert [training["at"] for training in trainings] == [40, 80]
        assert all(set(training) == {"at", "passed", "active", "reason"} for training in trainings)
        assert all(training["reason"] for training in trainings)

    def test_what_an_engineer_would_choose_is_chosen_on_clicks_and_judged_everywhere(self, replayed):
        for number in (0, 1):
            best, tuned = (replayed.parts[name][number] for name in ("best_arm", "rrf_tuned"))
            assert best.notes["chosen"] == "good"
            assert set(tuned.notes["chosen"]) == {"good", "bad"}
            for split in ("stream", "seen", "paraphrased", "heldout"):
                alone = replayed.parts["arm:good"][number].splits[split]
                assert best.splits[split].scores == alone.scores
                assert best.splits[split].depths == alone.depths
            assert (
                tuned.splits["seen"].column("nDCG@10").mean()
                > replayed.parts["rrf_full"][number].splits["seen"].column("nDCG@10").mean()
            )

    def test_the_parts_that_do_not_learn_do_not(self, replayed):
        bandit, memory, ranker = (replayed.parts[name][0] for name in ("ours-bandit", "ours-memory", "ours-ranker"))
        assert set(bandit.splits["stream"].candidates) == {10.0}
        assert "memory" not in memory.splits["stream"].depths
        assert ranker.notes["trainings"] == []
        assert ranker.notes["ranker_version"] == 0
        assert len(memory.notes["trainings"]) == 2

    def test_memory_brings_what_was_clicked_before_to_the_top(self, replayed):
        figures = Figures(replayed)
        with_memory = figures.column("ours-ranker", "seen", "nDCG@10").mean()
        assert with_memory > figures.column("rrf_full", "seen", "nDCG@10").mean() + 0.05
        # nobody typed these: there is nothing to remember
        assert figures.column("ours-bandit", "heldout", "candidate_recall").mean() == 1.0

    def test_fusion_with_equal_candidates_asks_for_as_many(self, replayed):
        for split in ("stream", "seen", "paraphrased", "heldout"):
            ours, equal = (replayed.parts[name][0].splits[split] for name in ("ours", "rrf_equal"))
            assert equal.candidates.mean() == pytest.approx(ours.candidates.mean(), abs=1.0)

    def test_held_back_the_frozen_system_plays_the_baseline_and_never_explores(self, replayed):
        splits = [part.splits[name] for part in replayed.parts["ours"] for name in ("seen", "heldout")]
        candidates = [
            asked
            for split in splits
            for asked, held_back in zip(split.candidates, split.safe_start, strict=True)
            if held_back
        ]
        assert set(candidates) == {8.0}

    def test_every_event_is_taken_and_some_are_late(self, replayed):
        for system in ("ours", "ours-memory"):
            assert replayed.parts[system][0].notes["rejected_events"] == 0
        assert replayed.parts["ours"][0].notes["late_events"] > 0

    def test_the_same_settings_give_the_same_figures(self, precomputed, replayed, tmp_path):
        again = replay({"ours": precomputed}, Settings(**{**_fields(SETTINGS), "seeds": (1,)}), tmp_path / "again")
        for system, parts in again.parts.items():
            for split, outcomes in parts[0].splits.items():
                before = replayed.parts[system][1].splits[split]
                assert outcomes.scores == before.scores
                assert outcomes.depths == before.depths
                assert outcomes.pages == before.pages

    def test_refuses_pipelines_that_cannot_be_compared(self, precomputed, tmp_path):
        with pytest.raises(ConfigurationError, match="needs the pipeline 'ours'"):
            replay({"config:a": precomputed}, SETTINGS, tmp_path)
        with pytest.raises(ConfigurationError, match="pipeline 'a' must be 'ours' or begin with 'config:'"):
            replay({"ours": precomputed, "a": precomputed}, SETTINGS, tmp_path)


class TestResuming:
    def test_goes_on_where_it_stopped(self, precomputed, tmp_path):
        short = Settings(**{**_fields(SETTINGS), "impressions": 40, "seeds": (0,)})

        def stop(label, done, total):
            if label == "ours-memory, seed 0":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            replay({"ours": precomputed}, short, tmp_path, watch=stop)
        assert sorted(file.name for file in (tmp_path / "parts").iterdir()) == [
            "0-ours-bandit.json.gz",
            "0-ours.json.gz",
        ]
        worked = set()
        replay({"ours": precomputed}, short, tmp_path, watch=lambda label, done, total: worked.add(label))
        assert worked == {f"{name}, seed 0" for name in ("ours-memory", *SYSTEMS[3:6])}
        assert not list((tmp_path / "stores").iterdir())

    def test_a_part_of_other_settings_or_a_damaged_one_is_none(self, precomputed, tmp_path):
        short = Settings(**{**_fields(SETTINGS), "impressions": 20, "seeds": (0,)})
        part = replay({"ours": precomputed}, short, tmp_path).parts["oracle"][0]
        file = tmp_path / "parts" / "0-oracle.json.gz"
        assert load_part(file, part.fingerprint) == part
        assert load_part(file, "another") is None
        file.write_bytes(file.read_bytes()[:200])
        assert load_part(file, part.fingerprint) is None

    def test_two_processes_come_to_the_same(self, precomputed, tmp_path):
        short = Settings(**{**_fields(SETTINGS), "impressions": 40, "seeds": (0,)})
        told = []
        two = replay({"ours": precomputed}, short, tmp_path / "two", processes=2, watch=lambda *step: told.append(step))
        one = replay({"ours": precomputed}, short, tmp_path / "one")
        for system, parts in one.parts.items():
            assert parts[0].splits["heldout"].scores == two.parts[system][0].splits["heldout"].scores
        assert ("ours, seed 0", 40, 40) in told


class TestFiles:
    def test_the_summary_is_as_agreed(self, replayed, tmp_path):
        write_files(Figures(replayed), tmp_path)
        summary = json.loads((tmp_path / "summary.json").read_text())
        assert set(summary) == {"rows", "impressions_per_s"}
        assert {(row["system"], row["split"]) for row in summary["rows"]} == {
            (system, split) for system in SYSTEMS for split in ("stream", "seen", "paraphrased", "heldout")
        }
        for row in summary["rows"]:
            assert set(row) == {"system", "split", "ci", *METRICS}
            for metric in METRICS:
                low, high = row["ci"][metric]
                assert low - 1e-9 <= row[metric] <= high + 1e-9

    def test_runs_say_the_same_as_the_summary(self, replayed, tmp_path):
        import ir_measures

        figures = Figures(replayed)
        write_files(figures, tmp_path)
        qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "trec" / "qrels.txt")))
        held_out = set(replayed.parts["ours"][0].splits["heldout"].queries)
        run = list(ir_measures.read_trec_run(str(tmp_path / "trec" / "oracle-heldout-0.run")))
        measured = ir_measures.calc_aggregate(
            [ir_measures.nDCG @ 10], [qrel for qrel in qrels if qrel.query_id in held_out], run
        )
        row = next(row for row in figures.by_seed() if row["system"] == "oracle" and row["split"] == "heldout")
        assert measured[ir_measures.nDCG @ 10] == pytest.approx(row["nDCG@10"])

    def test_tables_have_each_system_and_comparisons_pair_it(self, replayed, tmp_path):
        write_files(Figures(replayed), tmp_path)
        table = (tmp_path / "table.md").read_text()
        assert table.count("| rrf_equal |") == table.count("| **ours** |") == 4
        with (tmp_path / "comparisons.csv").open() as file:
            rows = list(csv.DictReader(file))
        pairs = {(row["system"], row["other"]) for row in rows}
        assert {("ours", "rrf_full"), ("oracle", "rrf_full"), ("ours", "ours-memory")} <= pairs

    def test_curves_are_means_by_window(self, replayed):
        drawn = curves(Figures(replayed))
        assert drawn["x"][-1] == 80
        assert len(drawn["x"]) == len(drawn["quality"]["ours"]["nDCG@10"]) == 40
        assert drawn["quality"]["rrf_full"]["candidates"] == [8.0] * 40
        assert drawn["candidates_saved"]["rrf_full"] == [0.0] * 40
        assert drawn["regret"]["oracle"] == [0.0] * 40
        assert drawn["arm_shares"]["ours-bandit"]["topical"]["good"] == [1.0] * 40
        assert set(drawn["safe_start"]) == set(drawn["reliability"]) == set(SYSTEMS[:6])
        assert drawn == json.loads(json.dumps(drawn)) | {"notes": drawn["notes"]}


class TestPeople:
    def test_hard_readers_differ_from_seed_to_seed(self, precomputed):
        hard = Settings(**{**_fields(SETTINGS), "click_model": "hard"})
        search = Search(0, precomputed.data.queries[0], "u", "s")
        page = [f"{search.query.id}-{name}" for name in "uvwxyab"]
        examined = [people_of(precomputed, hard, seed)[0].examined(search, page) for seed in (0, 1)]
        assert examined[0] != examined[1]
        assert examined[0] == people_of(precomputed, hard, 0)[0].examined(search, page)

    def test_seeds_whose_paraphrases_were_not_asked_for_are_named(self, precomputed):
        with pytest.raises(ConfigurationError, match=r"paraphrase of query 'q\d+' under seed 7; name the seed in"):
            people_of(precomputed, SETTINGS, 7)

    def test_popularity_drifts_half_way(self, precomputed):
        drifting = Settings(**{**_fields(SETTINGS), "impressions": 2000, "drift": True})
        people, _ = people_of(precomputed, drifting, 0)
        typed = [search.query.id for search in people.stream(2000)]
        halves = [typed[:1000], typed[1000:]]
        favourites = [max(set(half), key=half.count) for half in halves]
        assert favourites[0] != favourites[1]


def _fields(settings):
    return {name: getattr(settings, name) for name in type(settings).__dataclass_fields__}
