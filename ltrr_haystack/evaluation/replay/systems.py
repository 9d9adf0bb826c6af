"""A search pipeline as people meet it in a replay, and what it serves once it is frozen."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from haystack import Pipeline
from haystack.utils import Secret

from ltrr_haystack.catalogue.snapshots import publish
from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.errors import ConfigurationError, MissingExtraError, StoreError
from ltrr_haystack.evaluation.people import Search
from ltrr_haystack.evaluation.replay.answers import PipelineAnswer
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.variants import ForgetfulStore, Variant, policy_of, search_pipeline
from ltrr_haystack.evaluation.replay.warm import warm_start_from
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.learning import Learner
from ltrr_haystack.learning.curves import Curves
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.ranking.page_fitting import keep_page_model
from ltrr_haystack.ranking.report import TrainingReport
from ltrr_haystack.ranking.training import train_page
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import CandidateSet, Ranking


class PipelineSystem:
    """
    The real components over what the arms found before, with a store of their own.

    :param precomputed: The arms and settings.
    :param variant: Which parts learn.
    :param file: The store's file; what is there is removed.
    :param seed: Seed of the router's choices and of the ranker's training.
    :param top_k: How many documents a page has.
    :ivar store: The store.
    """

    def __init__(
        self, precomputed: PrecomputedPipeline, variant: Variant, file: Path, *, seed: int, top_k: int
    ) -> None:
        self._precomputed = precomputed
        self._variant = variant
        self._file = file
        self._seed = seed
        self._top_k = top_k
        self._remove()
        kind = LTRRStore if variant.memory else ForgetfulStore
        self.store = kind(Secret.from_token(f"sqlite:///{file.resolve()}"))
        publish(self.store, precomputed.statistics, *filter(None, [precomputed.values]))
        self._pipeline = search_pipeline(precomputed, variant, self.store, seed=seed, top_k=top_k)
        self._pipeline.warm_up()
        self._feedback = FeedbackWriter(self.store)
        policy = policy_of(precomputed, variant)
        self._learner = Learner(self.store, policy, reward_wait=0.0) if variant.learns else None
        self._decided_at: list[float] = []

    def search(self, search: Search) -> PipelineAnswer:
        """
        Run the pipeline.

        :param search: The search.
        :returns: The answer.
        """
        answer = _searched(self._pipeline, "impressions", search)
        self._decided_at.append(answer.decision.decided_at)
        return answer

    def find_in(self, precomputed: PrecomputedPipeline) -> None:
        """
        Let the arms find what those of another pipeline found, from the next search on.

        Call it only while no search runs, since arms read what they find in threads of their own. Memory arms stay as
        they are: what they bring changes as people act.

        :param precomputed: A pipeline with the same arms. The frozen system is made with the system's own in any case.
        """
        for name in precomputed.searching:
            arm: Any = self._pipeline.get_component(name)
            arm.retriever.found = precomputed.found[name]

    def feedback(self, events: list[dict[str, Any]]) -> int:
        """
        Hand in what people did.

        :param events: UBI events.
        :returns: How many were rejected.
        """
        return int(self._feedback.run([*events])["rejected"])

    def warm_start(self, size: int) -> None:
        """
        Let the policy learn from labelled queries before the first search.

        :param size: How many labelled queries.
        :raises ConfigurationError: If the policy is not a VWPolicy, or the variant does not learn.
        """
        policy = self._precomputed.policy.restored(self._precomputed.policy.to_bytes())
        if not isinstance(policy, VWPolicy) or self._learner is None:
            raise ConfigurationError(f"only a VWPolicy that learns can be warm-started, got {type(policy).__name__}")
        used = warm_start_from(self._precomputed, policy, size=size, seed=self._seed)
        self._learner.install(policy, {"warm_start": used})

    def learn(self, leave_open: int = 0) -> None:
        """
        Settle decisions and learn from them.

        :param leave_open: So many of the latest decisions stay open.
        """
        if self._learner is not None and len(self._decided_at) > leave_open:
            self._learner.run_once(self._decided_at[-leave_open - 1] if leave_open else time.time() + 1.0)

    def train(self) -> TrainingReport | None:
        """
        Train the ranker on what is settled.

        :returns: What came of it; `None` for a variant without a ranker, and where LightGBM is not installed.
        """
        try:
            if self._variant.ranker:
                return train_page(self.store, seed=self._seed)
            if self._variant.learns:
                keep_page_model(self.store, seed=self._seed)
            return None
        except MissingExtraError:
            return None

    def learned_examination(self) -> list[tuple[float, float]]:
        """
        Give what the page model says of how often places are examined.

        :returns: For each place of the page its probability, relative to that of the first, and the standard deviation;
            none as long as no curve was learned.
        """
        curve = (Curves(self.store).learned() or (ExaminationCurve(0.0), 0))[0]
        return list(zip(curve.learned, curve.deviations, strict=True))[: self._top_k]

    def frozen(self) -> Callable[[Search], PipelineAnswer]:
        """
        Give what the system would serve if nothing were explored, logged or learned from now on.

        :returns: What answers a search, from the same store, which it only reads.
        """
        pipeline = search_pipeline(
            self._precomputed, self._variant, self.store, seed=self._seed, top_k=self._top_k, frozen=True
        )
        pipeline.warm_up()
        return partial(_searched, pipeline, "ranker")

    def close(self) -> None:
        """Close the components and remove the store."""
        self._pipeline.close()
        self._feedback.close()
        self.store.close()
        self._remove()

    def _remove(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        for leftover in self._file.parent.glob(f"{self._file.name}*"):
            leftover.unlink()


def _searched(pipeline: Pipeline, last: str, search: Search) -> PipelineAnswer:
    inputs = {
        "understanding": {"query": search.query.text, "now": search.time},
        "router": {"user_id": search.user_id, "session_id": search.session_id},
    }
    started = time.perf_counter()
    result = pipeline.run(inputs, include_outputs_from={"joiner"})
    seconds = time.perf_counter() - started
    if not result[last].get("logged", True):
        # What was not logged is not learned from, and figures would be wrong.
        raise StoreError("a simulated search could not be logged: the store cannot be written, or is too slow")
    ranking: Ranking = result[last]["ranking"]
    candidates: CandidateSet = result["joiner"]["candidates"]
    decision = ranking.decision
    return PipelineAnswer(
        query_id=decision.query_id,
        shown=tuple(candidate.object_id for candidate in ranking.candidates),
        allocation=decision.allocation,
        mode=decision.mode,
        safe_start=decision.safe_start,
        missing=tuple(report.arm for report in ranking.reports if report.error is not None),
        decision=decision,
        candidates=tuple(candidate.object_id for candidate in candidates.candidates),
        seconds=seconds,
        ranker_version=ranking.ranker_version,
    )
