"""The data of the learning dashboard, and the way back to an earlier model."""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import HTTPException, Query
from haystack import Pipeline
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ltrr_haystack.errors import DamagedSnapshotError
from ltrr_haystack.server.closed_requests import Closed
from ltrr_haystack.server.dashboard_data import DashboardData, dashboard_data
from ltrr_haystack.server.failures import http_errors
from ltrr_haystack.server.followed_log import FollowedLog
from ltrr_haystack.server.learners import find_routers
from ltrr_haystack.server.openapi import refusals
from ltrr_haystack.store import LTRRStore

if TYPE_CHECKING:
    from fastapi import FastAPI

DATA = "/learning/data"
ACTIVATE = "/learning/activate"

RANGES = (1, 24, 168, 720)
"""Hours that the dashboard can look back, besides the whole log."""

REFUSALS = ("400", "401", "403", "429", "503")
NOTHING = {"404": "Nothing is learned here: no pipeline has a BanditRouter"}

KEPT_SECONDS = 2.0
"""For so long an answer serves all who ask."""


def _in_range(hours: int) -> int:
    if hours not in RANGES:
        raise ValueError(f"must be one of {', '.join(map(str, RANGES))}, or be left out")
    return hours


Hours = Annotated[int, AfterValidator(_in_range), Field(json_schema_extra={"enum": list(RANGES)})]
Kind = Literal["policy", "ranker", "page", "clicks", "allocations", "catalogue", "lexicon", "intents"]


class DataRequest(Closed):
    """
    What to look at.

    :param hours: How far to look back; the whole log if left out.
    """

    hours: Hours | None = None


class Activation(BaseModel):
    """
    The model that is to be in use from now on.

    :param kind: Kind of model.
    :param version: Its version; 0 for none of them.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Kind
    version: int = Field(ge=0, le=2**63 - 1)


class Dashboard:
    """
    Makes the dashboard's data: one update at a time for all who look, in a thread of its own.

    :param store: The store with the log.
    :param pipelines: The pipelines, whose FeedbackWriters count what they reject.
    :param starts_safely: Whether the server plays the baseline until the log speaks for the policy.
    """

    def __init__(self, store: LTRRStore, pipelines: Mapping[str, Pipeline], *, starts_safely: bool = True) -> None:
        self.store = store
        self._starts_safely = starts_safely
        self._pipelines = pipelines
        self._logs: dict[int | None, FollowedLog] = {}
        self._made: dict[int | None, DashboardData] = {}
        self._lock = asyncio.Lock()

    async def data(self, hours: int | None) -> DashboardData:
        """
        Give the data.

        :param hours: How far to look back; the whole log if left out.
        :returns: The data, at most `KEPT_SECONDS` old.
        :raises StoreError: If the store cannot be read.
        """
        async with self._lock:
            made = self._made.get(hours)
            if made is None or not 0 <= time.time() - made.made_at < KEPT_SECONDS:
                made = self._made[hours] = await asyncio.to_thread(self._make, hours)
            return made

    def activate(self, wanted: Activation) -> None:
        """
        Put a version of a model in use.

        :param wanted: The model.
        :raises HTTPException: If there is no such version, or it is damaged.
        :raises StoreError: If the store cannot be written.
        """
        there = [info.version for info in self.store.snapshots(wanted.kind)]
        if wanted.version and wanted.version not in there:
            possible = ", ".join(map(str, there)) if there else "none"
            raise HTTPException(
                404,
                f"there is no {wanted.kind} {wanted.version}; possible are 0 (no {wanted.kind}), {possible}",
            )
        try:
            self.store.activate(wanted.kind, wanted.version)
        except DamagedSnapshotError:
            raise HTTPException(
                409, f"{wanted.kind} {wanted.version} is damaged and was not put in use; choose another version"
            ) from None
        self._made.clear()

    def _make(self, hours: int | None) -> DashboardData:
        log = self._logs.setdefault(hours, FollowedLog(self.store, hours))
        now = time.time()
        reached = log.update(now)
        return dashboard_data(self.store, log.reading, self._pipelines, now, reached, starts_safely=self._starts_safely)


def add_dashboard(app: "FastAPI", pipelines: Mapping[str, Pipeline], *, safe_start: bool = True) -> None:
    """
    Add `GET /learning/data` and `POST /learning/activate`, which need the scope `admin`.

    :param app: The application.
    :param pipelines: The pipelines; without a router among them there is nothing to look at.
    :param safe_start: Whether the baseline is played until the log speaks for the policy.
    """
    routers = find_routers(pipelines)
    dashboard = Dashboard(routers[0].store, pipelines, starts_safely=safe_start) if routers else None

    def required() -> Dashboard:
        if dashboard is None:
            raise HTTPException(404, "no pipeline of this server has a BanditRouter, so nothing is learned here")
        return dashboard

    async def data(wanted: Annotated[DataRequest, Query()]) -> DashboardData:
        with http_errors():
            return await required().data(wanted.hours)

    async def activate(wanted: Activation) -> Activation:
        with http_errors():
            await asyncio.to_thread(required().activate, wanted)
        return wanted

    app.add_api_route(
        DATA,
        data,
        methods=["GET"],
        tags=["learning"],
        summary="What the search has learned",
        responses=refusals(REFUSALS, NOTHING),
    )
    app.add_api_route(
        ACTIVATE,
        activate,
        methods=["POST"],
        tags=["learning"],
        summary="Put a model version in use",
        responses=refusals(REFUSALS, {"404": "There is no such version", "409": "The version is damaged"}),
    )
