"""
What a ranker gains on queries that it has not seen, when it learns from clicks and when it learns from true grades.

Simulated people search a data set through the whole pipeline, as in `ltrr benchmark`. The queries that they typed, as
far as any document was clicked, are put into parts. Each part is taken for new: a ranker that is trained on the others
orders the candidates of the baseline, as far as the log knows them, and the first ten are judged by the true grades. A
second ranker learns from the true grades in place of clicks: what it lacks would be missing with perfect feedback, too.

In each seed people type three quarters of the queries, where `ltrr benchmark` judges the other quarter; several seeds
together reach nearly all. Of several seeds the mean of each query counts. No candidates are saved.

    # takes minutes, and needs the public data sets
    python benchmarks/new_queries.py --data ../shared/data/medquad --impressions 8000 --seeds 4
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from searched import Searched, hybrid, options, ranker_log, searched, settings_of

from ltrr_haystack.evaluation.datasets import DataSet, Query, load_beir
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.relevance import PAGE, ToJudge, judged
from ltrr_haystack.policy.experts import experts_of
from ltrr_haystack.ranking.allocation_pages import Unions
from ltrr_haystack.ranking.cross_fitting import CrossFitted
from ltrr_haystack.ranking.features import FeatureSchema, arm_features
from ltrr_haystack.ranking.fitting import TrainingSettings
from ltrr_haystack.ranking.gate import MeanScore, Scorer, bounded_mean, by_union
from ltrr_haystack.ranking.judged_queries import JudgedQuery
from ltrr_haystack.understanding import normal_form

RERANKED = 50
"""How many of the union's first candidates a ranker orders, as `LTRRanker` does."""

UNION, CLICKS, GRADES = "order of the union", "learned from clicks", "learned from true grades"
SETTINGS = TrainingSettings(folds=8)
TAIL = 0.025
"""Probability that a mean is above, and that it is below, its 95 % interval."""


@dataclass(frozen=True)
class KnownQuery:
    """
    A query with what the log knows of its documents.

    :param query: The query of the data set.
    :param known: What is known of its documents.
    :param documents: Their ids.
    """

    query: Query
    known: JudgedQuery
    documents: tuple[str, ...]

    def with_true_grades(self, data: DataSet) -> JudgedQuery:
        """
        Give what a ranker would learn from that knows how well each document answers.

        :param data: The data set with its judgements.
        :returns: The query, with grades from 0 to 1.
        """
        of = data.qrels[self.query.id]
        grades = np.array([of.get(each, 0) for each in self.documents], dtype=np.float64)
        return replace(self.known, grades=grades / data.highest_grade)


def documents_of(known: JudgedQuery, schema: FeatureSchema, found: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """
    Tell which documents are known of a query.

    :param known: What is known of them, among it their ranks in each arm.
    :param schema: The features of the documents.
    :param found: Arm → ids of what it finds for the query, best first.
    :returns: The id of each.
    """
    ids: list[str] = [""] * len(known.places)
    for arm, ranked in found.items():
        reciprocal = known.features[:, schema.columns[arm_features(arm)[1]]]
        for row in np.flatnonzero(np.isfinite(reciprocal)).tolist():
            ids[row] = ranked[round(1.0 / reciprocal[row]) - 1]
    return tuple(ids)


def page_of(union: JudgedQuery, scorer: Scorer, documents: Sequence[str]) -> tuple[str, ...]:
    """
    Give the page that a ranker makes.

    :param union: The query with the places of its documents in the union, infinite where they are not found.
    :param scorer: Scores the documents.
    :param documents: Their ids.
    :returns: The ids of the first ten.
    """
    first = np.argsort(union.places, kind="stable")[:RERANKED]
    first = first[np.isfinite(union.places[first])]
    order = first[np.argsort(-scorer(union)[first], kind="stable")]
    return tuple(documents[row] for row in order[:PAGE].tolist())


def scored(left: Searched, seed: int) -> Iterator[tuple[str, str, float]]:
    """
    Judge rankers on queries that they have not seen.

    :param left: The system that has learned, and the queries that people typed.
    :param seed: Seed of the page model and the rankers.
    :returns: The query's id, by what the page is ordered, and its nDCG@10.
    """
    precomputed, log = left.precomputed, ranker_log(left, seed)
    if log.newest is None:
        return
    actions = log.newest.decision.actions
    queries = {normal_form(query.text): query for query in left.seen}
    known = [_named(precomputed, queries[each.normal_form], each, log.schema) for each in log.judged]
    taught = [each.with_true_grades(precomputed.data) for each in known]
    unions, baseline = Unions(log.schema, actions, log.fusion), experts_of(actions).baseline
    found = [unions.under(each.known, [baseline]) for each in known]
    orders: dict[str, Scorer] = {
        UNION: by_union,
        CLICKS: CrossFitted(log.judged, log.schema, SETTINGS, seed).scores,
        GRADES: CrossFitted(taught, log.schema, SETTINGS, seed).scores,
    }
    for name, scorer in orders.items():
        answers = [
            ToJudge(each.query.id, page_of(union, scorer, each.documents), ())
            for each, union in zip(known, found, strict=True)
        ]
        for answer, score in zip(answers, judged(answers, precomputed.data.qrels)["nDCG@10"], strict=True):
            yield answer.query_id, name, score


def _named(precomputed: PrecomputedPipeline, query: Query, known: JudgedQuery, schema: FeatureSchema) -> KnownQuery:
    text = precomputed.text(query)
    found = {arm: [each.id for each in of[text]] for arm, of in precomputed.found.items()}
    return KnownQuery(query, known, documents_of(known, schema, found))


def compared(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, MeanScore]:
    """
    Compare the orders, each query counted once.

    :param scores: By what the page is ordered → query → its nDCG@10 for each seed.
    :returns: What is compared → the mean difference with its 95 % interval.
    """
    means = {
        name: np.array([np.mean(of[query]) for query in scores[UNION]], dtype=np.float64) for name, of in scores.items()
    }
    return {
        f"{CLICKS}, minus union": bounded_mean(means[CLICKS] - means[UNION], TAIL),
        f"{GRADES}, minus union": bounded_mean(means[GRADES] - means[UNION], TAIL),
        f"{GRADES}, minus {CLICKS}": bounded_mean(means[GRADES] - means[CLICKS], TAIL),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """
    Print what rankers gain.

    :param argv: The arguments; those of the command line if left out.
    """
    parser = options("What a ranker gains on queries that it has not seen, by clicks and by true grades.")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from --seed on")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args(argv)
    if arguments.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {arguments.seeds}")
    data = load_beir(arguments.data)
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        settings = replace(settings_of(arguments), seeds=(seed,))
        with searched(hybrid(data, settings, arguments.home), settings) as left:
            for query_id, name, score in scored(left, seed):
                scores[name][query_id].append(score)
    if len(scores[UNION]) < 2:
        parser.error(f"{len(scores[UNION])} queries were clicked, 2 are needed; raise --impressions")
    table = Table("nDCG@10", "mean", "95 % interval", title=f"{arguments.data.name}, {len(scores[UNION])} queries")
    told = compared(scores)
    for name, of in told.items():
        table.add_row(name, f"{of.mean:+.3f}", f"[{of.low:+.3f}, {of.high:+.3f}]")
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps({name: of.to_dict() for name, of in told.items()}, indent=2))


if __name__ == "__main__":
    main()
