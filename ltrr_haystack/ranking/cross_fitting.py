"""Scores queries by models that were not trained on them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.ranking.folds import fold_of
from ltrr_haystack.ranking.gate import by_union
from ltrr_haystack.ranking.judged_queries import JudgedQuery
from ltrr_haystack.ranking.model import RankingModel


class CrossFitted:
    """
    Scores each query by a model of the queries of the other parts, fitted when first asked for. A query with other
    filters is in the same part.

    :param queries: The queries.
    :param schema: The features of their documents.
    :param settings: How to train, and in how many parts.
    :param seed: Parts the queries, and seeds training.
    """

    def __init__(
        self, queries: Sequence[JudgedQuery], schema: FeatureSchema, settings: TrainingSettings, seed: int
    ) -> None:
        self._queries, self._schema, self._settings, self._seed = queries, schema, settings, seed
        self._models: dict[int, RankingModel | None] = {}

    def scores(self, query: JudgedQuery) -> NDArray[np.float64]:
        """
        Score the documents of a query.

        :param query: The query.
        :returns: A score for each; those of the union's order where there are no other parts.
        """
        fold = self._fold(query)
        if fold not in self._models:
            others = [each for each in self._queries if self._fold(each) != fold]
            self._models[fold] = fit(others, self._schema, self._settings, self._seed) if others else None
        model = self._models[fold]
        return by_union(query) if model is None else model.scores(query.features, query.places)

    def _fold(self, query: JudgedQuery) -> int:
        return fold_of(query.normal_form, self._settings.folds, self._seed)
