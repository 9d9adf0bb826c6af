"""A data set that simulated people have searched through the whole pipeline, for the programs beside this one."""

import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.readers import HARD
from ltrr_haystack.evaluation.replay.catalogue import Catalogue
from ltrr_haystack.evaluation.replay.parts import meet, people_of
from ltrr_haystack.evaluation.replay.precomputed import PrecomputedPipeline, precompute
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.systems import PipelineSystem
from ltrr_haystack.evaluation.replay.variants import Variant
from ltrr_haystack.ranking.page_fitting import fit_page_model
from ltrr_haystack.ranking.reading import RankerLog, read_ranker_log

MOST_DECISIONS = 50_000
HYBRID = Path(__file__).parent / "hybrid"


def options(description: str) -> ArgumentParser:
    """
    Make a parser of the options that these programs share.

    :param description: What the program does.
    :returns: The parser, to which others may be added.
    """
    parser = ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="a BEIR folder")
    parser.add_argument("--home", type=Path, default=Path(".ltrr"), help="folder of the caches")
    parser.add_argument("--impressions", type=int, default=5_000, help="how often people search")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hard", action="store_true", help="hard readers, one in five clicks a mistake")
    return parser


def settings_of(arguments: Namespace) -> Settings:
    """
    Say how people search and click.

    :param arguments: What the parser of `options` read.
    :returns: The settings, as `ltrr benchmark` has them for `--clicks mixed` or `--clicks hard`.
    """
    return Settings(
        impressions=arguments.impressions,
        seeds=(arguments.seed,),
        click_model=HARD if arguments.hard else "mixed",
    )


@dataclass(frozen=True)
class Searched:
    """
    What is left when the people have gone.

    :param precomputed: The pipeline.
    :param system: The system that learned, with its store.
    :param seen: The queries that people typed.
    """

    precomputed: PrecomputedPipeline
    system: PipelineSystem
    seen: list[Query]


def hybrid(data: DataSet, settings: Settings, home: Path) -> PrecomputedPipeline:
    """
    Ask the arms of `benchmarks/hybrid` all queries of a data set.

    :param data: The data set.
    :param settings: How people will search; of the seeds the first counts.
    :param home: Folder of the caches.
    :returns: The pipeline.
    """
    return precompute(data, HYBRID, home, seeds=settings.seeds[:1])


@contextmanager
def searched(precomputed: PrecomputedPipeline, settings: Settings) -> Iterator[Searched]:
    """
    Let simulated people search, as in `ltrr benchmark`.

    :param precomputed: The pipeline.
    :param settings: How they search and click; of the seeds the first counts.
    :yields: What is left; its store is removed afterwards.
    """
    seed = settings.seeds[0]
    people, queries = people_of(precomputed, settings, seed)
    with tempfile.TemporaryDirectory() as folder:
        system = PipelineSystem(precomputed, Variant(), Path(folder) / "log.db", seed=seed, top_k=settings.top_k)
        try:
            meet(people, system, Catalogue.of(precomputed, settings, seed), settings)
            yield Searched(precomputed, system, queries["seen"])
        finally:
            system.close()


def ranker_log(left: Searched, seed: int) -> RankerLog:
    """
    Read what a ranker would learn from.

    :param left: The system that people have met.
    :param seed: Seed of the page model.
    :returns: What the log says.
    """
    store = left.system.store
    return read_ranker_log(store, MOST_DECISIONS, fit_page_model(store, max_decisions=MOST_DECISIONS, seed=seed))
