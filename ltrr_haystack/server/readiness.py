"""GET /ready: whether this process can do all that it is there for."""

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from haystack import Pipeline, logging
from pydantic import BaseModel
from starlette.responses import Response

from ltrr_haystack.learning import BackgroundLearner
from ltrr_haystack.server.answers import JSONAnswer
from ltrr_haystack.server.failures import for_the_log
from ltrr_haystack.server.keyring import Keyring
from ltrr_haystack.store import LTRRStore

if TYPE_CHECKING:
    from fastapi import FastAPI

logger = logging.getLogger(__name__)

KEPT_SECONDS = 1.0
"""For which one look at the store serves everybody who asks."""

CHECK_SECONDS = 3.0


class Ready(BaseModel):
    """
    Whether the server can do all that it is there for.

    :param ready: Whether everything below is as it should be.
    :param pipelines: Whether models are loaded, and the arms were asked once.
    :param store: Whether the store can be read and written; while it fails, searches are answered and not logged.
    :param learner: Whether this process learns from feedback; `elsewhere` where it was told to leave it to others.
    :param keys: Whether callers need an API key.
    """

    ready: bool
    pipelines: Literal["warm", "cold"]
    store: Literal["works", "fails", "none"]
    learner: Literal["learns", "stopped", "elsewhere"]
    keys: Literal["needed", "none"]


class Readiness:
    """
    Looks after what `/ready` tells.

    :param stores: The stores of the pipelines.
    :param learner: The learner of this process, if it has one.
    :param keyring: The keys.
    """

    def __init__(self, stores: Iterable[LTRRStore], learner: BackgroundLearner | None, keyring: Keyring) -> None:
        self.warm = False
        self.stores = list(stores)
        self._learner = learner
        self._keyring = keyring
        self._check: asyncio.Task[bool] | None = None
        self._checked_at = 0.0

    async def look(self) -> Ready:
        """
        Look whether all is as it should be.

        :returns: What was found.
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
        """A check that hangs is not joined by another one, and counts as failed."""
        if self._check is None or (self._check.done() and time.monotonic() - self._checked_at >= KEPT_SECONDS):
            self._check = asyncio.create_task(self._all_work())
            self._checked_at = time.monotonic()
        done, _ = await asyncio.wait({self._check}, timeout=CHECK_SECONDS)
        return bool(done) and self._check.result()

    async def _all_work(self) -> bool:
        try:
            await asyncio.gather(*(asyncio.to_thread(store.check) for store in self.stores))
        except Exception as error:  # noqa: BLE001 (whatever a store raises, it does not work)
            logger.warning("The store cannot be used: {error}", error=for_the_log(error))
            return False
        return True


def stores_of(pipelines: Iterable[Pipeline]) -> list[LTRRStore]:
    """
    Give the stores that pipelines use.

    :param pipelines: The pipelines.
    :returns: One store for each database.
    """
    parts = (part for pipeline in pipelines for _, part in pipeline.walk())
    stores = (store for part in parts if isinstance(store := getattr(part, "store", None), LTRRStore))
    return list({str(store.to_dict()): store for store in stores}.values())


def add_ready(app: "FastAPI", readiness: Readiness) -> None:
    """
    Serve `GET /ready`.

    :param app: The application.
    :param readiness: What looks.
    """

    async def ready() -> Response:
        found = await readiness.look()
        return JSONAnswer(found, 200 if found.ready else 503)

    app.add_api_route(
        "/ready",
        ready,
        methods=["GET"],
        tags=["status"],
        response_model=Ready,
        responses={503: {"model": Ready, "description": "Not ready"}},
        summary="Whether the server can do all that it is there for",
    )
