"""Builds queries of the index from query texts. A text is tokenized; none of its characters is query syntax."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from tantivy import Occur, Query

from ltrr_haystack.embedded.tantivy.analysis import TRIGRAMS, tokenize
from ltrr_haystack.embedded.tantivy.fields import Fields, TextField
from ltrr_haystack.embedded.tantivy.schema import text_name
from ltrr_haystack.embedded.tantivy.snapshot import IndexSnapshot

Operator = Literal["or", "and"]

SHORTEST_FUZZY, SHORTEST_TWICE_FUZZY = 3, 6
"""Minimum length of a word for an edit distance of 1 and of 2, as for `AUTO` in Elasticsearch."""

MOST_FUZZY = 8
"""Maximum number of words of a query with fuzzy matching; each takes as long as a search."""

SHORTEST_PREFIX = 2
"""Minimum length of a last word that is matched as a prefix, since a single letter matches a tenth of all words."""

PREFIX_FACTOR = 0.5
"""Factor for the score of words that match only as a prefix."""


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """
    How words of a query match words of documents.

    :param fuzziness: Maximum edit distance; lower for short words.
    :param prefix_last: Whether the last word matches as a prefix.
    :param operator: Whether a document needs any (`or`) or all (`and`) of the words.
    """

    fuzziness: int = 0
    prefix_last: bool = False
    operator: Operator = "or"

    def distance(self, token: str) -> int:
        """
        Get the maximum edit distance for a word.

        :param token: The word.
        :returns: The distance, from 0 to 2.
        """
        letters = len(token)
        return min(self.fuzziness, (letters >= SHORTEST_FUZZY) + (letters >= SHORTEST_TWICE_FUZZY))

    def is_prefix(self, token: str) -> bool:
        """
        Check whether the last word of a query is matched as a prefix.

        :param token: The word.
        :returns: Whether longer words match as well.
        """
        return self.prefix_last and len(token) >= SHORTEST_PREFIX


class QueryBuilder:
    """
    Builds queries from texts.

    A document's score is the sum over words and fields of the word's BM25 score, times the field's weight. Similar
    words (within the edit distance, or with the prefix) are scored together as one word that occurs once in a text of
    average length: by the inverse document frequency of all of them, which is their BM25 score, times `1 - d / length`
    for edit distance `d`, as in Lucene's `FuzzyQuery`. If the word itself occurs as well, the higher score counts.

    :param snapshot: The index.
    :param fields: The fields of the index.
    :param weights: Field → weight.
    :param options: How words match.
    """

    def __init__(
        self, snapshot: IndexSnapshot, fields: Fields, weights: Mapping[TextField, float], options: MatchOptions
    ) -> None:
        self._searcher = snapshot.searcher
        self._schema = snapshot.schema
        self._fields = fields
        self._weights = weights
        self._options = options

    def build(self, text: str) -> Query | None:
        """
        Build the query for a text. Words that no document has match fuzzily, at the smallest distance that matches.

        :param text: The text.
        :returns: The query; `None` if it cannot match any document.
        """
        return self._build(text, fuzzy=False)

    def build_fuzzy(self, text: str) -> Query | None:
        """
        Build the query for a text in which all words match fuzzily.

        :param text: The text.
        :returns: The query; `None` if it cannot match any document, or there is no fuzziness.
        """
        return self._build(text, fuzzy=True) if self._options.fuzziness else None

    def _build(self, text: str, *, fuzzy: bool) -> Query | None:
        groups = []
        by_analysis = groupby(sorted(self._weights, key=lambda field: field.analysis), key=lambda field: field.analysis)
        for analysis, fields in by_analysis:
            words = tokenize(text, analysis, self._fields.language)
            clauses = list(self._words(words, list(fields), fuzzy=fuzzy))
            if self._options.operator == "or":
                groups += [clause for word in clauses for clause in word]
            elif clauses:
                groups.append(_all([_any(word) for word in clauses]))
        return _any(groups) if groups else None

    def _words(self, words: list[str], fields: list[TextField], *, fuzzy: bool) -> Iterator[list[Query]]:
        """For each word, the queries that find it in each field."""
        left = 0 if fields[0].analysis == TRIGRAMS else MOST_FUZZY
        for word in words:
            prefix = left > 0 and word == words[-1] and self._options.is_prefix(word)
            found = {field: [self._exact(word, field)] for field in fields}
            if prefix:
                for field in fields:
                    found[field] += self._similar(word, field, 0, prefix=True)
            distance = self._options.distance(word)
            if distance and left and (fuzzy or not self._occurs([each for of in found.values() for each in of])):
                left -= 1
                for at_most in (distance,) if fuzzy else range(1, distance + 1):
                    similar = {field: self._similar(word, field, at_most, prefix=prefix) for field in fields}
                    if any(similar.values()):
                        found = {field: found[field] + similar[field] for field in fields}
                        break
            yield [_weighted(_highest(clauses), self._weights[field]) for field, clauses in found.items()]

    def _exact(self, word: str, field: TextField) -> Query:
        return Query.term_query(self._schema, text_name(field), word, index_option="freq")

    def _occurs(self, queries: list[Query]) -> bool:
        return any(self._searcher.search(query, 1, count=False).hits for query in queries)

    def _similar(self, word: str, field: TextField, distance: int, *, prefix: bool) -> list[Query]:
        """The query for words similar to a word; empty if there are none."""
        query = Query.fuzzy_term_query(self._schema, text_name(field), word, distance=distance, prefix=prefix)
        total = self._searcher.num_docs
        matching: int = self._searcher.search(query, 1).count  # type: ignore[attr-defined]
        if not matching:
            return []
        idf = math.log1p((total - matching + 0.5) / (matching + 0.5))
        similarity = (1.0 - distance / len(word)) * (PREFIX_FACTOR if prefix else 1.0)
        return [Query.const_score_query(query, idf * similarity)]


def _weighted(query: Query, weight: float) -> Query:
    return query if weight == 1.0 else Query.boost_query(query, weight)


def _highest(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.disjunction_max_query(queries)


def _any(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def _all(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Must, query) for query in queries])
