"""Which document store finds a value within a list, and how."""

from typing import Any

from ltrr_haystack.filtering import CONTAINS
from ltrr_haystack.structured.filters import ListOperator

LIST_OPERATORS: dict[str, ListOperator] = {
    "TantivyDocumentStore": CONTAINS,
    "PgvectorDocumentStore": CONTAINS,
    "ElasticsearchDocumentStore": "==",
    "QdrantDocumentStore": "==",
}
"""Class of a document store → the operator by which it finds a value within a list. In others there is none."""

AUTO = "auto"
"""A retriever that was told no operator finds out by its document store."""

DEEPEST = 5
"""How many retrievers may be wrapped in one another."""


def list_operator_of(retriever: Any) -> ListOperator | None:
    """
    Find out how the document store of a retriever is asked for a value within a list.

    :param retriever: A retriever with a `document_store`, or one that wraps such a retriever in `retriever`. One that
        says its `list_operator` is believed.
    :returns: The operator; `None` where the store is not known to have one.
    """
    for _ in range(DEEPEST):
        told: Any = getattr(retriever, "list_operator", AUTO)
        if told != AUTO:
            operator: ListOperator | None = told
            return operator
        store = getattr(retriever, "document_store", None)
        if store is not None:
            names = [each.__name__ for each in type(store).__mro__]
            return next((LIST_OPERATORS[name] for name in names if name in LIST_OPERATORS), None)
        retriever = getattr(retriever, "retriever", None)
    return None
