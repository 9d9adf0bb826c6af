import json
from types import SimpleNamespace

import pytest
from haystack import Document

from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.replay.figures import Figures
from ltrr_haystack.evaluation.replay.outcomes import Outcomes, Part
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.running import Replay
from ltrr_haystack.evaluation.replay.settings import Settings


@pytest.fixture
def beir(tmp_path):
    """Writes a BEIR folder from rows (or raw lines)."""

    def write(corpus, queries, qrels, listeners=None, split="test"):
        folder = tmp_path / "shop"
        (folder / "qrels").mkdir(parents=True, exist_ok=True)

        def lines(rows):
            return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)

        (folder / "corpus.jsonl").write_text(lines(corpus), encoding="utf-8")
        (folder / "queries.jsonl").write_text(lines(queries), encoding="utf-8")
        (folder / "qrels" / f"{split}.tsv").write_text("".join(line + "\n" for line in qrels), encoding="utf-8")
        if listeners is not None:
            (folder / "listeners.jsonl").write_text(lines(listeners), encoding="utf-8")
        return folder

    return write


class Finished:
    """
    Finished replays, made by hand: what each system scored, and how deep it asked its arms.

    Four searches of the stream for `q0`, `q1`, `q0`, `q1`; frozen, `q0` and `q1` are seen, in their own and in other
    words, and `q2` and `q3` are held out.
    """

    LEARNING = ("ours", "ours-bandit", "ours-memory", "ours-ranker", "ours-exploration", "ours-text")

    def __init__(self):
        self.seeds = (0,)
        self.name = "shop"
        self.kinds = {"q0": "topical", "q1": "broad", "q2": "topical", "q3": "broad"}
        self.notes = {
            "trainings": [{"at": 4, "passed": True, "active": True, "reason": "better by 0.1"}],
            "rejected_events": 0,
            "safe_start": False,
            "policy_version": 3,
            "ranker_version": 1,
            "late_events": 2,
            "examined": [1.0, *[0.5] * 9],
            "impressions_per_s": 50.0,
        }
        self.settings = {}
        self.arms = {"a": "a", "b": "b", "memory": "memory"}
        self.grades = {"d": 3}  # of every query
        self.scores = {}  # (system, split) -> nDCG@10 of each search; 0.5 where nothing is said
        self.judged = {}  # (system, split) -> the same of the judged documents alone; as `scores` where nothing is said
        self.chosen = {"best_arm": "a", "rrf_tuned": {"a": 2.0, "b": 0.25}}
        self.depths = {}  # (system, split) -> arm -> depths; 5 for a and b where nothing is said
        self.forecasts = {}  # system -> (forecast, preferred)
        self.held_back = {}  # system -> of each search of the stream
        self.config = []  # names of further pipelines

    def figures(self):
        data = DataSet(
            self.name,
            [Document(id="d", content="text")],
            [Query(query, query, kind) for query, kind in self.kinds.items()],
            dict.fromkeys(self.kinds, self.grades),
        )
        levels = {arm: {"kind": "memory" if arm == "memory" else "lexical", "levels": [0, 5]} for arm in self.arms}
        precomputed = PrecomputedPipeline(
            data=data,
            arms={self.arms[arm]: own for arm, own in levels.items()},
            budget=15,
            baseline=dict.fromkeys(self.arms.values(), 5),
            found={name: {} for arm, name in self.arms.items() if arm != "memory"},
            memories={self.arms["memory"]: SimpleNamespace()},
        )
        learning = [*self.LEARNING, *self.config]
        alone = [f"arm:{name}" for name in precomputed.searching]
        fixed = ["rrf_full", "rrf_equal", "rrf_tuned", "best_arm", *alone, "oracle"]
        settings = Settings(**{"impressions": 4, "seeds": self.seeds, **self.settings})
        return Figures(
            Replay(
                {"ours": precomputed, **dict.fromkeys(self.config, precomputed)},
                settings,
                {
                    system: [self._part(system, seed, learns=system in learning) for seed in self.seeds]
                    for system in [*learning, *fixed]
                },
            )
        )

    def _part(self, system, seed, *, learns):
        splits = {
            split: self._outcomes(system, split, queries, learns=learns)
            for split, queries in {
                "stream": ["q0", "q1", "q0", "q1"],
                "seen": ["q0", "q1"],
                "paraphrased": ["q0", "q1"],
                "heldout": ["q2", "q3"],
            }.items()
        }
        chosen = {"chosen": self.chosen[system]} if system in self.chosen else {}
        return Part("mark", seed, system, splits, self.notes if learns else chosen)

    def _outcomes(self, system, split, queries, *, learns):
        scores = self.scores.get((system, split), [1.0 if system == "oracle" else 0.5] * len(queries))
        depths = self.depths.get((system, split), {arm: [5] * len(queries) for arm in ("a", "b")})
        forecast, preferred = self.forecasts.get(system, ([1.0], [True])) if learns else ([], [])
        return Outcomes(
            queries=queries,
            kinds=[self.kinds[query] for query in queries],
            scores={
                **{name: list(scores) for name in ("nDCG@10", "RR@10", "candidate_recall")},
                "judged_nDCG@10": list(self.judged.get((system, split), scores)),
            },
            depths={self.arms[arm]: of for arm, of in depths.items()},
            seconds=[0.01] * len(queries) if learns else [],
            pages=[] if split == "stream" else [["d"]] * len(queries),
            safe_start=self.held_back.get(system, [False] * len(queries)) if learns else [],
            forecast=forecast if split == "stream" else [],
            preferred=preferred if split == "stream" else [],
        )


@pytest.fixture
def finished():
    return Finished()
