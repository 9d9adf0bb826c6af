"""A learning system as people meet it in a replay, and what it serves once it is frozen."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from haystack import Pipeline
from haystack.utils import Secret

from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.evaluation.people import Search
from ltrr_haystack.evaluation.replay.bench import Bench
from ltrr_haystack.evaluation.replay.variants import ForgetfulStore, Variant, find_in, policy_of, search_pipeline
from ltrr_haystack.evaluation.systems import FIRST_SEARCH, SECONDS_BETWEEN, logged
from ltrr_haystack.learning import Learner
from ltrr_haystack.ranking.report import TrainingReport
from ltrr_haystack.ranking.training import train_ranker
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import CandidateSet, Decision, Ranking


@dataclass(frozen=True, slots=True)
class Answered:
    """
    What a system answered.

    :param decision: The decision.
    :param shown: Ids of the documents on the page, from the top.
    :param candidates: Ids of all candidates.
    :param seconds: What the search took, the retrievers' own time left out, as their results are kept.
    :param ranker_version: The model that ordered the page; 0 for the union's own order.
    """

    decision: Decision
    shown: tuple[str, ...]
    candidates: tuple[str, ...] = field(repr=False)
    seconds: float
    ranker_version: int

    @property
    def allocation(self) -> Mapping[str, int]:
        """Arm → depth."""
        return self.decision.allocation


class LearningSystem:
    """
    The real components over what the arms found before, with a store of their own.

    :param bench: The arms and settings.
    :param variant: Which parts learn.
    :param file: The store's file; what is there is removed.
    :param seed: Seed of the router's choices and of the ranker's training.
    :param top_k: How many documents a page has.
    """

    def __init__(self, bench: Bench, variant: Variant, file: Path, *, seed: int, top_k: int) -> None:
        self._bench = bench
        self._variant = variant
        self._file = file
        self._seed = seed
        self._top_k = top_k
        self._remove()
        kind = LTRRStore if variant.memory else ForgetfulStore
        self._store = kind(Secret.from_token(f"sqlite:///{file.resolve()}"))
        self._pipeline = search_pipeline(bench, variant, self._store, seed=seed, top_k=top_k)
        self._pipeline.warm_up()
        self._found_in = bench
        self._feedback = FeedbackWriter(self._store)
        self._learner = Learner(self._store, policy_of(bench, variant), reward_wait=0.0)

    def search(self, search: Search) -> Answered:
        """
        Run the pipeline.

        :param search: The search.
        :returns: The answer.
        """
        return _searched(self._pipeline, search, "impressions")

    def find_in(self, bench: Bench) -> None:
        """
        Let the arms find what is on another bench, from the next search on; not to be called while one runs.

        :param bench: The bench. The frozen system is made with the system's own in any case.
        """
        if bench is not self._found_in:
            find_in(self._pipeline, bench)
            self._found_in = bench

    def feedback(self, events: list[dict[str, Any]]) -> int:
        """
        Hand in what people did.

        :param events: UBI events.
        :returns: How many were rejected.
        """
        return int(self._feedback.run([*events])["rejected"])

    def learn(self, decided_until: float | None = None) -> None:
        """
        Settle decisions and learn from them.

        :param decided_until: Decisions made later stay open; by default all are settled.
        """
        self._learner.run_once(time.time() + 1.0 if decided_until is None else decided_until)

    def train(self) -> TrainingReport | None:
        """
        Train the ranker on what is settled.

        :returns: What came of it; `None` for a variant without a ranker.
        """
        return train_ranker(self._store, seed=self._seed) if self._variant.ranker else None

    def frozen(self) -> "FrozenSystem":
        """
        Give what the system would serve if nothing were explored, logged or learned from now on.

        :returns: The frozen system, on the same store, which it only reads.
        """
        pipeline = search_pipeline(
            self._bench, self._variant, self._store, seed=self._seed, top_k=self._top_k, frozen=True
        )
        return FrozenSystem(pipeline)

    def log(self) -> LTRRStore:
        """
        Give the store.

        :returns: The store.
        """
        return self._store

    def close(self) -> None:
        """Close the components and remove the store."""
        self._pipeline.close()
        self._feedback.close()
        self._store.close()
        self._remove()

    def _remove(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        for leftover in self._file.parent.glob(f"{self._file.name}*"):
            leftover.unlink()


class FrozenSystem:
    """
    A pipeline that neither explores nor writes.

    :param pipeline: A search pipeline without its ImpressionWriter.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        pipeline.warm_up()

    def search(self, search: Search) -> Answered:
        """
        Run the pipeline.

        :param search: The search.
        :returns: The answer.
        """
        return _searched(self._pipeline, search, "ranker")


def _searched(pipeline: Pipeline, search: Search, last: str) -> Answered:
    inputs = {
        "understanding": {"query": search.query.text, "now": FIRST_SEARCH + search.index * SECONDS_BETWEEN},
        "router": {"user_id": search.user_id, "session_id": search.session_id},
    }
    started = time.perf_counter()
    result = pipeline.run(inputs, include_outputs_from={"joiner"})
    seconds = time.perf_counter() - started
    ranking: Ranking = logged(result[last]) if last == "impressions" else result[last]["ranking"]
    candidates: CandidateSet = result["joiner"]["candidates"]
    return Answered(
        decision=ranking.decision,
        shown=tuple(candidate.object_id for candidate in ranking.candidates),
        candidates=tuple(candidate.object_id for candidate in candidates.candidates),
        seconds=seconds,
        ranker_version=ranking.ranker_version,
    )
