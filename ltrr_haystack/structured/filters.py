"""The Haystack filters that a reading of a query stands for."""

import math
from collections.abc import Mapping, Sequence
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
    tags: str | None = None,
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
    :param tags: Where the metadata has what `ContentTagger` found for a document that lacks a field, its `into`: a
        document that is tagged with a value matches it, too. `None` for nowhere.
    :returns: The condition of one slot, `AND` for several, in the order of their fields; empty without slots.
    """
    within = frozenset() if lexicon is None else lexicon.list_fields
    conditions = [
        _condition(_places(field, tags), _values(field, value, lexicon), lists if field in within else None)
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


def _places(field: str, tags: str | None) -> list[str]:
    return [f"meta.{field}", *([] if tags is None else [f"meta.{tags}.{field}"])]


def _condition(
    places: Sequence[str], values: Sequence[str | int | float], lists: ListOperator | None
) -> dict[str, Any]:
    conditions = []
    for path in places:
        if lists == CONTAINS:
            conditions += [{"field": path, "operator": CONTAINS, "value": [value]} for value in values]
        conditions += among(path, values)
    return any_of(*conditions)


def among(path: str, values: Sequence[str | int | float]) -> list[dict[str, Any]]:
    """
    Give the filters for documents that have one of some values, texts and numbers apart: databases compare neither with
    a list of both.

    :param path: The field, such as `meta.year`.
    :param values: At least one text or number.
    :returns: One condition for the texts, and one for the numbers.
    """
    texts = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if not isinstance(value, str)]
    return [
        {"field": path, "operator": "==", "value": alike[0]}
        if len(alike) == 1
        else {"field": path, "operator": "in", "value": alike}
        for alike in (texts, numbers)
        if alike
    ]


def any_of(*conditions: Mapping[str, Any]) -> dict[str, Any]:
    """
    Join conditions, one of which a document has to match.

    :param conditions: At least one condition.
    :returns: The condition itself, or `OR` of several.
    """
    return dict(conditions[0]) if len(conditions) == 1 else {"operator": "OR", "conditions": [*map(dict, conditions)]}


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
