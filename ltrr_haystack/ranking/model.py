"""A ranking model as a value: a feature schema with LightGBM's trees, to bytes and back."""

import json
from hashlib import blake2b
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import MissingExtraError, SnapshotError
from ltrr_haystack.ranking.features import FeatureSchema, Matrix

RANKER = "ranker"
"""The kind under which ranking models lie in the store's snapshots."""

FORMAT = "ltrr-ranker/1"


def lightgbm() -> ModuleType:
    """
    Import LightGBM.

    :returns: The package.
    :raises MissingExtraError: If it is not installed.
    """
    try:
        import lightgbm as package
    except ImportError as error:
        raise MissingExtraError(
            'the learned ranker needs LightGBM; install it with: pip install "ltrr-haystack[ranking]"'
        ) from error
    return package


class RankingModel:
    """
    Scores candidates by their features.

    :param schema: The features, in the order of the columns.
    :param trees: LightGBM's own text form of the model.
    :raises MissingExtraError: If LightGBM is not installed.
    :raises SnapshotError: If the trees cannot be read, or are of another number of features than the schema has.
    """

    def __init__(self, schema: FeatureSchema, trees: str) -> None:
        package = lightgbm()
        try:
            self._booster: Any = package.Booster(model_str=trees)
        except package.basic.LightGBMError as error:
            raise SnapshotError(f"LightGBM cannot read the ranking model: {error}") from error
        if self._booster.num_feature() != len(schema.names):
            raise SnapshotError(
                f"the ranking model has {self._booster.num_feature()} features and its schema {schema.fingerprint} "
                f"names {len(schema.names)}"
            )
        self.schema = schema
        self.trees = trees

    def __repr__(self) -> str:
        return f"RankingModel(schema={self.schema.fingerprint}, trees={self._booster.num_trees()})"

    def scores(self, features: Matrix) -> NDArray[np.float64]:
        """
        Score candidates.

        :param features: One row per candidate, columns as in the schema.
        :returns: One score per candidate; higher is better. Scores of different queries are not comparable.
        """
        scores: NDArray[np.float64] = self._booster.predict(features, num_threads=1)
        return scores

    @property
    def importance(self) -> dict[str, float]:
        """Feature → its share of what all splits gained, the most important first; features without use left out."""
        gains = self._booster.feature_importance("gain")
        total = float(gains.sum()) or 1.0
        shares = {name: float(gain) / total for name, gain in zip(self.schema.names, gains, strict=True) if gain > 0}
        return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))

    def to_bytes(self) -> bytes:
        """
        Write the model.

        :returns: One line of JSON that describes and checks it, then LightGBM's text.
        """
        names = list(self.schema.names)
        header = {"format": FORMAT, "features": names, "checksum": _checksum(names, self.trees)}
        return f"{json.dumps(header)}\n{self.trees}".encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """
        Read what `to_bytes` wrote.

        :param payload: The model's bytes.
        :returns: The model.
        :raises SnapshotError: If they are damaged, or no ranking model of a format that is known here.
        :raises MissingExtraError: If LightGBM is not installed.
        """
        try:
            first, _, trees = payload.decode().partition("\n")
            header = json.loads(first)
            found, names, checksum = header["format"], header["features"], header["checksum"]
        except (ValueError, KeyError, TypeError) as error:
            raise SnapshotError(
                f"these {len(payload)} bytes are no ranking model: the first line is not the description expected"
            ) from error
        if found != FORMAT:
            raise SnapshotError(f"the ranking model has format '{found}', this version reads '{FORMAT}'")
        if checksum != _checksum(names, trees):
            raise SnapshotError("the ranking model is damaged: its checksum does not fit. Activate another version")
        return cls(FeatureSchema(tuple(names)), trees)


def _checksum(names: list[str], trees: str) -> str:
    return blake2b(f"{json.dumps(names)}\n{trees}".encode(), digest_size=16).hexdigest()
