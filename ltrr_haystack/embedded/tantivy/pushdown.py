"""Haystack's filters as queries of the index, as far as both mean exactly the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from haystack import Document
from haystack.errors import FilterError
from tantivy import FieldType, Occur, Query, Schema, Searcher

from ltrr_haystack.embedded.tantivy import schema
from ltrr_haystack.embedded.tantivy.fields import META, Fields

_OWN_FIELDS = frozenset(field.name for field in fields(Document))
_ORDER = (">", ">=", "<", "<=")


@dataclass(frozen=True, slots=True)
class Pushed:
    """
    What the index makes of filters.

    :param query: Finds every document that matches, and perhaps others; `None` finds all.
    :param exact: Whether it finds no others.
    """

    query: Query | None
    exact: bool


EVERYTHING = Pushed(None, exact=False)
"""The index can tell nothing: each document is to be looked at."""


class PushDown:
    """
    Turns filters into queries.

    Haystack's comparisons are Python's: a list equals no text, `1` equals `1.0` and `True`, what is missing is `None`,
    and dates are equal in all their spellings. What a term or a range of the index does not mean just so is left to the
    caller.

    :param known: What the index knows.
    :param index_schema: Its schema.
    :param searcher: Its current state.
    :param told: Called with each place in the metadata that is filtered by, and not declared.
    """

    def __init__(self, known: Fields, index_schema: Schema, searcher: Searcher, told: Callable[[str], None]) -> None:
        self._known = known
        self._schema = index_schema
        self._searcher = searcher
        self._told = told

    def of(self, filters: Mapping[str, Any]) -> Pushed:
        """
        Turn filters into a query.

        :param filters: Valid Haystack filters.
        :returns: The query.
        """
        if "field" in filters:
            return self._comparison(filters)
        conditions = [self.of(condition) for condition in filters["conditions"]]
        if filters["operator"] == "OR":
            return self._any(conditions)
        every = self._all(conditions)
        return every if filters["operator"] == "AND" else self._none(every)

    def _comparison(self, condition: Mapping[str, Any]) -> Pushed:
        path, operator, value = _qualified(condition["field"]), condition["operator"], condition["value"]
        if path == "id":
            return self._of_id(operator, value)
        if path not in self._known.filtered:
            if path.startswith(META):
                self._told(path)
            return EVERYTHING
        if operator in _ORDER:
            return self._ordered(path, operator, value)
        pushed = self._among(path, value if operator in ("in", "not in") else [value])
        return self._none(pushed) if operator in ("!=", "not in") else pushed

    def _of_id(self, operator: str, value: Any) -> Pushed:
        values = value if operator in ("in", "not in") else [value]
        if operator in _ORDER or not all(_is_plain(each) for each in values):
            return EVERYTHING
        keys = [schema.key_of(each) for each in values if isinstance(each, str)]
        found = Pushed(self._one_of(schema.KEY, keys), exact=True)
        return self._none(found) if operator in ("!=", "not in") else found

    def _among(self, path: str, values: Sequence[Any]) -> Pushed:
        if not all(_is_plain(value) for value in values):
            return EVERYTHING
        terms = [term for value in values if (term := schema.term_of(path, value)) is not None]
        return Pushed(self._one_of(schema.TERMS, terms), exact=True)

    def _one_of(self, field: str, terms: Sequence[str]) -> Query:
        if len(terms) == 1:
            return Query.term_query(self._schema, field, terms[0], index_option="basic")
        return Query.term_set_query(self._schema, field, list(terms)) if terms else Query.empty_query()

    def _ordered(self, path: str, operator: str, value: Any) -> Pushed:
        if value is None:
            return Pushed(Query.empty_query(), exact=True)
        limit = schema.number_of(value)
        if limit is None or path not in self._known.numbers:
            return EVERYTHING
        # A number that is not exactly the one in the index may lie on either side of a limit next to it.
        exact = limit == value and not self._searcher.doc_freq(schema.TERMS, schema.inexact_term(path))
        inclusive = not exact or operator.endswith("=")
        name, number = schema.number_name(path), FieldType.Float
        if operator.startswith(">"):
            query = Query.range_query(self._schema, name, number, lower_bound=limit, include_lower=inclusive)
        else:
            query = Query.range_query(self._schema, name, number, upper_bound=limit, include_upper=inclusive)
        return Pushed(query, exact)

    def _all(self, conditions: Sequence[Pushed]) -> Pushed:
        exact = all(condition.exact for condition in conditions)
        known = [condition.query for condition in conditions if condition.query is not None]
        if len(known) < 2:
            return Pushed(known[0] if known else None, exact)
        return Pushed(Query.boolean_query([(Occur.Must, query) for query in known]), exact)

    def _any(self, conditions: Sequence[Pushed]) -> Pushed:
        exact = all(condition.exact for condition in conditions)
        known = [condition.query for condition in conditions if condition.query is not None]
        if len(known) < len(conditions):
            return Pushed(None, exact)
        if not known:
            return Pushed(Query.empty_query(), exact=True)
        return Pushed(Query.boolean_query([(Occur.Should, query) for query in known]), exact)

    def _none(self, pushed: Pushed) -> Pushed:
        if not pushed.exact:
            return EVERYTHING
        if pushed.query is None:
            return Pushed(Query.empty_query(), exact=True)
        others = [(Occur.Must, Query.all_query()), (Occur.MustNot, pushed.query)]
        return Pushed(Query.boolean_query(others), exact=True)


def _qualified(field: str) -> str:
    """Haystack takes a name without a dot that is no field of documents to be one of the metadata."""
    return field if "." in field or field in _OWN_FIELDS else f"{META}{field}"


def _is_plain(value: Any) -> bool:
    """Whether equality is a matter of terms. Texts that may be dates are equal in other spellings, too."""
    if isinstance(value, str):
        return not (len(value) >= 10 and value[:4].isdigit() and value[4] == "-")
    return value is None or isinstance(value, int | float)


def check_orders(filters: Mapping[str, Any]) -> None:
    """
    Refuse texts that only dateutil takes for dates: a bare number is a day of this month to it, which nobody means.

    :param filters: Valid Haystack filters.
    :raises FilterError: If a text that is a number is compared by order.
    """
    for condition in filters.get("conditions", ()):
        check_orders(condition)
    value = filters.get("value")
    if filters["operator"] in (">", ">=", "<", "<=") and isinstance(value, str) and value.strip().isdecimal():
        raise FilterError(
            f"'{filters['operator']}' compares numbers, or dates such as 2026-05-16; got the text {value!r}"
        )
