"""A retriever within another component: asked either way, and warmed up and closed with it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from haystack import Document

from ltrr_haystack.components.settings import check_whole
from ltrr_haystack.components.signatures import parameters_of
from ltrr_haystack.errors import InvalidInputError
from ltrr_haystack.structured.filters import all_of
from ltrr_haystack.types import Understanding

_MOST_WRAPPED = 4
"""Retrievers within each other whose filters are looked for."""


def checked_depth(owner: str, query: str, top_k: int | None, own: int) -> int:
    """
    Check what a retriever is asked for.

    :param owner: The class of the retriever, for the errors.
    :param query: The query text.
    :param top_k: The most documents; `None` for the retriever's own number.
    :param own: The retriever's own number.
    :returns: The most documents.
    :raises InvalidInputError: If `top_k` is no whole number of at least 1, or the query is not a text.
    """
    depth = own if top_k is None else top_k
    check_whole(f"top_k of {owner}", depth, error=InvalidInputError)
    if not isinstance(query, str):
        raise InvalidInputError(f"the query of {owner} must be a text, got {type(query).__name__}")
    return depth


class WrappedRetriever:
    """
    A retriever that another component asks.

    :param owner: Whose retriever it is, for errors.
    :param retriever: Any component with `run(query, filters, top_k)`. If its `run` has a parameter `understanding`, it
        is handed the Understanding.
    :raises ConfigurationError: If it has no such `run`.
    """

    def __init__(self, owner: str, retriever: Any) -> None:
        self._retriever = retriever
        self._takes_understanding = "understanding" in parameters_of(owner, retriever)

    def within(self, filters: Mapping[str, Any] | None) -> dict[str, Any]:
        """
        Join filters with the retriever's own, or those of the retriever that it wraps: whatever these exclude, no
        reading and no relation shall bring, whether a filter of a run replaces the retriever's or is merged with it.

        :param filters: Haystack filters; none if empty.
        :returns: Both; empty if there are none.
        """
        own, retriever = [], self._retriever
        for _ in range(_MOST_WRAPPED):
            own.append(getattr(retriever, "filters", None))
            if (retriever := getattr(retriever, "retriever", None)) is None:
                break
        return all_of(*[each for each in own if isinstance(each, Mapping)], filters)

    def ask(
        self, query: str, filters: Mapping[str, Any] | None, top_k: int, understanding: Understanding | None = None
    ) -> list[Document]:
        """
        Retrieve documents.

        :param query: The query text.
        :param filters: Haystack filters, beside those that the retriever has; none if empty.
        :param top_k: The most documents.
        :param understanding: What was understood of the query.
        :returns: The documents, best first, without those that have no id or no metadata.
        :raises TypeError: If the retriever brings anything else than Documents.
        """
        return self._documents(self._retriever.run(**self._arguments(query, filters, top_k, understanding)), top_k)

    async def ask_async(
        self, query: str, filters: Mapping[str, Any] | None, top_k: int, understanding: Understanding | None = None
    ) -> list[Document]:
        """
        Retrieve documents without blocking the event loop: by `run_async`, or else by `run` in a thread.

        :param query: The query text.
        :param filters: Haystack filters; none if empty.
        :param top_k: The most documents.
        :param understanding: What was understood of the query.
        :returns: As for `ask`.
        :raises TypeError: If the retriever brings anything else than Documents.
        """
        arguments = self._arguments(query, filters, top_k, understanding)
        if hasattr(self._retriever, "run_async"):
            return self._documents(await self._retriever.run_async(**arguments), top_k)
        return self._documents(await asyncio.to_thread(self._retriever.run, **arguments), top_k)

    def warm_up(self) -> None:
        """Warm up the retriever where it can be."""
        if hasattr(self._retriever, "warm_up"):
            self._retriever.warm_up()

    async def warm_up_async(self) -> None:
        """Warm up the retriever without blocking the event loop."""
        if hasattr(self._retriever, "warm_up_async"):
            await self._retriever.warm_up_async()
        else:
            await asyncio.to_thread(self.warm_up)

    def close(self) -> None:
        """Release what the retriever holds."""
        if hasattr(self._retriever, "close"):
            self._retriever.close()

    async def close_async(self) -> None:
        """Release what the retriever holds without blocking the event loop."""
        if hasattr(self._retriever, "close_async"):
            await self._retriever.close_async()
        else:
            await asyncio.to_thread(self.close)

    def _arguments(
        self, query: str, filters: Mapping[str, Any] | None, top_k: int, understanding: Understanding | None
    ) -> dict[str, Any]:
        arguments: dict[str, Any] = {"query": query, "filters": self.within(filters) or None, "top_k": top_k}
        if self._takes_understanding:
            arguments["understanding"] = understanding
        return arguments

    def _documents(self, found: Any, top_k: int) -> list[Document]:
        documents = found.get("documents") if isinstance(found, Mapping) else None
        kind = type(self._retriever).__name__
        if not isinstance(documents, list | tuple):
            raise TypeError(f"{kind} must return a dictionary with a list of `documents`")
        for document in documents:
            if not isinstance(document, Document):
                raise TypeError(f"{kind} must return Haystack Documents, got {type(document).__name__}")
        sound = [each for each in documents if isinstance(each.id, str) and isinstance(each.meta, dict)]
        return sound[:top_k]
