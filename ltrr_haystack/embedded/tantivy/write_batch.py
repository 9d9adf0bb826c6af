"""The changes to an index between two commits."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import tantivy
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from tantivy import IndexWriter

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.codec import EncodedDocument
from ltrr_haystack.embedded.tantivy.snapshot import IndexSnapshot


class WriteBatch:
    """
    Collects the changes to an index between two commits.

    :param writer: Tantivy's writer.
    :param snapshot: The index before the changes.
    :param next_number: Sequence number of the next document.
    """

    def __init__(self, writer: IndexWriter, snapshot: IndexSnapshot, next_number: int) -> None:
        self.snapshot = snapshot
        self.next_number = next_number
        self.changed = False
        self._writer = writer

    def add(self, document: tantivy.Document) -> None:
        """
        Add a document.

        :param document: The document of the index; its sequence number is set here.
        """
        document.add_unsigned(schema.SEQUENCE, self.next_number)
        self.next_number += 1
        self.changed = True
        self._writer.add_document(document)

    def delete(self, document_id: str) -> None:
        """
        Delete a document.

        :param document_id: Its id.
        """
        self.changed = True
        self._writer.delete_documents_by_term(schema.KEY, schema.key_of(document_id))

    def delete_all(self) -> None:
        """Delete all documents."""
        self.changed = True
        self._writer.delete_all_documents()


@dataclass(frozen=True, slots=True)
class PendingDocument:
    """
    A document that is to be written.

    :param document: The document.
    :param encoded: The document in bytes.
    :param replaces: Whether the index has a document with the same id.
    """

    document: Document
    encoded: EncodedDocument
    replaces: bool


def select_documents(
    snapshot: IndexSnapshot, documents: Iterable[tuple[Document, EncodedDocument]], policy: DuplicatePolicy
) -> Collection[PendingDocument]:
    """
    Select the documents to write under a duplicate policy.

    :param snapshot: The index.
    :param documents: The documents with their encoded form.
    :param policy: What to do with ids that exist already, or more than once among the documents.
    :returns: The documents to write, at most one for each id.
    :raises DuplicateDocumentError: If an id exists already and the policy forbids it.
    """
    selected: dict[str, PendingDocument] = {}
    for document, encoded in documents:
        existing = snapshot.get(document.id)
        if policy is DuplicatePolicy.OVERWRITE:
            selected.pop(document.id, None)
            if existing is None or EncodedDocument.from_index(existing) != encoded:
                selected[document.id] = PendingDocument(document, encoded, replaces=existing is not None)
        elif existing is None and document.id not in selected:
            selected[document.id] = PendingDocument(document, encoded, replaces=False)
        elif policy is not DuplicatePolicy.SKIP:
            raise DuplicateDocumentError(f"a document with the id '{document.id}' exists already")
    return selected.values()
