"""Filter push-down: turns Haystack's filters into queries of the index, as far as both mean exactly the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from typing import Any

from haystack import Document
from haystack.errors import FilterError
from tantivy import FieldType, Occur, Query, Schema, Searcher

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.fields import META, Fields
from ltrr_haystack.filtering import CONTAINS

_OWN_FIELDS = frozenset(field.name for field in fields_of(Document))
_ORDER = (">", ">=", "<", "<=")


@dataclass(frozen=True, slots=True)
class PushedFilter:
    """
    The query for filters.

    :param query: Finds every document that matches, and possibly others; `None` finds all documents.
    :param exact: Whether it finds no others.
    """

    query: Query | None
    exact: bool


EVERYTHING = PushedFilter(None, exact=False)
"""The index cannot evaluate the filter; it has to be applied to every document."""


class PushDown:
    """
    Turns filters into queries.

    Haystack compares values as Python does: a list does not equal a text, `1` equals `1.0` and `True`, a missing value
    is `None`, and dates are equal in all spellings. Comparisons that a term or range query of the index would evaluate
    differently are left to the caller.

    :param fields: The fields of the index.
    :param index_schema: The schema of the index.
    :param searcher: The current searcher.
    :param on_undeclared: Called with each metadata field that is filtered by but not declared.
    """

    def __init__(
        self, fields: Fields, index_schema: Schema, searcher: Searcher, on_undeclared: Callable[[str], None]
    ) -> None:
        self._fields = fields
        self._schema = index_schema
        self._searcher = searcher
        self._on_undeclared = on_undeclared

    def push(self, filters: Mapping[str, Any]) -> PushedFilter:
        """
        Turn filters into a query.

        :param filters: Valid Haystack filters.
        :returns: The query.
        """
        if "field" in filters:
            return self._comparison(filters)
        conditions = [self.push(condition) for condition in filters["conditions"]]
        if filters["operator"] == "OR":
            return self._any(conditions)
        every = self._all(conditions)
        return every if filters["operator"] == "AND" else self._none(every)

    def _comparison(self, condition: Mapping[str, Any]) -> PushedFilter:
        path, operator, value = _qualified(condition["field"]), condition["operator"], condition["value"]
        if path == "id":
            return self._of_id(operator, value)
        if path not in self._fields.filterable:
            if path.startswith(META):
                self._on_undeclared(path)
            return EVERYTHING
        if operator in _ORDER:
            return self._ordered(path, operator, value)
        if operator == CONTAINS:
            return self._all([self._with_item(path, each) for each in value])
        pushed = self._among(path, value if operator in ("in", "not in") else [value])
        return self._none(pushed) if operator in ("!=", "not in") else pushed

    def _of_id(self, operator: str, value: Any) -> PushedFilter:
        values = value if operator in ("in", "not in") else [value]
        if operator in (*_ORDER, CONTAINS) or not all(_is_plain(each) for each in values):
            return EVERYTHING
        keys = [schema.key_of(each) for each in values if isinstance(each, str)]
        found = PushedFilter(self._one_of(schema.KEY, keys), exact=True)
        return self._none(found) if operator in ("!=", "not in") else found

    def _among(self, path: str, values: Sequence[Any]) -> PushedFilter:
        if not all(_is_plain(value) for value in values):
            return EVERYTHING
        terms = [term for value in values if (term := schema.term_of(path, value)) is not None]
        return PushedFilter(self._one_of(schema.TERMS, terms), exact=True)

    def _with_item(self, path: str, value: Any) -> PushedFilter:
        if not _is_plain(value):
            return EVERYTHING
        term = schema.item_term_of(path, value)
        return PushedFilter(self._one_of(schema.TERMS, [] if term is None else [term]), exact=True)

    def _one_of(self, field: str, terms: Sequence[str]) -> Query:
        if len(terms) == 1:
            return Query.term_query(self._schema, field, terms[0], index_option="basic")
        return Query.term_set_query(self._schema, field, list(terms)) if terms else Query.empty_query()

    def _ordered(self, path: str, operator: str, value: Any) -> PushedFilter:
        if value is None:
            return PushedFilter(Query.empty_query(), exact=True)
        limit = schema.number_of(value)
        if limit is None or path not in self._fields.numbers:
            return EVERYTHING
        # A number that the index stores inexactly may be on either side of a limit next to it.
        exact = limit == value and not self._searcher.doc_freq(schema.TERMS, schema.inexact_term(path))
        inclusive = not exact or operator.endswith("=")
        name, number = schema.number_name(path), FieldType.Float
        if operator.startswith(">"):
            query = Query.range_query(self._schema, name, number, lower_bound=limit, include_lower=inclusive)
        else:
            query = Query.range_query(self._schema, name, number, upper_bound=limit, include_upper=inclusive)
        return PushedFilter(query, exact)

    def _all(self, conditions: Sequence[PushedFilter]) -> PushedFilter:
        exact = all(condition.exact for condition in conditions)
        known = [condition.query for condition in conditions if condition.query is not None]
        if len(known) < 2:
            return PushedFilter(known[0] if known else None, exact)
        return PushedFilter(Query.boolean_query([(Occur.Must, query) for query in known]), exact)

    def _any(self, conditions: Sequence[PushedFilter]) -> PushedFilter:
        exact = all(condition.exact for condition in conditions)
        known = [condition.query for condition in conditions if condition.query is not None]
        if len(known) < len(conditions):
            return PushedFilter(None, exact)
        if not known:
            return PushedFilter(Query.empty_query(), exact=True)
        return PushedFilter(Query.boolean_query([(Occur.Should, query) for query in known]), exact)

    def _none(self, pushed: PushedFilter) -> PushedFilter:
        if not pushed.exact:
            return EVERYTHING
        if pushed.query is None:
            return PushedFilter(Query.empty_query(), exact=True)
        others = [(Occur.Must, Query.all_query()), (Occur.MustNot, pushed.query)]
        return PushedFilter(Query.boolean_query(others), exact=True)


def _qualified(field: str) -> str:
    """Add the prefix `meta.` to a metadata field without it, as Haystack does."""
    return field if "." in field or field in _OWN_FIELDS else f"{META}{field}"


def _is_plain(value: Any) -> bool:
    """Check that terms decide equality. Texts that may be dates can be equal in different spellings."""
    if isinstance(value, str):
        return not (len(value) >= 10 and value[:4].isdigit() and value[4] == "-")
    return value is None or isinstance(value, int | float)


def check_orders(filters: Mapping[str, Any]) -> None:
    """
    Refuse numbers given as texts in comparisons of order, which Haystack's date parser reads as days of this month.

    :param filters: Valid Haystack filters.
    :raises FilterError: If the value of such a comparison is a number as a text.
    """
    for condition in filters.get("conditions", ()):
        check_orders(condition)
    value = filters.get("value")
    if filters["operator"] in (">", ">=", "<", "<=") and isinstance(value, str) and value.strip().isdecimal():
        raise FilterError(
            f"'{filters['operator']}' compares numbers, or dates such as 2026-05-16, got the text {value!r}"
        )
