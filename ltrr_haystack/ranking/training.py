"""Trains a ranker on what people did with the pages of the log."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from haystack import logging
from numpy.typing import NDArray

from ltrr_haystack.errors import ConfigurationError, InvalidInputError, SnapshotError
from ltrr_haystack.policy.gains import AllocationGains
from ltrr_haystack.ranking.allocation_gains import allocation_gains
from ltrr_haystack.ranking.cross_fitting import CrossFitted
from ltrr_haystack.ranking.fitting import TrainingSettings, fit, settings_from
from ltrr_haystack.ranking.gate import Verdict, by_union, judge
from ltrr_haystack.ranking.going_live import go_live
from ltrr_haystack.ranking.judged_queries import JudgedQuery
from ltrr_haystack.ranking.model import RankingModel, lightgbm
from ltrr_haystack.ranking.page_fitting import fit_page_model, keep_page_model
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.reading import RankerLog, read_ranker_log
from ltrr_haystack.ranking.report import TrainingReport
from ltrr_haystack.store import ALLOCATIONS, CLICKS, RANKER, LTRRStore

logger = logging.getLogger(__name__)


def train_ranker(
    store: LTRRStore,
    *,
    min_decisions: int = 200,
    min_queries: int = 20,
    max_decisions: int = 50_000,
    activate_if_passed: bool = True,
    seed: int = 0,
    settings: TrainingSettings | None = None,
    page_model: PageModel | None = None,
) -> TrainingReport:
    """
    Train a ranking model on the settled decisions of a store, judge it, and keep it as a snapshot.

    It is trained without memory features on what the log knows of the documents of each query, as if the query were new
    (see `JudgedQuery`). It is judged on queries that it was not trained on, by cross-validation over queries, and
    trained once more on all of them. If it does not pass, it is kept with its verdict, and what is live stays live. How
    documents fared over all queries is counted anew in any case (see `ClickFeatures`). With the pages of the model that
    is live then, allocations are measured (see `AllocationGains`). None of this goes live without `activate_if_passed`,
    nor in the place of a version that was activated in the course of the training.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.ranking.training import train_ranker

    report = train_ranker(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")))
    print(report.reason)
    ```

    :param store: The store with the log.
    :param min_decisions: With fewer rewarded decisions nothing is trained.
    :param min_queries: With fewer different queries that brought a reward there is no test,
        and no model passes.
    :param max_decisions: The most decisions to go back in the log.
    :param activate_if_passed: Whether what is learned goes live at once, the model only if it passes the gate.
    :param seed: Parts the queries, and seeds training.
    :param settings: How to train.
    :param page_model: What is known of pages in general; fitted to the same log if left out.
    :returns: What was learned from, the gate's verdict, and the snapshot's version.
    :raises InvalidInputError: If a minimum or maximum is below 1.
    :raises MissingExtraError: If LightGBM is not installed.
    """
    bounds = {"min_decisions": min_decisions, "min_queries": min_queries, "max_decisions": max_decisions}
    for name, value in bounds.items():
        if value < 1:
            raise InvalidInputError(f"{name} of train_ranker must be at least 1, got {value}")
    package = lightgbm()
    settings = settings or TrainingSettings()
    model_of_page = page_model or fit_page_model(store, max_decisions=max_decisions, seed=seed)
    replaces = {kind: store.active_version(kind) for kind in (CLICKS, ALLOCATIONS, RANKER)}
    live = _live(store, replaces[RANKER])
    log = read_ranker_log(store, max_decisions, model_of_page, before=0 if live is None else live.until)
    report = TrainingReport(
        until=log.until,
        decisions=log.decisions,
        left_out=log.left_out,
        rewarded=log.rewarded,
        queries=len(log.judged),
        shown=sum(int(query.shown.sum()) for query in log.judged),
        unshown=sum(int((~query.shown).sum()) for query in log.judged),
        gate=Verdict(
            False, f"{log.rewarded} rewarded decisions, at least {min_decisions} are needed", queries=len(log.judged)
        ),
        looks=_looks(store),
        features=log.schema.names,
        schema=log.schema.fingerprint,
        settings=asdict(settings),
        seed=seed,
        lightgbm=package.__version__,
    )
    if log.clicks.documents:
        draft = log.clicks.draft()
        version = store.add_snapshot(draft.kind, draft.payload, draft.card, activate=False)
        if activate_if_passed:
            go_live(store, CLICKS, version, replaces=replaces[CLICKS])
    if log.rewarded < min_decisions or not log.judged:
        return report
    learned, beside = CrossFitted(log.judged, log.schema, settings, seed), _beside(live, log, seed)
    verdict = judge(
        log.judged, learned.scores, beside.scores if beside else None, min_queries=min_queries, look=report.looks + 1
    )
    model = fit(log.judged, log.schema, settings, seed)
    report = replace(report, gate=verdict, looks=report.looks + (verdict.look > 0), importance=model.importance)
    passes = activate_if_passed and verdict.passed
    version = store.add_snapshot(RANKER, model.to_bytes(), report.card(), activate=False)
    served, ranker = (learned, version) if passes else (beside, replaces[RANKER])
    gains = _measured(log, model_of_page, served, ranker=ranker, min_queries=min_queries, seed=seed)
    if gains is not None:
        repeated = 0 if gains.repeated is None else gains.repeated.queries
        card = {
            "queries": gains.queries,
            "repeated": repeated,
            "baseline": gains.baseline,
            "ranker": gains.ranker,
        }
        measured = store.add_snapshot(ALLOCATIONS, gains.to_bytes(), card, activate=False)
        if activate_if_passed:
            go_live(store, ALLOCATIONS, measured, replaces=replaces[ALLOCATIONS])
    active = passes and go_live(store, RANKER, version, replaces=replaces[RANKER])
    return replace(report, version=version, active=active, superseded=passes and not active)


def train_page(
    store: LTRRStore,
    *,
    min_decisions: int = 200,
    max_decisions: int = 50_000,
    activate_if_passed: bool = True,
    seed: int = 0,
) -> TrainingReport:
    """
    Learn from the log whatever orders a page: the page model first, then a ranker.

    :param store: The store with the log.
    :param min_decisions: With fewer rewarded decisions no ranker is trained.
    :param max_decisions: The most decisions to go back in the log.
    :param activate_if_passed: Whether what is learned goes live at once, a ranker only if it passes the gate.
    :param seed: Seed of what is drawn in training.
    :returns: What came of the ranker's training.
    :raises MissingExtraError: If LightGBM is not installed; the page model is kept all the same.
    """
    model = keep_page_model(store, max_decisions=max_decisions, activate=activate_if_passed, seed=seed)
    return train_ranker(
        store,
        min_decisions=min_decisions,
        max_decisions=max_decisions,
        activate_if_passed=activate_if_passed,
        seed=seed,
        page_model=model,
    )


@dataclass(frozen=True, slots=True)
class _Live:
    """The live model, how it was trained where that is known, and up to which decision."""

    model: RankingModel
    settings: TrainingSettings | None = None
    until: int = 0


def _live(store: LTRRStore, version: int) -> _Live | None:
    try:
        snapshot = store.snapshot(RANKER, version)
        if snapshot is None:
            return None
        model = RankingModel.from_bytes(snapshot.payload)
    except SnapshotError as error:
        _warn_of_live(error)
        return None
    try:
        return _Live(model, settings_from(snapshot.card["settings"]), int(snapshot.card["until"]))
    except (KeyError, TypeError, ValueError, ConfigurationError):
        return _Live(model)


@dataclass(frozen=True, slots=True)
class _AsItIs:
    """Scores by a model that may have learned from the queries."""

    model: RankingModel
    columns: Sequence[int]

    def scores(self, query: JudgedQuery) -> NDArray[np.float64]:
        return self.model.scores(query.features[:, self.columns], query.places)


def _beside(live: _Live | None, log: RankerLog, seed: int) -> CrossFitted | _AsItIs | None:
    """
    Scores by the live model; `None` where there is none that can rank this pipeline's pages.

    The live model itself has learned from the queries that the new one is judged on. So the new one is compared with
    models like it: trained in the same way, on the part of the log that it was trained on, without the query. Where
    that is not known, or that part left the log, the live model is taken as it is.
    """
    if live is None:
        return None
    try:
        columns = live.model.schema.columns_in(log.schema)
    except SnapshotError as error:
        _warn_of_live(error)
        return None
    if live.settings is not None and log.before:
        return CrossFitted(log.before, log.schema, live.settings, seed)
    return _AsItIs(live.model, columns)


def _warn_of_live(error: SnapshotError) -> None:
    logger.warning("The live ranker cannot be compared with, since it cannot rank: {error}", error=str(error))


def _measured(
    log: RankerLog,
    page_model: PageModel,
    served: CrossFitted | _AsItIs | None,
    *,
    ranker: int,
    min_queries: int,
    seed: int,
) -> AllocationGains | None:
    """What allocations are worth with the pages that are served, if it can be told on known queries."""
    if log.newest is None or isinstance(served, _AsItIs):
        return None
    return allocation_gains(
        log.judged,
        log.schema,
        log.newest.decision.actions,
        log.fusion,
        page_model,
        by_union if served is None else served.scores,
        ranker=ranker,
        min_queries=min_queries,
        seed=seed,
    )


def _looks(store: LTRRStore) -> int:
    """How many tests there were, as the cards say."""
    told = [info.card.get("looks") for info in store.snapshots(RANKER)]
    return max([looks for looks in told if isinstance(looks, int)], default=0)
