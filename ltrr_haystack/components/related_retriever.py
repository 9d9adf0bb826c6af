import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from haystack import Document, component, default_to_dict
from haystack.components.retrievers.types import TextRetriever
from haystack.core.serialization import component_to_dict
from haystack.document_stores.types import DocumentStore

from ltrr_haystack.components.settings import check_number, check_whole
from ltrr_haystack.components.wrapped_retriever import WrappedRetriever, checked_depth
from ltrr_haystack.filtering import compiled
from ltrr_haystack.memory.fetch import DocumentFetcher
from ltrr_haystack.structured.filters import all_of
from ltrr_haystack.structured.relations import Relation, Relatives, relations_of, strong_matches
from ltrr_haystack.structured.stores import list_operator_of
from ltrr_haystack.types import Understanding


@component
class RelatedRetriever:
    """
    Brings what is related to the strong matches of a query: the artist of a song, the songs of an artist.

    Relations are declared: fields of the metadata in which a document names others, such as `artist_id`. They are
    followed both ways, one step far: what a match names is looked up in the document store, and what names a match is
    asked of the wrapped retriever, within a filter. Strong matches are the first documents of the wrapped retriever
    whose score is close enough to the best. They themselves are not brought: the other arms find them.

    Each document says in `meta["ltrr_related"]` which match it is related to, and how.

    ### Usage example

    ```python
    from haystack import Document
    from haystack.components.retrievers import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from ltrr_haystack import RelatedRetriever

    music = InMemoryDocumentStore()
    music.write_documents(
        [
            Document(id="swift", content="Taylor Swift"),
            Document(id="story", content="Love Story", meta={"artist_id": "swift"}),
        ]
    )
    retriever = RelatedRetriever(InMemoryBM25Retriever(music), music, relations=["artist_id"])
    retriever.run("love story")["documents"]
    # Taylor Swift (meta: {'ltrr_related': {'match': 'story', 'relation': 'artist_id', 'role': 'named'}})
    ```
    """

    def __init__(
        self,
        retriever: TextRetriever,
        document_store: DocumentStore,
        relations: Mapping[str, str] | Sequence[str],
        *,
        strong: float = 0.8,
        most_matches: int = 3,
        most_naming: int = 10,
        top_k: int = 10,
    ) -> None:
        """
        Create a RelatedRetriever.

        :param retriever: Any component with `run(query, filters, top_k)`. If its `run` has a parameter `understanding`,
            as that of StructuredRetriever, it is handed the Understanding.
        :param document_store: Where the documents are.
        :param relations: Fields in which documents name others by their ids: `["artist_id", "album_id"]`; or field →
            what it names them by, `id` or a metadata field: `{"sku_of_bundle": "meta.sku"}`.
        :param strong: A match is strong if its score is at least this share of the best one's, 0 to 1.
        :param most_matches: The most strong matches.
        :param most_naming: The most documents that name a match, for each relation and match.
        :param top_k: The most documents to retrieve.
        :raises ConfigurationError: If a setting is out of its range, a relation is no field of the metadata, or
            `retriever` has no `run` with `query`, `filters` and `top_k`.
        """
        for setting, number in (("most_matches", most_matches), ("most_naming", most_naming), ("top_k", top_k)):
            check_whole(f"{setting} of RelatedRetriever", number)
        check_number("strong of RelatedRetriever", strong, 0, 1)
        self.retriever = retriever
        self.document_store = document_store
        self.relations = dict(relations) if isinstance(relations, Mapping) else relations
        self.strong = strong
        self.most_matches = most_matches
        self.most_naming = most_naming
        self.top_k = top_k
        self._relations = relations_of(relations)
        self._wrapped = WrappedRetriever("related", retriever)
        self._fetchers = {each: DocumentFetcher(document_store, each.key) for each in self._relations}
        self._lists = list_operator_of(retriever)
        self._browse = bool(getattr(retriever, "browse", False))

    def warm_up(self) -> None:
        """Warm up the wrapped retriever."""
        self._wrapped.warm_up()

    async def warm_up_async(self) -> None:
        """Warm up the wrapped retriever without blocking the event loop."""
        await self._wrapped.warm_up_async()

    def close(self) -> None:
        """Release the resources of the wrapped retriever and the document store."""
        self._wrapped.close()
        if hasattr(self.document_store, "close"):
            self.document_store.close()

    async def close_async(self) -> None:
        """Release the resources of the wrapped retriever and the document store without blocking the event loop."""
        await self._wrapped.close_async()
        if hasattr(self.document_store, "close_async"):
            await self.document_store.close_async()

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the component into a dictionary.

        :returns: `type` and `init_parameters`, with the retriever nested.
        """
        return default_to_dict(
            self,
            retriever=component_to_dict(self.retriever, "retriever"),
            document_store=self.document_store.to_dict(),
            relations=self.relations if isinstance(self.relations, Mapping) else list(self.relations),
            strong=self.strong,
            most_matches=self.most_matches,
            most_naming=self.most_naming,
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
        Retrieve what is related to the strong matches of a query.

        :param query: The query text.
        :param filters: Haystack filters that matches and related documents must match.
        :param top_k: The most documents to retrieve; the component's own where it is `None`.
        :param understanding: What was understood of the query.
        :returns: A dictionary with `documents`, the relatives of the strongest match first; none for a query of white
            space.
        :raises InvalidInputError: If `top_k` is below 1, or the query is not a text.
        """
        depth = checked_depth("RelatedRetriever", query, top_k, self.top_k)
        if not query.strip():
            return {"documents": []}
        filters = self._wrapped.within(filters)
        matches = compiled(filters) if filters else None
        relatives = self._relatives(self._wrapped.ask(query, filters, self.most_matches, understanding))
        for relation in self._relations:
            if wanted := relatives.wanted(relation):
                relatives.add_named(relation, self._fetchers[relation].fetch(wanted, matches))
            if request := self._request(relatives, relation, query, filters):
                relatives.add_naming(relation, self._wrapped.ask(*request))
        return {"documents": relatives.best(depth)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        filters: dict[str, Any] | None = None,
        top_k: int | None = None,
        understanding: Understanding | None = None,
    ) -> dict[str, list[Document]]:
        """
        Retrieve what is related to the strong matches of a query without blocking the event loop.

        :param query: The query text.
        :param filters: Haystack filters that matches and related documents must match.
        :param top_k: The most documents to retrieve; the component's own where it is `None`.
        :param understanding: What was understood of the query.
        :returns: As for `run`.
        :raises InvalidInputError: If `top_k` is below 1, or the query is not a text.
        """
        depth = checked_depth("RelatedRetriever", query, top_k, self.top_k)
        if not query.strip():
            return {"documents": []}
        filters = self._wrapped.within(filters)
        matches = compiled(filters) if filters else None
        relatives = self._relatives(await self._wrapped.ask_async(query, filters, self.most_matches, understanding))

        async def named(relation: Relation) -> dict[str, Document]:
            wanted = relatives.wanted(relation)
            return await self._fetchers[relation].fetch_async(wanted, matches) if wanted else {}

        async def naming(relation: Relation) -> list[Document]:
            request = self._request(relatives, relation, query, filters)
            return await self._wrapped.ask_async(*request) if request else []

        found = await asyncio.gather(*(asyncio.gather(named(each), naming(each)) for each in self._relations))
        for relation, (of_named, of_naming) in zip(self._relations, found, strict=True):
            relatives.add_named(relation, of_named)
            relatives.add_naming(relation, of_naming)
        return {"documents": relatives.best(depth)}

    def _relatives(self, found: Sequence[Document]) -> Relatives:
        return Relatives(strong_matches(found, self.strong, self.most_matches))

    def _request(
        self, relatives: Relatives, relation: Relation, query: str, filters: dict[str, Any] | None
    ) -> tuple[str, dict[str, Any], int] | None:
        """What the retriever is asked for documents that name a match, whatever their text where it can be."""
        keys = relatives.keys(relation)
        if not keys:
            return None
        wanted = all_of(filters, relation.naming(keys, self._lists))
        return "" if self._browse else query, wanted, self.most_naming * len(keys)
