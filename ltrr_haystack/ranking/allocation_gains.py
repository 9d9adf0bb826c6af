"""
What the pages of other allocations would earn, from all that the log knows of the documents of its queries.

A single search of a new query tells next to nothing of the pages that other arms would have made: most of their
documents were not on its page. But what one search of a query does not show, others do: they draw other arms, and
chance brings other documents onto the page. So each query is taken as a whole. Every arm's ranks of its documents are
known from whichever search asked that arm (see `EvidenceCollector`), and so is the union under any allocation, as far
as its documents ever were ranked; the ranking model puts it into order, by the features that the allocation would have
given, and without having been trained on this query; and each document on that page is expected to earn its attraction
where it is examined. That is the direct method of off-policy evaluation (Dudík, Langford and Li, "Doubly robust policy
evaluation and learning", ICML 2011, section 2) with a posterior for each document instead of a model of all.

The mean over queries, each counted once, with whichever filters it was searched, is compared with the page of the
baseline in the union's order, which is what people get without learning, with that in the model's order, and with that
of the best allocation. An allocation is measured on the queries for which every arm was drawn as deep as in it and as
in the baseline: for others its page, or what it is compared with, is not known. So allocations with an arm beside the
baseline are not measured before it was drawn for enough queries. Clicks are those of a search of a query that is
clicked at all.

Queries that had more than one search with a reward are measured once more, with what was seen of their documents in
their first, third, fifth … search: the memory arm brings what was chosen, as deep as it can, and documents are in the
order of their posterior means. These pages are judged by the second, fourth, sixth … search, since what people click by
mistake would speak for the pages that it made, and are compared with that of the baseline with memory. Allocations for
which the budget has no room beside memory are left out. So an allocation may be good enough where memory fills the
pages of most queries, and not where people look at few places, and little is known of what belongs to the others.

What this leaves out: that half of the searches tell less than all, so that more candidates are needed; that purchases
count for more there, that a pipeline may have told its memory arm another prior or minimum, and what several of them
bring together; that a query which was searched as often may have been clicked too seldom for a memory; documents that
were never logged, so that the others stand higher in these unions than they did; arms that rested in every search that
logged a document, which are taken not to find it; that scores are normalised within what an arm draws, and that the
ranker leaves what is below its first candidates in the union's order; that the margin is an estimate, too; that the
best of many allocations by chance looks a little better than it is, so that others seem to be a little more behind; and
that of many that are tested some pass by chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.policy.experts import Experts, experts_of
from ltrr_haystack.policy.gains import AllocationGains, Gain
from ltrr_haystack.policy.union import reaches
from ltrr_haystack.ranking.allocation_pages import Memory, Unions, earned_by, scores_of
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.gate import PLACES, Scorer, by_union
from ltrr_haystack.ranking.judged_queries import JudgedQuery
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.types import ActionSet

MOST_QUERIES = 300
"""
On how many queries allocations are measured; of more, so many are drawn: half of them from all, half from those that
tell of most allocations, since few may tell of an arm beside the baseline.
"""

LEAST_SEARCHED = 0.25
"""Share of the repeated queries that may have been searched less often than a query of which their gains are said."""

DIGITS = 9
"""Decimal places of gains: each snapshot of a policy holds them all, and nothing depends on more."""

_Numbers = NDArray[np.float64]
_Numbered = NDArray[np.intp]


def allocation_gains(
    queries: Sequence[JudgedQuery],
    schema: FeatureSchema,
    actions: ActionSet,
    fusion: Mapping[str, tuple[float, float]],
    page_model: PageModel,
    scorer: Scorer = by_union,
    *,
    page: int = PLACES,
    ranker: int = 0,
    min_queries: int = 2,
    seed: int = 0,
) -> AllocationGains | None:
    """
    Measure the allocations that are compared as a whole (see `experts_of`).

    :param queries: Queries with what is known of their documents.
    :param schema: The features of these documents.
    :param actions: What there is to choose from.
    :param fusion: Arm → its weight and the constant k in reciprocal rank fusion.
    :param page_model: How likely a place is examined, and the prior by which pages are ordered.
    :param scorer: Scores by the ranking model, or by one like it that was not trained on the query.
    :param page: How many documents a page has.
    :param ranker: The ranking model's version, to be noted.
    :param min_queries: What fewer queries tell of is not measured; at least 2.
    :param seed: Seed of the draw of queries.
    :returns: The gain of each that enough queries tell of, for new queries, and under `repeated` for others; `None`
        where there is none, or nothing is expected of the baseline's page.
    """
    experts, least = experts_of(actions), max(min_queries, 2)
    queries = [query for query in queries if reaches(query.drawn, experts.baseline)]
    if len(queries) < least:
        return None
    known = np.array([[reaches(query.drawn, searched) for searched in experts.searched] for query in queries])
    if len(queries) > MOST_QUERIES:
        drawn = np.random.default_rng(seed).permutation(len(queries))
        half = MOST_QUERIES // 2
        telling = drawn[half:][np.argsort(-known[drawn[half:]].sum(axis=1), kind="stable")]
        rows = np.sort(np.concatenate([drawn[:half], telling[: MOST_QUERIES - half]]))
        queries, known = [queries[row] for row in rows], known[rows]
    unions, memory = Unions(schema, actions, fusion), Memory(actions, page_model.ordering)
    new, again = np.full((2, len(queries), len(experts.keys)), np.nan)
    today, ranked, unordered, remembered, unremembered = np.full((5, len(queries)), np.nan)
    looks = page_model.curve.over(np.arange(1, page + 1))
    for row, query in enumerate(queries):
        others, baseline = unions.under(query, experts.searched), unions.under(query, [experts.baseline])
        of_others, of_baseline = scores_of(others, scorer, query), scores_of(baseline, scorer, query)
        worth, found = query.attractions, np.isfinite(of_baseline[0])
        new[row] = np.where(known[row], earned_by(of_others, worth, looks), np.nan)
        today[row] = earned_by(scores_of(baseline, by_union, query), worth, looks)[0]
        ranked[row] = earned_by(of_baseline, worth, looks)[0]
        unordered[row] = _by_chance(worth[found], looks)
        if query.weight > 1:
            worth = query.attractions_elsewhere
            with_memory = earned_by(memory.means(of_others, query), worth, looks)
            again[row] = np.where(known[row] & experts.has_room, with_memory, np.nan)
            remembered[row] = earned_by(memory.means(of_baseline, query), worth, looks)[0]
            unremembered[row] = _by_chance(worth[found], looks)
    _, form_of = np.unique([query.normal_form for query in queries], return_inverse=True)
    compared = partial(_compared, experts, actions, least=least, ranker=ranker)
    gains = compared(form_of, new, today, ranked, unordered, reordered=scorer is not by_union)
    if gains is None:
        return None
    rows = np.flatnonzero(np.isfinite(remembered))
    against = remembered[rows]
    repeated = compared(form_of[rows], again[rows], against, against, unremembered[rows], reordered=True)
    if repeated is not None:
        searched = np.quantile([queries[row].searches for row in rows], LEAST_SEARCHED, method="lower")
        repeated = replace(repeated, least_searched=int(searched))
    return replace(gains, repeated=repeated)


def _compared(
    experts: Experts,
    actions: ActionSet,
    form_of: _Numbered,
    earned: _Numbers,
    today: _Numbers,
    ranked: _Numbers,
    unordered: _Numbers,
    *,
    least: int,
    ranker: int,
    reordered: bool,
) -> AllocationGains | None:
    """
    Compare what allocations earn on queries.

    :param form_of: Number of the query's normal form: it is one query with all filters that it was searched with.
    :param earned: Query × allocation; `nan` where it is not known.
    :param today: What the baseline's page earns, for each query.
    :param ranked: What its page in the model's order earns.
    :param unordered: What it would in random order.
    :returns: The gain of each that so many queries tell of; `None` where there is none, or the baseline earns nothing.
    """
    told_by = np.isfinite(_per_form(form_of, earned)).sum(axis=0)
    if not today.any() or told_by.max() < least:
        return None

    def mean_and_error(differences: _Numbers) -> tuple[_Numbers, _Numbers]:
        return _mean_and_error(_per_form(form_of, differences), least)

    clicks, errors = mean_and_error(earned - today[:, None])
    best = earned[:, [int(np.where(told_by < least, -np.inf, clicks).argmax())]]
    columns = (
        clicks,
        errors,
        -experts.extra_costs,
        *mean_and_error(ranked[:, None] - earned),
        *mean_and_error(best - earned),
    )
    rows = np.transpose(columns).round(DIGITS).tolist()
    return AllocationGains(
        experts.baseline_key,
        {
            key: replace(Gain(*of), queries=queries_of)
            for key, of, queries_of in zip(experts.keys, rows, told_by.tolist(), strict=True)
            if queries_of >= least
        },
        float(_per_form(form_of, today[:, None]).mean()),
        actions.cost(experts.baseline),
        len(np.unique(form_of)),
        ranker,
        float(_per_form(form_of, unordered[:, None]).mean()),
        reordered,
    )


def _by_chance(worth: _Numbers, looks: _Numbers) -> float:
    """What a page of documents in random order is expected to earn."""
    return float(worth.mean() * looks[: len(worth)].sum()) if len(worth) else 0.0


def _per_form(form_of: _Numbered, values: _Numbers) -> _Numbers:
    """The mean of each column's numbers for every normal form; `nan` where it has none."""
    is_number, forms = np.isfinite(values), np.unique(form_of)
    sums, counts = np.zeros((2, len(forms), values.shape[1]))
    rows = np.searchsorted(forms, form_of)
    np.add.at(sums, rows, np.where(is_number, values, 0.0))
    np.add.at(counts, rows, is_number)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)


def _mean_and_error(values: _Numbers, least: int) -> tuple[_Numbers, _Numbers]:
    """The mean of each column's numbers, and its standard error; 0 and 0 where it has fewer than `least`."""
    is_number = np.isfinite(values)
    count = is_number.sum(axis=0)
    mean = np.where(is_number, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(is_number, (values - mean) ** 2, 0.0).sum(axis=0)
    error = np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1))
    return np.where(count < least, 0.0, mean), np.where(count < least, 0.0, error)
