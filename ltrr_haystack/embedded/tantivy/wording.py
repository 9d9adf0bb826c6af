"""
What a person typed as a query of the index: terms, looked up one by one. No character of it is query syntax.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from tantivy import Occur, Query

from ltrr_haystack.embedded.tantivy.analysis import TRIGRAMS, tokens
from ltrr_haystack.embedded.tantivy.fields import Fields, TextField
from ltrr_haystack.embedded.tantivy.schema import text_name
from ltrr_haystack.embedded.tantivy.snapshot import Snapshot

Operator = Literal["or", "and"]

SHORTEST_FUZZY, SHORTEST_TWICE_FUZZY = 3, 6
"""Letters of a word from which on it may differ in one and in two, as `AUTO` of Lucene and Elasticsearch has it."""

MOST_FUZZY = 32
"""Words of a query that are looked up fuzzily; each takes as long as a search."""

SHORTEST_PREFIX = 2
"""Letters of a last word that is taken for the beginning of one: one letter begins a tenth of all words."""

ONLY_BEGUN = 0.5
"""What a word counts that only begins as the typed one does."""


@dataclass(frozen=True, slots=True)
class Matching:
    """
    How the words of a query match those of the documents.

    :param fuzziness: Most letters in which they may differ; fewer in short words.
    :param prefix_last: Whether the last word may be the beginning of one.
    :param operator: Whether any or all of them have to be found.
    """

    fuzziness: int = 0
    prefix_last: bool = False
    operator: Operator = "or"

    def distance(self, token: str) -> int:
        """
        Say how fuzzily a word is looked up.

        :param token: The word.
        :returns: In how many letters it may differ.
        """
        letters = len(token)
        return min(self.fuzziness, (letters >= SHORTEST_FUZZY) + (letters >= SHORTEST_TWICE_FUZZY))

    def begun(self, token: str) -> bool:
        """
        Say whether the last word is taken for the beginning of one.

        :param token: The word.
        :returns: Whether words that go on match it, too.
        """
        return self.prefix_last and len(token) >= SHORTEST_PREFIX


class Wording:
    """
    Makes queries of texts.

    A document scores the sum of what each word scores in each field, times the field's weight. A word scores by BM25.
    Words that are only like it are taken as one word that occurs once, in a text of average length: they score the
    inverse document frequency of all of them together, which is their BM25, times `1 - d / letters` where they differ
    in at most `d` letters, as Lucene's `FuzzyQuery` has it. Where the word itself occurs, too, the higher score counts.

    :param snapshot: The index.
    :param known: What it knows.
    :param weights: Field → weight.
    :param matching: How words match.
    """

    def __init__(
        self, snapshot: Snapshot, known: Fields, weights: Mapping[TextField, float], matching: Matching
    ) -> None:
        self._searcher = snapshot.searcher
        self._schema = snapshot.schema
        self._known = known
        self._weights = weights
        self._matching = matching

    def as_typed(self, text: str) -> Query | None:
        """
        Look a text up as it was typed. Only words that no document has are looked up fuzzily, as near as there are any.

        :param text: The text.
        :returns: The query; `None` if nothing can match it.
        """
        return self._query(text, fuzzily=False)

    def fuzzily(self, text: str) -> Query | None:
        """
        Look a text up with all its words fuzzily.

        :param text: The text.
        :returns: The query; `None` if nothing can match it, or nothing more than the text as typed.
        """
        return self._query(text, fuzzily=True) if self._matching.fuzziness else None

    def _query(self, text: str, *, fuzzily: bool) -> Query | None:
        groups = []
        by_analysis = groupby(sorted(self._weights, key=lambda field: field.analysis), key=lambda field: field.analysis)
        for analysis, fields in by_analysis:
            words = tokens(text, analysis, self._known.language)
            clauses = list(self._words(words, list(fields), fuzzily=fuzzily))
            if self._matching.operator == "or":
                groups += [clause for word in clauses for clause in word]
            elif clauses:
                groups.append(_all([_any(word) for word in clauses]))
        return _any(groups) if groups else None

    def _words(self, words: list[str], fields: list[TextField], *, fuzzily: bool) -> Iterator[list[Query]]:
        """For each word, what finds it in each field."""
        left = 0 if fields[0].analysis == TRIGRAMS else MOST_FUZZY
        for word in words:
            begun = left > 0 and word == words[-1] and self._matching.begun(word)
            found = {field: [self._itself(word, field)] for field in fields}
            if begun:
                for field in fields:
                    found[field] += self._alike(word, field, 0, begun=True)
            distance = self._matching.distance(word)
            if distance and left and (fuzzily or not self._occurs([each for of in found.values() for each in of])):
                left -= 1
                for at_most in (distance,) if fuzzily else range(1, distance + 1):
                    alike = {field: self._alike(word, field, at_most, begun=begun) for field in fields}
                    if any(alike.values()):
                        found = {field: found[field] + alike[field] for field in fields}
                        break
            yield [_weighted(_highest(clauses), self._weights[field]) for field, clauses in found.items()]

    def _itself(self, word: str, field: TextField) -> Query:
        return Query.term_query(self._schema, text_name(field), word, index_option="freq")

    def _occurs(self, queries: list[Query]) -> bool:
        return any(self._searcher.search(query, 1, count=False).hits for query in queries)

    def _alike(self, word: str, field: TextField, distance: int, *, begun: bool) -> list[Query]:
        """What finds words like a word, if there are any."""
        query = Query.fuzzy_term_query(self._schema, text_name(field), word, distance=distance, prefix=begun)
        everything = self._searcher.num_docs
        having: int = self._searcher.search(query, 1).count  # type: ignore[attr-defined]
        if not having:
            return []
        rarity = math.log1p((everything - having + 0.5) / (having + 0.5))
        likeness = (1.0 - distance / len(word)) * (ONLY_BEGUN if begun else 1.0)
        return [Query.const_score_query(query, rarity * likeness)]


def _weighted(query: Query, weight: float) -> Query:
    return query if weight == 1.0 else Query.boost_query(query, weight)


def _highest(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.disjunction_max_query(queries)


def _any(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def _all(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Must, query) for query in queries])
