"""Fits the trees of a ranker."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.ranking.candidate_features.protocol import signs_of
from ltrr_haystack.ranking.examples import MAX_REWARD, Example, stacked
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.model import RankingModel, lightgbm, start_scores


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """
    How a ranker is trained.

    :param rounds: Number of trees.
    :param learning_rate: Weight of each tree.
    :param leaves: Leaves of each tree.
    :param min_leaf: Fewest documents in a leaf.
    :param feature_fraction: Share of the features that each tree may use, in (0, 1].
    :param unshown_share: Share of the documents that were not shown to learn from, 0 to 1. They are drawn rather than
        weighted: in LambdaMART a row's weight scales its own gradient only, and what was clicked would be pushed above
        those of little weight as far as above the others.
    :param folds: Into how many parts the queries are put, each judged by a model of the others.
    :param max_per_query: The most searches of one query that are learned from; the newest are taken.
    :raises ConfigurationError: If a setting is out of its range.
    """

    rounds: int = 100
    learning_rate: float = 0.05
    leaves: int = 8
    min_leaf: int = 50
    feature_fraction: float = 0.5
    unshown_share: float = 1.0
    folds: int = 4
    max_per_query: int = 50

    def __post_init__(self) -> None:
        if self.folds < 2 or self.max_per_query < 1:
            raise ConfigurationError(
                f"folds must be at least 2 and max_per_query at least 1, got {self.folds} and {self.max_per_query}"
            )
        if self.rounds < 1 or self.leaves < 2 or self.min_leaf < 1:
            raise ConfigurationError(
                "rounds and min_leaf must be at least 1 and leaves at least 2, "
                f"got rounds={self.rounds}, min_leaf={self.min_leaf}, leaves={self.leaves}"
            )
        if self.learning_rate <= 0.0:
            raise ConfigurationError(f"learning_rate must be positive, got {self.learning_rate}")
        if not 0.0 < self.feature_fraction <= 1.0:
            raise ConfigurationError(f"feature_fraction must be above 0 and at most 1, got {self.feature_fraction}")
        if not 0.0 <= self.unshown_share <= 1.0:
            raise ConfigurationError(f"unshown_share must be from 0 to 1, got {self.unshown_share}")


def settings_from(card: Mapping[str, float]) -> TrainingSettings:
    """
    Read settings from the card of a model, where all of them are numbers.

    :param card: Setting → value.
    :returns: The settings.
    :raises TypeError: If there is no such setting.
    :raises ConfigurationError: If a setting is out of its range.
    """
    whole = {name for name, value in asdict(TrainingSettings()).items() if isinstance(value, int)}
    values: dict[str, Any] = {name: int(value) if name in whole else value for name, value in card.items()}
    return TrainingSettings(**values)


def fit(
    examples: Sequence[Example],
    schema: FeatureSchema,
    settings: TrainingSettings,
    seed: int,
) -> RankingModel:
    """
    Train LambdaMART on examples (Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82).

    The trees are fitted on top of the union's order, as LightGBM's `init_score`. That people look at the first places
    most is no part of the model: what they clicked is ranked above what they passed over, and where that is only the
    union's order again, the trees have nothing to add. The same examples, settings and seed give the same model.

    :param examples: At least one example.
    :param schema: The examples' features.
    :param settings: How to train.
    :param seed: Seed of LightGBM's own draws, and of those among the documents that were not shown.
    :returns: The model.
    """
    package = lightgbm()
    rows = stacked(examples)
    used = rows.shown | (np.random.default_rng(seed).random(len(rows.shown)) < settings.unshown_share)
    groups = np.add.reduceat(used.astype(np.int32), np.concatenate([[0], np.cumsum(rows.groups)[:-1]]))
    data = package.Dataset(
        rows.features[used],
        label=np.ceil(rows.rewards[used]).astype(np.int32),
        group=groups[groups > 0],
        init_score=start_scores(rows.places[used]),
        free_raw_data=True,
    )
    booster = package.train(_parameters(schema, settings, seed), data, num_boost_round=settings.rounds)
    return RankingModel(schema, booster.model_to_string())


def _parameters(schema: FeatureSchema, settings: TrainingSettings, seed: int) -> dict[str, object]:
    monotone = signs_of(schema.names)
    constraints = [monotone.get(name, 0) for name in schema.names]
    return {
        "objective": "lambdarank",
        "label_gain": list(range(int(MAX_REWARD) + 1)),
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_leaf,
        "feature_fraction": settings.feature_fraction,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
        **({"monotone_constraints": constraints} if any(constraints) else {}),
    }
