"""
A simple model of the reward, for the doubly robust estimate.

Ridge regression (Hoerl & Kennard 1970) on what the policy saw, crossed with what was drawn. Depths are written like a
thermometer, one term for each level of an arm that was reached: what a deeper draw adds is learned as a difference, and
of a policy that draws at random the expected terms, P(depth ≥ level), are all that has to be known.

Each decision is predicted by a model that was fitted without it (cross-fitting: Chernozhukov et al. 2018,
Double/debiased machine learning), so that the estimate stays unbiased. The penalty is chosen by generalised
cross-validation (Golub, Heath & Wahba 1979).
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.evaluation.off_policy.intervals import Column
from ltrr_haystack.types import Features

Matrix = NDArray[np.float64]

Terms = Mapping[tuple[str, int], float]
"""(Arm, level) → probability of drawing at least as deep."""

FOLDS = 5
MOST_CONTEXT = 24
PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0)

_RARE = 0.01


class RewardModel:
    """
    Predicts the reward of each decision of a log, whatever is drawn in it, without having seen what came of it.

    ### Usage example

    ```python
    model = RewardModel(features, drawn, rewards)
    expected = model.predict([{("bm25", 10): 1.0} for _ in features])
    ```
    """

    def __init__(self, features: Sequence[Features], drawn: Sequence[Terms], rewards: Column) -> None:
        """
        Fit the models, one for each fold.

        :param features: What the policy saw of each decision.
        :param drawn: What was drawn in each decision.
        :param rewards: What came of each decision.
        """
        self._places = {term: place for place, term in enumerate(sorted({term for each in drawn for term in each}))}
        self._context = _context_of(features)
        self._history = _history_of(features, self._places)
        self._fold = np.arange(len(rewards)) % FOLDS
        rows = self._rows(drawn)
        self._fits = [self._fitted(rows, rewards, self._fold == fold) for fold in range(FOLDS)]

    def predict(self, terms: Sequence[Terms]) -> Column:
        """
        Predict each decision's reward by the model that was fitted without it.

        :param terms: For each decision what is drawn in it.
        :returns: The expected rewards.
        """
        rows = self._rows(terms)
        predicted = np.zeros(len(terms))
        for fold, (mean, center, coefficients) in enumerate(self._fits):
            held = self._fold == fold
            predicted[held] = mean + (rows[held] - center) @ coefficients
        return predicted

    def _rows(self, terms: Sequence[Terms]) -> Matrix:
        depth = np.zeros((len(terms), len(self._places)))
        for row, each in enumerate(terms):
            for term, probability in each.items():
                place = self._places.get(term)
                if place is not None:
                    depth[row, place] = probability
        crossed = (self._context[:, :, None] * depth[:, None, :]).reshape(len(terms), -1)
        return np.hstack([self._context, depth, crossed, depth * self._history])

    def _fitted(self, rows: Matrix, rewards: Column, held: NDArray[np.bool_]) -> tuple[float, Column, Column]:
        kept = ~held
        if not kept.any():
            return 0.0, np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
        center, coefficients = _fit(rows[kept], rewards[kept])
        return float(rewards[kept].mean()), center, coefficients


def _fit(rows: Matrix, rewards: Column) -> tuple[Column, Column]:
    center = rows.mean(axis=0)
    centered, wanted = rows - center, rewards - rewards.mean()
    values, vectors = np.linalg.eigh(centered.T @ centered)
    values = np.maximum(values, 0.0)
    projected = vectors.T @ (centered.T @ wanted)
    size, total = len(rewards), float(wanted @ wanted)

    def score(penalty: float) -> float:
        shrunk = projected / (values + penalty)
        residual = total - 2 * float(projected @ shrunk) + float(values @ shrunk**2)
        freedom = float((values / (values + penalty)).sum())
        return residual / max(size - freedom, 1e-9) ** 2

    penalty = min(PENALTIES, key=score)
    return center, np.asarray(vectors @ (projected / (values + penalty)))


def _context_of(features: Sequence[Features]) -> Matrix:
    """The commonest values of what was seen, without those that hardly ever, or nearly always, occur."""
    size = len(features)
    seen: Counter[tuple[str, str]] = Counter()
    for each in features:
        seen.update(_entries(each))
    terms = [term for term, count in seen.most_common() if _RARE * size <= count <= (1 - _RARE) * size][:MOST_CONTEXT]
    places = {term: place for place, term in enumerate(terms)}
    context = np.zeros((size, len(places)))
    for row, each in enumerate(features):
        for term, value in _entries(each).items():
            place = places.get(term)
            if place is not None:
                context[row, place] = value
    return context


def _entries(features: Features) -> dict[tuple[str, str], float]:
    entries: dict[tuple[str, str], float] = {}
    for name, value in [*features.query.items(), *features.time.items()]:
        if isinstance(value, str):
            entries[name, value] = 1.0
        else:
            entries[name, ""] = float(value)
    return entries


def _history_of(features: Sequence[Features], places: Mapping[tuple[str, int], int]) -> Matrix:
    """For each term what its arm earned before for the same query."""
    history = np.zeros((len(features), len(places)))
    for row, each in enumerate(features):
        for (arm, _), place in places.items():
            history[row, place] = each.history.get(arm, {}).get("ctr", 0.0)
    return history
