"""Trains a ranker on what people did with the pages of the log."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ltrr_haystack.errors import ConfigurationError, InvalidInputError
from ltrr_haystack.ranking.examples import MAX_REWARD, Example, newest_schema, read_examples, split, stacked
from ltrr_haystack.ranking.features import FeatureSchema
from ltrr_haystack.ranking.gate import Verdict, judge
from ltrr_haystack.ranking.model import RANKER, RankingModel, lightgbm
from ltrr_haystack.ranking.report import LearnedFrom, TrainingReport
from ltrr_haystack.store import LTRRStore


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """
    How a ranker is trained.

    :param rounds: Number of trees.
    :param learning_rate: Weight of each tree.
    :param leaves: Leaves of each tree.
    :param min_leaf: Fewest impressions in a leaf.
    :param held_out: Share of the sessions that the gate judges on.
    :raises ConfigurationError: If a setting is out of its range.
    """

    rounds: int = 100
    learning_rate: float = 0.05
    leaves: int = 15
    min_leaf: int = 20
    held_out: float = 0.25

    def __post_init__(self) -> None:
        if not 0.0 < self.held_out < 1.0:
            raise ConfigurationError(f"held_out must lie between 0 and 1, got {self.held_out}")
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
    min_held_out: int = 50,
    max_decisions: int = 50_000,
    activate_if_passed: bool = True,
    seed: int = 0,
    settings: TrainingSettings | None = None,
) -> TrainingReport:
    """
    Train a ranker on the settled decisions of a store, judge it, and keep it as a snapshot.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.ranking.training import train_ranker

    report = train_ranker(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")))
    print(report.gate.reason)
    ```

    :param store: The store with the log.
    :param min_decisions: With fewer rewarded decisions nothing is trained.
    :param min_held_out: With fewer rewarded decisions in held-out sessions no model passes the gate.
    :param max_decisions: The most decisions to go back in the log.
    :param activate_if_passed: Whether a model that passes the gate goes live at once.
    :param seed: Draws the held-out sessions; seeds training and bootstrap.
    :param settings: How to train.
    :returns: What was learned from, the gate's verdict, and the snapshot's version.
    :raises InvalidInputError: If a minimum or maximum is below 1.
    :raises MissingExtraError: If LightGBM is not installed.
    """
    for name, value in {
        "min_decisions": min_decisions,
        "min_held_out": min_held_out,
        "max_decisions": max_decisions,
    }.items():
        if value < 1:
            raise InvalidInputError(f"{name} of train_ranker must be at least 1, got {value}")
    package = lightgbm()
    settings = settings or TrainingSettings()
    schema = newest_schema(store) or FeatureSchema.of_arms(())
    log = read_examples(store, schema, max_decisions)
    training, held_out = split(log.examples, settings.held_out, seed)
    report = TrainingReport(
        learned_from=LearnedFrom(
            decisions=log.decisions,
            rewarded=len(log.examples),
            training=len(training),
            held_out=len(held_out),
            impressions=sum(len(example.rewards) for example in training),
            sessions=len({example.session for example in training}),
            left_out=log.left_out,
        ),
        gate=Verdict(False, f"{len(log.examples)} rewarded decisions, at least {min_decisions} are needed", 0, 0),
        features=schema.names,
        schema=schema.fingerprint,
        settings=asdict(settings),
        seed=seed,
        lightgbm=package.__version__,
    )
    if len(log.examples) < min_decisions or not training:
        return report
    model = fit(training, schema, settings, seed)
    report = replace(
        report,
        gate=judge(model, held_out, min_decisions=min_held_out, seed=seed),
        importance=model.importance,
    )
    active = activate_if_passed and report.gate.passed
    version = store.add_snapshot(RANKER, model.to_bytes(), report.card(), activate=active)
    return replace(report, version=version, active=active)


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
