"""Brings documents by what feedback knows them by, from any Haystack document store."""

import asyncio
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from haystack import Document, logging
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.document_stores.types import DocumentStore

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store.checks import is_storable_id

logger = logging.getLogger(__name__)

DOCUMENT_ID = "id"

MOST_BITS = 1024
"""Bits of a whole number that can be an object id; Python writes none of more than 4,300 digits."""

_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,308})")
"""Of no more digits than `MOST_BITS` can have."""

Predicate = Callable[[Document], bool]
"""Whether a document may be brought."""

_Question = list[str] | dict[str, Any]
"""Document ids to bring, or a filter."""


def object_id_of(document: Document, key: str = DOCUMENT_ID) -> str:
    """
    Give what feedback knows a document by.

    :param document: The document.
    :param key: `id`, or a place in the metadata such as `meta.sku` or `meta.product.ean`.
    :returns: The text or whole number at that place; the document's own id where there is neither, or none that could
        be an id in the store.
    """
    if key == DOCUMENT_ID:
        return document.id
    value: Any = document.meta
    for name in key.removeprefix("meta.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, str):
        return value if value and is_storable_id(value) else document.id
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= MOST_BITS:
        return str(value)
    return document.id


def check_key(key: str, owner: str) -> str:
    """
    Refuse what `object_id_of` could not take for a key.

    :param key: The key.
    :param owner: The class that it is a setting of.
    :returns: The key.
    :raises ConfigurationError: If it is neither `id` nor a place in the metadata.
    """
    path = key.split(".")
    if key != DOCUMENT_ID and (path[0] != "meta" or len(path) < 2 or not all(path)):
        raise ConfigurationError(f"key of {owner} must be 'id' or like 'meta.sku', got '{key}'")
    return key


class DocumentFetcher:
    """
    Brings documents by their object ids.

    A store that finds documents by id (`get_documents_by_id`, the storage of an `InMemoryDocumentStore`) is asked for
    them; any other, and every store where the object id is in the metadata, through an `in` filter.

    :param document_store: Any Haystack document store.
    :param key: `id`, or a place in the metadata such as `meta.sku`.
    """

    def __init__(self, document_store: DocumentStore, key: str = DOCUMENT_ID) -> None:
        self._store: Any = document_store
        self._key = key

    def fetch(
        self, object_ids: Sequence[str], matches: Predicate | None = None, limit: int | None = None
    ) -> dict[str, Document]:
        """
        Bring documents.

        :param object_ids: The documents wanted, the most wanted first.
        :param matches: Says which documents may be brought; `None` for all.
        :param limit: The most documents to bring, or `None` for all.
        :returns: Object id → document as the store holds it but without embeddings, in the order asked for. What no
            longer exists or does not match is left out.
        """
        inquiry = self._inquiry(object_ids, matches, limit)
        try:
            question = next(inquiry)
            while True:
                try:
                    documents = self._answer(question)
                except Exception as error:  # noqa: BLE001 (raised again by the inquiry, unless it can do without)
                    question = inquiry.throw(error)
                else:
                    question = inquiry.send(documents)
        except StopIteration as end:
            return _value(end)

    async def fetch_async(
        self, object_ids: Sequence[str], matches: Predicate | None = None, limit: int | None = None
    ) -> dict[str, Document]:
        """
        Bring documents without blocking the event loop.

        :param object_ids: The documents wanted, the most wanted first.
        :param matches: Says which documents may be brought; `None` for all.
        :param limit: The most documents to bring, or `None` for all.
        :returns: As `fetch`.
        """
        inquiry = self._inquiry(object_ids, matches, limit)
        try:
            question = next(inquiry)
            while True:
                try:
                    documents = await self._answer_async(question)
                except Exception as error:  # noqa: BLE001 (raised again by the inquiry, unless it can do without)
                    question = inquiry.throw(error)
                else:
                    question = inquiry.send(documents)
        except StopIteration as end:
            return _value(end)

    def _inquiry(
        self, object_ids: Sequence[str], matches: Predicate | None, limit: int | None
    ) -> Generator[_Question, Iterable[Document] | None, dict[str, Document]]:
        """Asks question after question of the store, whichever way they are answered."""
        found: dict[str, Document] = {}
        for batch in _batches(object_ids, limit):
            documents: list[Document] = []
            if self._key != DOCUMENT_ID:
                documents += (yield self._in_metadata(batch)) or ()
                unknown = self._not_among(documents, batch)
                if numbers := [int(object_id) for object_id in unknown if _WHOLE_NUMBER.fullmatch(object_id)]:
                    try:
                        documents += (yield self._in_metadata(numbers)) or ()
                    except Exception as error:  # noqa: BLE001 (whatever a store raises where it keeps only texts)
                        logger.debug("No document is known by a whole number: {error}", error=str(error))
            if unknown := self._not_among(documents, batch):
                documents += (yield unknown) or ()
            found |= self._chosen(batch, documents, matches)
            if limit is not None and len(found) >= limit:
                break
        return dict(islice(found.items(), limit))

    def _answer(self, question: _Question) -> list[Document]:
        found: list[Document]
        if isinstance(question, dict):
            found = self._store.filter_documents(question)
        elif isinstance(self._store, InMemoryDocumentStore):
            found = self._from_storage(question)
        elif hasattr(self._store, "get_documents_by_id"):
            found = self._store.get_documents_by_id(question)
        else:
            found = self._store.filter_documents(_id_in(question))
        return found

    async def _answer_async(self, question: _Question) -> list[Document]:
        found: list[Document]
        by_id = not isinstance(question, dict)
        if by_id and isinstance(self._store, InMemoryDocumentStore):
            found = self._answer(question)
        elif by_id and hasattr(self._store, "get_documents_by_id_async"):
            found = await self._store.get_documents_by_id_async(question)
        elif by_id and hasattr(self._store, "get_documents_by_id"):
            found = await asyncio.to_thread(self._answer, question)
        elif hasattr(self._store, "filter_documents_async"):
            found = await self._store.filter_documents_async(_id_in(question) if by_id else question)
        else:
            found = await asyncio.to_thread(self._answer, question)
        return found

    def _from_storage(self, document_ids: list[str]) -> list[Document]:
        storage: Mapping[str, Document] = self._store.storage
        return [document for document_id in document_ids if (document := storage.get(document_id)) is not None]

    def _in_metadata(self, values: Sequence[str] | Sequence[int]) -> dict[str, Any]:
        return {"field": f"meta.{self._key.removeprefix('meta.')}", "operator": "in", "value": list(values)}

    def _not_among(self, documents: Iterable[Document], object_ids: Iterable[str]) -> list[str]:
        known = {object_id_of(document, self._key) for document in documents}
        return [object_id for object_id in object_ids if object_id not in known]

    def _chosen(
        self, object_ids: Sequence[str], found: Iterable[Document], matches: Predicate | None
    ) -> dict[str, Document]:
        by_object: dict[str, Document] = {}
        for document in sorted(found, key=lambda document: document.id):
            if matches is None or matches(document):
                by_object.setdefault(object_id_of(document, self._key), document)
        return {
            object_id: replace(by_object[object_id], embedding=None, sparse_embedding=None)
            for object_id in object_ids
            if object_id in by_object
        }


def _id_in(document_ids: Any) -> dict[str, Any]:
    return {"field": DOCUMENT_ID, "operator": "in", "value": document_ids}


def _value(end: StopIteration) -> dict[str, Document]:
    found: dict[str, Document] = end.value
    return found


def _batches(object_ids: Sequence[str], limit: int | None) -> Iterable[Sequence[str]]:
    """A popular query remembers hundreds of documents; the first few mostly suffice."""
    size = len(object_ids) if limit is None else 2 * limit
    return (object_ids[start : start + size] for start in range(0, len(object_ids), max(size, 1)))
