"""Trains an intent classifier, judges it, and keeps it as a snapshot."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from haystack import logging
from numpy.typing import NDArray

from ltrr_haystack.errors import ConfigurationError, InvalidInputError, SnapshotError
from ltrr_haystack.intents.calibration import calibration_bins, expected_calibration_error
from ltrr_haystack.intents.classifier import IntentClassifier
from ltrr_haystack.intents.embedding import QueryEmbedder, require_embedder
from ltrr_haystack.intents.fitting import Embeddings, Matrix, embeddings_of, fit, scikit_learn, truths
from ltrr_haystack.intents.gate import MIN_QUERIES, IntentVerdict, hits, judge_intents
from ltrr_haystack.intents.labels import IntentLabels
from ltrr_haystack.intents.report import IntentReport
from ltrr_haystack.ranking.folds import fold_of
from ltrr_haystack.ranking.going_live import go_live
from ltrr_haystack.store import INTENTS, LTRRStore

logger = logging.getLogger(__name__)

FOLDS = 5
"""One in so many queries is held out."""


def train_understanding(
    store: LTRRStore,
    labels: IntentLabels,
    *,
    embedder: QueryEmbedder | None = None,
    min_queries: int = 100,
    activate_if_passed: bool = True,
    seed: int = 0,
) -> IntentReport:
    """
    Train an intent classifier on labelled queries, judge it on others, and keep it as a snapshot.

    One query in five is held out: the classifier is judged on it, and never trained on it. Which these are depends on
    the query and the seed alone, so a later training with the same seed holds out the same ones, and both classifiers
    can be compared on queries that neither has seen. If it does not pass, it is kept with its verdict, and what is live
    stays live.

    ### Usage example

    ```python
    from haystack.utils import Secret
    from ltrr_haystack import LTRRStore
    from ltrr_haystack.intents import IntentLabels, train_understanding

    weights = {f"best {genre} songs": {"genre": 1.0} for genre in ("jazz", "pop", "folk", "soul", "rock")}
    weights |= {f"the one about {thing}": {"song": 1.0} for thing in ("rain", "love", "home", "the sea", "summer")}
    labels = IntentLabels.of_weights(weights)
    report = train_understanding(LTRRStore(Secret.from_env_var("LTRR_STORE_URL")), labels)
    print(report.reason)  # 10 labelled queries, at least 100 are needed
    ```

    :param store: Where the classifier is kept.
    :param labels: Queries with what they are after: `read_labels`, or `labels_from_clicks`.
    :param embedder: A text embedder, so that the classifier also reads sentence embeddings; whoever serves it needs the
        same one.
    :param min_queries: With fewer labelled queries nothing is trained.
    :param activate_if_passed: Whether a classifier that passes the gate goes live at once.
    :param seed: Tells which queries are held out.
    :returns: What was learned from, the gate's verdict, and the snapshot's version.
    :raises InvalidInputError: If `min_queries` is below 1.
    :raises ConfigurationError: If the live classifier reads sentence embeddings, and `embedder` is another one or
        left out.
    :raises MissingExtraError: If scikit-learn is not installed.
    """
    if min_queries < 1:
        raise InvalidInputError(f"min_queries of train_understanding must be at least 1, got {min_queries}")
    package, shares = scikit_learn(), labels.shares
    held_out = [form for form in sorted(shares) if _is_held_out(form, seed)]
    training = {form: shares[form] for form in sorted(shares) if not _is_held_out(form, seed)}
    looks, missing = _looks(store), _missing(labels, held_out, min_queries)
    report = IntentReport(
        source=labels.source,
        decisions=labels.decisions,
        until=labels.until,
        left_out=labels.left_out,
        queries=len(shares),
        gate=IntentVerdict(False, missing or "", len(held_out)),
        looks=looks,
        seed=seed,
    )
    if missing is not None:
        return report
    replaces = store.active_version(INTENTS)
    live = _live(store, embedder, replaces)
    categories = labels.categories
    embeddings = embeddings_of(embedder, sorted(shares))
    classifier = fit(training, categories, embeddings, seed)
    truth = truths(shares, held_out, categories)
    own = _probabilities(classifier, held_out, categories, embeddings)
    prior = truths(shares, list(training), categories).mean(axis=0)
    verdict = judge_intents(
        truth,
        own,
        prior,
        None if live is None else _probabilities(live[0], held_out, categories, embeddings),
        None if live is None else np.array([_is_held_out(form, live[1]) for form in held_out]),
        look=looks + 1,
    )
    bins = calibration_bins(own.max(axis=1), hits(own, truth))
    by_share = sorted(zip(categories, prior.tolist(), strict=True), key=lambda each: (-each[1], each[0]))
    report = replace(
        report,
        gate=verdict,
        looks=looks + 1,
        trained=len(training),
        categories=dict(by_share),
        embeddings=classifier.dimension,
        ngrams=len(classifier.columns),
        temperature=classifier.temperature,
        calibration_error=expected_calibration_error(bins),
        bins=bins,
        confusion=_confusion(truth, own, categories),
        scikit_learn=str(package.__version__),
    )
    version = store.add_snapshot(INTENTS, classifier.to_bytes(), report.card(), activate=False)
    passes = activate_if_passed and verdict.passed
    active = passes and go_live(store, INTENTS, version, replaces=replaces)
    return replace(report, version=version, active=active, superseded=passes and not active)


def _is_held_out(form: str, seed: int) -> bool:
    return fold_of(form, FOLDS, seed) == 0


def _missing(labels: IntentLabels, held_out: Sequence[str], min_queries: int) -> str | None:
    """What is missing to train anything."""
    if len(labels.shares) < min_queries:
        return f"{len(labels.shares)} labelled queries, at least {min_queries} are needed"
    if len(labels.categories) < 2:
        return f"{len(labels.categories)} categories, at least 2 are needed"
    if len(held_out) < MIN_QUERIES:
        return f"{len(held_out)} queries are held out, at least {MIN_QUERIES} are needed"
    return None


def _live(store: LTRRStore, embedder: QueryEmbedder | None, version: int) -> tuple[IntentClassifier, int] | None:
    """The live classifier and its seed; `None` where there is none that can tell anything."""
    try:
        snapshot = store.snapshot(INTENTS, version)
        if snapshot is None:
            return None
        classifier = IntentClassifier.from_bytes(snapshot.payload)
    except SnapshotError as error:
        logger.warning("The live intent classifier cannot be compared with: {error}", error=str(error))
        return None
    try:
        require_embedder(embedder, classifier.probe)
    except SnapshotError as error:
        raise ConfigurationError(
            f"the live intent classifier (version {snapshot.version}) cannot be compared with: {error}; train with its "
            "embedder, or deactivate it first (ltrr activate intents 0)"
        ) from error
    return classifier, int(snapshot.card.get("seed", 0))


def _probabilities(
    classifier: IntentClassifier, forms: Sequence[str], categories: Sequence[str], embeddings: Embeddings
) -> Matrix:
    """Queries × categories; 0 for a category that the classifier does not know."""
    told = [classifier.probabilities(form, embeddings.of.get(form)) for form in forms]
    return np.array([[own.get(category, 0.0) for category in categories] for own in told])


def _confusion(truth: Matrix, own: Matrix, categories: Sequence[str]) -> dict[str, dict[str, float]]:
    likeliest: NDArray[np.intp] = own.argmax(axis=1)
    return {
        after: {
            categories[held]: float(truth[likeliest == held, row].sum())
            for held in np.unique(likeliest[truth[:, row] > 0])
        }
        for row, after in enumerate(categories)
        if truth[:, row].any()
    }


def _looks(store: LTRRStore) -> int:
    """How many tests there were, as the cards say."""
    told = [info.card.get("looks") for info in store.snapshots(INTENTS)]
    return max([looks for looks in told if isinstance(looks, int)], default=0)
