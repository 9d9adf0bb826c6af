"""Warms up pipelines before they serve, so that the first search is as fast as the others."""

import inspect
import time
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from haystack import Pipeline, logging

from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.workers import Workers
from ltrr_haystack.readings.annotator import CatalogueReadings
from ltrr_haystack.types import Understanding

logger = logging.getLogger(__name__)

PROBE = "warm up"
LONGEST_SECONDS = 60.0


def warm_pipeline(path: str | Path) -> Pipeline:
    """
    Load a pipeline from a YAML file, load its models, and call each of its arms once.

    Plain `hayhooks run` does not warm up pipelines: the first search would have to load the models, and its arms would
    exceed their time limits.

    :param path: The YAML file.
    :returns: The pipeline.
    """
    pipeline = Pipeline.loads(Path(path).read_text(encoding="utf-8"))
    pipeline.warm_up()
    warm_arms([pipeline])
    return pipeline


def warm_arms(pipelines: Iterable[Pipeline]) -> dict[str, str | None]:
    """
    Call the retriever of every arm once, concurrently, and wait up to a minute for them.

    The first call of a model takes much longer than later ones, even if the model is already loaded.

    :param pipelines: The pipelines, warmed up.
    :returns: Arm → `None`, or the type of its error. A failure is logged; the other arms are still warmed up.
    """
    arms = [part for pipeline in pipelines for _, part in pipeline.walk() if isinstance(part, RetrievalArm)]
    workers = Workers(len(arms), "warming")
    calls = {arm.name: workers.submit(arm.retriever.run, _probe(arm.retriever)) for arm in arms}
    until = time.monotonic() + LONGEST_SECONDS
    try:
        return {name: _failure(name, call, until) for name, call in calls.items()}
    finally:
        workers.close()


def warm_readings(pipelines: Iterable[Pipeline]) -> None:
    """
    Let queries be read by what is indexed by now, from the first search on.

    What is indexed while a server runs is taken up beside the searches.

    :param pipelines: The pipelines, warmed up.
    """
    for pipeline in pipelines:
        for _, part in pipeline.walk():
            if isinstance(part, QueryUnderstanding):
                for annotator in part.annotators or ():
                    if isinstance(annotator, CatalogueReadings):
                        annotator.catch_up(LONGEST_SECONDS)


def _failure(name: str, call: Future[Any], until: float) -> str | None:
    try:
        error = call.exception(max(0.0, until - time.monotonic()))
    except TimeoutError:
        error = TimeoutError(f"no answer within {LONGEST_SECONDS:g} seconds")
    if error is None:
        return None
    logger.warning("Arm '{arm}' could not be warmed up", arm=name, exc_info=error)
    return type(error).__name__


def _probe(retriever: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"query": PROBE, "filters": None, "top_k": 1}
    if "understanding" in inspect.signature(retriever.run).parameters:
        arguments["understanding"] = Understanding(query=PROBE, normal_form=PROBE, tokens=tuple(PROBE.split()))
    return arguments
