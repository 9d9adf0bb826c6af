"""From files to figures: pipelines and a catalogue are loaded, indexed, asked and replayed as `ltrr benchmark` does."""

import json

import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.evaluation.replay import Settings, benchmark, markdown

SETTINGS = Settings(impressions=30, seeds=(3,), learn_every=10, reward_wait=10, train_at=(1.0,))


@pytest.fixture
def run(shop, pipelines, tmp_path):
    def run_with(configs=(), systems=()):
        return benchmark(
            load_beir(shop),
            tmp_path / "out",
            pipelines=pipelines,
            home=tmp_path / "home",
            settings=SETTINGS,
            configs=configs,
            systems=systems,
        )

    return run_with


class TestBenchmark:
    def test_each_system_scores_what_its_arms_find(self, run, tmp_path):
        figures = run()
        parts = {system: of[0] for system, of in figures.replay.parts.items()}
        for split in ("stream", "seen", "heldout"):
            queries = parts["ours"].splits[split].queries
            odd = [float(int(query.removeprefix("q")) % 2) for query in queries]
            scores = {system: part.splits[split].scores["nDCG@10"] for system, part in parts.items()}
            assert scores["arm:odd"] == odd
            assert scores["arm:words"] == scores["rrf_full"] == scores["oracle"] == [1.0] * len(queries)
        assert set(parts["ours-bandit"].splits["heldout"].candidates) == {10.0}  # 4 + 4 + 2 of the memory
        assert parts["ours"].notes["rejected_events"] == 0
        written = {"summary.json", "table.md", "results.csv", "by_seed.csv", "comparisons.csv", "curves.json", "trec"}
        assert written <= {path.name for path in (tmp_path / "out").iterdir()}

    def test_the_first_configuration_is_ours_and_the_others_go_by_their_files(self, run, pipelines):
        figures = run([pipelines / "search" / "search.yml", pipelines / "narrow.yml"])
        candidates = {
            row.system: row.means["candidates_per_query"].mean for row in figures.rows if row.split == "heldout"
        }
        assert list(candidates)[:7] == [
            "ours",
            "ours-bandit",
            "ours-memory",
            "ours-ranker",
            "ours-exploration",
            "ours-text",
            "config:narrow",
        ]
        assert (candidates["ours-bandit"], candidates["config:narrow"]) == (10.0, 4.0)
        assert "| config:narrow |" in markdown(figures)

    def test_some_of_the_learning_systems_are_enough(self, run, pipelines):
        figures = run([pipelines / "search" / "search.yml", pipelines / "narrow.yml"], ["ours", "ours-text"])
        learning = [name for name in figures.replay.parts if name in figures.replay.learning]
        assert learning == ["ours", "ours-text", "config:narrow"]
        assert "ours-memory" not in markdown(figures)

    @pytest.mark.parametrize(
        ("systems", "message"),
        [
            (["ours", "best"], r"the systems \['best'\] are unknown; there are ours, ours-bandit"),
            (["ours-text"], "'ours' must be among the systems, got ours-text"),
        ],
    )
    def test_systems_that_cannot_be_are_refused_before_anything_is_asked(self, run, tmp_path, systems, message):
        with pytest.raises(ConfigurationError, match=message):
            run(systems=systems)
        assert not (tmp_path / "home").exists()

    def test_what_was_asked_before_is_completed_and_not_asked_again(self, run, tmp_path):
        """Earlier caches know nothing of paraphrases."""
        run()
        (cache,) = (tmp_path / "home" / "arms").glob("words-*.jsonl")
        asked = [json.loads(line) for line in cache.read_text().splitlines() if line]
        own = {json.dumps([f"word{number}", None]) for number in range(12)}
        cache.write_text("".join(f"\n{json.dumps(row)}" for row in asked if row["key"] in own))
        run()
        again = [json.loads(line) for line in cache.read_text().splitlines() if line]
        assert [row["key"] for row in again[:12]] == [row["key"] for row in asked if row["key"] in own]
        assert sorted(row["key"] for row in again) == sorted(row["key"] for row in asked)
        assert len(again) == 24

    def test_documents_are_found_with_content_and_metadata(self, run):
        for figures in (run(), run()):
            (document, *_) = figures.replay.precomputed.found["words"]["word3"]
            assert (document.content, document.meta) == ("word3 and more", {"odd": 1})

    def test_two_configurations_of_one_name_are_refused(self, run, pipelines):
        with pytest.raises(ConfigurationError, match="two configurations are named 'narrow'"):
            run([pipelines / "search" / "search.yml", pipelines / "narrow.yml", pipelines / "x" / "narrow.yml"])
