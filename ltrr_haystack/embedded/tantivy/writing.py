"""What is written between two commits."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import tantivy
from haystack import Document
from haystack.document_stores.errors import DuplicateDocumentError
from haystack.document_stores.types import DuplicatePolicy
from tantivy import IndexWriter

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.codec import Stored
from ltrr_haystack.embedded.tantivy.snapshot import Snapshot


class Writing:
    """
    What is written between two commits.

    :param writer: Writes.
    :param before: The index before.
    :param number: The number that the next document gets.
    """

    def __init__(self, writer: IndexWriter, before: Snapshot, number: int) -> None:
        self.before = before
        self.number = number
        self.changes = False
        self._writer = writer

    def add(self, document: tantivy.Document) -> None:
        """
        Add a document.

        :param document: The index' document; it gets its number here.
        """
        document.add_unsigned(schema.NUMBER, self.number)
        self.number += 1
        self.changes = True
        self._writer.add_document(document)

    def delete(self, document_id: str) -> None:
        """
        Delete a document.

        :param document_id: Its id.
        """
        self.changes = True
        self._writer.delete_documents_by_term(schema.KEY, schema.key_of(document_id))

    def delete_all(self) -> None:
        """Delete all documents."""
        self.changes = True
        self._writer.delete_all_documents()


@dataclass(frozen=True, slots=True)
class New:
    """
    A document that is to be written.

    :param document: The document.
    :param stored: Its bytes.
    :param replaces: Whether one of its id is there.
    """

    document: Document
    stored: Stored
    replaces: bool


def to_be_written(
    snapshot: Snapshot, documents: Iterable[tuple[Document, Stored]], policy: DuplicatePolicy
) -> Collection[New]:
    """
    Say which of some documents are to be written.

    :param snapshot: The index.
    :param documents: The documents, each with its bytes.
    :param policy: What to do about ids that are there already, or twice among the documents.
    :returns: The documents, of each id one.
    :raises DuplicateDocumentError: If an id is there already, and must not be.
    """
    kept: dict[str, New] = {}
    for document, stored in documents:
        held = snapshot.find(document.id)
        if policy is DuplicatePolicy.OVERWRITE:
            kept.pop(document.id, None)
            if held is None or Stored.read(held) != stored:
                kept[document.id] = New(document, stored, replaces=held is not None)
        elif held is None and document.id not in kept:
            kept[document.id] = New(document, stored, replaces=False)
        elif policy is not DuplicatePolicy.SKIP:
            raise DuplicateDocumentError(f"document '{document.id}' is there already")
    return kept.values()
