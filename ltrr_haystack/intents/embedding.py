"""Sentence embeddings of queries, by any of Haystack's text embedders."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import ConfigurationError, SnapshotError

PROBE = "songs of the sea, red running shoes and a cure for headaches"
"""A text whose embedding tells whether two embedders are the same."""

LEAST_LIKENESS = 0.99
"""Cosine of both embeddings of the probe from which on they count as those of the same embedder."""

Vector = NDArray[np.float32]


class QueryEmbedder(Protocol):
    """Any component that embeds a text, such as `MiniLMTextEmbedder`."""

    def run(self, text: str) -> dict[str, Any]:
        """
        Embed a text.

        :param text: The text.
        :returns: A dictionary with `embedding`.
        """


def embedded(embedder: QueryEmbedder, text: str) -> Vector:
    """
    Embed a text.

    :param embedder: A text embedder.
    :param text: The text.
    :returns: Its embedding, scaled to length 1.
    :raises ConfigurationError: If the embedder gives no vector of finite numbers.
    """
    vector = np.asarray(embedder.run(text=text)["embedding"], dtype=np.float32)
    length = float(np.linalg.norm(vector)) if vector.ndim == 1 else 0.0
    if not 0.0 < length < np.inf:
        raise ConfigurationError(
            f"{type(embedder).__name__} gave an embedding of shape {vector.shape} and length {length}; "
            "expected a list of finite numbers that are not all 0"
        )
    scaled: Vector = vector / np.float32(length)
    return scaled


def require_embedder(embedder: QueryEmbedder | None, probe: Vector) -> None:
    """
    Make sure that an embedder is the one that a classifier was trained with.

    :param embedder: The embedder at hand, if there is one.
    :param probe: The probe's embedding in training; empty for a classifier that reads no embeddings.
    :raises SnapshotError: If it is another one, or there is none.
    """
    if not probe.size:
        return
    if embedder is None:
        raise SnapshotError(
            f"the intent classifier reads sentence embeddings of {probe.size} dimensions, and QueryIntents has no "
            "embedder; give it the one of training, or train without one"
        )
    own = embedded(embedder, PROBE)
    likeness = float(own @ probe) if own.shape == probe.shape else 0.0
    if likeness < LEAST_LIKENESS:
        raise SnapshotError(
            f"the intent classifier was trained with another embedder than {type(embedder).__name__}: {probe.size} and "
            f"{own.size} dimensions, likeness {likeness:.2f}; train again (ltrr train-understanding)"
        )
