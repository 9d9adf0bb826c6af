"""The state of an index after one commit."""

from dataclasses import dataclass

import tantivy
from tantivy import DocAddress, FieldType, Order, Query, Schema, Searcher

from ltrr_haystack.embedded.tantivy import schema


@dataclass(frozen=True, slots=True, eq=False)
class IndexSnapshot:
    """
    The state of an index after one commit. It never changes, and many threads may search it.

    :param searcher: Tantivy's searcher.
    :param schema: The schema of the index.
    :param commit: Counts the commits that this process has seen.
    """

    searcher: Searcher
    schema: Schema
    commit: int

    def get(self, document_id: str) -> tantivy.Document | None:
        """
        Get a document by its id.

        :param document_id: The id.
        :returns: The document of the index, or `None`.
        """
        query = Query.term_query(self.schema, schema.KEY, schema.key_of(document_id), index_option="basic")
        hits = self.searcher.search(query, 1, count=False).hits
        return self.searcher.doc(hits[0][1]) if hits else None

    def search_all(self, query: Query) -> list[tuple[int, DocAddress]]:
        """
        Find all documents that match a query.

        :param query: The query.
        :returns: Sequence number and address of each document, in the order in which they were written.
        """
        if not self.searcher.num_docs:
            return []
        hits: list[tuple[int, DocAddress]] = self.searcher.search(
            query, self.searcher.num_docs, count=False, order_by_field=schema.SEQUENCE, order=Order.Asc
        ).hits
        return hits

    def sequence_numbers(self) -> list[int]:
        """
        Get the sequence numbers of all documents.

        :returns: The numbers, ascending.
        """
        return [number for number, _ in self.search_all(Query.all_query())]

    def written_since(self, number: int) -> list[tuple[int, tantivy.Document]]:
        """
        Get the documents that were written after a given one.

        :param number: A sequence number.
        :returns: The documents of the index with a higher sequence number, each with its number.
        """
        later = Query.range_query(
            self.schema, schema.SEQUENCE, FieldType.Unsigned, lower_bound=number, include_lower=False
        )
        return [(written, self.searcher.doc(address)) for written, address in self.search_all(later)]
