"""A data set and a search pipeline made ready for simulated people, in this process."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from inspect import signature
from pathlib import Path
from typing import Any

from haystack import Document, Pipeline
from haystack.components.retrievers.types import TextRetriever
from haystack.core.serialization import component_to_dict
from haystack.utils import Secret

from ltrr_haystack.builder import build_search_pipeline
from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.components.feedback_writer import FeedbackWriter
from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.embedded.indexing import index
from ltrr_haystack.errors import ConfigurationError, MissingExtraError, find_cause
from ltrr_haystack.evaluation.arms import CachedRetriever, FailingRetriever, SleepingRetriever, cache_file
from ltrr_haystack.evaluation.datasets import DataSet
from ltrr_haystack.evaluation.simulate import SystemName
from ltrr_haystack.evaluation.systems import PATIENCE, PipelineSystem
from ltrr_haystack.evaluation.warm import warm_start_from
from ltrr_haystack.learning import Learner
from ltrr_haystack.policy.actions import parse_actions
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.ranking.training import train_ranker
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import MEMORY

Found = Mapping[str, Sequence[tuple[str, float | None]]]
"""Arm → ids and scores of what it found."""

FAULTY_LEVELS = [0, 10, 30]
FAULTY_TIMEOUT = 0.05
FAULTY_SLEEP = 0.2


class Laboratory:
    """
    The arms of a search pipeline over the documents of a data set, ready for as many systems as a comparison needs.

    Arms, levels, costs, budget, baseline and policy are those of the pipeline's YAML. Each arm is asked once per
    distinct query and remembered from then on, but for the memory index, which changes as people act. Every system
    gets a store of its own.
    """

    def __init__(
        self,
        data: DataSet,
        pipelines: Path,
        home: Path,
        *,
        seed: int,
        warm_queries: int = 0,
        faulty: bool = False,
        search: Path | None = None,
        keep: bool = True,
    ) -> None:
        """
        Load the pipelines and index the documents.

        :param data: The data set.
        :param pipelines: Folder with `search/search.yml` and `indexing/indexing.yml`.
        :param home: Folder of caches; the systems' stores are made in `simulations` beneath it.
        :param seed: Seed of the routers' choices and of the warm start.
        :param warm_queries: How many labelled queries the warm-started system learns from, at most half of those that
            the data set has.
        :param faulty: Adds an arm that raises and one that sleeps past its time limit, both in the baseline.
        :param search: A search pipeline in the place of the folder's `search/search.yml`.
        :param keep: Whether what the arms find is kept on disk for the next run.
        :raises ConfigurationError: If the search pipeline has no BanditRouter named `router` or no arm it names.
        """
        self.data = data
        self.seed = seed
        self.warm_queries = min(warm_queries, len(data.answerable()) // 2)
        self._kept_in = home / "arms" if keep else None
        self._stores = home / "simulations"
        self._stores.mkdir(parents=True, exist_ok=True)
        indexing = pipelines / "indexing" / "indexing.yml"
        own = {
            "LTRR_STORE_URL": f"sqlite:///{self._stores / 'unused.db'}",
            "LTRR_HOME": str(home),
            "LTRR_INDEX": str(_index_folder(home, data, indexing)),
        }
        with _environment(**own):
            loaded = _load(search or pipelines / "search" / "search.yml")
            index(_load(indexing), data.documents)
        router = _component(loaded, "router", search or pipelines)
        if not isinstance(router, BanditRouter):
            raise ConfigurationError(
                f"'router' of {search or pipelines} must be a BanditRouter, got {type(router).__name__}"
            )
        understanding = _component(loaded, "understanding", search or pipelines)
        self.understanding = understanding if isinstance(understanding, QueryUnderstanding) else QueryUnderstanding()
        joiner = _component(loaded, "joiner", search or pipelines)
        self.weights = dict(joiner.weights or {}) if isinstance(joiner, UnionJoiner) else {}
        self.policy = router.policy or VWPolicy()
        self.arms, self.budget, self.baseline = dict(router.arms), router.budget, dict(router.baseline)
        self.min_candidates = router.min_candidates
        self._wrapped = {name: _arm(loaded, name, search or pipelines) for name in self.arms}
        self._cached = {
            name: self._remembering(name, arm.retriever)
            for name, arm in self._wrapped.items()
            if self.arms[name].get("kind") != MEMORY
        }
        self._faulty = self._add_faulty_arms() if faulty else {}

    def make_system(self, name: SystemName) -> PipelineSystem:
        """
        Make one of the systems that people meet.

        The baseline is the pipeline as it is without learning: its arms but the memory index, at the depths of the
        router's baseline, in the union's own order.

        :param name: `baseline`, `learning` or `learning_warm`.
        :returns: The system, with an empty store.
        """
        store = self._new_store(name)
        if name == "baseline":
            arms = {arm: settings for arm, settings in self.arms.items() if settings.get("kind") != MEMORY}
            return PipelineSystem(self._pipeline(store, arms, mode="baseline"), FeedbackWriter(store))
        learner = Learner(store, self.policy, reward_wait=0.0)
        pipeline = self._pipeline(store, self.arms, mode="live")
        if name == "learning_warm":
            self._warm(learner)
        return PipelineSystem(pipeline, FeedbackWriter(store), learner, train_ranker=_trainer(store, self.seed))

    def memory_arms(self) -> dict[str, MemoryIndexRetriever]:
        """
        Give the arms that change as people act.

        :returns: Arm → its retriever, for each arm of kind `memory`.
        """
        return {name: _memory(arm.retriever) for name, arm in self._wrapped.items() if name not in self._cached}

    def results(self, queries: Iterable[str], depth: int) -> Iterator[tuple[str, dict[str, list[Document]]]]:
        """
        Ask every arm but the memory index, once per distinct query; what is kept on disk is not asked for again.

        :param queries: The query texts.
        :param depth: How many documents to ask for.
        :returns: Pairs of query text and arm → documents.
        """
        for query in dict.fromkeys(queries):
            yield query, {name: arm.run(query, top_k=depth)["documents"] for name, arm in self._cached.items()}

    def remembers(self, query: str, depth: int) -> bool:
        """
        Say whether all answers to a query are known.

        :param query: The query text.
        :param depth: How many documents.
        :returns: Whether no arm has to be asked; the memory index is not counted.
        """
        return all(arm.remembers(query, depth) for arm in self._cached.values())

    def remember(self, query: str, depth: int, found: Found) -> None:
        """
        Remember what the arms of another laboratory like this one found.

        :param query: The query text.
        :param depth: How many documents they were asked for.
        :param found: Arm → ids and scores of the documents.
        """
        for name, documents in found.items():
            self._cached[name].remember(query, depth, documents)

    def _pipeline(self, store: LTRRStore, arms: dict[str, dict[str, Any]], *, mode: Any) -> Pipeline:
        return build_search_pipeline(
            {name: self._arm_of(name, store) for name in arms},
            arms=arms,
            budget=self.budget,
            min_candidates=self.min_candidates,
            baseline={name: depth for name, depth in self.baseline.items() if name in arms},
            store=store,
            policy=self.policy,
            weights={name: weight for name, weight in self.weights.items() if name in arms},
            mode=mode,
            poll_interval=0.0,
            log_timeout=PATIENCE,
            seed=self.seed,
        )

    def _arm_of(self, name: str, store: LTRRStore) -> RetrievalArm:
        if name in self._faulty:
            return RetrievalArm(name, self._faulty[name], timeout=FAULTY_TIMEOUT)
        if name in self._cached:
            return RetrievalArm(name, self._cached[name], timeout=60.0)
        memory = _memory(self._wrapped[name].retriever)
        retriever = MemoryIndexRetriever(store, memory.document_store, **memory_settings(memory))
        return RetrievalArm(name, retriever, timeout=60.0)

    def _remembering(self, name: str, retriever: TextRetriever) -> CachedRetriever:
        return CachedRetriever(
            retriever,
            depth=max(self.arms[name]["levels"]),
            documents=self.data.documents,
            file=self._kept_in and cache_file(self._kept_in, name, self.data.fingerprint, _fingerprint(retriever)),
        )

    def _add_faulty_arms(self) -> Mapping[str, TextRetriever]:
        spare = next(iter(self._cached.values()))
        faulty: dict[str, TextRetriever] = {
            "failing": FailingRetriever(),
            "sleeping": SleepingRetriever(spare, seconds=FAULTY_SLEEP),
        }
        cost = next(iter(self.arms.values()))
        for name in faulty:
            self.arms[name] = {**cost, "kind": "other", "levels": FAULTY_LEVELS}
            self.baseline[name] = max(FAULTY_LEVELS)
            self.budget += max(FAULTY_LEVELS)
        return faulty

    def _new_store(self, name: str) -> LTRRStore:
        path = self._stores / f"{self.data.name}-{self.seed}-{name}.db"
        for leftover in path.parent.glob(f"{path.name}*"):
            leftover.unlink()
        return LTRRStore(Secret.from_token(f"sqlite:///{path}"))

    def _warm(self, learner: Learner) -> None:
        policy = self.policy.restored(self.policy.to_bytes())
        if not isinstance(policy, VWPolicy):
            raise ConfigurationError(f"only a VWPolicy can be warm-started, got {type(policy).__name__}")
        used = warm_start_from(
            self.data,
            policy,
            parse_actions(self.arms, self.budget, self.baseline, self.min_candidates),
            self._cached,
            size=self.warm_queries,
            seed=self.seed,
            weights=self.weights,
        )
        learner.install(policy, {"warm_start": used})


def _load(file: Path) -> Pipeline:
    try:
        text = file.read_text(encoding="utf-8")
        return Pipeline.loads(text, allowed_modules=["ltrr_haystack"])
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the pipeline '{file}' cannot be read: {error}") from error
    except Exception as error:
        # Whatever is wrong in it, Haystack or YAML raises in its own way, and wraps what is ours.
        ours = find_cause(error)
        reason = str(ours) if ours else next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConfigurationError(f"the pipeline '{file}' cannot be loaded: {reason}") from error


def _index_folder(home: Path, data: DataSet, indexing: Path) -> Path:
    """An index of its own for each catalogue, and each way of indexing it; it is there again in the next run."""
    written = indexing.read_bytes() if indexing.is_file() else b""
    digest = blake2b(written, digest_size=4).hexdigest()
    return home / "indexes" / f"{data.name}-{data.fingerprint}-{digest}"


def _component(search: Pipeline, name: str, place: Path) -> Any:
    try:
        return search.get_component(name)
    except ValueError as error:
        raise ConfigurationError(
            f"the search pipeline of {place} has no component '{name}'; it has {', '.join(search.graph.nodes)}"
        ) from error


def _arm(search: Pipeline, name: str, place: Path) -> RetrievalArm:
    arm = _component(search, name, place)
    if not isinstance(arm, RetrievalArm):
        raise ConfigurationError(f"arm '{name}' must be a RetrievalArm of that name, got {type(arm).__name__}")
    return arm


def _memory(retriever: TextRetriever) -> MemoryIndexRetriever:
    if not isinstance(retriever, MemoryIndexRetriever):
        raise ConfigurationError(f"an arm of kind 'memory' must wrap a MemoryIndexRetriever, got {retriever}")
    return retriever


def memory_settings(retriever: MemoryIndexRetriever) -> dict[str, Any]:
    """
    Give the settings of a memory arm's retriever.

    :param retriever: The retriever.
    :returns: Whatever its constructor takes beside the two stores.
    """
    names = signature(MemoryIndexRetriever.__init__).parameters
    return {name: getattr(retriever, name) for name in names if name not in ("self", "store", "document_store")}


def _fingerprint(retriever: TextRetriever) -> str:
    described = repr(component_to_dict(retriever, "retriever"))
    return blake2b(described.encode(), digest_size=6).hexdigest()


def _trainer(store: LTRRStore, seed: int) -> Callable[[], object]:
    def train() -> object:
        try:
            return train_ranker(store, seed=seed)
        except MissingExtraError:
            return None

    return train


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
