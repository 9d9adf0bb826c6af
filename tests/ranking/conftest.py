"""Logs with planted relevance: people click what is relevant, if they get to look at it."""

import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest
from haystack import Document
from haystack.utils import Secret

from ltrr_haystack.memory.index import Remembered
from ltrr_haystack.ranking.examples import Example, example_of
from ltrr_haystack.ranking.features import FeatureSchema, compute
from ltrr_haystack.ranking.model import RankingModel
from ltrr_haystack.ranking.training import TrainingSettings, fit
from ltrr_haystack.store import EventRecord, LTRRStore
from ltrr_haystack.types import (
    ActionSet,
    Arm,
    ArmReport,
    Candidate,
    CandidateSet,
    Decision,
    Provenance,
    Ranking,
    SettledDecision,
    Understanding,
)

ACTIONS = ActionSet(
    arms=(Arm("bm25", "lexical", (0, 20)), Arm("dense", "dense", (0, 20))),
    budget=40,
    baseline={"bm25": 20, "dense": 20},
)


def union_of(query_id: str, relevant: set[int], draw: random.Random, documents: int = 10) -> CandidateSet:
    """
    A union in the order of bm25, which knows nothing of relevance, while dense scores the relevant documents higher.
    """
    dense = {row: draw.uniform(0.5, 1.0) if row in relevant else draw.uniform(0.0, 0.6) for row in range(documents)}
    by_dense = sorted(dense, key=lambda row: -dense[row])
    candidates = tuple(
        Candidate(
            object_id=f"d{row}",
            document=Document(id=f"d{row}", content="text"),
            arms={
                "bm25": Provenance(row + 1, 20.0 - row, 1.0 - row / documents),
                "dense": Provenance(by_dense.index(row) + 1, dense[row], dense[row]),
            },
            score=1.0 / (60 + row),
        )
        for row in range(documents)
    )
    reports = (
        ArmReport("bm25", 20, documents, 0.001, top_score=20.0),
        ArmReport("dense", 20, documents, 0.001, top_score=max(dense.values())),
    )
    decision = Decision(
        query_id=query_id,
        decided_at=1_700_000_000.0,
        understanding=Understanding("sad songs", "sad songs", ("sad", "songs"), "en"),
        actions=ACTIONS,
        allocation={"bm25": 20, "dense": 20},
        propensity=1.0,
        mode="baseline",
        policy="static",
        session_id=f"s{query_id}",
    )
    return CandidateSet(decision, candidates, reports)


def shown(candidates: CandidateSet, top_k: int = 10) -> Ranking:
    schema = FeatureSchema.of_arms(candidates.decision.actions.names)
    first = candidates.candidates[:top_k]
    remembered: dict[str, Remembered] = {}
    features = compute(schema, first, candidates.reports, candidates.decision.understanding, remembered)
    return Ranking(candidates.decision, first, schema.mappings(features), candidates.reports)


@dataclass(frozen=True)
class Visit:
    """A page with what was truly relevant and what was clicked."""

    ranking: Ranking
    relevant: frozenset[str]
    clicked: tuple[str, ...]

    def settled(self, seq: int) -> SettledDecision:
        rewards = dict.fromkeys(self.clicked, 1.0)
        return SettledDecision(seq, self.ranking.decision, self.ranking.impressions(), rewards, self.ranking.reports)


def visits(
    count: int,
    *,
    seed: int,
    chance_of_relevance: Callable[[int], float] = lambda row: 0.2,
    noise: bool = False,
    if_relevant: float = 0.9,
    if_not: float = 0.05,
) -> list[Visit]:
    """
    Position-biased clicks: the look at position n has probability 1/n, and a click needs a look.

    :param chance_of_relevance: Position in the union, from 0 → probability that the document there is relevant.
    :param noise: Whether clicks ignore relevance.
    """
    draw = random.Random(seed)
    made = []
    for number in range(count):
        relevant = {row for row in range(10) if draw.random() < chance_of_relevance(row)}
        ranking = shown(union_of(f"q{seed}-{number}", relevant, draw))
        clicked = tuple(
            f"d{row}"
            for row in range(10)
            if draw.random() < 1 / (row + 1)
            and draw.random() < (0.3 if noise else if_relevant if row in relevant else if_not)
        )
        made.append(Visit(ranking, frozenset(f"d{row}" for row in relevant), clicked))
    return made


def record(store: LTRRStore, made: Iterable[Visit]) -> None:
    """The visits as a running system would have logged them, their reward windows closed."""
    events = []
    for visit in made:
        store.record_search(visit.ranking)
        query_id = visit.ranking.decision.query_id
        events += [
            EventRecord(f"{query_id}-{clicked}", query_id, clicked, "click", 1_700_000_001.0, 1_700_000_001.0, 1.0)
            for clicked in visit.clicked
        ]
    store.record_events(events)
    store.settle(before=1_800_000_000.0, limit=1_000_000)


def opened(path) -> LTRRStore:
    return LTRRStore(Secret.from_token(f"sqlite:///{path}"))


@dataclass(frozen=True)
class World:
    visits: Callable[..., list[Visit]]
    union_of: Callable[..., CandidateSet]
    shown: Callable[..., Ranking]
    record: Callable[..., None]


@pytest.fixture(scope="session")
def world() -> World:
    return World(visits, union_of, shown, record)


@pytest.fixture(scope="session")
def schema() -> FeatureSchema:
    return FeatureSchema.of_arms(ACTIONS.names)


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


@pytest.fixture
def store(tmp_path):
    store = opened(tmp_path / "ltrr.db")
    yield store
    store.close()


@pytest.fixture(scope="session")
def log_file(tmp_path_factory):
    """A log of 900 visits in which people look for what dense scores high."""
    path = tmp_path_factory.mktemp("log") / "ltrr.db"
    store = opened(path)
    record(store, visits(900, seed=1))
    store.close()
    return path


@pytest.fixture
def logged(log_file, tmp_path):
    """A copy of that log, to train on."""
    store = opened(shutil.copy(log_file, tmp_path / "logged.db"))
    yield store
    store.close()
