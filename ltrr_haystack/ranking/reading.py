"""Reads the log for the ranker, once: what it is trained and judged on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ltrr_haystack.ranking.click_prior import ClickCounter, ClickPrior
from ltrr_haystack.ranking.features import PLACE, FeatureSchema
from ltrr_haystack.ranking.judged_queries import EvidenceCollector, JudgedQuery, searched_ones
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import LTRRStore, newest_decision, read_log
from ltrr_haystack.types import SettledDecision

DECISIONS_OF_SCHEMA = 200
"""The newest decisions, whose features are those of the model."""


@dataclass(frozen=True, slots=True)
class RankerLog:
    """
    The newest part of the log as a ranker needs it.

    :param schema: The columns of the model: the features that the newest decisions logged.
    :param until: Place of the newest decision in the order of settlement; 0 if there is none.
    :param decisions: Settled decisions read.
    :param rewarded: Those that are learned from and brought a reward.
    :param left_out: Why others are not learned from → how many.
    :param judged: What the ranker is trained and judged on: the queries with what is known of their documents.
    :param before: The same of the decisions up to an earlier one; empty where none was named.
    :param clicks: How documents fared over all queries.
    :param newest: The newest decision; `None` if there is none.
    :param fusion: Arm → its weight and the constant k in reciprocal rank fusion, as last logged.
    """

    schema: FeatureSchema
    until: int
    decisions: int
    rewarded: int
    left_out: Mapping[str, int]
    judged: tuple[JudgedQuery, ...] = field(repr=False)
    before: tuple[JudgedQuery, ...] = field(repr=False)
    clicks: ClickPrior
    newest: SettledDecision | None
    fusion: Mapping[str, tuple[float, float]]


def read_ranker_log(store: LTRRStore, max_decisions: int, page_model: PageModel, before: int = 0) -> RankerLog:
    """
    Read the newest part of the log.

    :param store: The store with the log.
    :param max_decisions: The most decisions to go back.
    :param page_model: What is known of pages in general.
    :param before: Place of a decision in the order of settlement: what was known when it was the newest is given, too.
    :returns: What is to be learned from, rewards that came late included. Features are those that the newest decisions
        logged; what an older one did not log is missing. What no learner has been through is not read.
    """
    newest = newest_decision(store)
    schema = FeatureSchema(()) if newest is None else _schema(store, newest)
    clicks = ClickCounter(page_model, 0.0 if newest is None else newest.decision.decided_at)
    evidence = EvidenceCollector(schema, page_model)
    known: tuple[JudgedQuery, ...] | None = None
    left_out: Counter[str] = Counter()
    fusion: dict[str, tuple[float, float]] = {}
    decisions = rewarded = 0
    last = store.watermark().learned
    for settled in read_log(store, last, after=max(0, last - max_decisions), learned=True):
        if known is None and settled.seq > before:
            known = evidence.queries()
        decisions += 1
        fusion.update({report.arm: (report.weight, report.rrf_k) for report in settled.reports})
        if reason := _unusable(settled):
            left_out[reason] += 1
        if settled.counted:
            clicks.add(settled)
        if not reason:
            rewarded += any(reward > 0 for reward in settled.counted_rewards.values())
            evidence.add(settled)
    queries = evidence.queries()
    return RankerLog(
        schema,
        last,
        decisions,
        rewarded,
        dict(left_out),
        judged=queries,
        before=queries if known is None else known,
        clicks=clicks.prior(),
        newest=newest,
        fusion=fusion,
    )


def _unusable(settled: SettledDecision) -> str:
    """Why nothing can be learned from a decision; empty if something can."""
    documents = searched_ones(settled, (*settled.impressions, *settled.unshown))
    if not settled.counted:
        return "beyond their client's share"
    if not any(each.features for each in settled.impressions):
        return "no features logged"
    if len(documents) < 2:
        return "less than two documents without memory"
    if not any(PLACE in each.features for each in documents):
        return "logged by an earlier version, without the place in the union"
    return ""


def _schema(store: LTRRStore, newest: SettledDecision) -> FeatureSchema:
    """The features of the arms of the newest decision, and whatever else the newest decisions logged."""
    actions = newest.decision.actions
    last = newest.seq
    logged: set[str] = set()
    for settled in read_log(store, last, after=max(0, last - DECISIONS_OF_SCHEMA)):
        if settled.decision.actions.names == actions.names:
            logged.update(*[each.features for each in (*settled.impressions, *settled.unshown)])
    own = FeatureSchema.of_arms(actions.names)
    return FeatureSchema.of_pipeline(actions.names, sorted(logged.difference(own.names))).without_memory(
        actions.memory_arms
    )
