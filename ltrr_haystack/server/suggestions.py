"""`GET /search/suggestions`: past queries that begin like what is being typed."""

import asyncio
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from haystack import logging
from pydantic import BaseModel, Field
from rapidfuzz import process
from rapidfuzz.distance import OSA

from ltrr_haystack.server.answers import JSONAnswer
from ltrr_haystack.server.closed_requests import Closed
from ltrr_haystack.server.failures import log_line
from ltrr_haystack.server.openapi import refusals
from ltrr_haystack.server.past_queries import LEAST_CLIENTS, LONGEST, PastQueries, is_showable
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.understanding import normal_form

if TYPE_CHECKING:
    from fastapi import FastAPI

logger = logging.getLogger(__name__)

PATH = "/search/suggestions"
MOST = 8
"""Suggestions in one answer."""

MOST_KEPT = 2_000
"""Texts that are looked through for an answer, the most chosen ones."""

MOST_ANSWERS = 1_000
"""Answers that are kept until the texts are renewed: many people type the same first letters."""

NEWEST = 20_000
"""Searches that suggestions come from, the newest ones."""

RENEW_SECONDS = 60.0
ANEW_SECONDS = 3_600.0
"""Seconds after which the counts begin anew, so that what was deleted from the log is forgotten here, too."""

BATCH, BATCHES = 100, 50
PAUSE_SECONDS = 0.1
"""Between two batches; reading the log is left to moments that no search needs."""


class SuggestionsRequest(Closed):
    """
    What to suggest for.

    :param query: What was typed so far.
    """

    query: str = Field("", max_length=1_000)


class SuggestionsAnswer(BaseModel):
    """
    Queries to choose from.

    :param suggestions: Queries, the best first.
    """

    suggestions: list[str]


class SuggestionList:
    """
    Texts to choose from by what is being typed.

    :param texts: Normal forms of queries, the most chosen first.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = list(dict.fromkeys(texts))[:MOST_KEPT]
        # Wherever a word begins: what follows, and the place of the text; in the order of the alphabet.
        beginnings = sorted(
            (text[at:], place) for place, text in enumerate(self._texts) for at in _word_beginnings(text)
        )
        self._rests = [rest for rest, _ in beginnings]
        self._places = [place for _, place in beginnings]
        self._cuts: dict[int, list[str]] = {}
        self._answers: dict[tuple[str, int], list[str]] = {}

    def matching(self, query: str, most: int = MOST) -> list[str]:
        """
        Find the texts that go on from what was typed.

        :param query: What was typed so far.
        :param most: How many texts to give.
        :returns: First those that begin with it, then those in which a word does, last those that do so but for typos
            (one in four letters, two from eight on); each from the most chosen on. The most chosen of all if nothing
            was typed.
        """
        form = normal_form(query[: 4 * LONGEST])
        if len(form) > LONGEST:
            return []
        answer = self._answers.get((form, most))
        if answer is None:
            answer = self._found(form, most)
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            self._answers[form, most] = answer
        return list(answer)

    def known(self, query: str, most: int = MOST) -> list[str] | None:
        """
        Give an answer that was found before.

        :param query: What was typed so far.
        :param most: How many texts to give.
        :returns: As `matching`; `None` if it would have to be looked for.
        """
        answer = self._answers.get((normal_form(query[: 4 * LONGEST]), most))
        return None if answer is None else list(answer)

    def _found(self, form: str, most: int) -> list[str]:
        texts = [self._texts[place] for place in sorted(set(self._having(form, len(form))))]
        found = dict.fromkeys(sorted(texts, key=lambda text: not text.startswith(form)))
        found.pop(form, None)
        if len(found) < most and len(form) >= 4:
            found |= dict.fromkeys(text for text in self._mistyped(form) if text != form)
        return list(found)[:most]

    def _mistyped(self, form: str) -> list[str]:
        allowed = 1 if len(form) < 8 else 2
        best: dict[int, float] = {}
        for length in range(len(form) - 1, len(form) + 2):
            near = process.extract(form, self._cut(length), scorer=OSA.distance, score_cutoff=allowed, limit=None)
            for cut, distance, _ in near:
                for place in self._having(cut, length):
                    best[place] = min(distance, best.get(place, distance))
        return [self._texts[place] for place, _ in sorted(best.items(), key=lambda each: (each[1], each[0]))]

    def _cut(self, length: int) -> list[str]:
        """What follows wherever a word begins, cut to a length, each once, but for what is shorter by more than one."""
        if length not in self._cuts:
            cuts = [cut for cut, _ in groupby(rest[:length] for rest in self._rests)]
            self._cuts[length] = [cut for cut in cuts if len(cut) >= length - 1]
        return self._cuts[length]

    def _having(self, cut: str, length: int) -> list[int]:
        """The places of the texts that have this wherever a word begins, if what follows is cut to a length."""
        start = bisect_left(self._rests, cut, key=lambda rest: rest[:length])
        return self._places[start : bisect_right(self._rests, cut, lo=start, key=lambda rest: rest[:length])]


class Suggestions:
    """
    Keeps suggestions from past queries, and renews them beside the searches.

    A store that cannot be read costs newer suggestions, and no request.

    :param store: The store with the log; without one there are the first suggestions alone.
    :param first: Texts to suggest where past queries do not suffice, such as those of a demo's data set. They are shown
        to everybody.
    :param trusted: Whether the ids of clients mean anything: where everybody may call and only says who it is, past
        queries are not suggested.
    :param least_clients: Clients that must have chosen something before a query is suggested to others.
    :param renew_seconds: Least seconds between two renewals.
    """

    def __init__(
        self,
        store: LTRRStore | None,
        *,
        first: Sequence[str] = (),
        trusted: Callable[[], bool] = lambda: True,
        least_clients: int = LEAST_CLIENTS,
        renew_seconds: float = RENEW_SECONDS,
    ) -> None:
        self._store = store
        self._first = [form for form in map(normal_form, first) if is_showable(form)]
        self._trusted = trusted
        self._least_clients = least_clients
        self._renew_seconds = renew_seconds
        self._list = SuggestionList(self._first)
        self._counts = PastQueries(least_clients)
        self._read = 0
        self._begun_at: float | None = None
        self._renewed_at: float | None = None
        self._renewal: asyncio.Future[None] | None = None
        self._goal = 0
        self._stopped = threading.Event()

    def matching(self, query: str) -> list[str]:
        """
        Find suggestions.

        :param query: What was typed so far.
        :returns: At most eight queries; see `SuggestionList.matching`.
        """
        return self._list.matching(query)

    async def ask(self, query: str) -> list[str]:
        """
        Find suggestions without blocking the event loop, and let them be renewed beside that if it is time.

        :param query: What was typed so far.
        :returns: As `matching`.
        """
        due = self._renewed_at is None or time.monotonic() - self._renewed_at >= self._renew_seconds
        if self._store is not None and due and (self._renewal is None or self._renewal.done()):
            self._renewed_at = time.monotonic()
            self._renewal = asyncio.ensure_future(asyncio.to_thread(self.renew))
        known = self._list.known(query)
        return await asyncio.to_thread(self.matching, query) if known is None else known

    def renew(self) -> None:
        """Read what the log has had since the last renewal, a bounded part of it, with pauses."""
        try:
            past = self._past()
            if past is not None:
                self._list = SuggestionList([*past, *self._first])
        except Exception as error:  # noqa: BLE001 (whatever a store raises, the search box goes on without)
            logger.warning("Suggestions could not be renewed: {error}", error=log_line(error))

    def stop(self) -> None:
        """Let a renewal that is under way end soon."""
        self._stopped.set()

    def _past(self) -> list[str] | None:
        """The past queries; `None` as long as a new count has not come as far as the one that is shown."""
        if self._store is None or not self._trusted():
            return []
        learned = self._store.watermark().learned
        now = time.monotonic()
        if self._begun_at is None or now - self._begun_at >= ANEW_SECONDS:
            self._goal = 0 if self._begun_at is None else learned
            self._begun_at, self._counts, self._read = now, PastQueries(self._least_clients), max(0, learned - NEWEST)
        for _ in range(BATCHES):
            batch = self._store.learned(self._read, BATCH)
            for settled in batch:
                self._counts.add(settled)
                self._read = settled.seq
            if not batch:
                self._read = learned
            if self._read >= learned or self._stopped.wait(PAUSE_SECONDS):
                break
        return None if self._read < self._goal else self._counts.showable()


def add_suggestions(app: "FastAPI", suggestions: Suggestions) -> None:
    """
    Add the route `GET /search/suggestions`.

    :param app: The application.
    :param suggestions: Where they come from.
    """

    async def suggested(typed: Annotated[SuggestionsRequest, Query()]) -> JSONAnswer:
        """
        Suggest past queries that several people have searched for and found something with.

        :param typed: What was typed so far.
        """
        return JSONAnswer(SuggestionsAnswer(suggestions=await suggestions.ask(typed.query)))

    app.add_api_route(
        PATH,
        suggested,
        methods=["GET"],
        tags=["search"],
        response_model=SuggestionsAnswer,
        responses=refusals(("401", "403", "429")),
        summary="Past queries that begin like what is being typed",
    )


def _word_beginnings(text: str) -> Iterator[int]:
    yield 0
    for at, character in enumerate(text):
        if character == " ":
            yield at + 1
