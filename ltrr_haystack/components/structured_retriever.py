import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from haystack import Document, component, default_to_dict
from haystack.components.retrievers.types import TextRetriever
from haystack.core.serialization import component_to_dict

from ltrr_haystack.catalogue import Lexicon, active_lexicon
from ltrr_haystack.components.settings import check_number, check_whole
from ltrr_haystack.components.wrapped_retriever import WrappedRetriever, checked_depth
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.filtering import compiled
from ltrr_haystack.store import LTRRStore, Outage
from ltrr_haystack.structured.agreement import agreement_with
from ltrr_haystack.structured.filters import ListOperator, all_of, filters_of
from ltrr_haystack.structured.gathering import Found, gather
from ltrr_haystack.structured.quality import Quality, QualityField
from ltrr_haystack.structured.searches import ReadingSearch, searches_of
from ltrr_haystack.structured.stores import list_operator_of
from ltrr_haystack.types import Understanding

AFTERWARDS = 4
"""As many times the depth is asked for where values within lists are filtered after the search."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """
    One run on its way.

    :param gathering: Asks for searches, and is sent what they bring.
    :param filters: The caller's filters.
    :param lexicon: What is known of the catalogue's values.
    :param lists: The document store's operator for values within lists.
    :param tags: Where the metadata has what `ContentTagger` found.
    :param depth: The most documents.
    :param quality: What raises scores.
    :param now: The present in seconds since 1970, UTC.
    """

    gathering: Generator[Sequence[ReadingSearch], Found, list[Document]]
    filters: Mapping[str, Any] | None
    lexicon: Lexicon | None
    lists: ListOperator | None
    tags: str | None
    depth: int
    quality: Quality
    now: float

    def request(self, search: ReadingSearch) -> tuple[str, dict[str, Any], int]:
        """Text, filters and depth that the retriever is asked for."""
        filters = all_of(self.filters, filters_of(search.filtered, self.lexicon, lists=self.lists, tags=self.tags))
        return search.text, filters, self.depth * AFTERWARDS if self._filters_afterwards(search) else self.depth

    def kept(self, searches: Sequence[ReadingSearch], found: Sequence[Sequence[Document]]) -> Found:
        """What counts of what the retriever brought, in the order in which it counts."""
        return [self._kept(search, documents) for search, documents in zip(searches, found, strict=True)]

    def _kept(self, search: ReadingSearch, documents: Sequence[Document]) -> Sequence[Document]:
        if self._filters_afterwards(search):
            matches = compiled(filters_of(search.filtered, self.lexicon, tags=self.tags))
            documents = list(filter(matches, documents))
        return self.quality.rescored(documents, self.now)[: self.depth]

    def _filters_afterwards(self, search: ReadingSearch) -> bool:
        lists = frozenset() if self.lexicon is None else self.lexicon.list_fields
        return self.lists is None and not lists.isdisjoint(search.slots)


@component
class StructuredRetriever:
    """
    Searches what a query means: its likeliest readings as filters, with the text that they leave over.

    "tayler love" may be the artist Taylor Swift and a title with "love", or only two words. Each reading is searched
    with the wrapped retriever, within its filters; the depth is shared among the readings by their probabilities, and
    a reading that finds too little gives up its filters one by one. The query as it was typed is always searched, too,
    and what it finds says how far the readings are to be trusted (`structured.agreement`). A reading that cannot be
    searched brings nothing.
    So there never are fewer documents than without the readings. Each document says in `meta["ltrr_reading"]` which
    reading brought it, and bears the score of the fusion of all readings.

    The readings come from the annotators of QueryUnderstanding (`CatalogueReadings`). Without any, the query is
    searched as it is.

    ### Usage example

    ```python
    from haystack import Document
    from haystack.components.retrievers import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from ltrr_haystack import Interpretation, StructuredRetriever, Understanding

    songs = InMemoryDocumentStore()
    songs.write_documents(
        [
            Document(content="Love Story, by Taylor Swift", meta={"artist": "Taylor Swift"}),
            Document(content="Love Me Do, by The Beatles", meta={"artist": "The Beatles"}),
        ]
    )
    reading = Interpretation({"artist": "Taylor Swift"}, leftover="love", probability=0.8)
    understanding = Understanding("tayler love", "tayler love", interpretations=(reading,))
    retriever = StructuredRetriever(InMemoryBM25Retriever(songs))
    retriever.run("tayler love", understanding=understanding)["documents"]
    # Love Story (meta: {'ltrr_reading': {'slots': {'artist': 'Taylor Swift'}, …}, …}), then Love Me Do
    ```
    """

    def __init__(
        self,
        retriever: TextRetriever,
        store: LTRRStore | None = None,
        *,
        readings: int = 3,
        plain: float = 0.3,
        rrf_k: float = 10.0,
        list_operator: Literal["auto", "array_contains", "=="] | None = "auto",
        tags: str | None = None,
        popularity: Mapping[str, Any] | None = None,
        freshness: Mapping[str, Any] | None = None,
        top_k: int = 10,
    ) -> None:
        """
        Create a StructuredRetriever.

        :param retriever: Any component with `run(query, filters, top_k)` whose document store takes Haystack filters.
            Wrap an embedding retriever in Haystack's `TextEmbeddingRetriever`.
        :param store: Where the lexicon is kept, which knows how values are written, and which fields hold lists or
            numbers. Without it values are compared as they are, and readings are trusted by their probabilities alone.
        :param readings: The most readings with slots that are searched.
        :param plain: Least probability of the query as it was typed, 0 to 1. It is what the other readings leave to it,
            and at least this.
        :param rrf_k: The lower, the more the readings take turns in the order of the result; see `gather`.
        :param list_operator: How the document store finds a value within a list: `array_contains`, `==`, or `None` for
            not at all; then more is asked for, and filtered afterwards. `auto` knows TantivyDocumentStore and those of
            pgvector, Elasticsearch and Qdrant, and takes `None` for others.
        :param tags: Where the metadata has what `ContentTagger` found for documents that lack a field, its `into`, such
            as `content_tags`: a document that was tagged with a value is found by it as those are that have it. These
            are nested fields, such as `meta.content_tags.artist`; declare them where the document store wants its
            fields declared. `None` for stores that do not filter by nested fields.
        :param popularity: `{"field": "meta.plays", "weight": 0.5, "half_at": 1000}` multiplies the scores of the
            wrapped retriever by up to `1 + weight`, and by `1 + weight / 2` where the number is `half_at`; see
            `Quality`.
        :param freshness: The same for a date, or a year; `half_at` is an age in days.
        :param top_k: The most documents to retrieve.
        :raises ConfigurationError: If a setting is out of its range, or `retriever` has no `run` with `query`,
            `filters` and `top_k`.
        """
        check_whole("readings of StructuredRetriever", readings)
        check_number("plain of StructuredRetriever", plain, 0, 1)
        check_number("rrf_k of StructuredRetriever", rrf_k, 0)
        check_whole("top_k of StructuredRetriever", top_k)
        if list_operator not in ("auto", "array_contains", "==", None):
            raise ConfigurationError(
                f"list_operator of StructuredRetriever must be 'auto', 'array_contains', '==' or None, "
                f"got {list_operator!r}"
            )
        if tags is not None and (not isinstance(tags, str) or not tags or "." in tags):
            raise ConfigurationError(f"tags of StructuredRetriever must be a name without dots or None, got {tags!r}")
        self.retriever = retriever
        self.store = store
        self.readings = readings
        self.plain = plain
        self.rrf_k = rrf_k
        self.list_operator = list_operator
        self.tags = tags
        self.popularity = None if popularity is None else dict(popularity)
        self.freshness = None if freshness is None else dict(freshness)
        self.top_k = top_k
        self._wrapped = WrappedRetriever("structured", retriever)
        self.browse = bool(getattr(retriever, "browse", False))
        self._quality = Quality(
            QualityField.of("popularity of StructuredRetriever", popularity),
            QualityField.of("freshness of StructuredRetriever", freshness),
        )
        self._lists: ListOperator | None = list_operator_of(retriever) if list_operator == "auto" else list_operator
        self._lexicon = None if store is None else active_lexicon(store)
        self._outage = Outage("Queries are searched without some of their readings")

    def warm_up(self) -> None:
        """Warm up the wrapped retriever, open the store, and read the lexicon."""
        self._wrapped.warm_up()
        self._open()

    async def warm_up_async(self) -> None:
        """Do what `warm_up` does without blocking the event loop."""
        await self._wrapped.warm_up_async()
        await asyncio.to_thread(self._open)

    def close(self) -> None:
        """Release the resources of the wrapped retriever and the store."""
        self._wrapped.close()
        if self.store is not None:
            self.store.close()

    async def close_async(self) -> None:
        """Do what `close` does without blocking the event loop."""
        await self._wrapped.close_async()
        if self.store is not None:
            await asyncio.to_thread(self.store.close)

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the component into a dictionary.

        :returns: `type` and `init_parameters`, with the retriever nested.
        """
        return default_to_dict(
            self,
            retriever=component_to_dict(self.retriever, "retriever"),
            store=None if self.store is None else self.store.to_dict(),
            readings=self.readings,
            plain=self.plain,
            rrf_k=self.rrf_k,
            list_operator=self.list_operator,
            tags=self.tags,
            popularity=self.popularity,
            freshness=self.freshness,
            top_k=self.top_k,
        )

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        understanding: Understanding | None = None,
    ) -> dict[str, list[Document]]:
        """
        Retrieve documents by the readings of a query.

        :param query: The query text.
        :param filters: Haystack filters that all documents must match, whatever the readings say.
        :param top_k: The most documents to retrieve; the component's own where it is `None`.
        :param understanding: What was understood of the query.
        :returns: A dictionary with `documents`, best first, each once; none for a query of white space, unless the
            wrapped retriever can `browse`.
        :raises InvalidInputError: If `top_k` is below 1, or the query is not a text.
        """
        plan = self._plan(query, filters, top_k, understanding)
        try:
            asked = next(plan.gathering)
            while True:
                found = [self._ask(plan, search) for search in asked]
                asked = plan.gathering.send(plan.kept(asked, found))
        except StopIteration as end:
            return {"documents": end.value}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        understanding: Understanding | None = None,
    ) -> dict[str, list[Document]]:
        """
        Retrieve documents by the readings of a query without blocking the event loop, several readings at a time.

        :param query: The query text.
        :param filters: Haystack filters that all documents must match, whatever the readings say.
        :param top_k: The most documents to retrieve; the component's own where it is `None`.
        :param understanding: What was understood of the query.
        :returns: As for `run`.
        :raises InvalidInputError: If `top_k` is below 1, or the query is not a text.
        """
        plan = self._plan(query, filters, top_k, understanding)
        try:
            asked = next(plan.gathering)
            while True:
                found = await asyncio.gather(*(self._ask_async(plan, search) for search in asked))
                asked = plan.gathering.send(plan.kept(asked, found))
        except StopIteration as end:
            return {"documents": end.value}

    def _ask(self, plan: _Plan, search: ReadingSearch) -> list[Document]:
        try:
            found = self._wrapped.ask(*plan.request(search))
        except Exception as error:  # noqa: BLE001 (whatever a filter comes to, the query is searched as it was typed)
            return self._failed(search, error)
        return self._found(search, found)

    async def _ask_async(self, plan: _Plan, search: ReadingSearch) -> list[Document]:
        try:
            found = await self._wrapped.ask_async(*plan.request(search))
        except Exception as error:  # noqa: BLE001 (as in `_ask`)
            return self._failed(search, error)
        return self._found(search, found)

    def _failed(self, search: ReadingSearch, error: Exception) -> list[Document]:
        """Nothing, where a reading cannot be searched; the query as it was typed has to be."""
        if not search.slots:
            raise error
        self._outage.report(error)
        return []

    def _found(self, search: ReadingSearch, documents: list[Document]) -> list[Document]:
        if search.slots:
            self._outage.mended()
        return documents

    def _open(self) -> None:
        if self.store is not None and self._lexicon is not None:
            self.store.warm_up()
            self._lexicon.current()

    def _plan(
        self, query: str, filters: dict[str, Any] | None, top_k: int | None, understanding: Understanding | None
    ) -> _Plan:
        depth = checked_depth("StructuredRetriever", query, top_k, self.top_k)
        searches = searches_of(query, understanding, self.readings, self.plain)
        lexicon = None if self._lexicon is None else self._lexicon.current()[0]
        agrees = agreement_with(query, lexicon, self.tags)
        return _Plan(
            gathering=gather(searches, depth, self.rrf_k, browse=self.browse, agreement=agrees),
            filters=filters,
            lexicon=lexicon,
            lists=self._lists,
            tags=self.tags,
            depth=depth,
            quality=self._quality,
            now=time.time(),
        )
