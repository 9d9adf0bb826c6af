"""The server: Hayhooks' own application, with what it needs to serve a pipeline that learns."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack.core.serialization_security import allow_deserialization_module

from ltrr_haystack.errors import ConfigurationError, MissingExtraError
from ltrr_haystack.server import deployment
from ltrr_haystack.server.environment import prepare_environment, undivided_queries
from ltrr_haystack.server.learners import background_learner
from ltrr_haystack.server.limits import BodyLimit

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ltrr_haystack.learning import BackgroundLearner

BODY_LIMIT = 2_000_000
THREADS = 64

CLOSED = ("/deploy", "/undeploy", "/draw", "/v1", "/models", "/chat", "/responses", "/files")
"""
Routes that Hayhooks leaves open to everybody: they run anybody's code, send a pipeline's plan to another site, or talk
to models that are not here.
"""


def create_app(
    pipelines: str | Path | None = None,
    *,
    learn: bool = True,
    learn_interval: float = 1.0,
    threads: int = THREADS,
    body_limit: int = BODY_LIMIT,
) -> "FastAPI":
    """
    Make the application that serves a folder of pipelines; also for `uvicorn --factory`.

    :param pipelines: The folder; the environment variable `LTRR_PIPELINES`, or `pipelines`, if left out.
    :param learn: Whether a thread of the server learns from feedback. It needs a pipeline with a BanditRouter, and
        leaves it to a FeedbackWriter that learns inline.
    :param learn_interval: Seconds between two passes of the learner.
    :param threads: Threads for components that are not asynchronous, such as embedders.
    :param body_limit: Most bytes of a request's body.
    :returns: The application. `app.state.pipelines` has the Haystack pipelines by name.
    :raises ConfigurationError: If a pipeline cannot be deployed.
    :raises MissingExtraError: If Hayhooks is not installed.
    """
    prepare_environment()
    allow_deserialization_module("ltrr_haystack")
    app = _hayhooks_app()
    _close_routes(app)
    wrappers = deployment.deploy(app, Path(pipelines or os.environ.get("LTRR_PIPELINES", "pipelines")).resolve())
    app.state.pipelines = deployment.pipelines_of(wrappers)
    app.state.learner = background_learner(app.state.pipelines, learn_interval) if learn else None
    app.state.failure = None
    app.router.lifespan_context = _lifespan(app.router.lifespan_context, threads)
    app.add_middleware(BodyLimit, limit=body_limit)
    _answer_mistakes(app)
    _document_answers(app, wrappers)
    return app


def _hayhooks_app() -> "FastAPI":
    try:
        from hayhooks import create_app as create_hayhooks_app
        from hayhooks.settings import settings
    except ImportError as error:
        raise MissingExtraError(
            "serving needs hayhooks; install it with: pip install 'ltrr-haystack[hayhooks]'"
        ) from error
    # Hayhooks would deploy this folder when it starts, and only warn of pipelines that cannot be deployed.
    settings.pipelines_dir = ""
    app: FastAPI = create_hayhooks_app()
    return app


def _lifespan(of_hayhooks: Any, threads: int) -> Any:
    @asynccontextmanager
    async def lifespan(app: "FastAPI") -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="ltrr"))
        learner: BackgroundLearner | None = app.state.learner
        try:
            await deployment.warm_up(app.state.pipelines)
            undivided_queries()
            _settle_down()
            if learner is not None:
                learner.start()
            async with of_hayhooks(app):
                yield
        except ConfigurationError as error:
            app.state.failure = error
            raise
        finally:
            if learner is not None:
                await asyncio.to_thread(learner.stop)
            await deployment.close(app.state.pipelines)
            deployment.withdraw(list(app.state.pipelines))

    return lifespan


def _settle_down() -> None:
    """What is loaded by now stays; looking through it for garbage again and again stopped a search for 400 ms."""
    gc.collect()
    gc.freeze()


def _close_routes(app: "FastAPI") -> None:
    from hayhooks.server.routers import status_router, traces_router

    open_to_all = (None, status_router, traces_router)
    app.router.routes[:] = [
        route for route in app.router.routes if getattr(route, "original_router", None) in open_to_all
    ]
    app.openapi_schema = None
    left = sorted(path for path in app.openapi()["paths"] if path.startswith(CLOSED))
    if left:
        raise ConfigurationError(f"this version of Hayhooks keeps the routes {left} open; install hayhooks 2.1")
    app.openapi_schema = None


def _answer_mistakes(app: "FastAPI") -> None:
    from fastapi.exceptions import RequestValidationError
    from starlette.requests import Request
    from starlette.responses import Response

    from ltrr_haystack.server.mistakes import mistakes_answer

    async def handler(_: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return mistakes_answer(error)

    app.add_exception_handler(RequestValidationError, handler)


def _document_answers(app: "FastAPI", wrappers: Mapping[str, Any]) -> None:
    """Hayhooks knows nothing of what a wrapper's own response holds; the wrapper's `answer` says it."""
    from pydantic.json_schema import models_json_schema

    answers = {name: wrapper.answer for name, wrapper in wrappers.items() if hasattr(wrapper, "answer")}
    keys, definitions = models_json_schema(
        [(answer, "serialization") for answer in answers.values()], ref_template="#/components/schemas/{model}"
    )
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = original()
            schema.setdefault("components", {}).setdefault("schemas", {}).update(definitions.get("$defs", {}))
            for name, answer in answers.items():
                responses = schema["paths"][f"/{name}/run"]["post"]["responses"]
                responses["200"]["content"] = {"application/json": {"schema": keys[answer, "serialization"]}}
                responses["413"] = {"description": "Too much for one request"}
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]
