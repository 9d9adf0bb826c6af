"""
Haystack's metadata filters, compiled once and applied to many documents.

Every store of the embedded default applies filters through this module, so that a filter means the same in all of
them: what `haystack.utils.filters.document_matches_filter` makes of it. Haystack's own operators compare a list
as a whole; `array_contains` asks for values within it, with the meaning that pgvector's document store gives it.
"""

import operator as operators
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from typing import Any, Final

import dateutil.parser
from haystack import Document
from haystack.errors import FilterError
from haystack.utils.filters import COMPARISON_OPERATORS, LOGICAL_OPERATORS

Predicate = Callable[[Document], bool]
"""Whether a document is wanted."""

CONTAINS: Final = "array_contains"
"""Operator that is fulfilled by a list that holds every one of the given values."""

DEEPEST = 100
"""Deepest nesting of conditions; Haystack itself runs out of stack a little further down."""

_Test = Callable[[Any], bool]

_ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": operators.gt,
    ">=": operators.ge,
    "<": operators.lt,
    "<=": operators.le,
}
_COMPARISONS = {**COMPARISON_OPERATORS, CONTAINS: None}
_PLAIN = frozenset((str, int, float, bool, type(None)))
_CONTAINERS = frozenset((list, tuple, dict, set, frozenset))
_OWN_FIELDS = frozenset(field.name for field in fields(Document))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_INFO = dateutil.parser.parserinfo
_DATE_WORDS = frozenset(
    word.lower()
    for words in (*_INFO.WEEKDAYS, *_INFO.MONTHS, *_INFO.HMS, *_INFO.AMPM, _INFO.JUMP, _INFO.UTCZONE, _INFO.PERTAIN)
    for word in words
) | {"nan", "inf", "infinity"}
_WORD = re.compile(r"[^\W\d_]+")
_LONGEST_ZONE = 5
_LONGEST_KEPT = 100


def compiled(filters: Mapping[str, Any]) -> Predicate:
    """
    Turn filters into a predicate that says what `document_matches_filter` says, and raises nothing.

    A comparison over which Haystack raises because of a document's value, such as a number that is to be greater than
    a text, is not fulfilled by that document.

    :param filters: A comparison `{field, operator, value}`, or `{operator: AND | OR | NOT, conditions: […]}`.
    :returns: Whether a document matches; safe under many threads.
    :raises FilterError: If the filters are not valid, whatever the documents hold.
    """
    return _condition(filters, DEEPEST)


def _condition(condition: Mapping[str, Any], levels: int) -> Predicate:
    if not isinstance(condition, Mapping):
        raise FilterError(f"a condition must be a dictionary, got {type(condition).__name__}")
    if levels <= 0:
        raise FilterError(f"conditions are nested deeper than {DEEPEST} levels")
    if "operator" not in condition:
        raise FilterError(f"'operator' key missing in {condition}")
    return _comparison(condition) if "field" in condition else _logical(condition, levels)


def _logical(condition: Mapping[str, Any], levels: int) -> Predicate:
    operator = _known(condition["operator"], "logical", LOGICAL_OPERATORS)
    if "conditions" not in condition:
        raise FilterError(f"'conditions' key missing in {condition}")
    conditions = condition["conditions"]
    if isinstance(conditions, str | Mapping) or not isinstance(conditions, Sequence):
        raise FilterError(f"'conditions' of '{operator}' must be a list, got {type(conditions).__name__}")
    predicates = tuple([_condition(each, levels - 1) for each in conditions])
    stop = operator == "OR"

    def decided(document: Document) -> bool:
        for holds in predicates:
            if holds(document) is stop:
                return stop
        return not stop

    return (lambda document: not decided(document)) if operator == "NOT" else decided


def _comparison(condition: Mapping[str, Any]) -> Predicate:
    operator = _known(condition["operator"], "comparison", _COMPARISONS)
    field = condition["field"]
    if not isinstance(field, str):
        raise FilterError(f"'field' must be text, got {type(field).__name__}")
    if "value" not in condition:
        raise FilterError(f"'value' key missing in {condition}")
    test = _test(operator, condition["value"])
    root, *path = field.split(".")
    if not path and root not in _OWN_FIELDS:
        root, path = "meta", [field]
    if root == "meta" and len(path) == 1:
        return _of_metadata(path[0], test)

    def holds(document: Document) -> bool:
        try:
            value = getattr(document, root, None)
            for name in path:
                value = value[name] if isinstance(value, dict) and name in value else None
            return bool(test(value))
        except Exception:  # noqa: BLE001 (whatever a value raises when it is compared)
            return False

    return holds


def _of_metadata(name: str, test: _Test) -> Predicate:
    def holds(document: Document) -> bool:
        try:
            meta = document.meta
            return bool(test(meta.get(name) if isinstance(meta, dict) else None))
        except Exception:  # noqa: BLE001 (whatever a value raises when it is compared)
            return False

    return holds


def _known(operator: Any, sort: str, known: Mapping[str, Any]) -> str:
    if not isinstance(operator, str) or operator not in known:
        raise FilterError(f"Unknown {sort} operator '{operator}'. Valid operators are: {sorted(known)}")
    return operator


def _test(operator: str, value: Any) -> _Test:
    if operator in _ORDER:
        return _ordered(operator, value)
    if operator == CONTAINS:
        return _containing(value)
    if operator in ("in", "not in") and not isinstance(value, list):
        raise FilterError(f"Filter value must be a `list` when using operator '{operator}', got {type(value)}")
    test = _equal(value) if operator in ("==", "!=") else _among(value)
    return test if operator in ("==", "in") else lambda found: not test(found)


def _equal(value: Any) -> _Test:
    if type(value) not in _PLAIN or _iso_date(value) is not None:
        return _among([value])
    return partial(operators.eq, value)


def _among(values: list[Any]) -> _Test:
    def by_haystack(found: Any) -> bool:
        return COMPARISON_OPERATORS["in"](value=found, filter_value=values, strict_datetime_comparison=False)

    if any(type(value) not in _PLAIN for value in values):
        return by_haystack
    plain = frozenset(value for value in values if value == value)  # NaN equals nothing
    dates = [moment for value in values if (moment := _iso_date(value)) is not None]
    one_of_the_dates = _one_of(dates)

    def among(found: Any) -> bool:
        sort = type(found)
        if sort in _PLAIN:
            return found in plain or (bool(dates) and one_of_the_dates(_iso_date(found)))
        return sort not in _CONTAINERS and by_haystack(found)

    return among


def _containing(values: Any) -> _Test:
    if not isinstance(values, list) or not values:
        raise FilterError(f"Filter value must be a `list` with at least one value when using '{CONTAINS}'")
    tests = [_equal(value) for value in values]

    def containing(found: Any) -> bool:
        return isinstance(found, list | tuple) and all(any(map(test, found)) for test in tests)

    return containing


def _one_of(dates: Sequence[datetime]) -> Callable[[datetime | None], bool]:
    walls = {each.replace(tzinfo=None) for each in dates}
    instants = {each - _EPOCH for each in dates if each.tzinfo is not None}

    def one_of(found: datetime | None) -> bool:
        if found is None:
            return False
        if found.tzinfo is None:
            possible = found in walls
        else:
            possible = found.replace(tzinfo=None) in walls or found - _EPOCH in instants
        if not possible:
            return False
        return any(operators.eq(*_aligned(found, each)) for each in dates)

    return one_of


def _ordered(operator: str, value: Any) -> _Test:
    compare = _ORDER[operator]
    if value is None:
        return lambda _: False
    if isinstance(value, list | dict):
        raise FilterError(f"Filter value can't be of type {type(value)} using operators '>', '>=', '<', '<='")
    if not isinstance(value, str | datetime):
        return lambda found: found is not None and not isinstance(found, str) and compare(found, value)
    limit = value if isinstance(value, datetime) else _date(value)
    if limit is None:
        raise FilterError(
            f"Can't compare strings using operators '>', '>=', '<', '<='. Expected a date in ISO format, got {value!r}."
        )

    def ordered(found: Any) -> bool:
        moment = _date(found) if isinstance(found, str) else found
        return isinstance(moment, datetime) and bool(compare(*_aligned(moment, limit)))

    return ordered


def _aligned(first: datetime, second: datetime) -> tuple[datetime, datetime]:
    """A date without a time zone is taken to be in the other's."""
    if first.tzinfo is None and second.tzinfo is not None:
        return first.replace(tzinfo=second.tzinfo), second
    if second.tzinfo is None and first.tzinfo is not None:
        return first, second.replace(tzinfo=first.tzinfo)
    return first, second


def _iso_date(value: Any) -> datetime | None:
    """The moment that equality knows: only whole ISO 8601 dates, with or without a time."""
    if not isinstance(value, str) or len(value) < 10 or value[4] != "-" or value[7] != "-":
        return None
    if not (value[:4].isdigit() and value[5:7].isdigit() and value[8:10].isdigit()):
        return None
    if len(value) > 10 and value[10] not in "Tt ":
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        try:
            moment: datetime = dateutil.parser.isoparse(value)
        except (ValueError, OverflowError):
            return None
        return moment


def _date(text: str) -> datetime | None:
    """The moment that order knows: ISO 8601, or else whatever dateutil reads."""
    if text[:1].isdigit():
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    if not _may_be_a_date(text):
        return None
    if len(text) > _LONGEST_KEPT:
        return _read(text)
    return _read_today(text, date.today().toordinal())  # noqa: DTZ011 (as dateutil completes a date that is not whole)


def _may_be_a_date(text: str) -> bool:
    """dateutil takes its time even over text in which any word tells at once that it is no date."""
    if "\0" in text:
        return True
    for match in _WORD.finditer(text):
        word = match.group()
        if word.lower() not in _DATE_WORDS and (len(word) > _LONGEST_ZONE or not word.isupper()):
            return False
    return True


@lru_cache(maxsize=2**15)
def _read_today(text: str, _: int) -> datetime | None:
    return _read(text)


def _read(text: str) -> datetime | None:
    try:
        moment: datetime = dateutil.parser.parse(text)
    except Exception:  # noqa: BLE001 (dateutil has raised errors of many kinds)
        return None
    return moment
