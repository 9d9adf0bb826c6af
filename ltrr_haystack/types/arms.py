"""What one arm is asked, what it brings, and how it fared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ltrr_haystack.frozen_value import FrozenValue, SerialisableDocument
from ltrr_haystack.types.understanding import Understanding


@dataclass(frozen=True, slots=True)
class ArmRequest(FrozenValue):
    """
    What the router asks of one arm.

    :param query: The query text as the arm should search it.
    :param depth: How many candidates the arm may draw, at least 1.
    :param filters: Haystack filters, or `None`.
    :param understanding: What was understood of the query, for retrievers that can use it.
    """

    query: str
    depth: int
    filters: Mapping[str, Any] | None = None
    understanding: Understanding | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ArmResult(FrozenValue):
    """
    What one arm brought back.

    :param arm: The arm's name.
    :param documents: At most the requested depth, best first; empty where `error` says why.
    :param seconds: Wall-clock time of the retriever.
    :param error: `None`, or why there are no documents: `timeout`, or the exception's type and message.
    :param left_out: How many documents it found that could not be carried on.
    """

    arm: str
    documents: tuple[SerialisableDocument, ...] = field(repr=False)
    seconds: float
    error: str | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ArmReport(FrozenValue):
    """
    How one arm fared in one search.

    :param arm: The arm's name.
    :param depth: How many candidates it was asked for.
    :param returned: How many it brought.
    :param seconds: Wall-clock time of the retriever.
    :param top_score: Raw score of its first document, if it has one.
    :param error: `None`, or why it brought nothing.
    :param found: For each rank of the arm the place of that document in the union, from 1; empty where it is not known.
    :param weight: The arm's weight in the union's own order.
    :param rrf_k: To a document at its rank r the arm adds scale · weight / (rrf_k + r).
    :param scales: For each rank of the arm its scale, 0 to 1; empty where all are 1.
    :param left_out: How many documents it found that could not be carried on.
    :param fallback: Whether it was asked because the arms that the decision drew brought nothing.
    """

    arm: str
    depth: int
    returned: int
    seconds: float
    top_score: float | None = None
    error: str | None = None
    found: tuple[int, ...] = field(default=(), repr=False)
    weight: float = 1.0
    rrf_k: float = 60.0
    scales: tuple[float, ...] = field(default=(), repr=False)
    left_out: int = 0
    fallback: bool = False
