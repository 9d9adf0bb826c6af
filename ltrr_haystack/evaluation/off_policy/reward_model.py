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
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.evaluation.off_policy.intervals import Column
from ltrr_haystack.evaluation.off_policy.terms import Term, Terms
from ltrr_haystack.types import Features

Matrix = NDArray[np.float64]

FOLDS = 5
MOST_CONTEXT = 24
PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0)

_RARE = 0.01


class RewardRegression:
    """
    Predicts the reward of each decision of a log, whatever is drawn in it, without having seen what came of it.

    ### Usage example

    ```python
    import numpy as np
    from ltrr_haystack import Features
    from ltrr_haystack.evaluation.off_policy.reward_model import RewardRegression
    from ltrr_haystack.evaluation.off_policy.terms import Terms

    drawn, planned = Terms(), Terms()
    drawn.add(100, {("bm25", 10): np.tile([1.0, 0.0], 50)})
    planned.add(100, {("bm25", 10): np.ones(100)})
    model = RewardRegression([Features()] * 100, drawn, np.tile([1.0, 0.0], 50))
    expected = model.predict(planned)  # close to 1 for each
    ```

    :ivar drawn: What it predicts of what was drawn.
    """

    def __init__(self, features: Sequence[Features], drawn: Terms, rewards: Column) -> None:
        """
        Fit the models, one for each fold.

        :param features: What the policy saw of each decision.
        :param drawn: What was drawn in each decision.
        :param rewards: What came of each decision.
        """
        self._terms = list(drawn)
        self._context = _context_of(features)
        self._history = _history_of(features, self._terms)
        self._fold = np.arange(len(rewards)) % FOLDS
        rows = self._rows(drawn)
        sums = [_Sums.of(rows[self._fold == fold], rewards[self._fold == fold]) for fold in range(FOLDS)]
        nothing = _Sums.of(rows[:0], rewards[:0])
        self._fits = [_fit(sum(sums[:fold] + sums[fold + 1 :], start=nothing)) for fold in range(FOLDS)]
        self.drawn = self.predict(drawn)

    def predict(self, terms: Terms) -> Column:
        """
        Predict each decision's reward by the model that was fitted without it.

        :param terms: For each decision what is drawn in it.
        :returns: The expected rewards.
        """
        depth = terms.matrix(self._terms)
        wide, deep = self._context.shape[1], depth.shape[1]
        predicted = np.zeros(len(terms))
        for fold, (mean, center, coefficients) in enumerate(self._fits):
            held = self._fold == fold
            of_context, of_depth, of_both, of_history = np.split(coefficients, np.cumsum([wide, deep, wide * deep]))
            context, drawn, history = self._context[held], depth[held], self._history[held]
            slopes = of_depth + context @ of_both.reshape(wide, deep) + history * of_history
            predicted[held] = mean - center @ coefficients + context @ of_context + (drawn * slopes).sum(axis=1)
        return predicted

    def _rows(self, terms: Terms) -> Matrix:
        depth = terms.matrix(self._terms)
        crossed = (self._context[:, :, None] * depth[:, None, :]).reshape(len(terms), -1)
        return np.hstack([self._context, depth, crossed, depth * self._history])


@dataclass(frozen=True, slots=True)
class _Sums:
    """What a regression needs of some decisions: their number, and the sums of what is seen and of its products."""

    size: int
    rows: Column
    rewards: float
    squares: float
    rows_by_rows: Matrix
    rows_by_rewards: Column

    @classmethod
    def of(cls, rows: Matrix, rewards: Column) -> "_Sums":
        total, squares = float(rewards.sum()), float(rewards @ rewards)
        return cls(len(rewards), rows.sum(axis=0), total, squares, rows.T @ rows, rows.T @ rewards)

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(
            self.size + other.size,
            self.rows + other.rows,
            self.rewards + other.rewards,
            self.squares + other.squares,
            self.rows_by_rows + other.rows_by_rows,
            self.rows_by_rewards + other.rows_by_rewards,
        )


def _fit(sums: _Sums) -> tuple[float, Column, Column]:
    """The mean reward, what is seen on average, and the coefficients of what differs from that."""
    size = sums.size
    if not size:
        return 0.0, sums.rows, sums.rows
    center, mean = sums.rows / size, sums.rewards / size
    values, vectors = np.linalg.eigh(sums.rows_by_rows - size * np.outer(center, center))
    values = np.maximum(values, 0.0)
    projected = vectors.T @ (sums.rows_by_rewards - size * mean * center)
    total = sums.squares - size * mean**2

    def score(penalty: float) -> float:
        shrunk = projected / (values + penalty)
        residual = total - 2 * float(projected @ shrunk) + float(values @ shrunk**2)
        freedom = float((values / (values + penalty)).sum())
        return residual / max(size - freedom, 1e-9) ** 2

    penalty = min(PENALTIES, key=score)
    return mean, center, np.asarray(vectors @ (projected / (values + penalty)))


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


def _history_of(features: Sequence[Features], terms: Sequence[Term]) -> Matrix:
    """For each term what its arm earned before for the same query."""
    arms = sorted({arm for arm, _ in terms})
    nothing: dict[str, float] = {}
    earned = np.array([[each.history.get(arm, nothing).get("ctr", 0.0) for arm in arms] for each in features])
    return earned.reshape(len(features), len(arms))[:, [arms.index(arm) for arm, _ in terms]]
