"""An intent classifier as a value: which category of entities a query is after, with calibrated probabilities."""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError
from ltrr_haystack.intents.embedding import Vector
from ltrr_haystack.intents.ngrams import BUCKETS, buckets, value_of_each

FORMAT = "ltrr-intents/1"

_NUMBER = np.dtype("<f4")
_COLUMN = np.dtype("<i4")


@dataclass(frozen=True, slots=True, eq=False)
class IntentClassifier:
    """
    Tells how likely a query is after each category.

    p(category | query) = softmax((W·x + b) / T), where x has the value 1 / √(number of n-grams) for each hashed n-gram
    of the query, and its sentence embedding, of length 1, if the classifier was trained with one. The temperature T
    calibrates the probabilities (Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML
    2017, section 4.2).

    ### Usage example

    ```python
    import numpy as np
    from ltrr_haystack.intents import IntentClassifier
    from ltrr_haystack.intents.ngrams import buckets

    columns = buckets("jazz")
    weights = np.stack([np.full(len(columns), 2.0), np.zeros(len(columns))], axis=1)
    classifier = IntentClassifier(("genre", "song"), columns, weights.astype(np.float32), np.zeros(2, np.float32))
    classifier.probabilities("jazz")  # {'genre': 0.99…, 'song': 0.00…}
    ```

    :param categories: The categories.
    :param columns: The buckets that have weights, ascending; other n-grams say nothing.
    :param weights: (buckets + dimensions) × categories: the weights of the buckets, then those of the embedding.
    :param bias: What each category starts from.
    :param temperature: Above 1 for less decided probabilities, below for more decided ones.
    :param probe: Embedding of the probe by the embedder that it was trained with; empty where it reads no embeddings.
    :raises ValueError: If these do not fit together.
    """

    categories: tuple[str, ...]
    columns: NDArray[np.int64] = field(repr=False)
    weights: NDArray[np.float32] = field(repr=False)
    bias: NDArray[np.float32] = field(repr=False)
    temperature: float = 1.0
    probe: Vector = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)

    def __post_init__(self) -> None:
        expected = (len(self.columns) + self.dimension, len(self.categories))
        if not self.categories or self.weights.shape != expected or self.bias.shape != expected[1:]:
            raise ValueError(
                f"weights of shape {self.weights.shape} and bias of {self.bias.shape}, expected {expected}"
            )
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be a positive number, got {self.temperature}")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.bias).all()):
            raise ValueError("weights and bias must be finite")
        if len(self.columns) and (self.columns[0] < 0 or self.columns[-1] >= BUCKETS):
            raise ValueError(f"columns must be from 0 to {BUCKETS - 1}")
        if (np.diff(self.columns) <= 0).any():
            raise ValueError("columns must be ascending")

    @property
    def dimension(self) -> int:
        """Dimensions of the embedding that it reads; 0 for none."""
        return len(self.probe)

    def logits(self, form: str, embedding: Vector | None = None) -> NDArray[np.float64]:
        """
        Score the categories, before calibration.

        :param form: The normal form of a query.
        :param embedding: Its embedding, of length 1; read only by a classifier that was trained with embeddings.
        :returns: W·x + b for each category.
        """
        wanted = buckets(form)
        places = np.minimum(np.searchsorted(self.columns, wanted), max(len(self.columns) - 1, 0))
        known = places[self.columns[places] == wanted] if len(self.columns) else places[:0]
        scores = self.bias + value_of_each(len(wanted)) * self.weights[known].sum(axis=0, dtype=np.float64)
        if self.dimension:
            scores = scores + np.asarray(embedding, dtype=np.float64) @ self.weights[len(self.columns) :]
        return np.asarray(scores, dtype=np.float64)

    def probabilities(self, form: str, embedding: Vector | None = None) -> dict[str, float]:
        """
        Tell what a query is after.

        :param form: The normal form of a query.
        :param embedding: Its embedding, of length 1; read only by a classifier that was trained with embeddings.
        :returns: Category → probability, the likeliest first; they sum to 1.
        """
        values = softmax(self.logits(form, embedding) / self.temperature).tolist()
        return dict(sorted(zip(self.categories, values, strict=True), key=lambda each: (-each[1], each[0])))

    def to_bytes(self) -> bytes:
        """
        Write the classifier: equal ones as equal bytes.

        :returns: One line of JSON that describes and checks it, then the compressed numbers.
        """
        described = {
            "categories": list(self.categories),
            "columns": len(self.columns),
            "dimension": self.dimension,
            "temperature": self.temperature,
        }
        numbers = (
            self.columns.astype(_COLUMN),
            *(each.astype(_NUMBER) for each in (self.weights, self.bias, self.probe)),
        )
        body = zlib.compress(b"".join(each.tobytes() for each in numbers), 6)
        return (
            json.dumps({"format": FORMAT, **described, "checksum": _checksum(described, body)}).encode() + b"\n" + body
        )

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """
        Read what `to_bytes` wrote. They are numbers and names: nothing in them is executed.

        :param payload: The bytes.
        :returns: The classifier.
        :raises DamagedSnapshotError: If they are damaged.
        :raises SnapshotError: If they are no intent classifier of the format that is known here.
        """
        first, _, body = payload.partition(b"\n")
        try:
            header = json.loads(first)
            found, checksum = header.pop("format"), header.pop("checksum")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SnapshotError(
                f"these {len(payload)} bytes are no intent classifier: the first line is not the description expected"
            ) from error
        if found != FORMAT:
            raise SnapshotError(
                f"the intent classifier has format '{found}', this version reads '{FORMAT}': train another one "
                "(ltrr train-understanding)"
            )
        if checksum != _checksum(header, body):
            raise DamagedSnapshotError("the intent classifier is damaged: its checksum does not fit")
        try:
            return cls._read(header, body)
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise DamagedSnapshotError(f"the intent classifier cannot be read: {error}") from error

    @classmethod
    def _read(cls, header: Mapping[str, Any], body: bytes) -> Self:
        categories = tuple(map(str, header["categories"]))
        columns, dimension = int(header["columns"]), int(header["dimension"])
        shapes = ((columns + dimension, len(categories)), (len(categories),), (dimension,))
        sizes = [columns, *(math.prod(shape) for shape in shapes)]
        expected = 4 * sum(sizes)
        numbers = zlib.decompressobj().decompress(body, expected + 1)
        if min(sizes) < 0 or len(numbers) != expected:
            raise ValueError(f"{len(numbers)} bytes of numbers, expected {expected}")
        parts = np.split(np.frombuffer(numbers[4 * columns :], _NUMBER), np.cumsum(sizes[1:3]))
        weights, bias, probe = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        return cls(
            categories,
            np.frombuffer(numbers[: 4 * columns], _COLUMN).astype(np.int64),
            weights.astype(np.float32),
            bias.astype(np.float32),
            float(header["temperature"]),
            probe.astype(np.float32),
        )


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Turn scores into probabilities.

    :param scores: Scores; categories along the last axis.
    :returns: exp(score) / Σ exp(score) along that axis.
    """
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def _checksum(described: object, body: bytes) -> str:
    digest = blake2b(json.dumps(described, sort_keys=True).encode(), digest_size=16)
    digest.update(b"\n" + body)
    return digest.hexdigest()
