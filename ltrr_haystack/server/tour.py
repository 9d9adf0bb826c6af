"""`/tour`: simulated people search in a demo for a while, so that one can watch it learn."""

import asyncio
import threading
import time
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Annotated

import httpx
from fastapi import Body, HTTPException, Request
from haystack import logging
from pydantic import BaseModel, ConfigDict, Field

from ltrr_haystack.errors import ConfigurationError, LTRRError
from ltrr_haystack.evaluation.datasets import DataSet
from ltrr_haystack.evaluation.people import People, Search
from ltrr_haystack.evaluation.replay.answers import Answer
from ltrr_haystack.evaluation.replay.server_system import ServerSystem
from ltrr_haystack.evaluation.replay.settings import Settings
from ltrr_haystack.evaluation.replay.stream import Stream
from ltrr_haystack.evaluation.report.markup import contents
from ltrr_haystack.evaluation.report.values import Section
from ltrr_haystack.server.access import sent_key
from ltrr_haystack.server.answers import JSONAnswer
from ltrr_haystack.server.openapi import refusals
from ltrr_haystack.server.tour_figures import Changed, Rate, TourFigures

if TYPE_CHECKING:
    from fastapi import FastAPI

logger = logging.getLogger(__name__)

PATH = "/tour"
SECONDS = 120.0
MOST_SECONDS = 600.0
SEARCHES_A_SECOND = 5.0
"""Pace of the people; a slower server makes it slower. The baseline's share comes on top."""

COMPARED = 0.25
"""Share of the searches that are also made with the baseline."""

POPULAR = 30
"""Queries that people type: few, so that each comes often enough for its page to learn."""

TOP_K = 10
FAILURES_TO_GIVE_UP = 20
STOP_SECONDS = 10.0
NOTHING_YET = "No simulated people have searched yet."


class TourRequest(BaseModel):
    """
    How long people search.

    :param seconds: Seconds, 1 to 600.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: float = Field(default=SECONDS, ge=1, le=MOST_SECONDS)


class TourState(BaseModel):
    """
    How far a tour has come.

    :param running: Whether people are searching now.
    :param seconds_left: Seconds until they stop.
    :param searches: Searches so far, without those that failed.
    :param clicks: Clicks so far.
    :param failed: Searches that failed.
    :param curve: The click rate over time, a point for each stretch of searches.
    :param picture: The same as a chart: HTML in which every text is escaped; empty before there is a point.
    :param baseline: The click rate of the baseline for a share of the same searches; `null` as long as there is none.
    :param changed: A query whose page begins with another document than the baseline's; `null` if there is none.
    :param message: What is simulated, what came of it, or what went wrong.
    """

    running: bool
    seconds_left: float
    searches: int
    clicks: int
    failed: int
    curve: list[Rate]
    picture: str
    baseline: Rate | None
    changed: Changed | None
    message: str


class TourRunningError(LTRRError):
    """People are searching already."""


class Tour:
    """
    Lets simulated people of a data set search a running server over HTTP, one tour at a time.

    They type a few of its queries by a Zipf law, and click on what its judgements say is relevant, as far down the page
    as a position-based click model lets them look. A quarter of the searches is also made in mode `baseline`: the same
    person, the same query, the same moment. Those pages are not logged, so that nothing is learned from them.

    :param data: What the server searches in, with the truth of what people mean.
    :param url: The server's address.
    """

    def __init__(self, data: DataSet, url: str) -> None:
        answerable = data.answerable()
        popular = Random(0).sample(answerable, min(POPULAR, len(answerable)))
        self._data = replace(data, queries=popular)
        self._titles = {document.id: str(document.meta.get("title") or document.id) for document in data.documents}
        self._url = url
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._ends_at = 0.0
        self._figures = TourFigures(1)
        self._message = NOTHING_YET

    def start(self, seconds: float = SECONDS, key: str | None = None) -> None:
        """
        Let people begin to search.

        :param seconds: How long they search.
        :param key: The API key that they use, where the server needs one.
        :raises TourRunningError: If people are searching already.
        """
        with self._guard:
            if self._thread is not None and self._thread.is_alive():
                raise TourRunningError(f"simulated people are searching already; stop them with DELETE {PATH}")
            self._over.clear()
            self._ends_at = time.monotonic() + seconds
            self._figures = TourFigures(round(seconds * SEARCHES_A_SECOND))
            self._message = self._about()
            self._thread = threading.Thread(target=self._run, args=(seconds, key), name="ltrr-tour", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Let people stop, and wait until they have; without a tour nothing happens."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def state(self) -> TourState:
        """
        Tell how far the tour has come.

        :returns: The state; after a tour that of its end.
        """
        figures, running = self._figures, self._thread is not None and self._thread.is_alive()
        return TourState(
            running=running,
            seconds_left=max(0.0, round(self._ends_at - time.monotonic(), 1)) if running else 0.0,
            searches=figures.searches,
            clicks=figures.clicks,
            failed=figures.failed,
            curve=figures.curve,
            picture="" if (chart := figures.chart()) is None else contents(Section("tour", "", "", (chart,))),
            baseline=figures.baseline,
            changed=None if running else self._changed(figures),
            message=self._message,
        )

    def _about(self) -> str:
        people = f"{len(self._data.tastes):,}" if self._data.tastes else "300"
        return (
            f"{people} simulated people type {len(self._data.queries)} queries of '{self._data.name}', some far more "
            f"often than others (Zipf's law), and click on what its judgements say is relevant, less often the further "
            f"down it stands. {COMPARED:.0%} of the searches are also made with the baseline, which is not logged. One "
            f"curve is the share of searches with a click in each {self._figures.stretch} searches, the other that of "
            "the baseline over all searches so far."
        )

    def _changed(self, figures: TourFigures) -> Changed | None:
        found = figures.changed()
        if found is None:
            return None
        query, searches, was, now = found
        return Changed(
            query=query,
            searches=searches,
            was_first=self._titles.get(was, was),
            is_first=self._titles.get(now, now),
        )

    def _run(self, seconds: float, key: str | None) -> None:
        figures = self._figures
        try:
            self._search(figures, seconds, key)
            self._message = figures.verdict()
        except Exception as error:  # noqa: BLE001 (whatever goes wrong, the state says so, and the server goes on)
            self._message = f"The simulated people had to stop: {_reason(error)}"
            logger.warning("The tour had to stop: {reason}", reason=_reason(error))

    def _search(self, figures: TourFigures, seconds: float, key: str | None) -> None:
        people = People(self._data, seed=time.time_ns())
        searches = round(seconds * SEARCHES_A_SECOND)
        settings = Settings(impressions=max(1, searches), delay=0.0, top_k=TOP_K)
        headers = {} if key is None else {"X-API-Key": key}
        with httpx.Client(timeout=STOP_SECONDS, headers=headers, trust_env=False) as client:
            live = ServerSystem(self._url, top_k=TOP_K, client=client)
            baseline = ServerSystem(self._url, top_k=TOP_K, mode="baseline", log=False, client=client)
            visit = _Searching(people, live, baseline, Stream(people, live, settings), figures)
            begun, in_a_row = time.monotonic(), 0
            for search in people.stream(searches):
                if self._over.is_set() or time.monotonic() >= self._ends_at:
                    return
                try:
                    visit.search(search)
                    in_a_row = 0
                except httpx.HTTPError as error:
                    figures.failed, in_a_row = figures.failed + 1, in_a_row + 1
                    if in_a_row == FAILURES_TO_GIVE_UP or _is_refusal(error):
                        raise
                due = begun + (search.index + 1) / SEARCHES_A_SECOND
                self._over.wait(max(0.0, min(due, self._ends_at) - time.monotonic()))


class _Searching:
    """The searches of people, some of them also made with the baseline."""

    def __init__(
        self,
        people: People,
        live: ServerSystem,
        baseline: ServerSystem,
        stream: Stream[Answer],
        figures: TourFigures,
    ) -> None:
        self._people = people
        self._live = live
        self._baseline = baseline
        self._stream = stream
        self._figures = figures

    def search(self, search: Search) -> None:
        answer = self._live.search(search)
        clicks = self._people.clicks(search, answer.shown)
        self._stream.click(search, answer)
        self._figures.add(search.query.text, answer.shown, len(clicks))
        self._figures.rejected = self._stream.rejected
        if self._people.random_number(search.index, "compared", search.user_id) < COMPARED:
            other = self._baseline.search(search)
            if other.mode == "baseline":
                clicked = bool(self._people.clicks(search, other.shown))
                self._figures.compare(search.query.text, other.shown, baseline=clicked, live=bool(clicks))


def add_tour(app: "FastAPI", tour: Tour) -> None:
    """
    Add the routes of `/tour`.

    :param app: The application.
    :param tour: What they start, tell of and stop.
    """

    async def start(request: Request, tour_request: Annotated[TourRequest | None, Body()] = None) -> JSONAnswer:
        """
        Let simulated people search this server. They use the API key of the caller, if one is needed.

        :param request: The request.
        :param tour_request: How long they search.
        """
        try:
            tour.start((tour_request or TourRequest()).seconds, sent_key(request.scope))
        except TourRunningError as error:
            raise HTTPException(409, str(error)) from error
        return JSONAnswer(tour.state(), 202)

    async def state() -> JSONAnswer:
        """Tell how far they have come."""
        return JSONAnswer(tour.state())

    async def stop() -> JSONAnswer:
        """Let them stop."""
        await asyncio.to_thread(tour.stop)
        return JSONAnswer(tour.state())

    for call, method, status, others, summary in (
        (start, "POST", 202, {"409": "People are searching already"}, "Let simulated people search"),
        (state, "GET", 200, {}, "How far the simulated people have come"),
        (stop, "DELETE", 200, {}, "Let the simulated people stop"),
    ):
        app.add_api_route(
            PATH,
            call,
            methods=[method],
            status_code=status,
            tags=["demo"],
            response_model=TourState,
            responses=refusals(("401", "403", "429"), others),
            summary=summary,
        )


def _is_refusal(error: httpx.HTTPError) -> bool:
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (401, 403)


def _reason(error: Exception) -> str:
    """What went wrong, without anything that was sent: an API key must not get into a message or the server's log."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"the server answered with the status {error.response.status_code}."
    if isinstance(error, ConfigurationError):
        return "the server does not answer, or serves no search or feedback."
    return f"{type(error).__name__}."
