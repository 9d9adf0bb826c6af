"""A ranking model as a value: what LightGBM's trees add to the order of the union."""

import json
from hashlib import blake2b
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltrr_haystack.errors import DamagedSnapshotError, MissingExtraError, SnapshotError
from ltrr_haystack.ranking.features import FeatureSchema, Matrix

FORMAT = "ltrr-ranker/3"

START = "-log(1 + place)"
"""What a snapshot says of the score that its trees were fitted on top of."""


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


def start_scores(places: ArrayLike) -> NDArray[np.float64]:
    """
    Give the scores that a model starts from: the union's own order.

    They fall like a logarithm, so that the trees need as much to move a document from place 40 to 20 as from 4 to 2.

    :param places: For each candidate its place in the order of the union without memory, from 1.
    :returns: -log(1 + place) of each.
    """
    scores: NDArray[np.float64] = -np.log1p(np.asarray(places, dtype=np.float64))
    return scores


class RankingModel:
    """
    Scores candidates by their places in the union and their features.

    The score is s = -log(1 + place) + f(features), with f the sum of the trees. A model that has learned nothing serves
    the union's order, and the place is no feature: a log in which pages mostly are in the union's order cannot tell
    what the place is worth.

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

    def scores(self, features: Matrix, places: ArrayLike) -> NDArray[np.float64]:
        """
        Score candidates.

        :param features: One row per candidate, columns as in the schema.
        :param places: For each candidate its place in the order of the union without memory, from 1.
        :returns: One score per candidate; higher is better. Scores of different queries are not comparable.
        """
        scores: NDArray[np.float64] = start_scores(places) + self._booster.predict(features, num_threads=1)
        return scores

    def contributions(self, features: Matrix) -> tuple[Matrix, float]:
        """
        Tell what each feature adds to the score of each candidate: start + expected + Σ contributions.

        They are LightGBM's own, SHAP values of the trees (Lundberg et al., "Consistent individualized feature
        attribution for tree ensembles", 2018).

        :param features: One row per candidate, at least one; columns as in the schema.
        :returns: One row per candidate, columns as in the schema; and what the trees add in the mean over what they
            were trained on. What the score starts from is `start_scores` of the candidate's place.
        """
        parts: Matrix = self._booster.predict(features, pred_contrib=True, num_threads=1)
        return parts[:, :-1], float(parts[0, -1])

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
        described = {"features": list(self.schema.names), "start": START}
        header = {"format": FORMAT, **described, "checksum": _checksum(described, self.trees)}
        return f"{json.dumps(header)}\n{self.trees}".encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """
        Read what `to_bytes` wrote.

        :param payload: The model's bytes.
        :returns: The model.
        :raises DamagedSnapshotError: If they are damaged.
        :raises SnapshotError: If they are no ranking model of the format that is known here.
        :raises MissingExtraError: If LightGBM is not installed.
        """
        try:
            first, _, trees = payload.decode().partition("\n")
            header = json.loads(first)
            found, checksum = header["format"], header["checksum"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SnapshotError(
                f"these {len(payload)} bytes are no ranking model: the first line is not the description expected"
            ) from error
        if found != FORMAT:
            raise SnapshotError(
                f"the ranking model has format '{found}', this version reads '{FORMAT}': train another one "
                "(ltrr train-ranker); until then the union's order is served"
            )
        described = {"features": header.get("features"), "start": header.get("start")}
        if checksum != _checksum(described, trees):
            raise DamagedSnapshotError("the ranking model is damaged: its checksum does not fit")
        if described["start"] != START:
            raise SnapshotError(f"the ranking model starts from '{described['start']}', this version from '{START}'")
        return cls(FeatureSchema(tuple(header["features"])), trees)


def _checksum(described: object, trees: str) -> str:
    return blake2b(f"{json.dumps(described)}\n{trees}".encode(), digest_size=16).hexdigest()
