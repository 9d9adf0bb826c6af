"""Fits an intent classifier: logistic regression, calibrated on queries that it was not fitted to."""

import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.errors import MissingExtraError
from ltrr_haystack.intents.classifier import IntentClassifier, softmax
from ltrr_haystack.intents.embedding import PROBE, QueryEmbedder, Vector, embedded
from ltrr_haystack.intents.ngrams import buckets, value_of_each
from ltrr_haystack.ranking.folds import fold_of

INVERSE_PENALTY = 20.0
"""scikit-learn's C: how little large weights cost."""

FEWEST_QUERIES_OF_NGRAM = 2
"""Queries that an n-gram must occur in; what occurs in one alone would only learn that query by heart."""

FOLDS = 3
"""Into how many parts the queries are put for calibration, each scored by a classifier of the others."""

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.1, 10.0
LEAST_PROBABILITY = 1e-4
"""Probabilities count as at least this in a logarithm, so that no single query decides everything."""

ROUNDS = 1_000
Shares = Mapping[str, Mapping[str, float]]
Matrix = NDArray[np.float64]


def scikit_learn() -> ModuleType:
    """
    Import scikit-learn.

    :returns: The package.
    :raises MissingExtraError: If it is not installed.
    """
    try:
        import sklearn.linear_model
    except ImportError as error:
        raise MissingExtraError(
            'training an intent classifier needs scikit-learn; install it with: pip install "ltrr-haystack[intents]"'
        ) from error
    package: ModuleType = sklearn
    return package


class Embeddings(NamedTuple):
    """
    Sentence embeddings of queries.

    :param of: Normal form → embedding; empty for a classifier without them.
    :param probe: That of the probe; empty likewise.
    """

    of: Mapping[str, Vector]
    probe: Vector


def embeddings_of(embedder: QueryEmbedder | None, forms: Sequence[str]) -> Embeddings:
    """
    Embed queries.

    :param embedder: A text embedder, or `None` for no embeddings.
    :param forms: Normal forms.
    :returns: The embeddings.
    """
    if embedder is None:
        return Embeddings({}, np.zeros(0, np.float32))
    return Embeddings({form: embedded(embedder, form) for form in forms}, embedded(embedder, PROBE))


def truths(shares: Shares, forms: Sequence[str], categories: Sequence[str]) -> Matrix:
    """
    Write labels as a matrix.

    :param shares: Normal form → category → share.
    :param forms: The queries wanted.
    :param categories: The categories wanted.
    :returns: Queries × categories; 0 where a query is not after a category.
    """
    return np.array([[shares[form].get(category, 0.0) for category in categories] for form in forms]).reshape(
        len(forms), len(categories)
    )


def log_losses(probabilities: Matrix, truth: Matrix) -> NDArray[np.float64]:
    """
    Give the logarithmic loss of each query.

    :param probabilities: Queries × categories.
    :param truth: Queries × categories: the share of each query that is after each category.
    :returns: -Σ share · log(probability) for each query, in nats; probabilities below `LEAST_PROBABILITY` count as it.
    """
    losses: NDArray[np.float64] = -(truth * np.log(np.maximum(probabilities, LEAST_PROBABILITY))).sum(axis=1)
    return losses


def fit(shares: Shares, categories: tuple[str, ...], embeddings: Embeddings, seed: int = 0) -> IntentClassifier:
    """
    Fit a classifier and calibrate it.

    The temperature is the one by which the logarithmic loss is least on queries that were held out of fitting
    (Guo et al., ICML 2017). The same labels and seed give the same classifier.

    :param shares: Normal form → category → share: what to learn. Every query counts once.
    :param categories: The categories.
    :param embeddings: Embeddings of all these queries, or none.
    :param seed: Parts the queries for calibration.
    :returns: The classifier.
    :raises MissingExtraError: If scikit-learn is not installed.
    """
    scikit_learn()
    forms = sorted(shares)
    folds = {form: fold_of(f"calibration {form}", FOLDS, seed) for form in forms}
    scores, told = [], []
    for fold in range(FOLDS):
        others = [form for form in forms if folds[form] != fold]
        own = [form for form in forms if folds[form] == fold]
        if others and own:
            model = _fitted(shares, others, categories, embeddings)
            scores += [model.logits(form, embeddings.of.get(form)) for form in own]
            told += own
    classifier = _fitted(shares, forms, categories, embeddings)
    temperature = _temperature(np.array(scores), truths(shares, told, categories)) if told else 1.0
    return IntentClassifier(
        categories, classifier.columns, classifier.weights, classifier.bias, temperature, classifier.probe
    )


def _fitted(
    shares: Shares, forms: Sequence[str], categories: tuple[str, ...], embeddings: Embeddings
) -> IntentClassifier:
    found = [buckets(form) for form in forms]
    met, queries = np.unique(np.concatenate(found), return_counts=True)
    columns = met[queries >= FEWEST_QUERIES_OF_NGRAM]
    truth = truths(shares, forms, categories)
    prior = truth.sum(axis=0) + 0.5
    weights = np.zeros((len(columns) + len(embeddings.probe), len(categories)), np.float32)
    bias = np.log(prior / prior.sum()).astype(np.float32)
    present = np.flatnonzero(truth.any(axis=0))
    if len(present) > 1 and len(weights):
        rows, classes = np.nonzero(truth)
        model = _regression(_inputs(found, columns, forms, embeddings)[rows], classes, truth[rows, classes])
        # Of two classes scikit-learn gives the weights of the second, against 0 for the first.
        two = len(present) == 2
        weights[:, present] = (np.vstack([np.zeros_like(model.coef_), model.coef_]) if two else model.coef_).T
        bias[present] = np.append(0.0, model.intercept_) if two else model.intercept_
        bias[np.setdiff1d(np.arange(len(categories)), present)] += bias[present].min()
    return IntentClassifier(categories, columns, weights, bias, probe=embeddings.probe)


def _inputs(
    found: Sequence[NDArray[np.int64]], columns: NDArray[np.int64], forms: Sequence[str], embeddings: Embeddings
) -> Any:
    from scipy.sparse import csr_matrix, hstack

    kept = [own[np.isin(own, columns, assume_unique=True)] for own in found]
    values = np.repeat([value_of_each(len(own)) for own in found], [len(own) for own in kept])
    ends = np.cumsum([0, *map(len, kept)])
    ngrams = csr_matrix(
        (values.astype(np.float32), np.searchsorted(columns, np.concatenate(kept)), ends), (len(forms), len(columns))
    )
    if not embeddings.probe.size:
        return ngrams
    return hstack([ngrams, csr_matrix(np.stack([embeddings.of[form] for form in forms]))], format="csr")


def _regression(inputs: Any, classes: NDArray[np.intp], shares: NDArray[np.float64]) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    # On one thread sums are always in the same order, and threads do not wait for each other in busy loops.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=INVERSE_PENALTY, max_iter=ROUNDS).fit(inputs, classes, sample_weight=shares)


def _temperature(scores: Matrix, truth: Matrix) -> float:
    """
    The temperature of the least loss, as if one query more were after all categories alike.

    Without that one, labels that never contradict each other would make the classifier certain of everything (Platt,
    "Probabilistic outputs for support vector machines", 1999, section 2.2, smooths his targets for this reason).
    """
    from scipy.optimize import minimize_scalar

    truth = (len(truth) * truth + 1.0 / truth.shape[1]) / (len(truth) + 1)
    found = minimize_scalar(
        lambda power: float(log_losses(softmax(scores / np.exp(power)), truth).mean()),
        bounds=np.log([LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE]),
        method="bounded",
    )
    return float(np.exp(found.x))
