"""
Learns the examination curve from the log.

A document that was shown for one query at different positions, and clicked at different rates there, tells how much
less the lower position is examined. Documents change their positions by the exploration of the page, by other
allocations, and as models learn.

The model is the position-based one: a click on document d at position k has probability `e_k · a_d`, with the
attraction `a_d` of each (query, document) pair unknown. It is integrated out over a grid. How attractions are
distributed is learned as well, and apart for the pairs that were first shown at each position: documents that begin at
the top are better, and this must not be taken for examination. So the curve comes only from pairs that moved. That a
document moves up because it was clicked is no matter: its position depends on earlier clicks alone, so the likelihood
of the clicks is what it would be under a fixed design.

Sources: the model and its expectation-maximisation are those of Wang, Golbandi, Bendersky, Metzler and Najork,
"Position bias estimation for unbiased learning to rank in personal search" (WSDM 2018), and of Chuklin, Markov and
de Rijke, "Click models for web search" (2015), section 4.2; that swaps of documents identify the curve is due to
Agarwal, Zaitsev, Wang, Li, Najork and Joachims, "Estimating position bias without intrusive interventions" (WSDM 2019).

The uncertainty is that of a bootstrap over queries in which every replicate starts from a curve drawn from the prior:
where the log says nothing, a replicate stays where it started, and the deviation is that of the prior.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import PRIOR, ExaminationCurve

Numbers = NDArray[np.float64]

PRIOR_ETA, PRIOR_DEVIATION = PRIOR.eta, PRIOR.deviation
"""Steepness before anything is known."""

GRID = np.geomspace(1e-3, 0.98, 24)
"""
Attractions over which a pair's own is integrated, close together where they are small: most documents below the first
places are clicked seldom, and what the grid does not have would be taken for examination.
"""

ROUNDS = 180
"""Evaluations of the step; with fewer a steep curve is not reached."""

LONGEST_STEP = 16.0
LEAST = float(np.log(1e-3))
"""Logarithm of the least probability that a curve may have."""

REPLICATES = 8
FEWEST_MOVED = 50
"""Pairs that were shown at more than one position; with fewer the prior stays."""

MOST_PAIRS = 10_000
"""Pairs that are taken into account, those that were looked at most."""


@dataclass(frozen=True)
class Looks:
    """
    How often pairs of query and document were shown, and clicked, at each position.

    :param shown: Pair × position: how often it was shown there.
    :param clicked: Pair × position: how often it was clicked there.
    :param first: For each pair the position at which it was shown first, from 1.
    :param query: For each pair a number of its query.
    """

    shown: Numbers
    clicked: Numbers
    first: NDArray[np.intp]
    query: NDArray[np.intp]

    @property
    def moved(self) -> int:
        """How many pairs were shown at more than one position."""
        return int(((self.shown > 0).sum(axis=1) > 1).sum())


def learn_curve(looks: Looks, seed: int = 0) -> ExaminationCurve:
    """
    Learn the examination curve.

    :param looks: What was shown and clicked.
    :param seed: Seed of the bootstrap.
    :returns: The curve, with the standard deviation of each position; the prior where too few pairs moved.
    """
    if looks.moved < FEWEST_MOVED:
        return ExaminationCurve(PRIOR_ETA, PRIOR_DEVIATION)
    looks = _most_looked_at(looks)
    patterns = _Patterns.of(looks)
    positions = np.arange(1, looks.shown.shape[1] + 1)
    rng = np.random.default_rng(seed)
    curve = _maximise(patterns, patterns.weights(np.ones(len(looks.first))), positions**-PRIOR_ETA)
    queries = int(looks.query.max()) + 1
    replicates = []
    for _ in range(REPLICATES):
        weights = np.bincount(rng.integers(queries, size=queries), minlength=queries)[looks.query].astype(np.float64)
        eta = max(0.0, rng.normal(PRIOR_ETA, PRIOR_DEVIATION))
        replicates.append(_maximise(patterns, patterns.weights(weights), positions**-eta))
    deviations = np.std(np.log(replicates), axis=0, ddof=1) * curve
    eta, deviation = _steepness(curve, np.log(replicates), positions)
    return ExaminationCurve(eta, deviation, tuple(curve.tolist()), tuple(deviations.tolist()))


@dataclass(frozen=True)
class _Patterns:
    """Pairs that were shown and clicked alike, once: most pairs were looked at a few times only."""

    shown: Numbers
    clicked: Numbers
    first: NDArray[np.intp]
    of_pair: NDArray[np.intp]

    @classmethod
    def of(cls, looks: Looks) -> "_Patterns":
        rows = np.column_stack([looks.first, looks.shown, looks.clicked])
        alike, of_pair = np.unique(rows, axis=0, return_inverse=True)
        positions = looks.shown.shape[1]
        shown, clicked = alike[:, 1 : positions + 1], alike[:, positions + 1 :]
        return cls(shown, clicked, alike[:, 0].astype(np.intp), of_pair.ravel())

    def weights(self, of_pairs: Numbers) -> Numbers:
        weights: Numbers = np.bincount(self.of_pair, of_pairs, minlength=len(self.first)).astype(np.float64)
        return weights


def _most_looked_at(looks: Looks) -> Looks:
    if len(looks.first) <= MOST_PAIRS:
        return looks
    kept = np.sort(np.argsort(-looks.shown.sum(axis=1), kind="stable")[:MOST_PAIRS])
    return Looks(looks.shown[kept], looks.clicked[kept], looks.first[kept], looks.query[kept])


def _maximise(patterns: "_Patterns", weights: Numbers, start: Numbers) -> Numbers:
    """
    Expectation-maximisation from a curve; position 1 stays at 1, to which all others are relative.

    Every third step goes further in the direction of the last two (SQUAREM: Varadhan and Roland, "Simple and globally
    convergent methods for accelerating the convergence of any EM algorithm", Scandinavian Journal of Statistics 35,
    2008).
    """
    mixture = np.full((int(patterns.first.max()), len(GRID)), 1.0 / len(GRID))
    at = np.concatenate([np.log(start), np.log(mixture).ravel()])
    step = _Step(patterns, weights, start)
    for _ in range(ROUNDS // 3):
        first = step(at)
        second = step(first)
        moved, turned = first - at, second - 2 * first + at
        norm = np.linalg.norm(turned)
        length = min(max(float(np.linalg.norm(moved) / norm), 1.0), LONGEST_STEP) if norm > 0 else 1.0
        at = step(at + 2 * length * moved + length**2 * turned)
    examined: Numbers = np.exp(at[: len(start)])
    return examined


class _Step:
    """One step of expectation and maximisation, over logarithms of the curve and of the mixtures."""

    def __init__(self, patterns: "_Patterns", weights: Numbers, start: Numbers) -> None:
        self._weights = weights
        self._passed = patterns.shown - patterns.clicked
        self._clicks = patterns.clicked.sum(axis=1)[:, None] * np.log(GRID)
        self._groups = patterns.first - 1
        self._total = weights @ patterns.shown
        self._clicked = weights @ patterns.clicked
        self._start = start

    def __call__(self, at: Numbers) -> Numbers:
        positions = len(self._start)
        examined = np.exp(np.clip(at[:positions], LEAST, 0.0))
        mixture = np.exp(np.clip(at[positions:], -50.0, 5.0)).reshape(-1, len(GRID))
        miss = 1.0 - np.outer(examined, GRID)
        log_likelihood = self._clicks + np.einsum("pk,kg->pg", self._passed, np.log(miss))
        # Below the bound numbers would be subnormal, which is slow.
        ahead = np.maximum(log_likelihood - log_likelihood.max(axis=1, keepdims=True), -60.0)
        posterior = mixture[self._groups] * np.exp(ahead)
        posterior *= (self._weights / posterior.sum(axis=1))[:, None]
        # Examined and passed by: for a look without a click at k, e_k (1 − a) / (1 − e_k a).
        passed = np.einsum("pk,pg->kg", self._passed, posterior)
        passed_by = (passed * (1.0 - GRID) / miss).sum(axis=1) * examined
        rare = self._total < 1.0
        examined = np.where(rare, self._start, (self._clicked + passed_by) / np.maximum(self._total, 1e-9))
        examined[0] = 1.0
        shares = _mixture(posterior, self._groups, len(mixture))
        return np.concatenate([np.clip(np.log(examined), LEAST, 0.0), np.log(shares).ravel()])


def _mixture(posterior: Numbers, groups: NDArray[np.intp], number: int) -> Numbers:
    """The distribution of attractions in each group, a hundredth of a pair added everywhere."""
    sums = np.full((number, len(GRID)), 0.01)
    np.add.at(sums, groups, posterior)
    shares: Numbers = sums / sums.sum(axis=1, keepdims=True)
    return shares


def _steepness(curve: Numbers, log_replicates: Numbers, positions: NDArray[np.intp]) -> tuple[float, float]:
    """The power law that is nearest to the curve, for positions beyond it, with its deviation over the replicates."""
    logs = np.log(positions[1:])
    if not len(logs):
        return PRIOR_ETA, PRIOR_DEVIATION
    slopes = -(log_replicates[:, 1:] @ logs) / (logs @ logs)
    return max(0.0, float(-(np.log(curve[1:]) @ logs) / (logs @ logs))), float(slopes.std(ddof=1))
