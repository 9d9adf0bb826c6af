"""`GET /ready`: whether this process is fully able to serve and learn."""

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from haystack import Pipeline, logging
from pydantic import BaseModel
from starlette.responses import Response

from ltrr_haystack.learning import BackgroundLearner
from ltrr_haystack.server.answers import JSONAnswer
from ltrr_haystack.server.failures import log_line
from ltrr_haystack.server.keyring import Keyring
from ltrr_haystack.store import LTRRStore

if TYPE_CHECKING:
    from fastapi import FastAPI

logger = logging.getLogger(__name__)

KEPT_SECONDS = 1.0
"""Seconds for which the result of one check of the store is reused."""

CHECK_SECONDS = 3.0


class Ready(BaseModel):
    """
    Whether the server is fully able to serve and learn.

    :param ready: Whether all of the following is in order.
    :param pipelines: Whether models are loaded and every arm was called once.
    :param store: Whether the store can be read and written. While it fails, searches are answered but not logged.
    :param learner: Whether this process learns from feedback; `elsewhere` if learning is left to another process.
    :param keys: Whether callers need an API key.
    """

    ready: bool
    pipelines: Literal["warm", "cold"]
    store: Literal["works", "fails", "none"]
    learner: Literal["learns", "stopped", "elsewhere"]
    keys: Literal["needed", "none"]


class Readiness:
    """
    Checks the state that `/ready` reports.

    :param stores: The stores of the pipelines.
    :param learner: The learner of this process, if it has one.
    :param keyring: The API keys.
    """

    def __init__(self, stores: Iterable[LTRRStore], learner: BackgroundLearner | None, keyring: Keyring) -> None:
        self.warm = False
        self.stores = list(stores)
        self._learner = learner
        self._keyring = keyring
        self._check: asyncio.Task[bool] | None = None
        self._checked_at = 0.0

    async def check(self) -> Ready:
        """
        Check the state.

        :returns: The state.
        """
        store: Literal["works", "fails", "none"] = "none"
        if self.stores:
            store = "works" if await self._store_works() else "fails"
        learner: Literal["learns", "stopped", "elsewhere"] = "elsewhere"
        if self._learner is not None:
            learner = "learns" if self._learner.running else "stopped"
        return Ready(
            ready=self.warm and store != "fails" and learner != "stopped",
            pipelines="warm" if self.warm else "cold",
            store=store,
            learner=learner,
            keys="needed" if self._keyring.needed else "none",
        )

    async def _store_works(self) -> bool:
        """Run one check at a time; a check that hangs counts as failed."""
        if self._check is None or (self._check.done() and time.monotonic() - self._checked_at >= KEPT_SECONDS):
            self._check = asyncio.create_task(self._all_work())
            self._checked_at = time.monotonic()
        done, _ = await asyncio.wait({self._check}, timeout=CHECK_SECONDS)
        return bool(done) and self._check.result()

    async def _all_work(self) -> bool:
        try:
            await asyncio.gather(*(asyncio.to_thread(store.check) for store in self.stores))
        except Exception as error:  # noqa: BLE001 (whatever a store raises, it does not work)
            logger.warning("The store cannot be used: {error}", error=log_line(error))
            return False
        return True


def find_stores(pipelines: Iterable[Pipeline]) -> list[LTRRStore]:
    """
    Find the stores that pipelines use.

    :param pipelines: The pipelines.
    :returns: One store for each database.
    """
    parts = (part for pipeline in pipelines for _, part in pipeline.walk())
    stores = (store for part in parts if isinstance(store := getattr(part, "store", None), LTRRStore))
    return list({str(store.to_dict()): store for store in stores}.values())


def add_ready_route(app: "FastAPI", readiness: Readiness) -> None:
    """
    Add the route `GET /ready`.

    :param app: The application.
    :param readiness: Checks the state.
    """

    async def ready() -> Response:
        state = await readiness.check()
        return JSONAnswer(state, 200 if state.ready else 503)

    app.add_api_route(
        "/ready",
        ready,
        methods=["GET"],
        tags=["status"],
        response_model=Ready,
        responses={503: {"model": Ready, "description": "Not ready"}},
        summary="Whether the server is fully able to serve and learn",
    )
