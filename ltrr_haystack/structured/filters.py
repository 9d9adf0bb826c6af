"""The Haystack filters that a reading of a query stands for."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from ltrr_haystack.catalogue import Lexicon
from ltrr_haystack.filtering import CONTAINS
from ltrr_haystack.types import Interpretation
from ltrr_haystack.understanding import normal_form

ListOperator = Literal["array_contains", "=="]
"""The operator by which a document store finds a value within a list."""


def filters_of(
    interpretation: Interpretation,
    lexicon: Lexicon | None = None,
    *,
    lists: ListOperator | None = CONTAINS,
) -> dict[str, Any]:
    """
    Give the filters that a reading stands for: its slots, all of which a document has to match.

    A slot's field always names metadata, and its value is compared for equality. Neither can become an operator or
    another field, whatever somebody typed. A value that documents write in several ways matches in all of them; one of
    a field that holds numbers matches as text and as number.

    In Haystack's own filters no operator finds a value within a list. Where the catalogue holds lists in a field,
    `array_contains` does, which TantivyDocumentStore, MemoryIndexRetriever and pgvector understand; Elasticsearch and
    Qdrant take `==` for it. InMemoryDocumentStore has no operator that does.

    :param interpretation: The reading.
    :param lexicon: What is known of the catalogue's values. Without it a value matches as it is, and no field holds
        lists.
    :param lists: The operator for values within lists; with `None` the slots whose fields hold lists are left out.
    :returns: The condition of one slot, `AND` for several, in the order of their fields; empty without slots.
    """
    within = frozenset() if lexicon is None else lexicon.list_fields
    conditions = [
        _condition(field, _values(field, value, lexicon), lists if field in within else None)
        for field, value in sorted(interpretation.slots.items())
        if lists is not None or field not in within
    ]
    return all_of(*conditions)


def all_of(*filters: Mapping[str, Any] | None) -> dict[str, Any]:
    """
    Join filters, all of which a document has to match.

    :param filters: Haystack filters; empty ones and `None` match everything.
    :returns: The filters; empty if all of them are.
    """
    given = [dict(each) for each in filters if each]
    if len(given) < 2:
        return given[0] if given else {}
    return {"operator": "AND", "conditions": given}


def _condition(field: str, values: list[str | int | float], lists: ListOperator | None) -> dict[str, Any]:
    path = f"meta.{field}"
    equal: dict[str, Any] = {"field": path, "operator": "==", "value": values[0]}
    if len(values) > 1:
        equal = {"field": path, "operator": "in", "value": values}
    if lists != CONTAINS:
        return equal
    within = [{"field": path, "operator": CONTAINS, "value": [value]} for value in values]
    return {"operator": "OR", "conditions": [*within, equal]}


def _values(field: str, value: str, lexicon: Lexicon | None) -> list[str | int | float]:
    if lexicon is None:
        return [value]
    known = lexicon.lookup(field, normal_form(value))
    values: list[str | int | float] = [value, *(() if known is None else known.writings)]
    if field in lexicon.number_fields and (number := _number(value)) is not None:
        values.append(number)
    return list(dict.fromkeys(values))


def _number(text: str) -> int | float | None:
    """The number that is written just so."""
    for sort in (int, float):
        try:
            number: int | float = sort(text)
        except ValueError:
            continue
        if str(number) == text and math.isfinite(number):
            return number
    return None
