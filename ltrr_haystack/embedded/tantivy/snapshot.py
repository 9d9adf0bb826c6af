"""An index as one commit left it."""

from dataclasses import dataclass

import tantivy
from tantivy import DocAddress, FieldType, Order, Query, Schema, Searcher

from ltrr_haystack.embedded.tantivy import schema


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """
    An index as one commit left it. It may be searched by many threads, and does not change.

    :param searcher: Searches it.
    :param schema: Its schema.
    :param commit: Another number after every commit that this process has seen.
    """

    searcher: Searcher
    schema: Schema
    commit: int

    def find(self, document_id: str) -> tantivy.Document | None:
        """
        Look a document up.

        :param document_id: Its id.
        :returns: What the index has of it, or `None`.
        """
        query = Query.term_query(self.schema, schema.KEY, schema.key_of(document_id), index_option="basic")
        hits = self.searcher.search(query, 1, count=False).hits
        return self.searcher.doc(hits[0][1]) if hits else None

    def all(self, query: Query) -> list[tuple[int, DocAddress]]:
        """
        Find all documents that match a query.

        :param query: The query.
        :returns: The numbers of their writes, and where they are, in the order in which they were written.
        """
        if not self.searcher.num_docs:
            return []
        hits: list[tuple[int, DocAddress]] = self.searcher.search(
            query, self.searcher.num_docs, count=False, order_by_field=schema.NUMBER, order=Order.Asc
        ).hits
        return hits

    def numbers(self) -> list[int]:
        """
        Give the numbers of all documents.

        :returns: The numbers of their writes, in order.
        """
        return [number for number, _ in self.all(Query.all_query())]

    def since(self, number: int) -> list[tuple[int, tantivy.Document]]:
        """
        Find what was written lately.

        :param number: The number of a write.
        :returns: The documents that were written after it and are there yet, each with its number.
        """
        later = Query.range_query(
            self.schema, schema.NUMBER, FieldType.Unsigned, lower_bound=number, include_lower=False
        )
        return [(written, self.searcher.doc(address)) for written, address in self.all(later)]
