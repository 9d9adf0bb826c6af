"""Keyword retrieval from a TantivyDocumentStore."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.document_stores.types import FilterPolicy, apply_filter_policy
from tantivy import FieldType, Occur, Query

from ltrr_haystack.embedded.tantivy.analysis import WORDS
from ltrr_haystack.embedded.tantivy.errors import convert_panics
from ltrr_haystack.embedded.tantivy.fields import Fields, TextField
from ltrr_haystack.embedded.tantivy.post_filter import FilterPlan
from ltrr_haystack.embedded.tantivy.query_builder import MatchOptions, Operator, QueryBuilder
from ltrr_haystack.embedded.tantivy.ranking import Boost, top_documents
from ltrr_haystack.embedded.tantivy.schema import number_name
from ltrr_haystack.embedded.tantivy.snapshot import IndexSnapshot
from ltrr_haystack.embedded.tantivy.store import TantivyDocumentStore
from ltrr_haystack.errors import ConfigurationError, InvalidInputError

FUZZY_CEILING = 0.5
"""Highest score of a fuzzy match, as a share of the lowest score of the exact matches."""


@component
class TantivyBM25Retriever:
    """
    Retrieves documents from a TantivyDocumentStore by BM25.

    The scores of all words and fields are added up, weighted by field. The query has no syntax: quotes, colons and
    `AND` have no special meaning. Documents with equal scores are ordered by their ids. Documents are returned without
    embeddings.

    With `fuzziness`, words that no document has match words within an edit distance (with transpositions) of 1 if they
    have at least three letters, and of 2 if they have at least six. If fewer than `top_k` documents match, documents
    with fuzzy matches of the other words follow.

    ### Usage example

    ```python
    from ltrr_haystack.embedded.tantivy import TantivyBM25Retriever, TantivyDocumentStore

    store = TantivyDocumentStore(
        "songs", text_fields={"content": "words", "meta.title": "words"}, number_fields=["meta.plays"]
    )
    retriever = TantivyBM25Retriever(
        store, fields={"meta.title": 2.0, "content": 1.0}, fuzziness=2, boost={"field": "meta.plays", "weight": 0.5}
    )
    retriever.run("saxofone in the rain", top_k=10)["documents"]
    ```
    """

    def __init__(
        self,
        document_store: TantivyDocumentStore,
        *,
        fields: Mapping[str, float] | None = None,
        fuzziness: int = 0,
        prefix_last: bool = False,
        operator: Operator = "or",
        boost: Mapping[str, Any] | None = None,
        browse: bool = False,
        filters: dict[str, Any] | None = None,
        filter_policy: FilterPolicy = FilterPolicy.REPLACE,
        top_k: int = 10,
    ) -> None:
        """
        Create a TantivyBM25Retriever.

        :param document_store: The store.
        :param fields: Field → weight. The fields are those of the store's `text_fields`; append `:trigrams` or
            `:unstemmed` for these analyses. If left out, the words of all fields with equal weights.
        :param fuzziness: Maximum edit distance of a word, from 0 to 2.
        :param prefix_last: Whether the last word matches as a prefix, for search as you type. In a store with a
            language, this needs `unstemmed` fields, since a stem need not begin with the typed letters.
        :param operator: Whether a document needs any (`or`) or all (`and`) of the words, possibly in different fields.
        :param boost: `{"field": a number field of the store, "weight": w}` multiplies scores by up to `1 + w`, and by
            `1 + w / 2` if the number is the median of all positive ones; see `ranking.Boost`.
        :param browse: Whether an empty query finds what its filters match, the most boosted documents first. Without
            filters it finds nothing.
        :param filters: Filters for all queries.
        :param filter_policy: Whether the filters of a query replace these or are merged with them.
        :param top_k: Maximum number of documents to retrieve.
        :raises ConfigurationError: If the store does not have a field, or a setting is invalid.
        """
        self.document_store = document_store
        self.fields = dict(fields) if fields is not None else None
        self.fuzziness = fuzziness
        self.prefix_last = prefix_last
        self.operator = operator
        self.boost = dict(boost) if boost is not None else None
        self.browse = browse
        self.filters = filters
        self.filter_policy = FilterPolicy.from_str(filter_policy) if isinstance(filter_policy, str) else filter_policy
        self.top_k = top_k
        if top_k < 1:
            raise ConfigurationError(f"top_k of TantivyBM25Retriever must be at least 1, got {top_k}")
        if fuzziness not in (0, 1, 2):
            raise ConfigurationError(f"fuzziness of TantivyBM25Retriever must be 0, 1 or 2, got {fuzziness!r}")
        if operator not in ("or", "and"):
            raise ConfigurationError(f"operator of TantivyBM25Retriever must be 'or' or 'and', got {operator!r}")
        known = document_store.fields
        self._weights = _weights(self.fields, known)
        self._options = MatchOptions(fuzziness, prefix_last, operator)
        _check_boost(self.boost, known)
        if prefix_last and known.language.code is not None:
            _check_unstemmed(self._weights)
        self._pivot: tuple[int, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """
        Serialise the retriever.

        :returns: A dictionary for `from_dict`.
        """
        return default_to_dict(
            self,
            document_store=self.document_store.to_dict(),
            fields=self.fields,
            fuzziness=self.fuzziness,
            prefix_last=self.prefix_last,
            operator=self.operator,
            boost=self.boost,
            browse=self.browse,
            filters=self.filters,
            filter_policy=self.filter_policy.value,
            top_k=self.top_k,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TantivyBM25Retriever":
        """
        Deserialise the retriever.

        :param data: A dictionary from `to_dict`.
        :returns: The retriever.
        """
        return default_from_dict(cls, data)

    def warm_up(self) -> None:
        """Open the index."""
        self.document_store.warm_up()

    def close(self) -> None:
        """Release the store's resources."""
        self.document_store.close()

    async def close_async(self) -> None:
        """Release the store's resources without blocking the event loop."""
        await self.document_store.close_async()

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """
        Retrieve documents.

        :param query: The query text.
        :param filters: Filters for this query; see `filter_policy`.
        :param top_k: Maximum number of documents; the retriever's own setting if `None`.
        :returns: A dictionary with `documents`, best first; none for a query without words, unless it is empty and has
            filters, and the retriever can `browse`.
        :raises FilterError: If the filters are invalid.
        :raises InvalidInputError: If `top_k` is negative, or the query is not a text.
        """
        top_k = self.top_k if top_k is None else top_k
        if top_k < 0:
            raise InvalidInputError(f"top_k of TantivyBM25Retriever must not be negative, got {top_k}")
        if not isinstance(query, str):
            raise InvalidInputError(f"the query of TantivyBM25Retriever must be a text, got {type(query).__name__}")
        snapshot = self.document_store.snapshot()
        plan = self.document_store.plan_filters(
            apply_filter_policy(self.filter_policy, self.filters, filters), snapshot
        )
        if not top_k:
            return {"documents": []}
        with convert_panics(f"'{query[:100]}' cannot be searched for"):
            return {"documents": self._retrieve(snapshot, query, plan, top_k)}

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """
        Retrieve documents without blocking the event loop.

        :param query: The query text.
        :param filters: Filters for this query; see `filter_policy`.
        :param top_k: Maximum number of documents; the retriever's own setting if `None`.
        :returns: As for `run`.
        """
        return await asyncio.to_thread(self.run, query, filters, top_k)

    def _retrieve(self, snapshot: IndexSnapshot, query: str, plan: FilterPlan, top_k: int) -> list[Document]:
        builder = QueryBuilder(snapshot, self.document_store.fields, self._weights, self._options)
        search = partial(top_documents, snapshot.searcher, post_filter=plan.post_filter, boost=self._boost(snapshot))
        if self.browse and not query.strip() and plan != FilterPlan():
            return search(Query.const_score_query(plan.query or Query.all_query(), 1.0), top_k)
        exact = builder.build(query)
        if exact is None:
            return []
        found = search(_filtered(exact, plan), top_k)
        fuzzy = builder.build_fuzzy(query) if len(found) < top_k else None
        if fuzzy is None:
            return found
        others = Query.boolean_query([(Occur.Must, fuzzy), (Occur.MustNot, exact)])
        return [*found, *_scaled_below(found, search(_filtered(others, plan), top_k - len(found)))]

    def _boost(self, snapshot: IndexSnapshot) -> Boost | None:
        if self.boost is None:
            return None
        field, pivot = number_name(self.boost["field"]), self._pivot
        if pivot is None or pivot[0] != snapshot.commit:
            pivot = self._pivot = snapshot.commit, _median(snapshot, field)
        return Boost(field, self.boost["weight"], pivot[1])


def _weights(fields: Mapping[str, float] | None, known: Fields) -> dict[TextField, float]:
    by_name = {text.name: text for text in known.texts}
    if fields is None:
        chosen = {text: 1.0 for text in known.texts if text.analysis == WORDS}
        return chosen or dict.fromkeys(known.texts, 1.0)
    for name, weight in fields.items():
        if name not in by_name:
            raise ConfigurationError(
                f"fields of TantivyBM25Retriever: '{name}' is not one of the store's text fields: {', '.join(by_name)}"
            )
        _check_positive(f"fields of TantivyBM25Retriever: the weight of '{name}'", weight)
    if not fields:
        raise ConfigurationError("fields of TantivyBM25Retriever must have at least one field; leave it out for all")
    return {by_name[name]: float(weight) for name, weight in fields.items()}


def _check_boost(boost: Mapping[str, Any] | None, known: Fields) -> None:
    if boost is None:
        return
    if set(boost) != {"field", "weight"}:
        raise ConfigurationError(
            f"boost of TantivyBM25Retriever must be {{'field': …, 'weight': …}}, got {sorted(boost)}"
        )
    if boost["field"] not in known.numbers:
        raise ConfigurationError(
            f"boost of TantivyBM25Retriever: '{boost['field']}' is not one of the store's number_fields: "
            f"{', '.join(known.numbers) or 'it has none'}"
        )
    _check_positive("boost of TantivyBM25Retriever: the weight", boost["weight"])


def _check_positive(what: str, weight: object) -> None:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
        raise ConfigurationError(f"{what} must be a number above 0, got {weight!r}")


def _check_unstemmed(weights: Mapping[TextField, float]) -> None:
    for field in weights:
        if field.analysis == WORDS:
            raise ConfigurationError(
                f"prefix_last of TantivyBM25Retriever needs unstemmed words, but '{field.path}' is stemmed; add "
                f"'unstemmed' to its analyses in the store's text_fields, and search '{field.path}:unstemmed'"
            )


def _filtered(query: Query, plan: FilterPlan) -> Query:
    if plan.query is None:
        return query
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, Query.const_score_query(plan.query, 0.0))])


def _scaled_below(found: list[Document], more: list[Document]) -> list[Document]:
    """Scale scores of another query, which are not comparable, to below those of the documents found before."""
    if not found or not more:
        return more
    ceiling = FUZZY_CEILING * (found[-1].score or 0.0)
    highest = more[0].score or 1.0
    return [replace(document, score=(document.score or 0.0) / highest * ceiling) for document in more]


def _median(snapshot: IndexSnapshot, field: str) -> float:
    positive = Query.range_query(snapshot.schema, field, FieldType.Float, lower_bound=0.0, include_lower=False)
    asked = {"median": {"percentiles": {"field": field, "percents": [50.0]}}}
    median = snapshot.searcher.aggregate(positive, asked)["median"]["values"]["50.0"]
    return float(median) if median is not None and math.isfinite(median) else 1.0
