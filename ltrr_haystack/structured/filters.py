"""The Haystack filters that a reading of a query stands for."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from ltrr_haystack.filtering import CONTAINS
from ltrr_haystack.types import Interpretation

ListOperator = Literal["array_contains", "=="]
"""The operator by which a document store finds a value within a list."""


class KnowsLists(Protocol):
    """What is to be known of the catalogue: the fields whose values are lists. A Lexicon knows them."""

    @property
    def list_fields(self) -> frozenset[str]:
        """Fields, without `meta.`, of which some documents hold lists."""
        ...


def filters_of(
    interpretation: Interpretation,
    lexicon: KnowsLists | None = None,
    *,
    lists: ListOperator | None = CONTAINS,
) -> dict[str, Any]:
    """
    Give the filters that a reading stands for: its slots, all of which a document has to match.

    A slot's field always names metadata, and its value is compared for equality. Neither can become an operator or
    another field, whatever somebody typed.

    In Haystack's own filters no operator finds a value within a list. Where the catalogue holds lists in a field,
    `array_contains` does, which TantivyDocumentStore, MemoryIndexRetriever and pgvector understand; Elasticsearch and
    Qdrant take `==` for it. InMemoryDocumentStore has no operator that does.

    :param interpretation: The reading.
    :param lexicon: What is known of the catalogue; without it no field holds lists.
    :param lists: The operator for values within lists; with `None` the slots whose fields hold lists are left out.
    :returns: A comparison for one slot, `AND` for several, in the order of their fields; empty without slots.
    """
    within = frozenset() if lexicon is None else lexicon.list_fields
    conditions = [
        _condition(field, value, lists if field in within else None)
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


def _condition(field: str, value: str, lists: ListOperator | None) -> dict[str, Any]:
    path = f"meta.{field}"
    equal = {"field": path, "operator": "==", "value": value}
    if lists != CONTAINS:
        return equal
    within = {"field": path, "operator": CONTAINS, "value": [value]}
    return {"operator": "OR", "conditions": [within, equal]}
