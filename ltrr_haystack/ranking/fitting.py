"""Fits the trees of a ranker."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.candidate_features.protocol import signs_of
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.judged_queries import MAX_REWARD, JudgedQuery
from ltrr_haystack.ranking.model import RankingModel, lightgbm, start_scores

GRADES_PER_REWARD = 100
"""LightGBM's grades are whole numbers: so many of them to a reward of 1 per look."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """
    How a ranker is trained.

    :param rounds: Number of trees.
    :param learning_rate: Weight of each tree.
    :param leaves: Leaves of each tree.
    :param min_leaf: Fewest documents in a leaf.
    :param feature_fraction: Share of the features that each tree may use, in (0, 1].
    :param path_smooth: With so many documents a leaf lies halfway between its own value and its parent's; 0 for none.
    :param folds: Into how many parts the queries are put, each judged by a model of the others.
    :raises ConfigurationError: If a setting is out of its range.
    """

    rounds: int = 100
    learning_rate: float = 0.05
    leaves: int = 8
    min_leaf: int = 50
    feature_fraction: float = 0.2
    path_smooth: float = 100.0
    folds: int = 4

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ConfigurationError(f"folds must be at least 2, got {self.folds}")
        if self.rounds < 1 or self.leaves < 2 or self.min_leaf < 1:
            raise ConfigurationError(
                "rounds and min_leaf must be at least 1 and leaves at least 2, "
                f"got rounds={self.rounds}, min_leaf={self.min_leaf}, leaves={self.leaves}"
            )
        if not 0.0 <= self.path_smooth < math.inf:
            raise ConfigurationError(f"path_smooth must be 0 or more, got {self.path_smooth}")
        if self.path_smooth > 0.0 and self.min_leaf < 2:
            raise ConfigurationError("min_leaf must be at least 2 with path_smooth, got 1")
        if self.learning_rate <= 0.0:
            raise ConfigurationError(f"learning_rate must be positive, got {self.learning_rate}")
        if not 0.0 < self.feature_fraction <= 1.0:
            raise ConfigurationError(f"feature_fraction must be above 0 and at most 1, got {self.feature_fraction}")


def settings_from(card: Mapping[str, float]) -> TrainingSettings:
    """
    Read settings from the card of a model, where all of them are numbers.

    :param card: Setting → value; settings of earlier versions that are none any more are left out.
    :returns: The settings.
    :raises TypeError: If a value is no number.
    :raises ConfigurationError: If a setting is out of its range.
    """
    values: dict[str, Any] = {
        name: int(card[name]) if isinstance(default, int) else card[name]
        for name, default in asdict(TrainingSettings()).items()
        if name in card
    }
    return TrainingSettings(**values)


def fit(
    queries: Sequence[JudgedQuery],
    schema: FeatureSchema,
    settings: TrainingSettings,
    seed: int,
) -> RankingModel:
    """
    Train LambdaMART on what is known of the documents of queries (Burges, "From RankNet to LambdaRank to LambdaMART",
    MSR-TR-2010-82).

    The trees are fitted on top of the union's order, as LightGBM's `init_score`. A document's grade is its reward
    per look (see `JudgedQuery.grades`), in steps of 1 / `GRADES_PER_REWARD`, so that how far people look at a place
    is no part of what is learned, as far as the gate's flatter curve tells. A query counts as often as it was
    searched with a reward, within bounds. The same queries, settings and seed give the same model.

    Logs have documents by the thousand, but queries by the hundred, and trees would learn these by heart. So each tree
    sees few features, and each leaf is drawn towards its parent.

    :param queries: At least one query.
    :param schema: The features of their documents.
    :param settings: How to train.
    :param seed: Seed of LightGBM's own draws.
    :returns: The model.
    """
    package = lightgbm()
    data = package.Dataset(
        np.concatenate([query.features for query in queries]),
        label=np.rint(np.concatenate([query.grades for query in queries]) * GRADES_PER_REWARD).astype(np.int32),
        group=[len(query.places) for query in queries],
        weight=np.concatenate([np.full(len(query.places), query.weight) for query in queries]),
        init_score=np.concatenate([start_scores(query.places) for query in queries]),
        free_raw_data=True,
    )
    booster = package.train(_parameters(schema, settings, seed), data, num_boost_round=settings.rounds)
    return RankingModel(schema, booster.model_to_string())


def _parameters(schema: FeatureSchema, settings: TrainingSettings, seed: int) -> dict[str, object]:
    monotone = signs_of(schema.names)
    constraints = [monotone.get(name, 0) for name in schema.names]
    return {
        "objective": "lambdarank",
        "label_gain": list(range(int(MAX_REWARD) * GRADES_PER_REWARD + 1)),
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_leaf,
        "feature_fraction": settings.feature_fraction,
        "path_smooth": settings.path_smooth,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
        **({"monotone_constraints": constraints} if any(constraints) else {}),
    }
