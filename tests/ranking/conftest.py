"""
Logs with planted relevance: people click what is relevant, if they get to look at it.

What the union goes by, the order of bm25, knows nothing of relevance. What dense scores high is likely to be relevant;
of queries that were searched before, the memory index brings two more documents. Ten documents are shown: the first
three of the union, and then others in an order that was drawn by chance, with its propensities.
"""

import random
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from haystack import Document
from haystack.utils import Secret

import factories
from factories import action_set, decision, page, settled, unite
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.learning import Learner
from ltrr_haystack.memory.index import Remembered
from ltrr_haystack.policy.static import StaticPolicy
from ltrr_haystack.ranking.features import FeatureSchema, compute
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.ranking.judged_queries import EvidenceCollector, JudgedQuery
from ltrr_haystack.ranking.model import RankingModel
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import CandidateSet, Ranking, SettledDecision, Understanding

ACTIONS = action_set(bm25=(0, 20), dense=(0, 20), recall=(0, 20))
JOINER = UnionJoiner(list(ACTIONS.names), weights={"dense": 0.0})
DOCUMENTS, SHOWN, KEPT = 16, 10, 3
QUICK = TrainingSettings(rounds=15, learning_rate=0.3, min_leaf=20, feature_fraction=0.5, path_smooth=0.0)


def union_of(
    query_id: str, relevant: set[int], draw: random.Random, *, query: str = "sad songs", known: bool = False
) -> CandidateSet:
    """
    A union of sixteen documents in the order of bm25.

    Where the query is known, the last two of them are found by the memory arm alone, and stand between the first.
    """
    searched = range(DOCUMENTS - 2 if known else DOCUMENTS)
    dense = {row: draw.uniform(0.5, 1.0) if row in relevant else draw.uniform(0.0, 0.6) for row in searched}
    found = {
        "bm25": {row: 20.0 - row for row in searched},
        "dense": dict(sorted(dense.items(), key=lambda item: -item[1])),
        "recall": {DOCUMENTS - 2: 0.9, DOCUMENTS - 1: 0.8} if known else {},
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


def shown(
    candidates: CandidateSet, draw: random.Random | None = None, remembered: Mapping[str, Remembered] | None = None
) -> Ranking:
    """
    A page with the features that are logged with it, and with what was not shown.

    :param draw: Draws the places from the fourth on, each of the other candidates as likely as any; the page is in the
        union's own order if left out.
    """
    schema = FeatureSchema.of_arms(ACTIONS.names)
    union = candidates.candidates
    rows = schema.mappings(compute(schema, union, candidates.reports, candidates.decision, remembered or {}))
    order = list(range(len(union)))
    chances = ()
    if draw is not None:
        others = order[KEPT:]
        draw.shuffle(others)
        order[KEPT:] = others
        drawn = SHOWN - KEPT
        chances = (*[(1.0, 1.0)] * KEPT, *[(1.0 / len(others), drawn / len(others))] * drawn)
    on, off = order[:SHOWN], order[SHOWN:]
    return page(
        candidates,
        [union[row].object_id for row in on],
        [rows[row] for row in on],
        propensities=chances,
        unshown=tuple(union[row] for row in off),
        unshown_features=tuple(rows[row] for row in off),
    )


@dataclass(frozen=True)
class Visit:
    """A page with what was truly relevant and what was clicked."""

    ranking: Ranking
    relevant: frozenset[str]
    clicked: tuple[str, ...]

    def settled(self, seq: int = 1) -> SettledDecision:
        return settled(self.ranking, dict.fromkeys(self.clicked, 1.0), seq)


def visits(
    count: int,
    *,
    seed: int,
    queries: int = 60,
    known: int = 0,
    blind: bool = False,
    explored: bool = True,
    noise: bool = False,
    if_relevant: float = 0.9,
    if_not: float = 0.05,
) -> list[Visit]:
    """
    Position-biased clicks: the look at position n has probability 1/√n, and a click needs a look.

    Whenever a query is searched, it brings the same documents, and the same ones are relevant.

    :param queries: How many queries take turns.
    :param known: How many of them the memory index knows.
    :param blind: Whether dense knows nothing of relevance.
    :param explored: Whether places were drawn.
    :param noise: Whether clicks ignore relevance.
    """
    draw = random.Random(seed)
    made = []
    for number in range(count):
        query = number % queries
        its_own = random.Random(f"{seed} {query}")
        relevant = {row for row in range(DOCUMENTS) if its_own.random() < 0.2}
        seen = set() if blind else relevant
        union = union_of(f"q{seed}-{number}", seen, its_own, query=f"query {query}", known=query < known)
        ranking = shown(union, draw if explored else None)
        wanted = frozenset(f"d{row}" for row in relevant)
        clicked = tuple(
            candidate.object_id
            for place, candidate in enumerate(ranking.candidates, start=1)
            if draw.random() < place**-0.5
            and draw.random() < (0.3 if noise else if_relevant if candidate.object_id in wanted else if_not)
        )
        made.append(Visit(ranking, wanted, clicked))
    return made


def riddles(queries: int, times: int, seed: int) -> list[Visit]:
    """
    Queries that can be known by heart but not understood.

    Each brings the same documents with the same scores whenever it is searched, and one of them, any, is wanted.
    """
    draw = random.Random(seed)
    made = []
    for number in range(queries):
        wanted = f"d{draw.randrange(DOCUMENTS)}"
        state = draw.getrandbits(32)
        for time in range(times):
            union = union_of(f"r{seed}-{number}-{time}", set(), random.Random(state), query=f"riddle {number}")
            ranking = shown(union, draw)
            there = wanted in {each.object_id for each in ranking.candidates}
            made.append(Visit(ranking, frozenset({wanted}), (wanted,) if there and draw.random() < 0.5 else ()))
    return made


def record(store: LTRRStore, made: Iterable[Visit]) -> None:
    """The visits as a running system would have logged them, and a learner been through them."""
    factories.record(store, [(visit.ranking, dict.fromkeys(visit.clicked, 1.0)) for visit in made], settle=False)
    Learner(store, StaticPolicy(), reward_wait=0.0, batch=1_000).run_once(now=1_800_000_000.0)


def opened(path) -> LTRRStore:
    return LTRRStore(Secret.from_token(f"sqlite:///{path}"))


class World:
    """What the tests make logs of."""

    visits = staticmethod(visits)
    riddles = staticmethod(riddles)
    union_of = staticmethod(union_of)
    shown = staticmethod(shown)
    record = staticmethod(record)


@pytest.fixture(scope="session")
def world() -> type[World]:
    return World


@pytest.fixture(scope="session")
def quick() -> TrainingSettings:
    """Enough trees for what is planted here."""
    return QUICK


@pytest.fixture(scope="session")
def schema() -> FeatureSchema:
    """What is logged."""
    return FeatureSchema.of_arms(ACTIONS.names)


@pytest.fixture(scope="session")
def searched(schema) -> FeatureSchema:
    """What the model looks at."""
    return schema.without_memory(ACTIONS.memory_arms)


@pytest.fixture(scope="session")
def known_queries(searched) -> Callable[..., tuple[JudgedQuery, ...]]:
    """What is known of the queries of some visits."""

    def make(count: int, **settings) -> tuple[JudgedQuery, ...]:
        collector = EvidenceCollector(searched, PageModel())
        for visit in visits(count, **settings):
            collector.add(visit.settled())
        return collector.queries()

    return make


@pytest.fixture(scope="session")
def model(searched, known_queries) -> RankingModel:
    """A model that knows that what dense scores high is relevant."""
    return fit(known_queries(600, seed=1), searched, QUICK, seed=0)


@pytest.fixture(scope="session")
def log_file(tmp_path_factory):
    """A log of 900 visits by people who look for what dense scores high; memory knows half of their queries."""
    path = tmp_path_factory.mktemp("log") / "ltrr.db"
    store = opened(path)
    record(store, visits(900, seed=1, known=30))
    store.close()
    return path


@pytest.fixture
def logged(log_file, tmp_path):
    """A copy of that log, to train on."""
    store = opened(shutil.copy(log_file, tmp_path / "logged.db"))
    yield store
    store.close()


DISCOUNTS = 1.0 / np.log2(2.0 + np.arange(DOCUMENTS))


def _true_ndcg(model: RankingModel | None, made: Iterable[Visit]) -> float:
    """nDCG over the whole union against the relevance that was planted, which no model gets to see."""
    values = []
    for visit in made:
        ranking = visit.ranking
        every = (*ranking.candidates, *ranking.unshown)
        rows = [*ranking.features, *ranking.unshown_features]
        relevant = np.array([each.object_id in visit.relevant for each in every], float)
        places = np.array([row["place.searched"] for row in rows])
        scores = -places if model is None else model.scores(model.schema.matrix(rows), places)
        if relevant.any():
            best = np.sort(relevant)[::-1] @ DISCOUNTS
            values.append((relevant[np.argsort(-scores, kind="stable")] @ DISCOUNTS) / best)
    return float(np.mean(values))


@pytest.fixture(scope="session")
def true_ndcg() -> Callable[..., float]:
    return _true_ndcg
