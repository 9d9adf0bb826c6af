"""Searching one field of the documents, such as their titles, with a retriever that searches contents."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from haystack import Document, component, default_to_dict
from haystack.components.retrievers.types import TextRetriever
from haystack.core.serialization import component_to_dict
from haystack.document_stores.types import DocumentStore

from ltrr_haystack.memory.fetch import DocumentFetcher


@component
class FieldAsContent:
    """
    Gives documents of the same ids whose content is one field of the metadata, to be written into an index of its own.

    ### Usage example

    ```python
    from haystack import Document
    from ltrr_haystack.embedded import FieldAsContent

    songs = [Document(id="7", content="Sing it again …", meta={"title": "Rain"})]
    FieldAsContent("title").run(songs)["documents"]
    # [Document(id=7, content: 'Rain')]
    ```
    """

    def __init__(self, field: str) -> None:
        """
        Create a FieldAsContent.

        :param field: Name of the metadata field.
        """
        self.field = field

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """
        Project documents.

        :param documents: The documents; they are not changed.
        :returns: A dictionary with `documents`: those that have text in the field, without embeddings.
        """
        return {
            "documents": [
                replace(document, content=text, embedding=None, sparse_embedding=None)
                for document in documents
                if isinstance(text := document.meta.get(self.field), str) and text.strip()
            ]
        }


@component
class WholeDocuments:
    """
    Answers with the whole documents where a retriever finds only parts of them, such as their titles.

    ### Usage example

    ```python
    from haystack.components.retrievers import InMemoryBM25Retriever
    from ltrr_haystack.embedded import WholeDocuments

    retriever = WholeDocuments(InMemoryBM25Retriever(titles), document_store=documents)
    retriever.run("rain", top_k=10)["documents"]
    ```
    """

    def __init__(self, retriever: TextRetriever, document_store: DocumentStore) -> None:
        """
        Create a WholeDocuments.

        :param retriever: Finds the parts; they have the ids of the documents that they are of.
        :param document_store: Where the whole documents are.
        """
        self.retriever = retriever
        self.document_store = document_store
        self._fetcher = DocumentFetcher(document_store)

    def warm_up(self) -> None:
        """Warm up the retriever."""
        if hasattr(self.retriever, "warm_up"):
            self.retriever.warm_up()

    def close(self) -> None:
        """Release the retriever's resources."""
        if hasattr(self.retriever, "close"):
            self.retriever.close()

    def to_dict(self) -> dict[str, Any]:
        """
        Turn the component into a dictionary.

        :returns: `type` and `init_parameters`.
        """
        return default_to_dict(
            self,
            retriever=component_to_dict(self.retriever, "retriever"),
            document_store=self.document_store.to_dict(),
        )

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """
        Retrieve whole documents.

        :param query: The query text.
        :param filters: Haystack filters, handed on.
        :param top_k: How many documents; the retriever's own if left out.
        :returns: A dictionary with `documents`, in the order and with the scores of their parts. What is no longer in
            the document store is left out.
        """
        parts: Sequence[Document] = self.retriever.run(query=query, filters=filters, top_k=top_k)["documents"]
        whole = self._fetcher.fetch([part.id for part in parts])
        return {"documents": [replace(whole[part.id], score=part.score) for part in parts if part.id in whole]}
