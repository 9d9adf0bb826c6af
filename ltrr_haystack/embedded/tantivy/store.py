"""A Haystack document store on Tantivy."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
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
from ltrr_haystack.embedded.tantivy.codec import Stored, decoded
from ltrr_haystack.embedded.tantivy.fields import CONTENT, Fields
from ltrr_haystack.embedded.tantivy.index import SharedIndex
from ltrr_haystack.embedded.tantivy.indexed import indexed
from ltrr_haystack.embedded.tantivy.matching import Condition, Remembered
from ltrr_haystack.embedded.tantivy.places import folder_of
from ltrr_haystack.embedded.tantivy.pushdown import PushDown, check_orders
from ltrr_haystack.embedded.tantivy.snapshot import Snapshot
from ltrr_haystack.embedded.tantivy.writing import New, Writing, to_be_written
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.filtering import compiled

logger = logging.getLogger(__name__)


class TantivyDocumentStore:
    """
    A document store with the full-text index of Tantivy, on disk or in memory.

    It is an engine in the manner of Lucene: BM25 over several fields, stems, trigrams, fuzzy words, filters that the
    index applies. Documents come back as they were written, with content, metadata of any JSON shape, blob, score and
    embeddings. What `write_documents` has taken is on disk when it returns. All stores of a process with the same path,
    or the same name in memory, share one index; of several processes one at a time may write, and all see what it
    writes.

    Fields that are filtered by are best declared, in `keyword_fields` for equality and in `number_fields` for order,
    too. Other metadata can be filtered by all the same, document by document in Python. How rare a word is counts
    documents that were deleted or overwritten until the index clears them away by itself, as Lucene has it.

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
        Create a TantivyDocumentStore; the index is opened by its first use.

        :param path: Folder of the index; in memory if left out. `${NAME}` stands for an environment variable, and
            `${NAME:-this}` for `this` where it is not set.
        :param index: Name of an index in memory. Stores of one name hold the same documents; without a name, a store
            shares its documents only with those made from its `to_dict`.
        :param text_fields: What is searched: `content` or a place in the metadata such as `meta.title`, each with one
            or several of `words` (stemmed, if there is a language), `unstemmed` and `trigrams` (three characters at a
            time). The content's words if left out.
        :param keyword_fields: Places in the metadata that the index filters by equality.
        :param number_fields: Places in the metadata that the index filters by equality and order, and that a retriever
            can boost by.
        :param language: ISO 639-1 code of the language whose stemmer is used, such as `en`; `None` leaves words as they
            are.
        :param stop_words: Whether the language's most common words are not searched.
        :raises ConfigurationError: If the settings cannot work.
        """
        if path is not None and index is not None:
            raise ConfigurationError(f"an index is in the folder '{path}' or in memory as '{index}'; name one of both")
        self.path = path
        self._named = index is not None
        self.index = (index or str(uuid4())) if path is None else None
        self.text_fields = {CONTENT: [WORDS]} if text_fields is None else dict(text_fields)
        self.keyword_fields = list(keyword_fields)
        self.number_fields = list(number_fields)
        self.language = language
        self.stop_words = stop_words
        self.fields = Fields.of(self.text_fields, keyword_fields, number_fields, Language(language, stop_words))
        self._place = folder_of(path) if path is not None else self.index or ""
        self._opening = Lock()
        self._shared: SharedIndex | None = None
        self._told: set[str] = set()
        self._remembered = Remembered()

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the store's settings; its documents are not part of it.

        :returns: A dictionary from which `from_dict` makes a store over the same index.
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
        Make a store from its settings.

        :param data: What `to_dict` gave.
        :returns: The store.
        """
        return default_from_dict(cls, data)

    def warm_up(self) -> None:
        """Open the index."""
        self.opened()

    def opened(self) -> SharedIndex:
        """
        Give the index; the first call opens it.

        :returns: What all stores of this process over the same path, or name, share.
        :raises ConfigurationError: If it cannot be opened.
        """
        index = self._shared
        if index is None:
            with self._opening:
                index = self._shared = registry.shared(self, self.fields, self._place, keep=self._named)
        return index

    def close(self) -> None:
        """
        Give up this store's share of the index; after the last one of a process, others may write to it.

        A store that is used again opens it again. What lies in memory stays as long as the store does.
        """
        with self._opening:
            if self._shared is not None and self.path is not None:
                registry.release(self, self._shared)
                self._shared = None

    async def close_async(self) -> None:
        """Give up this store's share of the index without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def snapshot(self) -> Snapshot:
        """
        Give the state of the index.

        :returns: What was committed last, by whichever process.
        """
        return self.opened().snapshot

    def condition(self, filters: Mapping[str, Any] | None, snapshot: Snapshot) -> Condition:
        """
        Part filters into what the index does and what is left to do.

        :param filters: Haystack filters.
        :param snapshot: The state of the index.
        :returns: Both parts.
        :raises FilterError: If the filters are not valid.
        """
        if not filters:
            return Condition()
        wanted = compiled(filters)
        check_orders(filters)
        pushed = PushDown(self.fields, snapshot.schema, snapshot.searcher, self._tell).of(filters)
        return Condition(pushed.query, None if pushed.exact else self._remembered.left(filters, wanted))

    def numbers(self, snapshot: Snapshot, filters: Mapping[str, Any]) -> list[int]:
        """
        Give the numbers of the documents that match filters.

        :param snapshot: The state of the index.
        :param filters: Haystack filters.
        :returns: The numbers of their writes, in order.
        :raises FilterError: If the filters are not valid.
        """
        return [number for number, _ in self._hits(snapshot, filters)]

    def count_documents(self) -> int:
        """
        Count the documents.

        :returns: How many there are.
        """
        return self.snapshot().searcher.num_docs

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """
        Give the documents that match filters.

        :param filters: Haystack filters; see https://docs.haystack.deepset.ai/docs/metadata-filtering. All documents
            match none.
        :returns: The documents, in the order in which they were written.
        :raises FilterError: If the filters are not valid.
        """
        return self._matching(self.snapshot(), filters)

    def count_documents_by_filter(self, filters: dict[str, Any]) -> int:
        """
        Count the documents that match filters.

        :param filters: Haystack filters.
        :returns: How many there are.
        :raises FilterError: If the filters are not valid.
        """
        return len(self._hits(self.snapshot(), filters))

    def get_documents_by_id(self, document_ids: list[str]) -> list[Document]:
        """
        Give documents by their ids.

        :param document_ids: The ids.
        :returns: Those documents that there are, in the order asked for.
        """
        snapshot = self.snapshot()
        found = (snapshot.find(document_id) for document_id in dict.fromkeys(document_ids))
        return [decoded(each) for each in found if each is not None]

    def write_documents(self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE) -> int:
        """
        Write documents: all of them or, after an error, none. They are on disk when this returns.

        :param documents: The documents.
        :param policy: What to do about ids that are there already, or twice among the documents: `NONE` and `FAIL`
            raise an error, `SKIP` keeps the first, `OVERWRITE` the last. What is overwritten with itself costs no more
            than the comparison.
        :returns: How many documents were written; with `OVERWRITE` as many as were given.
        :raises ValueError: If they are not documents, or one of them could not come back as it is.
        :raises DuplicateDocumentError: If an id is there already, and must not be.
        :raises DocumentStoreError: If another process is writing, or the disk fails.
        """
        if isinstance(documents, str) or not isinstance(documents, Iterable):
            raise ValueError(f"write_documents expects a list of documents, got {type(documents).__name__}")
        new = []
        for document in documents:
            if not isinstance(document, Document):
                raise ValueError(f"write_documents expects a list of documents, got one {type(document).__name__}")
            new.append((document, Stored.of(document)))
        index = self.opened()
        before = index.snapshot
        kept = to_be_written(before, new, policy)
        if kept:
            with index.writing() as write:
                if write.before is not before:
                    kept = to_be_written(write.before, new, policy)
                self._write(write, kept)
        return len(new) if policy is DuplicatePolicy.OVERWRITE else len(kept)

    def update_by_filter(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """
        Change the metadata of the documents that match filters.

        :param filters: Haystack filters.
        :param meta: What to set; other metadata stay as they are.
        :returns: How many documents matched.
        :raises FilterError: If the filters are not valid.
        :raises DocumentStoreError: If another process is writing, or the disk fails.
        """
        with self.opened().writing() as write:
            found = self._matching(write.before, filters)
            changed = [replace(document, meta={**document.meta, **meta}) for document in found]
            self._write(write, [New(document, Stored.of(document), replaces=True) for document in changed])
        return len(found)

    def delete_documents(self, document_ids: list[str]) -> None:
        """
        Delete documents; ids that are not there are passed over.

        :param document_ids: Their ids.
        :raises DocumentStoreError: If another process is writing, or the disk fails.
        """
        index = self.opened()
        if not any(index.snapshot.find(document_id) for document_id in document_ids):
            return
        with index.writing() as write:
            for document_id in document_ids:
                write.delete(document_id)

    def delete_by_filter(self, filters: dict[str, Any]) -> int:
        """
        Delete the documents that match filters.

        :param filters: Haystack filters.
        :returns: How many were deleted.
        :raises FilterError: If the filters are not valid.
        :raises DocumentStoreError: If another process is writing, or the disk fails.
        """
        with self.opened().writing() as write:
            found = self._matching(write.before, filters)
            for document in found:
                write.delete(document.id)
        return len(found)

    def delete_all_documents(self) -> None:
        """
        Delete all documents.

        :raises DocumentStoreError: If another process is writing, or the disk fails.
        """
        with self.opened().writing() as write:
            write.delete_all()

    async def count_documents_async(self) -> int:
        """
        Count the documents without blocking the event loop.

        :returns: As `count_documents`.
        """
        return await asyncio.to_thread(self.count_documents)

    async def filter_documents_async(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """
        Give the documents that match filters without blocking the event loop.

        :param filters: Haystack filters.
        :returns: As `filter_documents`.
        """
        return await asyncio.to_thread(self.filter_documents, filters)

    async def count_documents_by_filter_async(self, filters: dict[str, Any]) -> int:
        """
        Count the documents that match filters without blocking the event loop.

        :param filters: Haystack filters.
        :returns: As `count_documents_by_filter`.
        """
        return await asyncio.to_thread(self.count_documents_by_filter, filters)

    async def get_documents_by_id_async(self, document_ids: list[str]) -> list[Document]:
        """
        Give documents by their ids without blocking the event loop.

        :param document_ids: The ids.
        :returns: As `get_documents_by_id`.
        """
        return await asyncio.to_thread(self.get_documents_by_id, document_ids)

    async def write_documents_async(
        self, documents: list[Document], policy: DuplicatePolicy = DuplicatePolicy.NONE
    ) -> int:
        """
        Write documents without blocking the event loop.

        :param documents: The documents.
        :param policy: As in `write_documents`.
        :returns: As `write_documents`.
        """
        return await asyncio.to_thread(self.write_documents, documents, policy)

    async def update_by_filter_async(self, filters: dict[str, Any], meta: dict[str, Any]) -> int:
        """
        Change the metadata of the documents that match filters without blocking the event loop.

        :param filters: Haystack filters.
        :param meta: What to set.
        :returns: As `update_by_filter`.
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
        :returns: As `delete_by_filter`.
        """
        return await asyncio.to_thread(self.delete_by_filter, filters)

    async def delete_all_documents_async(self) -> None:
        """Delete all documents without blocking the event loop."""
        await asyncio.to_thread(self.delete_all_documents)

    def _matching(self, snapshot: Snapshot, filters: Mapping[str, Any] | None) -> list[Document]:
        return [decoded(snapshot.searcher.doc(address)) for _, address in self._hits(snapshot, filters)]

    def _hits(self, snapshot: Snapshot, filters: Mapping[str, Any] | None) -> list[tuple[int, DocAddress]]:
        condition = self.condition(filters, snapshot)
        hits = snapshot.all(condition.query or Query.all_query())
        if condition.left is None or not hits:
            return hits
        numbers, addresses = zip(*hits, strict=True)
        return list(compress(hits, condition.left.matching(snapshot.searcher, numbers, addresses)))

    def _write(self, write: Writing, those: Iterable[New]) -> None:
        for new in those:
            if new.replaces:
                write.delete(new.document.id)
            write.add(indexed(new.document, new.stored, self.fields))

    def _tell(self, path: str) -> None:
        if path not in self._told:
            self._told.add(path)
            logger.warning(
                "Filters on '{path}' are applied to each document in Python; name it in keyword_fields or "
                "number_fields of the store, and the index applies them",
                path=path,
            )
