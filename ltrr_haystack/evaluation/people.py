"""
Simulated people: what they search for, and what they click.

How they look through a page is told by a click model; by default it is the position-based one.

What a person does depends on the seed, the impression's number, the document and the position, and on nothing else. So
the same people, with the same moods and mistakes, meet every system (common random numbers), and what differs between
two systems differs because of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from itertools import accumulate
from random import Random

from ltrr_haystack.evaluation.click_models import ClickModel, PageReader
from ltrr_haystack.evaluation.datasets import DataSet, Query

__all__ = ["FIRST_SEARCH", "STAY", "ClickModel", "People", "Search", "labelled_sample"]

FIRST_SEARCH = datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()
SECONDS_BETWEEN = 300.0
"""People search every five minutes from a Monday morning on, so that weekday and time of day repeat with the seed."""

STAY = 0.6
"""Probability that a person's session goes on with another search."""


@dataclass(frozen=True, slots=True)
class Search:
    """
    One search of one person.

    :param index: Its number in the stream, from 0.
    :param query: What is typed.
    :param user_id: Who searches.
    :param session_id: The session.
    """

    index: int
    query: Query
    user_id: str
    session_id: str

    @property
    def time(self) -> float:
        """When it takes place, in seconds since 1970."""
        return FIRST_SEARCH + self.index * SECONDS_BETWEEN


class People:
    """
    The people of a data set: a stream of searches, and what each of them clicks.

    Queries follow a Zipf law over a seeded order of the queries that something answers. Where the data set knows its
    people's tastes, what an ambiguous query means to them depends on it: documents of a genre that the person likes
    are one grade better, documents of a genre they do not care for one grade worse.

    ### Usage example

    ```python
    from ltrr_haystack.evaluation.datasets import load_beir
    from ltrr_haystack.evaluation.people import People

    people = People(load_beir("music"), seed=7)
    for search in people.stream(1000):
        shown = ["song-0042", "song-0007"]
        people.clicks(search, shown)  # [1]: the positions that were clicked
    ```
    """

    def __init__(
        self,
        data: DataSet,
        *,
        seed: int,
        model: PageReader | None = None,
        drift_at: int | None = None,
        exponent: float = 1.0,
        users: int = 300,
    ) -> None:
        """
        Create the people of a data set.

        :param data: What they search in, with the truth of what they mean.
        :param seed: Where chance comes from; the same seed gives the same people.
        :param model: How they click; by default a `ClickModel` with the data set's highest grade.
        :param drift_at: From this search on other queries are the popular ones.
        :param exponent: The Zipf law's: the query at rank r is typed in proportion to r**-exponent.
        :param users: How many people there are, for data sets that do not say.
        :raises ValueError: If nothing answers any query of the data set, or `exponent` or `users` cannot be.
        """
        if exponent < 0 or users < 1:
            raise ValueError(f"exponent must not be negative and users positive, got {exponent} and {users}")
        self.data = data
        self.seed = seed
        self.queries = data.answerable()
        if not self.queries:
            raise ValueError(f"data set '{data.name}' has no query with a judged document of a grade above 0")
        self.model: PageReader = model or ClickModel(highest_grade=data.highest_grade)
        self.users = sorted(data.tastes) or [f"user-{number:03}" for number in range(users)]
        Random(f"{seed}:queries").shuffle(self.queries)
        self._drift_at = drift_at
        self._later = Random(f"{seed}:later").sample(self.queries, len(self.queries))
        self._cumulated = list(accumulate(rank**-exponent for rank in range(1, len(self.queries) + 1)))
        self._genres = {document.id: document.meta.get("genre") for document in data.documents} if data.tastes else {}

    def stream(self, searches: int) -> Iterator[Search]:
        """
        The searches, one after another; the same each time it is asked for.

        :param searches: How many.
        :returns: An iterator over them.
        """
        rng = Random(f"{self.seed}:stream")
        session, user = 0, rng.choice(self.users)
        for index in range(searches):
            drifted = self._drift_at is not None and index >= self._drift_at
            query = rng.choices(self._later if drifted else self.queries, cum_weights=self._cumulated)[0]
            yield Search(index, query, user, f"session-{self.seed}-{session}")
            if rng.random() >= STAY:
                session, user = session + 1, rng.choice(self.users)

    def clicks(self, search: Search, shown: Sequence[str]) -> list[int]:
        """
        What the person clicks on a page.

        :param search: The search.
        :param shown: Ids of the documents on the page, from the top.
        :returns: The clicked positions, from 1, ascending.
        """
        return self.model.clicked(self._graded(search, shown), partial(self.random_number, search.index))

    def examined(self, search: Search, shown: Sequence[str]) -> list[float]:
        """
        How likely the person examines each position of a page: the truth that nobody sees who learns from clicks.

        :param search: The search.
        :param shown: Ids of the documents on the page, from the top.
        :returns: One probability for each position, relative to the first, which is always examined.
        """
        return self.model.examined(self._graded(search, shown))

    def _graded(self, search: Search, shown: Sequence[str]) -> list[tuple[str, int]]:
        """The page with the grades that its documents have for the person."""
        grades = self.data.qrels[search.query.id]
        taste = self.data.tastes.get(search.user_id) if search.query.kind == "ambiguous" else None
        page = []
        for document_id in shown:
            grade = grades.get(document_id, 0)
            if taste is not None and grade > 0:
                grade += 1 if self._genres.get(document_id) in taste else -1
            page.append((document_id, grade))
        return page

    def random_number(self, index: int, purpose: str, what: str) -> float:
        """
        Give a common random number: the one that every system meets for this search and purpose.

        :param index: The search's number.
        :param purpose: What it decides.
        :param what: The document, the position …
        :returns: A number in [0, 1), the same whenever it is asked for.
        """
        key = f"{self.seed}\0{index}\0{purpose}\0{what}".encode("utf-8", "surrogatepass")
        return int.from_bytes(blake2b(key, digest_size=8).digest(), "big") / 2**64


def labelled_sample(data: DataSet, size: int, *, seed: int) -> list[tuple[Query, Mapping[str, int]]]:
    """
    Draw labelled queries for a warm start.

    :param data: Where from.
    :param size: How many at most; a data set with fewer gives all it has.
    :param seed: Where chance comes from.
    :returns: Queries with their grades, each once.
    """
    queries = data.answerable()
    chosen = Random(f"{seed}:labelled").sample(queries, min(size, len(queries)))
    return [(query, data.qrels[query.id]) for query in chosen]
