"""Reads the log for the ranker, once: what it is trained on, and what it is judged on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ltrr_haystack.ranking.click_prior import ClickCounter, ClickPrior
from ltrr_haystack.ranking.examples import Example, example_of, newest_of_each
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.judged_queries import EvidenceCollector, JudgedQuery
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
    :param examples: What the ranker is trained on, in the order of the log.
    :param left_out: Why other decisions are no examples → how many.
    :param judged: What the ranker is judged on: the queries with what is known of their documents.
    :param clicks: How documents fared over all queries.
    """

    schema: FeatureSchema
    until: int
    decisions: int
    examples: tuple[Example, ...] = field(repr=False)
    left_out: Mapping[str, int]
    judged: tuple[JudgedQuery, ...] = field(repr=False)
    clicks: ClickPrior


def read_ranker_log(store: LTRRStore, max_decisions: int, max_per_query: int, page_model: PageModel) -> RankerLog:
    """
    Read the newest part of the log.

    :param store: The store with the log.
    :param max_decisions: The most decisions to go back.
    :param max_per_query: The most examples of one query; the newest are taken.
    :param page_model: What is known of pages in general.
    :returns: What is to be learned from, rewards that came late included. Features are those that the newest decisions
        logged; what an older one did not log is missing. What no learner has been through is not read.
    """
    newest = newest_decision(store)
    schema = FeatureSchema(()) if newest is None else _schema(store, newest)
    clicks = ClickCounter(page_model, 0.0 if newest is None else newest.decision.decided_at)
    examples: list[Example] = []
    evidence = EvidenceCollector(schema, page_model)
    left_out: Counter[str] = Counter()
    decisions = 0
    last = store.watermark().learned
    for settled in read_log(store, last, after=max(0, last - max_decisions), learned=True):
        decisions += 1
        if not settled.counted:
            left_out["beyond their client's share"] += 1
            continue
        example = example_of(settled, schema)
        if isinstance(example, Example):
            examples.append(example)
        else:
            left_out[example] += 1
        evidence.add(settled)
        clicks.add(settled)
    kept = newest_of_each(examples, max_per_query)
    if len(kept) < len(examples):
        left_out[f"older than the newest {max_per_query} of its query"] = len(examples) - len(kept)
    return RankerLog(schema, last, decisions, tuple(kept), dict(left_out), evidence.queries(), clicks.prior())


def _schema(store: LTRRStore, newest: SettledDecision) -> FeatureSchema:
    """The features of the arms of the newest decision, and whatever else the newest decisions logged."""
    actions = newest.decision.actions
    last = store.watermark().settled
    logged: set[str] = set()
    for settled in read_log(store, last, after=max(0, last - DECISIONS_OF_SCHEMA)):
        if settled.decision.actions.names == actions.names:
            logged.update(*[each.features for each in (*settled.impressions, *settled.unshown)])
    own = FeatureSchema.of_arms(actions.names)
    return FeatureSchema.of_pipeline(actions.names, sorted(logged.difference(own.names))).without_memory(
        actions.memory_arms
    )
