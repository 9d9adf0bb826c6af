"""Validation of the metadata filters that callers send: https://docs.haystack.deepset.ai/docs/metadata-filtering"""

import json
import re
from dataclasses import fields
from datetime import datetime
from typing import Any

from haystack import Document, Pipeline

from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.filtering import CONTAINS
from ltrr_haystack.server.checks import check_json
from ltrr_haystack.structured.stores import list_operator_of

LOGICAL = ("AND", "OR", "NOT")
EQUAL = ("==", "!=")
ORDER = (">", ">=", "<", "<=")
AMONG = ("in", "not in", CONTAINS)
COMPARISONS = (*EQUAL, *ORDER, *AMONG)

OF_LOGICAL = ("operator", "conditions")
OF_COMPARISON = ("field", "operator", "value")

MOST_VALUES = 300
MOST_CONDITIONS = 32
"""
Embedded stores may apply a filter to every document. For 20,000 documents a condition takes about 5 ms, and a condition
with a date up to 40 ms, of the one second that an arm has.
"""

DATE_WEIGHT = 4
"""A condition with a date counts as this many conditions; one with `array_contains` as one for each of its values."""

_NAME = re.compile(r"[\w-]+(\.[\w-]+){0,10}")
_FILTERED = frozenset(("id", "content"))
_OWN_FIELDS = frozenset(field.name for field in fields(Document))


def check_filters(filters: Any) -> dict[str, Any] | None:
    """
    Refuse invalid filters, and write field names in the form that every store understands.

    Stores differ in which filters they refuse and which they misinterpret without an error, and the failure of an arm
    does not fail the search. A caller's mistake therefore has to be reported before any arm runs.

    :param filters: A comparison `{field, operator, value}`, or `{operator: AND | OR | NOT, conditions: […]}`; `{}` for
        none, as in Haystack.
    :returns: The filters, with the prefix `meta.` for metadata fields; `None` if there are none.
    :raises ValueError: If the filters are invalid. The message names the place and what was expected.
    """
    if filters == {}:
        return None
    check_json(filters, depth=8, values=MOST_VALUES, characters=20_000)
    checked = _condition(filters, "filters")
    if (weight := _weight(checked)) > MOST_CONDITIONS:
        raise ValueError(
            f"filters: at most {MOST_CONDITIONS} conditions are allowed, got {weight}; a comparison with a date counts "
            f"as {DATE_WEIGHT}, and each value of '{CONTAINS}', AND, OR and NOT as one; use 'in' to compare with many "
            f"values in one condition"
        )
    return checked


def check_lists(filters: dict[str, Any] | None, pipeline: Pipeline) -> None:
    """
    Refuse `array_contains` where an arm has a document store that does not know it: that arm alone would fail.

    :param filters: Filters that `check_filters` let through; `None` for none.
    :param pipeline: The search pipeline.
    :raises InvalidInputError: If the filters look for values within lists, and an arm cannot.
    """
    if filters is None or not _looks_into_lists(filters):
        return
    arms = [part for _, part in pipeline.walk() if isinstance(part, RetrievalArm)]
    if unable := sorted({arm.name for arm in arms if list_operator_of(arm.retriever) != CONTAINS}):
        raise InvalidInputError(
            f"filters: '{CONTAINS}' cannot be used here, since the document stores of these arms do not know it: "
            f"{', '.join(unable)}"
        )


def _looks_into_lists(condition: dict[str, Any]) -> bool:
    return condition["operator"] == CONTAINS or any(map(_looks_into_lists, condition.get("conditions", ())))


def _condition(condition: Any, where: str) -> dict[str, Any]:
    if not isinstance(condition, dict):
        raise ValueError(f"{where}: expected an object with 'operator'")
    operator = condition.get("operator")
    if operator in LOGICAL:
        return _logical(condition, where)
    if operator in COMPARISONS:
        return _comparison(condition, where)
    known = ", ".join((*LOGICAL, *COMPARISONS))
    found = "it is missing" if operator is None else f"got {_shown(operator)}"
    raise ValueError(f"{where}.operator: expected one of {known}; {found}")


def _only(known: tuple[str, ...], condition: dict[str, Any], where: str) -> None:
    for name in condition:
        if name not in known:
            raise ValueError(f"{where}.{name[:40]}: unknown field; possible are {', '.join(known)}")


def _logical(condition: dict[str, Any], where: str) -> dict[str, Any]:
    _only(OF_LOGICAL, condition, where)
    conditions = condition.get("conditions")
    if not isinstance(conditions, list) or not conditions:
        raise ValueError(f"{where}.conditions: '{condition['operator']}' needs a list of conditions")
    checked = [_condition(each, f"{where}.conditions.{index}") for index, each in enumerate(conditions)]
    return {"operator": condition["operator"], "conditions": checked}


def _comparison(condition: dict[str, Any], where: str) -> dict[str, Any]:
    _only(OF_COMPARISON, condition, where)
    field, operator = condition.get("field"), condition["operator"]
    if not isinstance(field, str) or not 0 < len(field) <= 256:
        raise ValueError(f"{where}.field: '{operator}' needs the name of a field, of at most 256 characters")
    if _NAME.fullmatch(field) is None:
        raise ValueError(
            f"{where}.field: expected at most 11 parts of letters, digits, '_' and '-', joined by dots, got {field!r}"
        )
    if field in _OWN_FIELDS - _FILTERED:
        raise ValueError(
            f"{where}.field: not every store can filter by '{field}' of a document; filter by its id, its content or "
            f"its metadata, such as 'meta.{field}'"
        )
    if "value" not in condition:
        raise ValueError(f"{where}.value: '{operator}' needs a value")
    value = condition["value"]
    if operator in EQUAL and not isinstance(value, str | int | float | bool):
        raise ValueError(f"{where}.value: '{operator}' needs a text, a number, true or false")
    if operator in ORDER and not _ordered(value):
        raise ValueError(f"{where}.value: '{operator}' needs a number, or a date such as 2026-05-16")
    if operator in AMONG and not _texts_or_numbers(value):
        raise ValueError(f"{where}.value: '{operator}' needs a list of texts or numbers")
    return {"field": _qualified(field), "operator": operator, "value": value}


def _weight(condition: dict[str, Any]) -> int:
    if "conditions" in condition:
        return 1 + sum(map(_weight, condition["conditions"]))
    value = condition["value"]
    values = value if isinstance(value, list) else [value]
    if condition["operator"] == CONTAINS:
        return sum(DATE_WEIGHT if _is_date(each) else 1 for each in values)
    return DATE_WEIGHT if any(map(_is_date, values)) else 1


def _ordered(value: object) -> bool:
    return _is_date(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _texts_or_numbers(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str | int | float | bool) for each in value)


def _shown(value: Any) -> str:
    return repr(value[:40]) if isinstance(value, str) else json.dumps(value)[:40]


def _qualified(field: str) -> str:
    return field if field.startswith("meta.") or field in _FILTERED else f"meta.{field}"
