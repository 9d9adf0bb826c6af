"""
Simulated people: what they search for, and what they click.

The click model is the position-based one (Craswell et al. 2008, "An experimental comparison of click position-bias
models"; Chuklin, Markov and de Rijke 2015, "Click models for web search", section 3.3): a document is clicked when its
position is examined and the document attracts, and the two are independent. Attraction grows with the grade as in
Chapelle et al. 2009, "Expected reciprocal rank", with a share of clicks by mistake.

What a person does depends on the seed, the impression's number, the document and the position, and on nothing else. So
the same people, with the same moods and mistakes, meet every system (common random numbers), and what differs between
two systems differs because of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from random import Random

from ltrr_haystack.evaluation.datasets import DataSet, Query

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


@dataclass(frozen=True, slots=True)
class ClickModel:
    """
    The position-based click model.

    :param eta: How fast attention falls: position k is examined with probability 1/k**eta.
    :param noise: Probability of a click on an examined document that answers nothing.
    :param highest_grade: The grade that always attracts, but for the noise.
    """

    eta: float = 1.0
    noise: float = 0.05
    highest_grade: int = 3

    def __post_init__(self) -> None:
        if self.eta < 0 or not 0 <= self.noise < 1 or self.highest_grade < 1:
            raise ValueError(
                f"a click model needs eta >= 0, noise in [0, 1) and highest_grade >= 1, got eta={self.eta}, "
                f"noise={self.noise}, highest_grade={self.highest_grade}"
            )

    def examination(self, position: int) -> float:
        """
        How likely a position is looked at.

        :param position: Position on the page, from 1.
        :returns: A probability.
        """
        return float(position**-self.eta)

    def attraction(self, grade: int) -> float:
        """
        How likely a document is clicked once it is looked at.

        :param grade: How well it answers, 0 to `highest_grade`.
        :returns: noise + (1 − noise) · (2**grade − 1) / (2**highest_grade − 1).
        """
        gain = (2 ** min(grade, self.highest_grade) - 1) / (2**self.highest_grade - 1)
        return self.noise + (1 - self.noise) * float(gain)


class People:
    """
    The people of a data set: a stream of searches, and what each of them clicks.

    Queries follow a Zipf law over a seeded order of the queries that something answers. Where the data set knows its
    people's tastes, what an ambiguous query means to them depends on it: documents of a genre that the person likes
    are one grade better, documents of a genre they do not care for one grade worse.

    ### Usage example

    ```python
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
        model: ClickModel | None = None,
        exponent: float = 1.0,
        users: int = 300,
    ) -> None:
        """
        Create the people of a data set.

        :param data: What they search in, with the truth of what they mean.
        :param seed: Where chance comes from; the same seed gives the same people.
        :param model: How they click; by default a `ClickModel` with the data set's highest grade.
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
        self.model = model or ClickModel(highest_grade=data.highest_grade)
        self.users = sorted(data.tastes) or [f"user-{number:03}" for number in range(users)]
        Random(f"{seed}:queries").shuffle(self.queries)
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
            query = rng.choices(self.queries, cum_weights=self._cumulated)[0]
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
        grades = self.data.qrels[search.query.id]
        taste = self.data.tastes.get(search.user_id) if search.query.kind == "ambiguous" else None
        clicked = []
        for position, document_id in enumerate(shown, start=1):
            grade = grades.get(document_id, 0)
            if taste is not None and grade > 0:
                grade += 1 if self._genres.get(document_id) in taste else -1
            examined = self._chance(search.index, "position", str(position)) < self.model.examination(position)
            if examined and self._chance(search.index, "document", document_id) < self.model.attraction(grade):
                clicked.append(position)
        return clicked

    def _chance(self, index: int, purpose: str, what: str) -> float:
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
