"""A ranking model as a value: a feature schema with LightGBM's trees."""

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import MissingExtraError, SnapshotError
from ltrr_haystack.ranking.features import FeatureSchema, Matrix


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
