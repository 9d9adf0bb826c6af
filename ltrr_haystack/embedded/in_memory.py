"""Haystack's in-memory store with filters that no document can make fail."""

from typing import Any

from haystack import Document
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ltrr_haystack.embedded.scans import scan, turn
from ltrr_haystack.filtering import compiled

_HAS_CONTENT = {"field": "content", "operator": "!=", "value": None}
"""What Haystack's BM25 filters every search by."""


class EmbeddedInMemoryStore(InMemoryDocumentStore):
    """
    Haystack's `InMemoryDocumentStore`, whose filters mean what they mean in all arms of the embedded default.

    Haystack's own raises, and with it the whole arm fails, as soon as one document of the catalogue has a value that
    cannot be compared with the filter's. Here that document does not match. Dates with and without a time zone are
    compared, whatever `strict_datetime_comparison` says.

    ### Usage example

    ```python
    from haystack.components.retrievers import InMemoryBM25Retriever
    from ltrr_haystack.embedded import EmbeddedInMemoryStore

    lexical = InMemoryBM25Retriever(EmbeddedInMemoryStore(index="songs"))
    ```
    """

    def filter_documents(self, filters: dict[str, Any] | None = None) -> list[Document]:
        """
        Give the documents that match filters.

        :param filters: Haystack filters; all documents if left out.
        :returns: The documents.
        :raises FilterError: If the filters are not valid.
        :raises TimeoutError: If the deadline passes before all documents were looked at.
        """
        documents = super().filter_documents()
        if not filters:
            return documents
        if filters == _HAS_CONTENT:
            return [document for document in documents if document.content is not None]
        matches = compiled(filters)
        with turn():
            return [documents[row] for row in scan(documents, matches)]
