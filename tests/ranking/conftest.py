"""
Logs with planted relevance: people click what is relevant, if they get to look at it.

What the union goes by, the order of bm25, knows nothing of relevance. What dense scores high is likely to be relevant;
of queries that were searched before, the memory index knows it better still.
"""

import random
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import pytest
from haystack import Document
from haystack.utils import Secret

import factories
from factories import action_set, decision, page, settled, unite
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.learning import Learner
from ltrr_haystack.memory.index import Remembered
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.examples import Example, example_of, without_memory
from ltrr_haystack.ranking.features import FeatureSchema, compute
from ltrr_haystack.ranking.model import RankingModel
from ltrr_haystack.ranking.training import TrainingSettings, fit
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import CandidateSet, Ranking, SettledDecision, Understanding

ACTIONS = action_set(bm25=(0, 20), dense=(0, 20), recall=(0, 20))
JOINER = UnionJoiner(list(ACTIONS.names), weights={"dense": 0.0})


def union_of(
    query_id: str, relevant: set[int], draw: random.Random, *, query: str = "sad songs", known: bool = False
) -> CandidateSet:
    """
    A union of ten documents in the order of bm25.

    Where the query is known, the last two of them are found by the memory arm alone, and stand between the first.
    """
    searched = range(8 if known else 10)
    dense = {row: draw.uniform(0.5, 1.0) if row in relevant else draw.uniform(0.0, 0.6) for row in searched}
    found = {
        "bm25": {row: 20.0 - row for row in searched},
        "dense": dict(sorted(dense.items(), key=lambda item: -item[1])),
        "recall": {8: 0.9, 9: 0.8} if known else {},
    }
    results = {
        arm: [Document(id=f"d{row}", content="text", score=scores[row]) for row in scores]
        for arm, scores in found.items()
    }
    made = decision(
        query_id,
        understanding=Understanding(query, query, tuple(query.split()), "en"),
        actions=ACTIONS,
        decided_at=1_700_000_000.0,
        mode="baseline",
        session_id=f"s{query_id}",
    )
    return unite(made, results, JOINER)


def shown(candidates: CandidateSet, remembered: Mapping[str, Remembered] | None = None) -> Ranking:
    """The page in the union's own order, with the features that are logged with it."""
    schema = FeatureSchema.of_arms(ACTIONS.names)
    features = compute(schema, candidates.candidates, candidates.reports, candidates.decision, remembered or {})
    return page(candidates, features=schema.mappings(features))


def memory_of(relevant: set[int], draw: random.Random) -> dict[str, Remembered]:
    """What is remembered of ten documents that were shown ten times each."""
    successes = {row: draw.uniform(4, 9) if row in relevant else draw.uniform(0, 5) for row in range(10)}
    return {
        f"d{row}": Remembered(f"d{row}", "query", count, 10.0, (1 + count) / 20) for row, count in successes.items()
    }


@dataclass(frozen=True)
class Visit:
    """A page with what was truly relevant and what was clicked."""

    ranking: Ranking
    relevant: frozenset[str]
    clicked: tuple[str, ...]

    def settled(self, seq: int) -> SettledDecision:
        return settled(self.ranking, dict.fromkeys(self.clicked, 1.0), seq)


def visits(
    count: int,
    *,
    seed: int,
    queries: int = 60,
    known: int = 0,
    blind: bool = False,
    chance_of_relevance: Callable[[int], float] = lambda row: 0.2,
    noise: bool = False,
    if_relevant: float = 0.9,
    if_not: float = 0.05,
) -> list[Visit]:
    """
    Position-biased clicks: the look at position n has probability 1/n, and a click needs a look.

    :param queries: How many queries take turns.
    :param known: How many of them the memory index knows.
    :param blind: Whether dense knows nothing of relevance.
    :param chance_of_relevance: Number of the document → probability that it is relevant.
    :param noise: Whether clicks ignore relevance.
    """
    draw = random.Random(seed)
    made = []
    for number in range(count):
        query = number % queries
        relevant = {row for row in range(10) if draw.random() < chance_of_relevance(row)}
        seen = set() if blind else relevant
        union = union_of(f"q{seed}-{number}", seen, draw, query=f"query {query}", known=query < known)
        ranking = shown(union, memory_of(relevant, draw) if query < known else None)
        wanted = frozenset(f"d{row}" for row in relevant)
        clicked = tuple(
            candidate.object_id
            for place, candidate in enumerate(ranking.candidates, start=1)
            if draw.random() < 1 / place
            and draw.random() < (0.3 if noise else if_relevant if candidate.object_id in wanted else if_not)
        )
        made.append(Visit(ranking, wanted, clicked))
    return made


def riddles(queries: int, times: int, seed: int) -> list[Visit]:
    """
    Queries that can be known by heart but not understood.

    Each brings the same ten documents with the same scores whenever it is searched, and one of them, any, is wanted.
    """
    draw = random.Random(seed)
    made = []
    for number in range(queries):
        wanted = draw.randrange(10)
        state = draw.getrandbits(32)
        for time in range(times):
            union = union_of(f"r{seed}-{number}-{time}", set(), random.Random(state), query=f"riddle {number}")
            clicked = (f"d{wanted}",) if draw.random() < 1 / (wanted + 1) else ()
            made.append(Visit(shown(union), frozenset({f"d{wanted}"}), clicked))
    return made


def record(store: LTRRStore, made: Iterable[Visit]) -> None:
    """The visits as a running system would have logged them, and a learner been through them."""
    factories.record(store, [(visit.ranking, dict.fromkeys(visit.clicked, 1.0)) for visit in made], settle=False)
    Learner(store, StaticPolicy(), reward_wait=0.0, batch=1_000).run_once(now=1_800_000_000.0)


def opened(path) -> LTRRStore:
    return LTRRStore(Secret.from_token(f"sqlite:///{path}"))


@dataclass(frozen=True)
class World:
    visits: Callable[..., list[Visit]] = field(default=visits)
    riddles: Callable[..., list[Visit]] = field(default=riddles)
    union_of: Callable[..., CandidateSet] = field(default=union_of)
    shown: Callable[..., Ranking] = field(default=shown)
    record: Callable[..., None] = field(default=record)


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def schema() -> FeatureSchema:
    return FeatureSchema.of_arms(ACTIONS.names)


@pytest.fixture(scope="session")
def searched(schema) -> FeatureSchema:
    return schema.without_memory(ACTIONS.memory_arms)


@pytest.fixture(scope="session")
def examples(schema) -> Callable[..., list[Example]]:
    """Makes the rewarded pages of some visits."""

    def make(count: int, **settings) -> list[Example]:
        made = enumerate(visits(count, **settings))
        return [example_of(visit.settled(seq), schema) for seq, visit in made if visit.clicked]

    return make


@pytest.fixture(scope="session")
def model(schema, examples) -> RankingModel:
    """A model that knows that what dense scores high is relevant."""
    return fit(examples(1500, seed=1), schema, TrainingSettings(), seed=0)


@pytest.fixture(scope="session")
def of_new(schema, searched, examples) -> RankingModel:
    """The same for pages without memory: it never saw a memory."""
    return fit(without_memory(examples(1500, seed=1), schema, searched), searched, TrainingSettings(), seed=0)


@pytest.fixture(scope="session")
def log_file(tmp_path_factory):
    """A log of 1,200 visits by people who look for what dense scores high; memory knows half of their queries."""
    path = tmp_path_factory.mktemp("log") / "ltrr.db"
    store = opened(path)
    record(store, visits(1200, seed=1, known=30))
    store.close()
    return path


@pytest.fixture
def logged(log_file, tmp_path):
    """A copy of that log, to train on."""
    store = opened(shutil.copy(log_file, tmp_path / "logged.db"))
    yield store
    store.close()
