"""A ranking model as a value: what LightGBM's trees add to the scores of the union."""

import json
from dataclasses import asdict, dataclass
from hashlib import blake2b
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import DamagedSnapshotError, MissingExtraError, SnapshotError
from ltrr_haystack.fusion import EXACT_DIGITS
from ltrr_haystack.ranking.features import SEARCHED, FeatureSchema, Matrix

FORMAT = "ltrr-ranker/4"


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


@dataclass(frozen=True, slots=True)
class Start:
    """
    The scores that a model's trees add to: the logarithms of the union's own scores.

    They tell more than places do: a document that one arm more has found stands apart from the next one, and a score
    does not depend on which other documents were found.

    :param scale: What the logarithms are multiplied by, above 0.
    :param lowest: The union's score that is taken for a document without one, above 0.
    """

    scale: float
    lowest: float

    def scores(self, fused: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Give the scores of documents.

        :param fused: For each document the union's score without what memory arms add to it.
        :returns: scale · log(score) of each.
        """
        exact = np.round(fused, EXACT_DIGITS)
        scores: NDArray[np.float64] = self.scale * np.log(np.where(exact > 0, exact, self.lowest))
        return scores


class RankingModel:
    """
    Scores candidates by their scores in the union and their features.

    The score is s = scale · log(u) + f(features), with u the union's score without memory and f the sum of the trees,
    so that a model that has learned nothing serves the union's order. What no arm but memory brought has no u, and
    comes last whatever its score (see `page_order.places_by`).

    :param schema: The features, in the order of the columns, `fused.searched` among them: the union's score.
    :param trees: LightGBM's own text form of the model.
    :param start: What the trees add to.
    :raises MissingExtraError: If LightGBM is not installed.
    :raises SnapshotError: If the trees cannot be read, are of another number of features than the schema has, or the
        schema lacks the union's score.
    """

    def __init__(self, schema: FeatureSchema, trees: str, start: Start) -> None:
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
        if SEARCHED not in schema.columns:
            raise SnapshotError(f"the ranking model has no feature '{SEARCHED}', from which its scores start")
        self.schema = schema
        self.trees = trees
        self.start = start

    def __repr__(self) -> str:
        return f"RankingModel(schema={self.schema.fingerprint}, trees={self._booster.num_trees()})"

    def scores(self, features: Matrix) -> NDArray[np.float64]:
        """
        Score candidates.

        :param features: One row per candidate, columns as in the schema.
        :returns: One score per candidate; higher is better. Scores of different queries are not comparable.
        """
        scores: NDArray[np.float64] = self.starts(features) + self._booster.predict(features, num_threads=1)
        return scores

    def starts(self, features: Matrix) -> NDArray[np.float64]:
        """
        Give the scores that the trees add to.

        :param features: One row per candidate, columns as in the schema.
        :returns: One score per candidate (see `Start`).
        """
        return self.start.scores(features[:, self.schema.columns[SEARCHED]])

    def contributions(self, features: Matrix) -> tuple[Matrix, float]:
        """
        Tell what each feature adds to the score of each candidate: start + expected + Σ contributions.

        They are LightGBM's own, SHAP values of the trees (Lundberg et al., "Consistent individualized feature
        attribution for tree ensembles", 2018).

        :param features: One row per candidate, at least one; columns as in the schema.
        :returns: One row per candidate, columns as in the schema; and what the trees add in the mean over what they
            were trained on. What the score starts from is what `starts` gives.
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
        described = {"features": list(self.schema.names), "start": asdict(self.start)}
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
        return cls(FeatureSchema(tuple(header["features"])), trees, Start(**header["start"]))


def _checksum(described: object, trees: str) -> str:
    return blake2b(f"{json.dumps(described)}\n{trees}".encode(), digest_size=16).hexdigest()
