"""A document store for Haystack on Tantivy."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from threading import Lock
from typing import Any
from uuid import uuid4

from haystack import Document, default_from_dict, default_to_dict, logging
from haystack.document_stores.types import DuplicatePolicy
from tantivy import DocAddress, Query

from ltrr_haystack.embedded.tantivy import registry
from ltrr_haystack.embedded.tantivy.analysis import WORDS, Language
from ltrr_haystack.embedded.tantivy.codec import EncodedDocument, decode
from ltrr_haystack.embedded.tantivy.fields import CONTENT, Fields
from ltrr_haystack.embedded.tantivy.index import SharedIndex
from ltrr_haystack.embedded.tantivy.index_document import build_index_document
from ltrr_haystack.embedded.tantivy.paths import resolve_folder
from ltrr_haystack.embedded.tantivy.post_filter import FilterPlan, PostFilterCache
from ltrr_haystack.embedded.tantivy.pushdown import PushDown, check_orders
from ltrr_haystack.embedded.tantivy.snapshot import IndexSnapshot
from ltrr_haystack.embedded.tantivy.write_batch import PendingDocument, WriteBatch, select_documents
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.filtering import compiled

logger = logging.getLogger(__name__)

MOST_WARNED, LONGEST_WARNED = 100, 100
"""Fields that are warned of, and characters of their names: callers may filter by any."""


class TantivyDocumentStore:
    """
    A document store with a full-text index of Tantivy, on disk or in memory.

    It offers what Lucene does: BM25 over several fields, stemming, trigrams, fuzzy matching, and filters that the index
    applies. Documents are restored as they were written, with content, any JSON metadata, blob, score and embeddings.
    When `write_documents` returns, the documents are on disk. All stores of a process with the same path, or the same
    name in memory, share one index. One process can write at a time, and all processes see its changes.

    Declare metadata fields that are used in filters: `keyword_fields` for equality, `number_fields` for order as well.
    Filters on other fields are applied to each document in Python. As in Lucene, deleted and overwritten documents
    count in the document frequencies of words until the index merges its segments.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore

    store = TantivyDocumentStore(
        "songs",
        text_fields={"content": "words", "meta.title": ["words", "trigrams"]},
        keyword_fields=["meta.genre"],
        number_fields=["meta.year"],
        language="en",
    )
    store.write_documents([Document(content="Singing in it", meta={"title": "Rain", "genre": "pop", "year": 1952})])
    TantivyBM25Retriever(store).run("rains")["documents"]
    ```
    """

    def __init__(
        self,
        path: str | None = None,
        *,
        index: str | None = None,
        text_fields: Mapping[str, str | Sequence[str]] | None = None,
        keyword_fields: Sequence[str] = (),
        number_fields: Sequence[str] = (),
        language: str | None = None,
        stop_words: bool = False,
    ) -> None:
        """
        Create a TantivyDocumentStore. The index is opened on first use.

        :param path: Folder of the index; in memory if left out. `${NAME}` stands for an environment variable, and
            `${NAME:-default}` for `default` if the variable is not set.
        :param index: Name of an index in memory. Stores with the same name share their documents; a store without a
            name shares them only with stores made from its `to_dict`.
        :param text_fields: The fields to search: `content` or metadata fields such as `meta.title`, each with one or
            several of the analyses `words` (stemmed if there is a language), `unstemmed` and `trigrams` (three
            characters at a time). The words of the content if left out.
        :param keyword_fields: Metadata fields by which the index filters for equality.
        :param number_fields: Metadata fields by which the index filters for equality and order, and by which retrievers
            can boost.
        :param language: ISO 639-1 code of the language for stemming, such as `en`; `None` for no stemming.
        :param stop_words: Whether to leave out the language's stop words.
        :raises ConfigurationError: If a setting is invalid.
        """
        if path is not None and index is not None:
            raise ConfigurationError(
                f"path '{path}' and index '{index}' exclude each other: an index is either on disk or in memory"
            )
        self.path = path
        self._named = index is not None
        self.index = (index or str(uuid4())) if path is None else None
        self.text_fields = {CONTENT: [WORDS]} if text_fields is None else dict(text_fields)
        self.keyword_fields = list(keyword_fields)
        self.number_fields = list(number_fields)
        self.language = language
        self.stop_words = stop_words
        self.fields = Fields.of(self.text_fields, keyword_fields, number_fields, Language(language, stop_words))
        self._location = resolve_folder(path) if path is not None else self.index or ""
        self._open_lock = Lock()
        self._shared: SharedIndex | None = None
        self._warned: set[str] = set()
        self._post_filters = PostFilterCache()

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the store's settings, without its documents.

        :returns: A dictionary for `from_dict`, which makes a store with the same index.
        """
        return default_to_dict(
            self,
            path=self.path,
            index=self.index,
            text_fields=self.text_fields,
            keyword_fields=self.keyword_fields,
            number_fields=self.number_fields,
            language=self.language,
            stop_words=self.stop_words,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TantivyDocumentStore":
        """
        Deserialise the store.

        :param data: A dictionary from `to_dict`.
        :returns: The store.
        """
        return default_from_dict(cls, data)

    def warm_up(self) -> None:
        """Open the index."""
        self.shared_index()

    def shared_index(self) -> SharedIndex:
        """
        Get the index, and open it if necessary.

        :returns: The index, which all stores of this process with the same path or name share.
        :raises ConfigurationError: If it cannot be opened.
        """
        index = self._shared
        if index is None:
            with self._open_lock:
                index = self._shared = registry.get_index(self.fields, self._location, keep=self._named)
        return index

    def close(self) -> None:
        """
        Release the index. It is closed when the last store of this process has released it.

        A store that is used again opens the index again. An index in memory is kept as long as the store exists.
        """
        with self._open_lock:
            if self.path is not None:
                self._shared = None

    async def close_async(self) -> None:
        """Release the index without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def snapshot(self) -> IndexSnapshot:
        """
        Get the current state of the index.

        :returns: The state after the last commit of any process.
        """
        return self.shared_index().snapshot

    def plan_filters(self, filters: Mapping[str, Any] | None, snapshot: IndexSnapshot) -> FilterPlan:
        """
        Divide filters into a query of the index and a filter in Python.

        :param filters: Haystack filters.
        :param snapshot: The state of the index.
        :returns: Both parts.
        :raises FilterError: If the filters are invalid.
        """
        if not filters:
            return FilterPlan()
        predicate = compiled(filters)
        check_orders(filters)
        pushed = PushDown(self.fields, snapshot.schema, snapshot.searcher, self._warn_undeclared).push(filters)
        return FilterPlan(pushed.query, None if pushed.exact else self._post_filters.get(filters, predicate))

    def sequence_numbers(self, snapshot: IndexSnapshot, filters: Mapping[str, Any]) -> list[int]:
        """
        Get the sequence numbers of the documents that match filters.

        :param snapshot: The state of the index.
        :param filters: Haystack filters.
        :returns: The numbers, ascending.
        :raises FilterError: If the filters are invalid.
        """
        return [number for number, _ in self._hits(snapshot, filters)]

    def count_documents(self) -> int:
        """
        Count the documents.

        :returns: The number of documents.
        """
        return self.snapshot().searcher.num_docs

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """
        Get the documents that match filters.

        :param filters: Haystack filters; see https://docs.haystack.deepset.ai/docs/metadata-filtering. Without filters,
            all documents.
        :returns: The documents, in the order in which they were written.
        :raises FilterError: If the filters are invalid.
        """
        return self._matching(self.snapshot(), filters)

    def iterate_documents(self) -> Iterator[Document]:
        """
        Get all documents one by one, as they are now, without holding all of them in memory.

        :returns: The documents, in the order in which they were written.
        """
        snapshot = self.snapshot()
        for _, address in self._hits(snapshot, None):
            yield decode(snapshot.searcher.doc(address))

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        """
        Count the documents that match filters.

        :param filters: Haystack filters.
        :returns: The number of documents.
        :raises FilterError: If the filters are invalid.
        """
        return len(self._hits(self.snapshot(), filters))

    def get_documents_by_id(self, document_ids: list[str]) -> list[Document]:
        """
        Get documents by their ids.

        :param document_ids: The ids.
        :returns: The documents that exist, in the order of the ids.
        """
        snapshot = self.snapshot()
        found = (snapshot.get(document_id) for document_id in dict.fromkeys(document_ids))
        return [decode(each) for each in found if each is not None]

    def write_documents(self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE) -> int:
        """
        Write documents: all of them or, after an error, none. When this returns, they are on disk.

        :param documents: The documents.
        :param policy: What to do with ids that exist already, or more than once among the documents: `NONE` and `FAIL`
            raise an error, `SKIP` keeps the first document, `OVERWRITE` the last. Unchanged documents are not written
            again.
        :returns: The number of documents written; with `OVERWRITE` the number of documents given.
        :raises ValueError: If they are not documents, or one of them cannot be stored without loss.
        :raises DuplicateDocumentError: If an id exists already and the policy forbids it.
        :raises DocumentStoreError: If another process writes for more than ten seconds, or the disk fails.
        """
        if isinstance(documents, str) or not isinstance(documents, Iterable):
            raise ValueError(f"write_documents expects a list of documents, got {type(documents).__name__}")
        encoded = []
        for document in documents:
            if not isinstance(document, Document):
                raise ValueError(f"write_documents expects a list of documents, got one {type(document).__name__}")
            encoded.append((document, EncodedDocument.encode(document)))
        index = self.shared_index()
        before = index.snapshot
        pending = select_documents(before, encoded, policy)
        if pending:
            with index.write_batch() as batch:
                if batch.snapshot is not before:
                    pending = select_documents(batch.snapshot, encoded, policy)
                self._write(batch, pending)
        return len(encoded) if policy is DuplicatePolicy.OVERWRITE else len(pending)

    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """
        Change the metadata of the documents that match filters.

        :param filters: Haystack filters.
        :param meta: The metadata fields to set. Other fields are kept.
        :returns: The number of documents that matched.
        :raises FilterError: If the filters are invalid.
        :raises DocumentStoreError: If another process writes for more than ten seconds, or the disk fails.
        """
        with self.shared_index().write_batch() as batch:
            found = self._matching(batch.snapshot, filters)
            changed = (replace(document, meta={**document.meta, **meta}) for document in found)
            self._write(batch, [PendingDocument(each, EncodedDocument.encode(each), replaces=True) for each in changed])
        return len(found)

    def delete_documents(self, document_ids: list[str]) -> None:
        """
        Delete documents. Unknown ids are ignored.

        :param document_ids: Their ids.
        :raises DocumentStoreError: If another process writes for more than ten seconds, or the disk fails.
        """
        index = self.shared_index()
        if not any(index.snapshot.get(document_id) for document_id in document_ids):
            return
        with index.write_batch() as batch:
            for document_id in document_ids:
                batch.delete(document_id)

    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        """
        Delete the documents that match filters.

        :param filters: Haystack filters.
        :returns: The number of documents deleted.
        :raises FilterError: If the filters are invalid.
        :raises DocumentStoreError: If another process writes for more than ten seconds, or the disk fails.
        """
        with self.shared_index().write_batch() as batch:
            found = self._matching(batch.snapshot, filters)
            for document in found:
                batch.delete(document.id)
        return len(found)

    def delete_all_documents(self) -> None:
        """
        Delete all documents.

        :raises DocumentStoreError: If another process writes for more than ten seconds, or the disk fails.
        """
        with self.shared_index().write_batch() as batch:
            batch.delete_all()

    async def count_documents_async(self) -> int:
        """
        Count the documents without blocking the event loop.

        :returns: As for `count_documents`.
        """
        return await asyncio.to_thread(self.count_documents)

    async def filter_documents_async(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """
        Get the documents that match filters without blocking the event loop.

        :param filters: Haystack filters.
        :returns: As for `filter_documents`.
        """
        return await asyncio.to_thread(self.filter_documents, filters)

    async def count_documents_by_filter_async(self, filters: dict[str, Any]) -> int:
        """
        Count the documents that match filters without blocking the event loop.

        :param filters: Haystack filters.
        :returns: As for `count_documents_by_filter`.
        """
        return await asyncio.to_thread(self.count_documents_by_filter, filters)

    async def get_documents_by_id_async(self, document_ids: list[str]) -> list[Document]:
        """
        Get documents by their ids without blocking the event loop.

        :param document_ids: The ids.
        :returns: As for `get_documents_by_id`.
        """
        return await asyncio.to_thread(self.get_documents_by_id, document_ids)

    async def write_documents_async(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """
        Write documents without blocking the event loop.

        :param documents: The documents.
        :param policy: As for `write_documents`.
        :returns: As for `write_documents`.
        """
        return await asyncio.to_thread(self.write_documents, documents, policy)

    async def update_by_filter_async(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """
        Change the metadata of the documents that match filters without blocking the event loop.

        :param filters: Haystack filters.
        :param meta: The metadata fields to set.
        :returns: As for `update_by_filter`.
        """
        return await asyncio.to_thread(self.update_by_filter, filters, meta)

    async def delete_documents_async(self, document_ids: list[str]) -> None:
        """
        Delete documents without blocking the event loop.

        :param document_ids: Their ids.
        """
        await asyncio.to_thread(self.delete_documents, document_ids)

    async def delete_by_filter_async(self, filters: dict[str, Any]) -> int:
        """
        Delete the documents that match filters without blocking the event loop.

        :param filters: Haystack filters.
        :returns: As for `delete_by_filter`.
        """
        return await asyncio.to_thread(self.delete_by_filter, filters)

    async def delete_all_documents_async(self) -> None:
        """Delete all documents without blocking the event loop."""
        await asyncio.to_thread(self.delete_all_documents)

    def _matching(self, snapshot: IndexSnapshot, filters: Mapping[str, Any] | None) -> list[Document]:
        return [decode(snapshot.searcher.doc(address)) for _, address in self._hits(snapshot, filters)]

    def _hits(self, snapshot: IndexSnapshot, filters: Mapping[str, Any] | None) -> list[tuple[int, DocAddress]]:
        plan = self.plan_filters(filters, snapshot)
        hits = snapshot.search_all(plan.query or Query.all_query())
        if plan.post_filter is None or not hits:
            return hits
        numbers, addresses = zip(*hits, strict=True)
        return list(compress(hits, plan.post_filter.matches(snapshot.searcher, numbers, addresses)))

    def _write(self, batch: WriteBatch, pending: Iterable[PendingDocument]) -> None:
        for each in pending:
            if each.replaces:
                batch.delete(each.document.id)
            batch.add(build_index_document(each.document, each.encoded, self.fields))

    def _warn_undeclared(self, path: str) -> None:
        if path not in self._warned and len(self._warned) < MOST_WARNED:
            self._warned.add(path)
            logger.warning(
                "Filters on {path} are applied to each document in Python; add it to keyword_fields or number_fields "
                "of the store to let the index apply them",
                path=ascii(path[:LONGEST_WARNED]),
            )
