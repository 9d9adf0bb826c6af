"""The arms of a pipeline as what they found: asked once, replayed as often as a comparison needs."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

from haystack import Document, component
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ltrr_haystack.catalogue import (
    CollectionStatistics,
    LexiconCollector,
    LexiconCounts,
    LexiconFields,
    StatisticsCollector,
    build,
)
from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.datasets import DataSet, Query
from ltrr_haystack.evaluation.replay.asking import Asked, ask_in_processes
from ltrr_haystack.evaluation.replay.environment import SearchEnvironment, memory_settings
from ltrr_haystack.evaluation.replay.paraphrases import paraphrases
from ltrr_haystack.evaluation.replay.texts import DEFAULT_TEXTS, Texts
from ltrr_haystack.fusion import RRF_K
from ltrr_haystack.policy.protocol import Policy
from ltrr_haystack.policy.vw import VWPolicy
from ltrr_haystack.ranking.candidate_features import CandidateFeatures
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.types import MEMORY
from ltrr_haystack.understanding import normal_form

ArmSettings = dict[str, dict[str, Any]]


@component
class PrecomputedRetriever:
    """
    Answers from what a retriever found before.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.evaluation.replay.precomputed import PrecomputedRetriever

    PrecomputedRetriever({"sad songs": [Document(id="song-7", content="…", score=0.9)]}).run("sad songs", top_k=10)
    ```
    """

    def __init__(self, found: Mapping[str, Sequence[Document]]) -> None:
        """
        Create a PrecomputedRetriever.

        :param found: Query → documents, best first.
        """
        self.found = found

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        filters: dict[str, Any] | None = None,  # noqa: ARG002 (a retriever's arguments)
        top_k: int | None = None,
    ) -> dict[str, list[Document]]:
        """
        Give what was found.

        :param query: The query text.
        :param filters: Not used: simulated people do not filter.
        :param top_k: How many documents.
        :returns: A dictionary with `documents`.
        :raises KeyError: If the query was not asked before.
        """
        return {"documents": list(self.found[query][:top_k])}


@dataclass(frozen=True)
class PrecomputedPipeline:
    """
    A pipeline's settings with what its arms found for every query of a data set.

    :param data: The data set.
    :param arms: Arm → settings, as `BanditRouter` takes them; those of kind `memory` too.
    :param budget: Most candidates that one query may draw.
    :param baseline: Arm → depth in the pipeline as it is without learning.
    :param found: Arm → query text → documents, for every arm that is no memory.
    :param min_candidates: Fewest candidates that one query draws.
    :param weights: Arm → weight in the union's own order.
    :param policy: The policy that learns; it is not changed.
    :param memories: Arm → the retriever whose settings the arm has, for every arm of kind `memory`.
    :param understanding: What understands the queries.
    :param faults: Arm → what makes it, for arms that fail each time they are asked.
    :param features: What the ranker is told of candidates beside what the arms say; how their texts match if left out.
    :param lexicon: The fields whose values queries are read by, if there are any.
    :param ranking: Setting of the ranker, such as `rerank` or `explore` → its value; its default where it is left out.
    :param rrf_k: How flat the union's own order is.
    :param texts: In what words are counted for the ranker's features of texts.
    :raises ConfigurationError: If an arm has no results.
    """

    data: DataSet = field(repr=False)
    arms: ArmSettings
    budget: int
    baseline: Mapping[str, int]
    found: Mapping[str, Mapping[str, Sequence[Document]]] = field(repr=False)
    min_candidates: int = 0
    weights: Mapping[str, float] = field(default_factory=dict)
    policy: Policy = field(default_factory=VWPolicy)
    memories: Mapping[str, MemoryIndexRetriever] = field(default_factory=dict, repr=False)
    understanding: QueryUnderstanding = field(default_factory=QueryUnderstanding, repr=False)
    faults: Mapping[str, Callable[[], RetrievalArm]] = field(default_factory=dict, repr=False)
    features: CandidateFeatures | None = None
    lexicon: LexiconFields | None = None
    ranking: Mapping[str, Any] = field(default_factory=dict)
    rrf_k: float = RRF_K
    texts: Texts = DEFAULT_TEXTS

    def __post_init__(self) -> None:
        missing = sorted(set(self.arms) - set(self.found) - set(self.memories) - set(self.faults))
        if missing or not self.found:
            raise ConfigurationError(f"a replay needs the results of every arm; there are none of {missing or 'any'}")

    @property
    def searching(self) -> list[str]:
        """The arms that are no memory."""
        return list(self.found)

    @property
    def full_depths(self) -> dict[str, int]:
        """Every arm but the memory at its deepest level."""
        return {arm: max(self.arms[arm]["levels"]) for arm in self.found}

    @cached_property
    def fingerprint(self) -> str:
        """
        Sixteen hexadecimal digits that change whenever settings, queries, judgements or what is found for them do.

        What is found for paraphrases is no part of it: they are of one seed each; see `found_for_paraphrases`.
        """
        digest = blake2b(digest_size=8)
        settings = [
            self.arms,
            self.budget,
            self.min_candidates,
            dict(self.baseline),
            dict(self.weights),
            self.policy.to_dict(),
            sorted(self.ranking.items()),
            self.rrf_k,
            self.texts,
        ]
        memories = {name: memory_settings(memory) for name, memory in self.memories.items()}
        digest.update(repr([settings, memories, self.data.name, self.data.fingerprint]).encode())
        if self.features is not None or self.lexicon is not None or self.understanding.annotators:
            digest.update(repr([self.features and self.features.to_dict(), self.lexicon]).encode())
            digest.update(repr(self.understanding.to_dict()).encode())
        for query in self.data.queries:
            digest.update(repr([query, sorted(self.data.qrels.get(query.id, {}).items())]).encode())
        self._digest_found(digest, self.data.queries)
        return digest.hexdigest()

    def found_for_paraphrases(self, seed: int) -> str:
        """
        Give sixteen hexadecimal digits that change whenever what was found for the paraphrases of a seed does.

        :param seed: The seed.
        :returns: The digits.
        """
        digest = blake2b(digest_size=8)
        self._digest_found(digest, paraphrases(self.data.queries, seed).values())
        return digest.hexdigest()

    def _digest_found(self, digest: blake2b, queries: Iterable[Query]) -> None:
        texts = list(dict.fromkeys(self.text(query) for query in queries))
        for arm, found in self.found.items():
            for text in texts:
                if text in found:
                    digest.update(repr([arm, text, [document.id for document in found[text]]]).encode())

    @cached_property
    def documents(self) -> InMemoryDocumentStore:
        """A document store with whatever an arm found; a memory knows nothing else."""
        store = InMemoryDocumentStore()
        everything = {
            document.id: document for found in self.found.values() for of in found.values() for document in of
        }
        store.storage.update(everything)
        return store

    @cached_property
    def statistics(self) -> CollectionStatistics:
        """The collection statistics of the data set."""
        collector = StatisticsCollector(self.texts.fields, self.texts.language)
        build(self.data.documents, [collector])
        return collector.statistics()

    @cached_property
    def values(self) -> LexiconCounts | None:
        """The lexicon of the data set, where its pipeline has one."""
        if self.lexicon is None:
            return None
        collector = LexiconCollector(self.lexicon)
        build(self.data.documents, [collector])
        return collector.counts()

    def text(self, query: Query) -> str:
        """
        Give a query as arms are asked.

        :param query: The query.
        :returns: Its text as QueryUnderstanding gives it.
        """
        return str(self.understanding.run(query.text, 0.0)["understanding"].query)

    def memory(self, arm: str, store: LTRRStore) -> MemoryIndexRetriever:
        """
        Make the retriever of a memory arm.

        :param arm: The arm.
        :param store: Where its statistics are.
        :returns: The retriever.
        """
        return MemoryIndexRetriever(store, self.documents, **memory_settings(self.memories[arm]))

    def without(self, document_ids: Collection[str]) -> "PrecomputedPipeline":
        """
        Give the pipeline as it is while some documents are not there.

        No arm finds them; the next ones move up. A list is as much shorter as documents are taken from it: asked as
        deep as all levels together, an arm has enough left for its levels as a rule, but it may run out, above all one
        that is judged alone. Nor are they judged; a query keeps its place even if nothing is left that answers it.

        :param document_ids: The documents' ids.
        :returns: Another pipeline.
        """
        gone = frozenset(document_ids)
        return replace(
            self,
            data=replace(
                self.data,
                documents=[document for document in self.data.documents if document.id not in gone],
                qrels={
                    query: {document: grade for document, grade in grades.items() if document not in gone}
                    for query, grades in self.data.qrels.items()
                },
            ),
            found={
                arm: {
                    query: [document for document in documents if document.id not in gone]
                    for query, documents in found.items()
                }
                for arm, found in self.found.items()
            },
        )

    def split(self, seed: int, held_out: float) -> tuple[list[Query], list[Query]]:
        """
        Part the queries that something answers into those that people type and those that are held out.

        Queries of one normal form are one query to the memory, so they stay together.

        :param seed: Another seed holds out others.
        :param held_out: The share to hold out.
        :returns: The seen and the held-out queries.
        :raises ConfigurationError: If one of the two is empty.
        """
        queries = self.data.answerable()
        forms = sorted({normal_form(query.text) for query in queries})
        out = set(Random(f"{seed}:held-out").sample(forms, round(held_out * len(forms))))
        seen = [query for query in queries if normal_form(query.text) not in out]
        unseen = [query for query in queries if normal_form(query.text) in out]
        if not seen or not unseen:
            raise ConfigurationError(
                f"{len(queries)} queries of '{self.data.name}' are too few to hold out {held_out:.0%} of them"
            )
        return seen, unseen

    def paraphrased(self, queries: Sequence[Query], seed: int) -> list[Query]:
        """
        Give queries in other words.

        :param queries: The queries.
        :param seed: Another seed finds other words.
        :returns: Those that have a paraphrase, with their ids and another text.
        :raises ConfigurationError: If none of them has one, or the arms were not asked for it.
        """
        others = paraphrases(self.data.queries, seed)
        written = [others[query.id] for query in queries if query.id in others]
        if not written:
            raise ConfigurationError(f"none of the {len(queries)} queries of '{self.data.name}' has a paraphrase")
        for query in written:
            if missing := [arm for arm, found in self.found.items() if self.text(query) not in found]:
                raise ConfigurationError(
                    f"the arms {missing} were not asked for '{query.text}', the paraphrase of query '{query.id}' under "
                    f"seed {seed}; name the seed in precompute(seeds=...)"
                )
        return written


def precompute(
    data: DataSet,
    pipelines: Path,
    home: Path,
    *,
    search: Path | None = None,
    seeds: Iterable[int] = (),
    processes: int = 1,
    watch: Asked | None = None,
) -> PrecomputedPipeline:
    """
    Index a data set, and ask the arms of a pipeline for every query that something answers.

    Each arm is asked as deep as the whole budget goes, so that it can be judged alone at the same number of candidates.
    What is kept on disk from an earlier run is not asked for again.

    :param data: The data set.
    :param pipelines: Folder with `search/search.yml` and `indexing/indexing.yml`.
    :param home: Folder of the caches.
    :param search: A search pipeline in the place of the folder's.
    :param seeds: The arms are also asked for the paraphrases of these seeds.
    :param processes: How many processes to use where it takes long.
    :param watch: Told how far it has come.
    :returns: The precomputed pipeline.
    """
    make = partial(SearchEnvironment, data, pipelines, home, search=search)
    environment = make()
    understanding = environment.understanding
    searching = [name for name, own in environment.arms.items() if own.get("kind") != MEMORY]
    depth = sum(max(environment.arms[name]["levels"]) for name in searching)
    asked = [*data.answerable()]
    for seed in seeds:
        others = paraphrases(data.queries, seed)
        asked += [others[query.id] for query in data.answerable() if query.id in others]
    queries = [understanding.run(query.text, 0.0)["understanding"].query for query in asked]
    ask_in_processes(environment, queries, depth, make=partial(make, keep=False), processes=processes, watch=watch)
    found: dict[str, dict[str, list[Document]]] = {name: {} for name in searching}
    for query, results in environment.results(queries, depth):
        for arm, documents in results.items():
            found[arm][query] = documents
    return PrecomputedPipeline(
        data=data,
        arms=environment.arms,
        budget=environment.budget,
        min_candidates=environment.min_candidates,
        baseline=environment.baseline,
        found=found,
        weights=environment.weights,
        policy=environment.policy,
        memories=environment.memory_arms(),
        understanding=understanding,
        features=environment.features,
        lexicon=environment.lexicon,
        ranking=environment.ranking,
        rrf_k=environment.rrf_k,
        texts=environment.texts,
    )
