"""
What the ranker's gate says of rankers that must never pass, and of one that was learned, on the log of a benchmark.

Simulated people search a data set through the whole pipeline, as in `ltrr benchmark`. On what the log then says of the
documents of each query (see `JudgedQuery`) the gate judges the learned ranker, the page upside down (the first ten of
the union from the last to the first), the whole union upside down, and rankers that were trained on the same grades
dealt out at random among the documents of each query. All of them are cross-fitted, as in training.

    # takes minutes, and needs the public data sets
    python benchmarks/gate.py --data ../shared/data/icecat --impressions 5000 --shuffles 20
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from searched import hybrid, options, ranker_log, searched, settings_of

from ltrr_haystack.evaluation.datasets import load_beir
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.ranking.cross_fitting import CrossFitted
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings
from ltrr_haystack.ranking.gate import PLACES, Scores, Verdict, judge
from ltrr_haystack.ranking.judged_queries import JudgedQuery
from ltrr_haystack.ranking.reading import RankerLog

FEWEST_QUERIES = 20


def log_of(precomputed: PrecomputedPipeline, settings: Settings) -> RankerLog:
    """
    Let simulated people search, and read what the log then says.

    :param precomputed: The pipeline.
    :param settings: How they search and click; of the seeds the first counts.
    :returns: The log.
    """
    with searched(precomputed, settings) as left:
        return ranker_log(left, settings.seeds[0])


def page_reversed(query: JudgedQuery) -> Scores:
    """
    Score documents so that the first page of the union is upside down.

    :param query: The query.
    :returns: The score of each document.
    """
    places = query.places.astype(np.float64)
    return np.where(places <= PLACES, places, -places)


def union_reversed(query: JudgedQuery) -> Scores:
    """
    Score documents so that the whole union is upside down.

    :param query: The query.
    :returns: The score of each document.
    """
    return query.places.astype(np.float64)


def shuffled(queries: Sequence[JudgedQuery], seed: int) -> list[JudgedQuery]:
    """
    Deal out the grades of each query among its documents at random.

    :param queries: The queries.
    :param seed: Seed of the draw.
    :returns: The queries with their grades dealt out.
    """
    rng = np.random.default_rng(seed)
    return [replace(query, grades=rng.permutation(query.grades)) for query in queries]


def verdicts(queries: Sequence[JudgedQuery], schema: FeatureSchema, shuffles: int) -> Iterator[tuple[str, Verdict]]:
    """
    Judge the rankers.

    :param queries: What is known of the documents of each query.
    :param schema: The features of these documents.
    :param shuffles: On how many draws of grades to train.
    :returns: The name of each ranker, and what the gate says of it.
    """
    settings = TrainingSettings()
    scorers = {
        "learned": CrossFitted(queries, schema, settings, 0).scores,
        "page upside down": page_reversed,
        "union upside down": union_reversed,
        **{
            f"shuffled grades, seed {seed}": CrossFitted(shuffled(queries, seed), schema, settings, seed).scores
            for seed in range(shuffles)
        },
    }
    for name, scores in scorers.items():
        yield name, judge(queries, scores, min_queries=FEWEST_QUERIES)


def main(argv: Sequence[str] | None = None) -> None:
    """
    Print what the gate says.

    :param argv: The arguments; those of the command line if left out.
    """
    parser = options("What the gate says of rankers that must never pass.")
    parser.add_argument("--shuffles", type=int, default=20, help="how many rankers learn grades dealt out at random")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args(argv)
    settings = settings_of(arguments)
    log = log_of(hybrid(load_beir(arguments.data), settings, arguments.home), settings)
    if len(log.judged) < FEWEST_QUERIES:
        parser.error(f"only {len(log.judged)} queries were clicked, {FEWEST_QUERIES} are needed; raise --impressions")
    table = Table(
        "ranker", "gate", "against the union", "lower bound", title=f"{arguments.data.name}, {len(log.judged)} queries"
    )
    rows = []
    for name, verdict in verdicts(log.judged, log.schema, arguments.shuffles):
        against = verdict.comparisons[0].difference
        rows.append({"ranker": name, "passed": verdict.passed, "difference": against.mean, "low": against.low})
        table.add_row(name, "passed" if verdict.passed else "refused", f"{against.mean:+.3f}", f"{against.low:+.3f}")
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
