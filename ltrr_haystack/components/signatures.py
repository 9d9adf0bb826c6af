"""What a retriever takes, and how one that takes something else becomes an arm."""

import inspect
from collections.abc import Collection
from typing import Any

from ltrr_haystack.errors import ConfigurationError

NEEDED = ("query", "filters", "top_k")


def parameters_of(arm: str, retriever: Any) -> frozenset[str]:
    """
    Name the parameters of a retriever's `run`.

    :param arm: The arm's name, for the error.
    :param retriever: The retriever.
    :returns: The names.
    :raises ConfigurationError: If it cannot be asked with `query`, `filters` and `top_k`; the message says what to do.
    """
    run = getattr(retriever, "run", None)
    if not callable(run):
        raise ConfigurationError(
            f"retriever of arm '{arm}' must be a component with run(query, filters, top_k), got {retriever!r}"
        )
    parameters = inspect.signature(run).parameters
    names = frozenset(parameters)
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        sockets = getattr(retriever, "__haystack_input__", None)
        names = names.union(sockets._sockets_dict) if sockets is not None else names.union(NEEDED)
        if not names.intersection(NEEDED):
            return names
    missing = [name for name in NEEDED if name not in names]
    if missing:
        kind = type(retriever).__name__
        raise ConfigurationError(
            f"retriever of arm '{arm}' must have run(query, filters, top_k), {kind}.run has no "
            f"{', '.join(missing)}; {_advice(kind, names)}"
        )
    return names


def _advice(kind: str, names: Collection[str]) -> str:
    if "query_embedding" in names and "query_sparse_embedding" in names:
        return (
            f"{kind} needs a dense and a sparse embedding of the query: make two arms of its store in its place, the "
            "dense retriever in Haystack's TextEmbeddingRetriever and the sparse one in a component of your own that "
            "embeds the query, and the union fuses what they find; or embed the query twice in a component of your own"
        )
    if "query_sparse_embedding" in names:
        return (
            f"{kind} needs a sparse embedding of the query: put it and a sparse text embedder into a component of your "
            "own with that run (TextEmbeddingRetriever gives dense embeddings only)"
        )
    if "query_embedding" in names:
        return "wrap it in Haystack's TextEmbeddingRetriever"
    if any(name.startswith(("filters_", "top_k_")) for name in names):
        return (
            f"{kind} is several retrievers in one: make each of them an arm, and the union fuses what they find; or "
            "rename its inputs in a SuperComponent"
        )
    return "call it from a component of your own with that run"
