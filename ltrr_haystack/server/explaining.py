"""Asks a search pipeline for a page with its explanation, without leaving a trace in the log."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
from haystack import Pipeline
from pydantic import ValidationError

from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.components.impression_writer import ImpressionWriter
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.ranking.explanation import Explanation
from ltrr_haystack.routers import load_pipeline, load_search_pipeline
from ltrr_haystack.server.indexes import require_indexes
from ltrr_haystack.server.schemas import SearchAnswer
from ltrr_haystack.server.serving import require_hayhooks
from ltrr_haystack.server.understood import annotators_of, understood
from ltrr_haystack.server.verdicts import Verdicts
from ltrr_haystack.server.warming import warm_arms
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import Ranking

SECONDS = 30.0
"""How long a server may take for its answer."""

T = TypeVar("T")


def explain_in_process(
    pipelines: Path, query: str, *, top_k: int, check_store: Callable[[LTRRStore], None]
) -> dict[str, Any]:
    """
    Search with a pipeline in this process.

    :param pipelines: The YAML file of a search pipeline, or a folder with one.
    :param query: The query text.
    :param top_k: How many documents to show.
    :param check_store: Called with each store before it is opened.
    :returns: The answer that a server would give, with its explanation; it is not logged. For a pipeline that ranks no
        pages, in which there is nothing but a QueryUnderstanding of ours, what was understood of the query.
    :raises ConfigurationError: If the pipeline cannot be loaded or lacks a component, or there is no index.
    :raises InvalidInputError: If nobody could search for the query.
    """
    require_hayhooks()
    pipeline = _load(pipelines)
    understanding, reader = _only(pipeline, QueryUnderstanding)
    if not any(isinstance(part, BanditRouter | LTRRanker) for _, part in pipeline.walk()):
        return _understood(pipeline, reader, query, check_store)
    _, router = _only(pipeline, BanditRouter)
    ranker, _ = _only(pipeline, LTRRanker)
    writer, _ = _only(pipeline, ImpressionWriter)
    check_store(router.store)
    require_indexes(part for _, part in pipeline.walk())
    inputs = {
        understanding: {"query": query},
        ranker: {"top_k": top_k, "explain": True},
        writer: {"log": False},
    }
    try:
        pipeline.warm_up()
        warm_arms([pipeline])
        found = asyncio.run(pipeline.run_async(inputs, concurrency_limit=16))
        return _answer(pipeline, found[writer]["ranking"], found[ranker]["explanation"])
    finally:
        pipeline.close()


def explain_on_server(url: str, query: str, *, top_k: int, api_key: str | None) -> dict[str, Any]:
    """
    Search with a running server.

    :param url: The server's address.
    :param query: The query text.
    :param top_k: How many documents to show.
    :param api_key: An API key with the scope `search`, if the server needs one.
    :returns: Its answer, with its explanation; it is not logged.
    :raises ConfigurationError: If the address is none of HTTP, there is no such server, it needs another API key, or
        does not explain.
    :raises InvalidInputError: If it refuses the query.
    """
    require_server_url(url)
    request = {"query": query, "top_k": top_k, "explain": True, "log": False}
    headers = {} if api_key is None else {"X-API-Key": api_key}
    try:
        answer = httpx.post(f"{url.rstrip('/')}/search/run", json=request, headers=headers, timeout=SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise ConfigurationError(
            f"no server answers at '{url}' ({type(error).__name__}); start one, or correct --url"
        ) from error
    if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        raise InvalidInputError(f"the server refuses the search: {_detail(answer)}")
    if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
        raise ConfigurationError(
            f"there is no search at '{url}' (it answers with status {answer.status_code}); --url is the address of a "
            "server of ltrr, without the path of a page or a call, such as 'http://127.0.0.1:1416'"
        )
    if answer.status_code != httpx.codes.OK:
        raise ConfigurationError(f"'{url}' answers with status {answer.status_code}: {_detail(answer)}")
    found = _json(answer)
    try:
        explained = SearchAnswer.model_validate(found).explanation
    except ValidationError:
        explained = None
    if explained is None:
        raise ConfigurationError(
            f"what answers at '{url}' does not explain its pages as this version does; correct --url, or update it"
        )
    return dict(found)


def require_server_url(url: str) -> None:
    """
    Check that the address of a server is one of HTTP.

    :param url: The address.
    :raises ConfigurationError: If it is none of HTTP.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise ConfigurationError(
            f"--url must begin with 'http://' or 'https://', such as 'http://127.0.0.1:1416'; got '{url}'"
        )


def _load(path: Path) -> Pipeline:
    """The search pipeline; a file that is named may do without a router."""
    if path.is_file():
        return load_pipeline(path)
    return load_search_pipeline(path)


def _understood(
    pipeline: Pipeline, reader: QueryUnderstanding, query: str, check_store: Callable[[LTRRStore], None]
) -> dict[str, Any]:
    for annotator in annotators_of(pipeline):
        check_store(annotator.store)
    try:
        reader.warm_up()
        understanding = reader.run(query)["understanding"]
        return understood(understanding, pipeline).model_dump(mode="json", exclude_unset=True)
    finally:
        reader.close()


def _answer(pipeline: Pipeline, ranking: Ranking, explanation: Explanation) -> dict[str, Any]:
    # Not above: starlette comes with hayhooks.
    from ltrr_haystack.server.answers import JSONAnswer, search_answer

    verdict = Verdicts(pipeline).of(ranking.decision)
    answer = search_answer(ranking, logged=False, verdict=verdict, explanation=explanation, pipeline=pipeline)
    as_sent: dict[str, Any] = json.loads(bytes(JSONAnswer(answer).body))
    return as_sent


def _only(pipeline: Pipeline, kind: type[T]) -> tuple[str, T]:
    """The one component of a kind, after its name."""
    parts = [(name, pipeline.get_component(name)) for name in pipeline.graph.nodes]
    found = [(name, part) for name, part in parts if isinstance(part, kind)]
    if len(found) != 1:
        raise ConfigurationError(
            f"a search can be explained if its pipeline has one {kind.__name__}; this one has {len(found)}"
        )
    return found[0]


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _detail(answer: httpx.Response) -> str:
    body = _json(answer)
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list):
        return "; ".join(f"{'.'.join(map(str, each.get('loc', [])))}: {each.get('msg')}" for each in detail)
    return str(detail or answer.reason_phrase)
