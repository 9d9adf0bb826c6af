import asyncio
from contextlib import suppress
from dataclasses import replace
from threading import Lock

import numpy as np
from haystack import component, logging
from numpy.typing import NDArray

from ltrr_haystack.errors import ConfigurationError, InvalidInputError, MissingExtraError, SnapshotError
from ltrr_haystack.memory.index import MemoryIndex, Remembered
from ltrr_haystack.ranking.features import PLACE, FeatureSchema, Matrix, compute
from ltrr_haystack.ranking.model import RankingModel, lightgbm
from ltrr_haystack.store import RANKER, ActiveModel, LTRRStore, Outage
from ltrr_haystack.types import Candidate, CandidateSet, Ranking

logger = logging.getLogger(__name__)


@component
class LTRRanker:
    """
    Orders the union of the candidates by a model that was trained on what people did with earlier pages.

    Until a trained model is active in the store, whenever none can be used, and for searches in mode `baseline`,
    candidates keep the union's own order.

    Only the first `rerank` of the union, ten by default, are put into another order. The model was trained on pages
    that were shown, and further down stand candidates of a kind that it has never seen: what it says of them is a guess
    that undoes the union's work.

    The features of the candidates that will be shown are computed and handed on in either case, so that they can be
    logged with the impressions and a later model is trained on exactly what it will be asked.

    ### Usage example

    ```python
    from haystack import Pipeline
    from haystack.utils import Secret
    from ltrr_haystack import LTRRanker, LTRRStore, UnionJoiner

    pipeline = Pipeline()
    pipeline.add_component("joiner", UnionJoiner(["bm25", "dense"]))
    pipeline.add_component("ranker", LTRRanker(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), top_k=10))
    pipeline.connect("joiner.candidates", "ranker.candidates")
    ```
    """

    def __init__(self, store: LTRRStore, top_k: int = 10, poll_interval: float = 1.0, rerank: int = 10) -> None:
        """
        Create an LTRRanker.

        :param store: Where the ranking models and the memory statistics are kept.
        :param top_k: How many candidates to show.
        :param poll_interval: Seconds between two checks for a newer model.
        :param rerank: How many of the union's first candidates the model orders; never fewer than are shown.
        :raises ConfigurationError: If `top_k` or `rerank` is below 1, or `poll_interval` is negative.
        """
        if top_k < 1:
            raise ConfigurationError(f"top_k of LTRRanker must be at least 1, got {top_k}")
        if poll_interval < 0:
            raise ConfigurationError(f"poll_interval of LTRRanker must not be negative, got {poll_interval}")
        if rerank < 1:
            raise ConfigurationError(f"rerank of LTRRanker must be at least 1, got {rerank}")
        self.store = store
        self.top_k = top_k
        self.rerank = rerank
        self.poll_interval = poll_interval
        self._memory = MemoryIndex(store)
        self._active: ActiveModel[RankingModel | None] = ActiveModel(
            store,
            RANKER,
            load=lambda snapshot: RankingModel.from_bytes(snapshot.payload),
            default=None,
            poll_interval=poll_interval,
        )
        self._memory_outage = Outage("Ranking goes on without memory features")
        self._reported: set[str] = set()
        self._reporting = Lock()
        self._warm = False
        self._warming = Lock()

    def warm_up(self) -> None:
        """Open the store and load the active model; LightGBM is imported now rather than during a search."""
        self.store.warm_up()
        with self._warming:
            if not self._warm:
                with suppress(MissingExtraError):
                    lightgbm()
                self._active.current()
                self._warm = True

    async def warm_up_async(self) -> None:
        """Do what `warm_up` does without blocking the event loop."""
        await self.store.warm_up_async()
        if not self._warm:
            await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    async def close_async(self) -> None:
        """Release the store without blocking the event loop."""
        await asyncio.to_thread(self.close)

    @component.output_types(ranking=Ranking)
    def run(self, candidates: CandidateSet, top_k: int | None = None) -> dict[str, Ranking]:
        """
        Order candidates.

        :param candidates: The union of what the arms brought.
        :param top_k: How many candidates to show; the component's own where it is `None`.
        :returns: A dictionary with `ranking`: the candidates to show, best first, with their features.
        :raises InvalidInputError: If `top_k` is below 1.
        """
        top_k = self.top_k if top_k is None else top_k
        if top_k < 1:
            raise InvalidInputError(f"top_k of LTRRanker must be at least 1, got {top_k}")
        decision = candidates.decision
        schema = FeatureSchema.of_arms(decision.actions.names)
        remembered = self._remembered(candidates)
        first = candidates.candidates[: max(self.rerank, top_k)]
        features = compute(schema, first, candidates.reports, decision, remembered, candidates.candidates)
        order, version = np.arange(len(first)), 0
        ranked = self._scores(candidates, schema, features) if decision.mode != "baseline" and first else None
        if ranked is not None:
            scores, version = ranked
            order = np.argsort(-scores, kind="stable")
            first = tuple(map(_rescored, first, scores.tolist()))
        order = order[:top_k]
        shown = tuple([first[row] for row in order])
        return {"ranking": Ranking(decision, shown, schema.mappings(features[order]), candidates.reports, version)}

    def _scores(
        self, candidates: CandidateSet, schema: FeatureSchema, features: Matrix
    ) -> tuple[NDArray[np.float64], int] | None:
        """The scores of the active model with its version, if there is one that fits."""
        model, version = self._active.current()
        if model is None:
            return None
        own = schema.without_memory(candidates.decision.actions.memory_arms)
        try:
            model.schema.require(own)
        except SnapshotError as error:
            self._report_once(
                f"ranker {version}", f"Version {version} cannot rank, the union's order is served: {error}"
            )
            return None
        columns = [schema.columns[name] for name in own.names]
        return model.scores(features[:, columns], features[:, schema.columns[PLACE]]), version

    def _remembered(self, candidates: CandidateSet) -> dict[str, Remembered]:
        try:
            decision = candidates.decision
            remembered = dict(self._memory.entries(decision.understanding.normal_form, decision.filters))
        except Exception as error:  # noqa: BLE001 (without its memory features a search is still a search)
            self._memory_outage.report(error)
            return {}
        self._memory_outage.mended()
        return remembered

    def _report_once(self, subject: str, message: str) -> None:
        with self._reporting:
            if subject in self._reported:
                return
            self._reported.add(subject)
        logger.warning("{trouble}", trouble=message)


def _rescored(candidate: Candidate, score: float) -> Candidate:
    return replace(candidate, score=score)
