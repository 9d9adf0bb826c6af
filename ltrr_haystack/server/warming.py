"""The first search must not be the slow one."""

import inspect
import time
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from haystack import Pipeline, logging

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.workers import Workers
from ltrr_haystack.types import Understanding

logger = logging.getLogger(__name__)

PROBE = "warm up"
LONGEST_SECONDS = 60.0


def warm_pipeline(path: str | Path) -> Pipeline:
    """
    Load a pipeline of a YAML file, with its models loaded and each of its arms asked once.

    Plain `hayhooks run` warms nothing up: the first search would load the models and then find the arms slower than
    their time limits.

    :param path: The file.
    :returns: The pipeline.
    """
    pipeline = Pipeline.loads(Path(path).read_text(encoding="utf-8"))
    pipeline.warm_up()
    warm_arms([pipeline])
    return pipeline


def warm_arms(pipelines: Iterable[Pipeline]) -> dict[str, str | None]:
    """
    Ask each arm's retriever once, all together, and wait a minute for them.

    A model's first call takes many times as long as the others, also when it is loaded already.

    :param pipelines: The pipelines, warmed up.
    :returns: Arm → `None`, or why it failed; a failure is logged and stops nothing.
    """
    arms = [part for pipeline in pipelines for _, part in pipeline.walk() if isinstance(part, RetrievalArm)]
    workers = Workers(len(arms), "warming")
    calls = {arm.name: workers.submit(arm.retriever.run, _probe(arm.retriever)) for arm in arms}
    until = time.monotonic() + LONGEST_SECONDS
    try:
        return {name: _failure(name, call, until) for name, call in calls.items()}
    finally:
        workers.close()


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
