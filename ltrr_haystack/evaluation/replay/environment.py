"""A data set, indexed and searched by the pipelines of a folder in this process."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from inspect import signature
from pathlib import Path
from typing import Any

from haystack import Document, Pipeline
from haystack.components.retrievers.types import TextRetriever
from haystack.core.serialization import component_to_dict

from ltrr_haystack.components.bandit_router import BanditRouter
from ltrr_haystack.components.catalogue_writer import CatalogueWriter
from ltrr_haystack.components.ltrr_ranker import LTRRanker
from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.components.union_joiner import UnionJoiner
from ltrr_haystack.embedded.indexing import index
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet
from ltrr_haystack.evaluation.replay.cached_retriever import CachedRetriever, cache_file
from ltrr_haystack.evaluation.replay.source import source_fingerprint
from ltrr_haystack.evaluation.replay.texts import DEFAULT_TEXTS, Texts, text_parts
from ltrr_haystack.fusion import RRF_K
from ltrr_haystack.memory.fetch import DOCUMENT_ID
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.ranking.candidate_features import CandidateFeatures
from ltrr_haystack.routers import load_pipeline
from ltrr_haystack.types import MEMORY

Found = Mapping[str, Sequence[tuple[str, float | None]]]
"""Arm → ids and scores of what it found."""


class SearchEnvironment:
    """
    The arms of a search pipeline over the documents of a data set.

    Arms, levels, costs, budget, baseline and policy are those of the pipeline's YAML, and so is how the union is fused
    and how the ranker orders and explores. How many documents a page has is the replay's own setting. Each arm is
    asked once per distinct query and remembered from then on, but for the memory index, which changes as people act.
    """

    def __init__(
        self,
        data: DataSet,
        pipelines: Path,
        home: Path,
        *,
        search: Path | None = None,
        keep: bool = True,
    ) -> None:
        """
        Load the pipelines and index the documents.

        :param data: The data set.
        :param pipelines: Folder with `search/search.yml` and `indexing/indexing.yml`.
        :param home: Folder of the caches.
        :param search: A search pipeline in the place of the folder's `search/search.yml`.
        :param keep: Whether what the arms find is kept on disk for the next run.
        :raises ConfigurationError: If the search pipeline has no BanditRouter named `router` or no arm it names, or if
            it knows documents by anything but their ids.
        """
        self.data = data
        self._kept_in = home / "arms" if keep else None
        indexing = pipelines / "indexing" / "indexing.yml"
        folder = index_folder(home, data, indexing)
        folder.parent.mkdir(parents=True, exist_ok=True)
        own = {
            "LTRR_STORE_URL": f"sqlite:///{folder}.db",
            "LTRR_HOME": str(home),
            "LTRR_INDEX": str(folder),
        }
        with _environment_variables(**own):
            loaded = load_pipeline(search or pipelines / "search" / "search.yml")
            indexed = load_pipeline(indexing)
            index(indexed, data.documents)
            _open_stores(loaded)
        router = _component(loaded, "router", search or pipelines)
        if not isinstance(router, BanditRouter):
            raise ConfigurationError(
                f"'router' of {search or pipelines} must be a BanditRouter, got {type(router).__name__}"
            )
        understanding = _component(loaded, "understanding", search or pipelines)
        self.understanding = understanding if isinstance(understanding, QueryUnderstanding) else QueryUnderstanding()
        joiner = _component(loaded, "joiner", search or pipelines)
        self.weights = dict(joiner.weights or {}) if isinstance(joiner, UnionJoiner) else {}
        self.rrf_k = joiner.rrf_k if isinstance(joiner, UnionJoiner) else RRF_K
        ranker = loaded.get_component("ranker") if "ranker" in loaded.graph.nodes else None
        self.features = ranker.features if isinstance(ranker, LTRRanker) else None
        # Features are over a store of the pipeline, and each replay has pages, polls and seeds of its own.
        others = ("features", "key", "top_k", "poll_interval", "seed")
        self.ranking = settings_of(ranker, *others) if isinstance(ranker, LTRRanker) else {}
        parts = [indexed.get_component(name) for name in indexed.graph.nodes]
        writer = next((part for part in parts if isinstance(part, CatalogueWriter)), None)
        self.lexicon = None if writer is None else writer.lexicon
        self.texts = _texts(writer, self.features)
        self.policy = router.policy or VWPolicy()
        self.arms, self.budget, self.baseline = dict(router.arms), router.budget, dict(router.baseline)
        self.min_candidates = router.min_candidates
        self._wrapped = {name: _arm(loaded, name, search or pipelines) for name in self.arms}
        self._cached = {
            name: self._remembering(name, arm.retriever)
            for name, arm in self._wrapped.items()
            if self.arms[name].get("kind") != MEMORY
        }
        _require_ids({"joiner": joiner, "ranker": ranker, **self.memory_arms()}, search or pipelines)

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
        Remember what the arms of another environment like this one found.

        :param query: The query text.
        :param depth: How many documents they were asked for.
        :param found: Arm → ids and scores of the documents.
        """
        for name, documents in found.items():
            self._cached[name].remember(query, depth, documents)

    def _remembering(self, name: str, retriever: TextRetriever) -> CachedRetriever:
        marks = [_fingerprint(retriever)]
        if _takes_understanding(retriever):
            marks.append(_understanding_fingerprint(retriever, self.understanding))
            retriever = _WithUnderstanding(retriever, self.understanding)
        return CachedRetriever(
            retriever,
            depth=max(self.arms[name]["levels"]),
            documents=self.data.documents,
            file=self._kept_in and cache_file(self._kept_in, name, self.data.fingerprint, *marks),
        )


class _WithUnderstanding:
    """Hands a retriever what is understood of each query, as a router does through its arm."""

    def __init__(self, retriever: Any, understanding: QueryUnderstanding) -> None:
        self.retriever = retriever
        self.understanding = understanding

    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        understood = self.understanding.run(query, 0.0)["understanding"]
        found: dict[str, list[Document]] = self.retriever.run(
            query=query, filters=filters, top_k=top_k, understanding=understood
        )
        return found


def index_folder(home: Path, data: DataSet, indexing: Path) -> Path:
    """
    Give the folder of an index: one for each catalogue and each way of indexing it, the same in the next run.

    :param home: Folder of the caches.
    :param data: What is indexed.
    :param indexing: The YAML file of the indexing pipeline.
    :returns: The folder.
    """
    written = indexing.read_bytes() if indexing.is_file() else b""
    digest = blake2b(written, digest_size=4).hexdigest()
    return home / "indexes" / f"{data.name}-{data.fingerprint}-{digest}"


def _open_stores(search: Pipeline) -> None:
    """Let what reads the store open it now, while its URL is that of the indexed documents."""
    for name in search.graph.nodes:
        part = search.get_component(name)
        if isinstance(part, QueryUnderstanding) or (
            isinstance(part, RetrievalArm) and _takes_understanding(part.retriever)
        ):
            part.warm_up()


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


def settings_of(component: object, *others: str) -> dict[str, Any]:
    """
    Give the settings of a component that are its pipeline's own whoever replays it.

    :param component: The component.
    :param others: What its constructor takes beside them and the store of what is learned.
    :returns: Setting → value.
    """
    names = signature(type(component).__init__).parameters
    return {name: getattr(component, name) for name in names if name not in ("self", "store", *others)}


def memory_settings(retriever: MemoryIndexRetriever) -> dict[str, Any]:
    """
    Give the settings of a memory arm's retriever.

    :param retriever: The retriever.
    :returns: Whatever its constructor takes beside the two stores.
    """
    return settings_of(retriever, "document_store")


def _texts(writer: CatalogueWriter | None, features: CandidateFeatures | None) -> Texts:
    """What words are counted in: as while indexing, or else as the ranker reads them."""
    if writer is not None:
        return Texts(tuple(writer.fields), writer.language)
    parts = text_parts(features)
    if not parts:
        return DEFAULT_TEXTS
    language = parts[0].language
    fields = dict.fromkeys(field for part in parts if part.language == language for field in part.fields)
    return Texts(tuple(fields), language)


def _require_ids(components: Mapping[str, Any], place: Path) -> None:
    """The judgements of a data set, and so its simulated people, know documents by their ids."""
    for name, each in components.items():
        key = getattr(each, "key", DOCUMENT_ID)
        if key != DOCUMENT_ID:
            raise ConfigurationError(
                f"'{name}' of {place} knows documents by '{key}', but judgements know them by their ids; replay a "
                "pipeline without 'key'"
            )


def _fingerprint(retriever: TextRetriever) -> str:
    described = repr(component_to_dict(retriever, "retriever"))
    return blake2b(described.encode(), digest_size=6).hexdigest()


def _takes_understanding(retriever: TextRetriever) -> bool:
    """Whether what it finds depends on what is understood; a memory finds what people did."""
    return "understanding" in signature(retriever.run).parameters and not isinstance(retriever, MemoryIndexRetriever)


def _understanding_fingerprint(retriever: TextRetriever, understanding: QueryUnderstanding) -> str:
    """Of settings and source: a lexicon and readings are made by code that changes."""
    modules = sorted({type(each).__module__ for each in (retriever, *(understanding.annotators or ()))})
    described = repr([understanding.to_dict(), [source_fingerprint(module) for module in modules]])
    return blake2b(described.encode(), digest_size=6).hexdigest()


@contextmanager
def _environment_variables(**values: str) -> Iterator[None]:
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
