"""The server: the application of Hayhooks, extended for pipelines that learn."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haystack import Pipeline
from haystack.core.serialization_security import allow_deserialization_module

from ltrr_haystack.errors import ConfigurationError, MissingExtraError
from ltrr_haystack.server import deployment
from ltrr_haystack.server.api_keys import ADMIN
from ltrr_haystack.server.environment import limit_blas_threads, prepare_environment
from ltrr_haystack.server.keyring import Keyring, configured_keyring
from ltrr_haystack.server.learners import background_learner, find_routers, reward_wait_from
from ltrr_haystack.server.settings import ServerSettings
from ltrr_haystack.server.warming import warm_arms, warm_readings
from ltrr_haystack.store import LTRRStore

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ltrr_haystack.learning import BackgroundLearner
    from ltrr_haystack.server.tour import Tour

SEARCH = "search"
"""Name of the search pipeline, and the scope that it needs."""

NO_SAFE_START = {"safe_baseline_share": 0.0}
"""Settings of a policy that is never held back."""

REMOVED_ROUTES = ("/deploy", "/undeploy", "/draw", "/v1", "/models", "/chat", "/responses", "/files")
"""
Routes of Hayhooks that are removed: they run code that a caller sends, send a pipeline's definition to another site, or
serve chat models.
"""


def create_app(
    pipelines: str | Path | None = None,
    *,
    keyring: Keyring | None = None,
    settings: ServerSettings | None = None,
    learn: bool = True,
    learn_interval: float = 1.0,
    reward_wait: float | None = None,
    safe_start: bool = True,
    policy: Mapping[str, Any] | None = None,
    host: str = "localhost",
    first_suggestions: Sequence[str] = (),
    tour: "Tour | None" = None,
    users: Sequence[str] = (),
) -> "FastAPI":
    """
    Create the application that serves a folder of pipelines; also for `uvicorn --factory`.

    :param pipelines: The folder; the environment variable `LTRR_PIPELINES`, or `pipelines`, if left out.
    :param keyring: The API keys; those of the store `LTRR_STORE_URL` and of `LTRR_API_KEYS` if left out.
    :param settings: Access and limits; from the environment if left out.
    :param learn: Whether a thread of the server learns from feedback. This needs a pipeline with a BanditRouter, and is
        left to the FeedbackWriter if that learns inline.
    :param learn_interval: Seconds between two passes of the learner.
    :param reward_wait: Seconds that a decision waits for feedback; see `configured_reward_wait` if left out.
    :param safe_start: Whether the baseline is played until the log shows that the policy is worth more.
    :param policy: Settings of a `VWPolicy` that replace those of the pipelines, in a demo.
    :param host: The host name of this machine.
    :param first_suggestions: Queries to suggest to everybody before there are past queries of enough people.
    :param tour: Lets simulated people search, in a demo.
    :param users: Ids of users to search as on the search page, in a demo.
    :returns: The application. `app.state.pipelines` has the Haystack pipelines by name.
    :raises ConfigurationError: If a pipeline cannot be deployed.
    :raises MissingExtraError: If Hayhooks is not installed.
    :raises StoreError: If the API keys cannot be read.
    """
    prepare_environment()
    allow_deserialization_module("ltrr_haystack")
    keyring, settings = keyring or configured_keyring(), settings or ServerSettings.from_environment()
    app = _hayhooks_app()

    from ltrr_haystack.server.dashboard import ACTIVATE, DATA, add_dashboard
    from ltrr_haystack.server.failures import add_error_handlers
    from ltrr_haystack.server.middleware import build_middleware
    from ltrr_haystack.server.openapi import describe_api
    from ltrr_haystack.server.pages import add_pages
    from ltrr_haystack.server.pages.api_docs import add_api_docs
    from ltrr_haystack.server.readiness import Readiness, add_ready_route, find_stores
    from ltrr_haystack.server.suggestions import PATH as SUGGESTIONS
    from ltrr_haystack.server.suggestions import Suggestions, add_suggestions
    from ltrr_haystack.server.tour import PATH as TOUR
    from ltrr_haystack.server.tour import add_tour

    _remove_open_routes(app)
    wrappers = deployment.deploy(app, Path(pipelines or os.environ.get("LTRR_PIPELINES", "pipelines")).resolve())
    of_pipelines = deployment.scopes_of(wrappers)
    searches = [path for path, scope in of_pipelines.items() if scope == SEARCH]
    scopes = {**of_pipelines, SUGGESTIONS: SEARCH, DATA: ADMIN, ACTIVATE: ADMIN}
    app.state.pipelines = deployment.pipelines_of(wrappers)
    app.state.safe_start = safe_start
    if changes := {**(policy or {}), **({} if safe_start else NO_SAFE_START)}:
        for router in find_routers(app.state.pipelines):
            router.change_policy(changes)
    app.state.learner = background_learner(app.state.pipelines, learn_interval, reward_wait) if learn else None
    app.state.reward_wait_from = reward_wait_from(reward_wait)
    app.state.keyring = keyring
    app.state.readiness = Readiness(find_stores(app.state.pipelines.values()), app.state.learner, keyring)
    app.state.suggestions = Suggestions(
        _log_of_searches(app.state.pipelines),
        first=first_suggestions,
        trusted=lambda: keyring.needed or not settings.everybody or settings.client_address != "none",
    )
    app.state.tour = tour
    app.state.arms = {}
    app.state.failure = None
    app.router.lifespan_context = _lifespan(app.router.lifespan_context, settings.threads)
    add_ready_route(app, app.state.readiness)
    add_pages(app, keys_needed=lambda: keyring.needed, tour=tour is not None, users=users)
    add_api_docs(app)
    add_dashboard(app, app.state.pipelines, safe_start=safe_start)
    add_suggestions(app, app.state.suggestions)
    if tour is not None:
        add_tour(app, tour)
        scopes[TOUR] = ADMIN
    app.user_middleware += build_middleware(scopes, searches, keyring, settings, host)
    add_error_handlers(app)
    describe_api(app, wrappers, scopes, lambda: keyring.needed)
    return app


def _hayhooks_app() -> "FastAPI":
    try:
        from hayhooks import create_app as create_hayhooks_app
        from hayhooks.settings import settings
    except ImportError as error:
        raise MissingExtraError(
            "serving needs hayhooks; install it with: pip install 'ltrr-haystack[hayhooks]'"
        ) from error
    # Otherwise Hayhooks deploys this folder on start-up, and only logs a warning if a pipeline cannot be deployed.
    settings.pipelines_dir = ""
    app: FastAPI = create_hayhooks_app()
    return app


def _lifespan(of_hayhooks: Any, threads: int) -> Any:
    @asynccontextmanager
    async def lifespan(app: "FastAPI") -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="ltrr"))
        learner: BackgroundLearner | None = app.state.learner
        keys = asyncio.create_task(app.state.keyring.follow())
        try:
            await deployment.warm_up(app.state.pipelines)
            limit_blas_threads()
            await asyncio.to_thread(warm_readings, app.state.pipelines.values())
            app.state.arms = await asyncio.to_thread(warm_arms, app.state.pipelines.values())
            _freeze_loaded_objects()
            if learner is not None:
                learner.start()
            async with of_hayhooks(app):
                app.state.readiness.warm = True
                yield
        except ConfigurationError as error:
            app.state.failure = error
            raise
        finally:
            app.state.suggestions.stop()
            if app.state.tour is not None:
                await asyncio.to_thread(app.state.tour.stop)
            keys.cancel()
            with suppress(asyncio.CancelledError):
                await keys
            if learner is not None:
                await asyncio.to_thread(learner.stop)
            app.state.keyring.close()
            await deployment.close(app.state.pipelines)
            deployment.withdraw(list(app.state.pipelines))

    return lifespan


def _log_of_searches(pipelines: Mapping[str, Pipeline]) -> LTRRStore | None:
    """The store of the search pipeline; `None` if no pipeline of that name has a router."""
    routers = find_routers({name: pipeline for name, pipeline in pipelines.items() if name == SEARCH})
    return routers[0].store if routers else None


def _freeze_loaded_objects() -> None:
    """Exclude what is loaded by now from garbage collection, which otherwise blocks a search for up to 400 ms."""
    gc.collect()
    gc.freeze()


def _remove_open_routes(app: "FastAPI") -> None:
    from hayhooks.server.routers import status_router, traces_router

    open_to_all = (None, status_router, traces_router)
    app.router.routes[:] = [
        route for route in app.router.routes if getattr(route, "original_router", None) in open_to_all
    ]
    app.openapi_schema = None
    left = sorted(path for path in app.openapi()["paths"] if path.startswith(REMOVED_ROUTES))
    if left:
        raise ConfigurationError(f"this version of Hayhooks keeps the routes {left} open; install hayhooks 2.1")
    app.openapi_schema = None
