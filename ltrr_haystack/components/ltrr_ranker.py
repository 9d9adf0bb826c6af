import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from itertools import count
from threading import Lock
from typing import Any

import numpy as np
from haystack import component, logging
from numpy.typing import NDArray

from ltrr_haystack.components.settings import check_document_key, check_number, check_whole
from ltrr_haystack.errors import ConfigurationError, InvalidInputError, MissingExtraError, SnapshotError
from ltrr_haystack.memory.index import MemoryIndex, Remembered
from ltrr_haystack.ranking.candidate_features import CandidateFeatures, ClickFeatures, CombinedFeatures, TextFeatures
from ltrr_haystack.ranking.explanation import Explanation, Grounds, LearnedOrder
from ltrr_haystack.ranking.explanation import explain as explain_page
from ltrr_haystack.ranking.features import PLACE, FeatureSchema, Matrix, compute
from ltrr_haystack.ranking.model import RankingModel, lightgbm, start_scores
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.page_order import Exploration, by_expected_attraction, expected_attraction
from ltrr_haystack.store import PAGE, RANKER, ActiveModel, LTRRStore, Outage
from ltrr_haystack.types import Candidate, CandidateSet, Decision, Ranking

logger = logging.getLogger(__name__)

Rows = NDArray[np.intp]


@component
class LTRRanker:
    """
    Puts the union of the candidates into the order in which it is shown.

    1. A ranking model, trained on what people did with earlier pages, orders the first `rerank` candidates of the
       union. It starts from the union's own order, and until a trained model is active in the store that order stays.
    2. The place in that order says what a document is worth before anything was seen of it for this query; what was
       seen, clicks and passes alike, moves it up or down by as much as it weighs (see `ranking.page_model`). The page
       is in the order of these expected click rates, which are the scores of its documents.
    3. The lower places of the page are drawn by chance, so that what stands low is found out about (see
       `ranking.page_order.Exploration`). The probabilities are logged.

    The page is that of the pipeline as it is without learning, document by document, where the router is in mode
    `baseline` or `apprentice`, and where the safe start holds it back and it plays the baseline.

    The features of what is shown, and of a few candidates that are not, are handed on, so that they can be logged and a
    later model is trained on exactly what it will be asked. Whoever asks for it is told what each document of a page
    owes to the arms, the model, memory and chance (see `ranking.explanation`).

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

    def __init__(
        self,
        store: LTRRStore,
        top_k: int = 10,
        poll_interval: float = 1.0,
        rerank: int = 50,
        features: CandidateFeatures | None = None,
        explore: bool = True,
        explore_from: int = 4,
        deep_share: float = 0.5,
        log_unshown: int = 5,
        seed: int | None = None,
        key: str = "id",
        explore_to: int = 10,
    ) -> None:
        """
        Create an LTRRanker.

        :param store: Where the models and the memory statistics are kept.
        :param top_k: How many candidates to show.
        :param poll_interval: Seconds between two checks for newer models.
        :param rerank: How many of the union's first candidates the model orders; never fewer than are shown.
        :param features: Features of the candidates beside those of the arms; `TextFeatures(store)` and
            `ClickFeatures(store)` if left out, `CombinedFeatures([])` for none.
        :param explore: Whether some places of the page are drawn by chance.
        :param explore_from: The first place that is drawn, from 1.
        :param deep_share: Share of the searches in which a document from below the page may come onto it, 0 to 1; none
            does where more is shown than up to `explore_to`.
        :param log_unshown: How many of the reranked candidates that are not shown are logged for training.
        :param seed: Makes what is drawn by chance repeatable, search by search; for tests and simulations. If left out,
            it depends on the search's `query_id` alone.
        :param key: What feedback knows documents by, the same as that of the UnionJoiner: for `ClickFeatures`, where
            `features` is left out.
        :param explore_to: The last place that is drawn, `explore_from` or more.
        :raises ConfigurationError: If a number is none or out of its range, or `key` is none.
        """
        for name, number in (("top_k", top_k), ("rerank", rerank), ("explore_from", explore_from)):
            check_whole(f"{name} of LTRRanker", number)
        check_whole("explore_to of LTRRanker", explore_to)
        if explore_to < explore_from:
            raise ConfigurationError(
                f"explore_to of LTRRanker must be explore_from ({explore_from}) or more, got {explore_to}"
            )
        check_whole("log_unshown of LTRRanker", log_unshown, 0)
        check_number("poll_interval of LTRRanker", poll_interval, 0)
        check_number("deep_share of LTRRanker", deep_share, 0, 1)
        self.store = store
        self.top_k = top_k
        self.rerank = rerank
        self.poll_interval = poll_interval
        self.features = features
        self.explore = explore
        self.explore_from = explore_from
        self.explore_to = explore_to
        self.deep_share = deep_share
        self.log_unshown = log_unshown
        self.seed = seed
        self.key = check_document_key("LTRRanker", key)
        self._searches = count()
        if features is None:
            features = CombinedFeatures(
                [TextFeatures(store, poll_interval=poll_interval), ClickFeatures(store, poll_interval, key)]
            )
        self._features = features if isinstance(features, CombinedFeatures) else CombinedFeatures([features])
        self._exploration = Exploration(explore_from, explore_to, deep_share, rerank) if explore else None
        self._memory = MemoryIndex(store)
        self._ranker: ActiveModel[RankingModel | None] = ActiveModel(
            store,
            RANKER,
            load=lambda snapshot: RankingModel.from_bytes(snapshot.payload),
            default=None,
            poll_interval=poll_interval,
        )
        self._page: ActiveModel[PageModel] = ActiveModel(
            store,
            PAGE,
            load=lambda snapshot: PageModel.from_bytes(snapshot.payload),
            default=PageModel(),
            poll_interval=poll_interval,
        )
        self._memory_outage = Outage("Pages are ordered without what was seen for their queries")
        self._reported: set[str] = set()
        self._reporting = Lock()
        self._warm = False
        self._warming = Lock()

    def warm_up(self) -> None:
        """Open the store and load the active models; LightGBM is imported now rather than during a search."""
        self.store.warm_up()
        with self._warming:
            if not self._warm:
                with suppress(MissingExtraError):
                    lightgbm()
                self._features.warm_up()
                self._ranker.current()
                self._page.current()
                self._warm = True

    async def warm_up_async(self) -> None:
        """Do what `warm_up` does without blocking the event loop."""
        await self.store.warm_up_async()
        if not self._warm:
            await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Release the store."""
        self._features.close()
        self.store.close()

    async def close_async(self) -> None:
        """Release the store without blocking the event loop."""
        await asyncio.to_thread(self.close)

    @component.output_types(ranking=Ranking, explanation=Explanation)
    def run(self, candidates: CandidateSet, top_k: int | None = None, explain: bool = False) -> dict[str, Any]:
        """
        Order candidates.

        :param candidates: The union of what the arms brought.
        :param top_k: How many candidates to show; the component's own where it is `None`.
        :param explain: Whether to say why the page is as it is.
        :returns: A dictionary with `ranking`: the candidates to show, best first, with their features; and, if it was
            asked for, `explanation`.
        :raises InvalidInputError: If `top_k` is no whole number of at least 1.
        """
        top_k = self.top_k if top_k is None else top_k
        check_whole("top_k of LTRRanker", top_k, error=InvalidInputError)
        rng = np.random.default_rng(self._chance(candidates.decision.query_id))
        in_union_order = serves_baseline(candidates.decision) or not candidates.candidates
        page = self._baseline_page if in_union_order else self._learned_page
        ranking, grounds = page(candidates, top_k, rng)
        if explain:
            return {"ranking": ranking, "explanation": explain_page(ranking, grounds)}
        return {"ranking": ranking}

    def _baseline_page(self, candidates: CandidateSet, top_k: int, rng: np.random.Generator) -> tuple[Ranking, Grounds]:
        remembered = self._remembered(candidates)
        shown = candidates.candidates[:top_k]
        chosen = _chosen(remembered)
        below = [
            each for each in candidates.candidates[top_k : max(self.rerank, top_k)] if each.object_id not in chosen
        ]
        unshown = tuple([below[row] for row in _sample(np.arange(len(below)), self.log_unshown, rng)])
        schema = self._schema(candidates.decision)
        features = schema.mappings(self._computed(schema, candidates, (*shown, *unshown), remembered))
        ranking = Ranking(
            candidates.decision,
            tuple([replace(each, model_place=each.place) for each in shown]),
            features[: len(shown)],
            candidates.reports,
            page_version=self._page.current()[1],
            unshown=tuple([replace(each, model_place=each.place) for each in unshown]),
            unshown_features=features[len(shown) :],
        )
        return ranking, Grounds(remembered)

    def _learned_page(self, candidates: CandidateSet, top_k: int, rng: np.random.Generator) -> tuple[Ranking, Grounds]:
        decision, union = candidates.decision, candidates.candidates
        remembered = self._remembered(candidates)
        size = max(self.rerank, top_k)
        chosen = _chosen(remembered)
        rows = [row for row, each in enumerate(union) if row < size or each.object_id in chosen]
        ranked = [union[row] for row in rows]
        schema = self._schema(decision)
        features = self._computed(schema, candidates, ranked, remembered)
        scores, model, ranker_version = self._scores(schema, features)
        page_model, page_version = self._page.current()
        places = np.array(rows) + 1
        places[np.argsort(-scores[:size], kind="stable")] = np.arange(1, min(size, len(ranked)) + 1)
        known = [remembered.get(each.object_id) for each in ranked]
        successes = np.array([0.0 if each is None else each.successes for each in known])
        exposures = np.array([0.0 if each is None else each.exposures for each in known])
        order, means = by_expected_attraction(page_model.ordering.posteriors(places, successes, exposures), places)
        likely = page_model.calibrated.posteriors(places, successes, exposures)
        shown, propensities = self._drawn(order, likely, top_k, rng)
        quiet = np.setdiff1d(np.flatnonzero(successes[:size] <= 0), shown)
        unshown = _sample(quiet, self.log_unshown, rng)
        placed = [
            replace(each, score=mean, model_place=place)
            for each, mean, place in zip(ranked, means.tolist(), places.tolist(), strict=True)
        ]
        ranking = Ranking(
            decision,
            tuple([placed[row] for row in shown]),
            schema.mappings(features[shown]),
            candidates.reports,
            ranker_version=ranker_version,
            page_version=page_version,
            propensities=propensities,
            unshown=tuple([placed[row] for row in unshown]),
            unshown_features=schema.mappings(features[unshown]),
            model_places=tuple(places[:size].tolist()),
            expected=tuple(expected_attraction(likely)[:size].tolist()),
        )
        return ranking, Grounds(remembered, LearnedOrder(page_model, model, order, shown))

    def _drawn(
        self, order: Rows, posteriors: tuple[Matrix, Matrix], top_k: int, rng: np.random.Generator
    ) -> tuple[Rows, tuple[tuple[float, float], ...]]:
        drawn = None if self._exploration is None else self._exploration.draw(order, posteriors, top_k, rng)
        if drawn is None:
            return order[:top_k], ()
        return drawn[0], tuple([(place, page) for place, page in drawn[1].tolist()])

    def _chance(self, query_id: str) -> int | list[int]:
        if self.seed is not None:
            return [self.seed, next(self._searches)]
        return int.from_bytes(blake2b(query_id.encode(errors="replace"), digest_size=8).digest(), "big")

    def _schema(self, decision: Decision) -> FeatureSchema:
        return FeatureSchema.of_pipeline(decision.actions.names, self._features.names)

    def _computed(
        self,
        schema: FeatureSchema,
        candidates: CandidateSet,
        ranked: Sequence[Candidate],
        remembered: dict[str, Remembered],
    ) -> Matrix:
        decision = candidates.decision
        features = compute(schema, ranked, candidates.reports, decision, remembered, candidates.candidates)
        if self._features.names:
            own = self._features.compute(decision.understanding, [each.document for each in ranked])
            features[:, len(schema.names) - len(self._features.names) :] = own
        return features

    def _scores(self, schema: FeatureSchema, features: Matrix) -> tuple[Matrix, RankingModel | None, int]:
        """The scores of the active model, it and its version; those of the union's order without one that fits."""
        places = features[:, schema.columns[PLACE]]
        model, version = self._ranker.current()
        if model is None:
            return start_scores(places), None, 0
        try:
            columns = model.schema.columns_in(schema)
        except SnapshotError as error:
            self._report_once(
                f"ranker {version}", f"Version {version} cannot rank, the union's order is served: {error}"
            )
            return start_scores(places), None, 0
        return model.scores(features[:, columns], places), model, version

    def _remembered(self, candidates: CandidateSet) -> dict[str, Remembered]:
        try:
            decision = candidates.decision
            remembered = dict(self._memory.entries(decision.understanding.normal_form, decision.filters))
        except Exception as error:  # noqa: BLE001 (without what was seen a search is still a search)
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


def serves_baseline(decision: Decision) -> bool:
    """
    Tell whether a search is answered as by the pipeline as it is without learning.

    :param decision: The search's decision.
    :returns: Whether the router only watches, or is held back by the safe start and plays the baseline.
    """
    if decision.mode != "live":
        return True
    baseline = decision.actions.baseline
    return decision.safe_start and all(depth == baseline.get(arm, 0) for arm, depth in decision.allocation.items())


def _chosen(remembered: Mapping[str, Remembered]) -> set[str]:
    """What people chose for the query: no example of what they did not want."""
    return {object_id for object_id, known in remembered.items() if known.successes > 0}


def _sample(rows: Rows, most: int, rng: np.random.Generator) -> Rows:
    """Some of the rows, in their order."""
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
