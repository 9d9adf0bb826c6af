"""Trains a ranker on what people did with the pages of the log."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.ranking.examples import MAX_REWARD, Example, folded, read_examples, stacked, without_memory
from ltrr_haystack.ranking.features import FUSED, SEARCHED, FeatureSchema
from ltrr_haystack.ranking.gate import Verdict, judge
from ltrr_haystack.ranking.model import RankingModel, lightgbm
from ltrr_haystack.ranking.models import RankingModels, Situation
from ltrr_haystack.ranking.report import Trained, TrainingReport
from ltrr_haystack.store import RANKER, LTRRStore


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """
    How a ranker is trained.

    :param rounds: Number of trees.
    :param learning_rate: Weight of each tree.
    :param leaves: Leaves of each tree.
    :param min_leaf: Fewest impressions in a leaf.
    :param folds: Into how many parts the queries are put, each judged by a model of the others.
    :param max_per_query: The most decisions of one query that are learned from; the newest are taken.
    :raises ConfigurationError: If a setting is out of its range.
    """

    rounds: int = 100
    learning_rate: float = 0.02
    leaves: int = 8
    min_leaf: int = 100
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


def fit(examples: Sequence[Example], schema: FeatureSchema, settings: TrainingSettings, seed: int) -> RankingModel:
    """
    Train LambdaMART on examples (Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82).

    A click low on the page means more than one at the top: LightGBM learns an additive bias of each position beside
    the trees, and drops it from the model. The same examples, settings and seed give the same model.

    :param examples: At least one example.
    :param schema: The examples' features.
    :param settings: How to train.
    :param seed: Seed of LightGBM's own draws.
    :returns: The model.
    """
    package = lightgbm()
    features, rewards, ordinals, groups = stacked(examples)
    labels = np.ceil(rewards).astype(np.int32)
    data = package.Dataset(features, label=labels, group=groups, position=ordinals, free_raw_data=True)
    booster = package.train(_parameters(settings, seed), data, num_boost_round=settings.rounds)
    return RankingModel(schema, booster.model_to_string())


def train_ranker(
    store: LTRRStore,
    *,
    min_decisions: int = 200,
    min_queries: int = 20,
    max_decisions: int = 50_000,
    activate_if_passed: bool = True,
    seed: int = 0,
    settings: TrainingSettings | None = None,
) -> TrainingReport:
    """
    Train ranking models on the settled decisions of a store, judge them, and keep them as a snapshot.

    Pages with and without evidence in the memory index have a model each. Each model is judged on queries that it was
    not trained on, by cross-validation over queries, and what passes is trained once more on all of them. Where a
    model does not pass, the union's own order is served in its situation, even if an earlier one had passed.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.ranking.training import train_ranker

    report = train_ranker(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")))
    print(report.reason)
    ```

    :param store: The store with the log.
    :param min_decisions: With fewer rewarded decisions nothing is trained for a situation.
    :param min_queries: With fewer different queries no model passes the gate.
    :param max_decisions: The most decisions to go back in the log.
    :param activate_if_passed: Whether what passes the gate goes live at once. Where nothing passes, all models are
        kept, and none is live.
    :param seed: Parts the queries; seeds training and bootstrap.
    :param settings: How to train.
    :returns: What was learned from, the gates' verdicts, and the snapshot's version.
    :raises InvalidInputError: If a minimum or maximum is below 1.
    :raises MissingExtraError: If LightGBM is not installed.
    """
    for name, value in {
        "min_decisions": min_decisions,
        "min_queries": min_queries,
        "max_decisions": max_decisions,
    }.items():
        if value < 1:
            raise InvalidInputError(f"{name} of train_ranker must be at least 1, got {value}")
    package = lightgbm()
    settings = settings or TrainingSettings()
    log = read_examples(store, max_decisions, settings.max_per_query)
    pages: dict[Situation, tuple[list[Example], FeatureSchema, str]] = {
        "with_memory": ([example for example in log.examples if example.has_memory], log.schema, FUSED),
        "without_memory": (without_memory(log.examples, log.schema, log.searched), log.searched, SEARCHED),
    }
    models: dict[Situation, RankingModel] = {}
    trained: dict[str, Trained] = {}
    for situation, (examples, model_schema, fallback) in pages.items():
        if len(examples) < min_decisions:
            trained[situation] = _untrained(examples, min_decisions)
        else:
            verdict = _judged(examples, model_schema, fallback, settings, min_queries=min_queries, seed=seed)
            model = models[situation] = fit(examples, model_schema, settings, seed)
            trained[situation] = _described(examples, verdict, model.importance)
    report = TrainingReport(
        decisions=log.decisions,
        left_out=log.left_out,
        situations=trained,
        features=log.schema.names,
        schema=log.schema.fingerprint,
        settings=asdict(settings),
        seed=seed,
        lightgbm=package.__version__,
    )
    if not models:
        return report
    live = {situation: model for situation, model in models.items() if trained[situation].gate.passed}
    active = activate_if_passed and bool(live)
    version = store.add_snapshot(RANKER, RankingModels(live or models).to_bytes(), report.card(), activate=active)
    return replace(report, version=version, active=active)


def _judged(
    examples: Sequence[Example],
    schema: FeatureSchema,
    fallback: str,
    settings: TrainingSettings,
    *,
    min_queries: int,
    seed: int,
) -> Verdict:
    column = schema.columns[fallback]
    by_union = [np.nan_to_num(example.features[:, column], nan=-np.inf) for example in examples]
    by_model = _as_unseen(examples, by_union, schema, settings, seed)
    return judge(examples, by_union, by_model, min_queries=min_queries, seed=seed)


def _untrained(examples: Sequence[Example], min_decisions: int) -> Trained:
    reason = f"{len(examples)} rewarded decisions, at least {min_decisions} are needed"
    return _described(examples, Verdict(False, reason, len(examples), _queries(examples)), {})


def _described(examples: Sequence[Example], gate: Verdict, importance: Mapping[str, float]) -> Trained:
    impressions = sum(len(example.rewards) for example in examples)
    return Trained(len(examples), _queries(examples), impressions, gate, importance)


def _queries(examples: Sequence[Example]) -> int:
    return len({example.query_key for example in examples})


def _as_unseen(
    examples: Sequence[Example],
    by_union: Sequence[NDArray[np.float64]],
    schema: FeatureSchema,
    settings: TrainingSettings,
    seed: int,
) -> list[NDArray[np.float64]]:
    """Scores of each page by a model that was trained on other queries; the union's where there are no others."""
    scores = list(by_union)
    for fold in folded(examples, settings.folds, seed):
        held_out = set(fold)
        training = [example for place, example in enumerate(examples) if place not in held_out]
        if fold and training:
            model = fit(training, schema, settings, seed)
            judged = [examples[place] for place in fold]
            features, _, _, groups = stacked(judged)
            for place, part in zip(fold, np.split(model.scores(features), np.cumsum(groups)[:-1]), strict=True):
                scores[place] = part
    return scores


def _parameters(settings: TrainingSettings, seed: int) -> dict[str, object]:
    return {
        "objective": "lambdarank",
        "label_gain": list(range(int(MAX_REWARD) + 1)),
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_leaf,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
