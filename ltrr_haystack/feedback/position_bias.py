"""
Learns the examination curve from the log.

A document that was shown for one query at different positions, and clicked at different rates there, tells how much
less the lower position is examined. Documents change their positions by the exploration of the page, by other
allocations, and as models learn.

Whether a position is examined also depends on what was clicked above: many people stop once they have found something.
So each position has two probabilities, one as long as nothing above it was clicked, and one after that. With a single
one the curve comes out too flat, and a good document below another good one is held to be passed over by people who
never saw it. The curve itself is the mean of the two, as often as either occurred.

People do not read alike, and who gets to a position without a click differs from query to query: below good documents
it is mostly those who do not look, below poor ones it is everybody. A curve for all queries is that of the queries that
tell most, those whose good documents are seldom passed over, and falls too steeply. So queries are grouped by how often
something was clicked above what they showed, each group has a curve of its own, and the curve is the mean over what
was shown. Below a document that everybody clicks, a group by itself cannot tell whether nobody looks or nobody wants
what stands there: where a group says little, people are taken to look as all do.

The model is a user browsing model with two states: a click on document d at position k has probability `e_ks · a_d`,
where s tells whether something above was clicked, and the attraction `a_d` of each (query, document) pair is unknown.
It is integrated out over a grid. How attractions are distributed is learned as well, and apart for the pairs that were
first shown at each position: documents that begin at the top are better, and this must not be taken for examination. So
the curve comes only from pairs that moved. That a document moves up because it was clicked is no matter: its position
depends on earlier clicks alone, so the likelihood of the clicks is what it would be under a fixed design.

Sources: that examination depends on the click above is the user browsing model of Dupret and Piwowarski, "A user
browsing model to predict search engine click data from past observations" (SIGIR 2008), whose distance to the click is
left out here; for position-based models see Wang, Golbandi, Bendersky, Metzler and Najork, "Position bias estimation
for unbiased learning to rank in personal search" (WSDM 2018), and Chuklin, Markov and de Rijke, "Click models for web
search" (2015), sections 3.6 and 4.2; that swaps of documents identify the curve is due to Agarwal, Zaitsev, Wang, Li,
Najork and Joachims, "Estimating position bias without intrusive interventions" (WSDM 2019). The likelihood is maximised
by L-BFGS (Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming
45, 1989): expectation-maximisation needs thousands of steps along the ridge between examination and attraction.

A curve has a prior: the logarithm of each probability is normal around that of a power law. So a position of which the
log says little stays near the power law, and one without clicks is not taken for one that nobody examines. The prior
of a group lies around the curves of all pairs together. The uncertainty is that of a bootstrap over queries in which
every replicate has a power law drawn from the prior as its own, also for its groups: where the log says nothing, a
replicate stays there, and the deviation is that of the prior. The assumption that groups look as all do adds to it: by
how far the curve is from the one that is found where the prior of each group lies around the power law.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ltrr_haystack.feedback.examination import PRIOR, ExaminationCurve

Numbers = NDArray[np.float64]

PRIOR_ETA, PRIOR_DEVIATION = PRIOR.eta, PRIOR.deviation
"""Steepness before anything is known."""

GRID = np.geomspace(1e-3, 0.98, 24)
"""
Attractions over which a pair's own is integrated, close together where they are small: most documents below the first
places are clicked seldom, and what the grid does not have would be taken for examination.
"""

SPREAD = 2.0
"""
How many times as far from the curve that is expected as all pages together those before or after a click may be: the
deviation of the logarithm of the probability of position k is SPREAD · PRIOR_DEVIATION · log k.
"""

GROUPS = 3
"""Groups of queries with curves of their own, of about as many looks each."""

SMALLEST_GROUP = 0.1
"""Share of what was shown below the first position with less of which a group is joined to the nearest one."""

FEWEST_PAGES = 30
"""
Pages of a query; those with fewer are taken as one. On a few pages it is chance what was clicked above, and groups made
by chance would have curves of their own: where nothing happened to be clicked above, all clicks are far down.
"""

STARTS = (PRIOR_ETA, PRIOR_ETA + 2 * PRIOR_DEVIATION)
"""Steepness of the curves from which a maximum is sought: there can be several, and the highest is taken."""

MOST_STEPS = 300
"""Steps of the maximisation; what is left to gain after them is far below the uncertainty."""

TOLERANCE = 1e-8
"""A step that gains a smaller share of the log-likelihood is the last one."""

FARTHEST = 7.0
"""Bound of the log-odds of a probability: none is below a thousandth."""

SMOOTHING = 0.01
"""Pairs that are added to every attraction of every distribution."""

REPLICATES = 8
FEWEST_MOVED = 50
"""Pairs that were shown at more than one position; with fewer the prior stays."""

MOST_PAIRS = 6_000
"""Pairs that are taken into account, those that were looked at most."""


@dataclass(frozen=True)
class Looks:
    """
    How often pairs of query and document were shown, and clicked, at each position.

    :param shown: Pair × 2 × position: how often it was shown there, first where nothing above was clicked, then where
        something was.
    :param clicked: Pair × 2 × position: how often it was clicked there.
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
        return int(((self.shown.sum(axis=1) > 0).sum(axis=1) > 1).sum())


def learn_curve(looks: Looks, seed: int = 0) -> ExaminationCurve:
    """
    Learn the examination curve.

    NumPy's linear algebra has one thread meanwhile: it multiplies many small matrices, and threads that wait for each
    other on busy cores make that many times slower.

    :param looks: What was shown and clicked.
    :param seed: Seed of the bootstrap.
    :returns: The curve, with the standard deviation of each position; the prior where too few pairs moved.
    """
    if looks.moved < FEWEST_MOVED:
        return ExaminationCurve(PRIOR_ETA, PRIOR_DEVIATION)
    import scipy.optimize  # noqa: F401 (it has linear algebra of its own, which is limited only once it is loaded)

    with threadpool_limits(1, user_api="blas"):
        return _learned(looks, seed)


def _learned(looks: Looks, seed: int) -> ExaminationCurve:
    shares, pairs = _shares(looks), _Pairs.of(looks)
    positions = np.arange(1, looks.shown.shape[2] + 1)
    rng = np.random.default_rng(seed)
    once, law = np.ones(len(pairs.query)), positions**-PRIOR_ETA
    whole = pairs.whole(once, law, [positions**-eta for eta in STARTS])
    of_states = pairs.curves(once, whole, expected=whole)
    curve, by_law = _mean(of_states, shares), _mean(pairs.curves(once, whole, expected=law), shares)
    queries = int(pairs.query.max()) + 1
    replicates = []
    for _ in range(REPLICATES):
        times = np.bincount(rng.integers(queries, size=queries), minlength=queries)[pairs.query].astype(np.float64)
        drawn = positions ** -max(0.0, rng.normal(PRIOR_ETA, PRIOR_DEVIATION))
        replicates.append(_mean(pairs.curves(times, pairs.whole(times, drawn, [drawn]), expected=drawn), shares))
    deviations = _deviation(np.log(replicates), np.log(curve) - np.log(by_law)) * curve
    eta, of_eta = _steepness(curve, positions), [_steepness(each, positions) for each in replicates]
    deviation = float(_deviation(np.array(of_eta), np.array(eta - _steepness(by_law, positions))))
    before, after = of_states.tolist()
    return ExaminationCurve(
        max(0.0, eta), deviation, tuple(curve.tolist()), tuple(deviations.tolist()), tuple(before), tuple(after)
    )


def _deviation(replicates: Numbers, assumed: Numbers) -> Numbers:
    """The standard deviation over replicates, one in each row, together with what rests on an assumption."""
    deviation: Numbers = np.sqrt(replicates.var(axis=0, ddof=1) + assumed**2)
    return deviation


def _shares(looks: Looks) -> Numbers:
    """How much of what each position showed was shown in either state; the first one where it showed nothing."""
    shown = looks.shown.sum(axis=0)
    shown[0, shown.sum(axis=0) == 0] = 1.0
    shares: Numbers = shown / shown.sum(axis=0)
    return shares


def _mean(of_states: Numbers, shares: Numbers) -> Numbers:
    """The curve of all pages together, from that of each state."""
    mean: Numbers = (of_states * shares).sum(axis=0)
    return mean


@dataclass(frozen=True)
class _Pairs:
    """
    The pairs that are taken into account, all together and apart by groups of queries.

    :param query: For each pair a number of its query.
    :param patterns: All pairs.
    :param groups: For each group which of the pairs are its own, and these pairs; groups of which there are none are
        left out.
    :param shown: Group × 2 × position: how often something was shown there in either state, by all pairs of its
        queries, taken into account or not.
    """

    query: NDArray[np.intp]
    patterns: "_Patterns"
    groups: Sequence[tuple[NDArray[np.bool_], "_Patterns"]]
    shown: Numbers

    @classmethod
    def of(cls, looks: Looks) -> "_Pairs":
        group, rows = _groups(looks), _most_looked_at(looks)
        numbers = np.unique(group[rows])
        shown = np.array([looks.shown[group == number].sum(axis=0) for number in numbers])
        looks, group = Looks(looks.shown[rows], looks.clicked[rows], looks.first[rows], looks.query[rows]), group[rows]
        own = [(group == number, _Patterns.of(looks, group == number)) for number in numbers]
        return cls(looks.query, _Patterns.of(looks), own, shown)

    def whole(self, times: Numbers, expected: Numbers, starts: Sequence[Numbers]) -> Numbers:
        """
        Learn the curve of each state from all pairs together.

        :param times: How often each pair counts.
        :param expected: The curve around which the prior of both states lies.
        :param starts: Curves from which a maximum is sought.
        :returns: 2 × position.
        """
        weights = self.patterns.weights(times)
        return max((_maximise(self.patterns, weights, expected, start) for start in starts), key=lambda of: of[1])[0]

    def curves(self, times: Numbers, whole: Numbers, expected: Numbers) -> Numbers:
        """
        Learn the curve of each state, by groups.

        :param times: How often each pair counts.
        :param whole: That of all pairs together, with which the search for each group's begins.
        :param expected: The curve around which the prior of each group lies, for both states or for each.
        :returns: 2 × position: the mean of the groups, by how often they showed something there; that of all pairs
            together where none did, or there is one group.
        """
        if len(self.groups) == 1:
            return whole
        # Together the groups have as much of the prior as all pairs have.
        share = 1.0 / len(self.groups)
        own = np.array([_maximise(of, of.weights(times[rows]), expected, whole, share)[0] for rows, of in self.groups])
        shown = self.shown.sum(axis=0)
        mean: Numbers = np.where(shown > 0, (own * self.shown).sum(axis=0) / np.maximum(shown, 1.0), whole)
        return mean


def _groups(looks: Looks) -> NDArray[np.intp]:
    """
    For each pair the group of its query.

    Queries are in the order of how much of what they showed below the first position was below a click, those alike in
    the same group, each by the middle of its looks.
    """
    shown = looks.shown[:, :, 1:].sum(axis=2)
    below, everything = (np.bincount(looks.query, of) for of in (shown[:, 1], shown.sum(axis=1)))
    share = below / np.maximum(everything, 1.0)
    seldom = np.bincount(looks.query, looks.shown[:, :, 0].sum(axis=1)) < FEWEST_PAGES
    share[seldom] = below[seldom].sum() / max(float(everything[seldom].sum()), 1.0)
    _, of_query = np.unique(share, return_inverse=True)
    looked = np.bincount(of_query, everything)
    middle = (looked.cumsum() - looked / 2) / max(float(looked.sum()), 1.0)
    group = (GROUPS * middle).astype(np.intp)
    of_group = np.bincount(group, looked)
    large = np.flatnonzero(of_group >= SMALLEST_GROUP * of_group.sum())
    found: NDArray[np.intp] = large[np.abs(group[:, None] - large).argmin(axis=1)][of_query][looks.query]
    return found


@dataclass(frozen=True)
class _Patterns:
    """
    Pairs that were shown and clicked alike, once: most pairs were looked at a few times only.

    Both states stand side by side: the positions where nothing above was clicked, then those where something was.
    """

    clicked: Numbers
    passed: Numbers
    first: NDArray[np.intp]
    of_pair: NDArray[np.intp]

    @classmethod
    def of(cls, looks: Looks, rows: NDArray[np.bool_] | slice = slice(None)) -> "_Patterns":
        shown, clicked = (of[rows].reshape(-1, 2 * of.shape[2]) for of in (looks.shown, looks.clicked))
        alike, of_pair = np.unique(np.column_stack([looks.first[rows], shown, clicked]), axis=0, return_inverse=True)
        cells = shown.shape[1]
        shown, clicked = alike[:, 1 : cells + 1], alike[:, cells + 1 :]
        return cls(clicked, shown - clicked, alike[:, 0].astype(np.intp), of_pair.ravel())

    def weights(self, of_pairs: Numbers) -> Numbers:
        weights: Numbers = np.bincount(self.of_pair, of_pairs, minlength=len(self.first)).astype(np.float64)
        return weights


def _most_looked_at(looks: Looks) -> NDArray[np.intp]:
    return np.sort(np.argsort(-looks.shown.sum(axis=(1, 2)), kind="stable")[:MOST_PAIRS])


def _maximise(
    patterns: _Patterns, weights: Numbers, expected: Numbers, start: Numbers, share: float = 1.0
) -> tuple[Numbers, float]:
    """
    Find the likeliest curve of each state.

    :param patterns: The pairs.
    :param weights: How often each pattern counts.
    :param expected: The curve around which the prior lies, for both states or for each.
    :param start: The curve to begin with, likewise.
    :param share: How much the prior counts.
    :returns: 2 × position, where position 1 is 1, to which all others are relative; and the logarithm of the posterior
        density.
    """
    from scipy.optimize import minimize

    likelihood = _Posterior(patterns, weights, expected, share)
    begun = np.broadcast_to(start, (2, patterns.clicked.shape[1] // 2)).ravel()
    odds = np.clip(np.log(begun) - np.log1p(-np.minimum(begun, 0.999)), -FARTHEST, FARTHEST)
    begin = np.concatenate([odds[1:], np.zeros(likelihood.mixtures * len(GRID))])
    bounds = [(-FARTHEST, FARTHEST)] * (len(odds) - 1) + [(None, None)] * (likelihood.mixtures * len(GRID))
    options = {"maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "maxcor": 20, "ftol": TOLERANCE}
    found = minimize(likelihood, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    examined: Numbers = np.exp(likelihood.log_examined(found.x)).reshape(2, -1)
    examined[:, 0] = 1.0
    return examined, -float(found.fun)


class _Posterior:
    """The negative logarithm of the posterior with its gradient, over the log-odds of examination and mixtures."""

    def __init__(self, patterns: _Patterns, weights: Numbers, expected: Numbers, share: float) -> None:
        self.mixtures = int(patterns.first.max())
        self._patterns = patterns
        self._weights = weights
        self._groups = patterns.first - 1
        self._members = (self._groups == np.arange(self.mixtures)[:, None]).astype(np.float64)
        self._cells = patterns.clicked.shape[1]
        self._clicks = patterns.clicked.sum(axis=1)[:, None] * np.log(GRID)
        self._clicked = weights @ patterns.clicked
        positions = self._cells // 2
        self._expected = np.broadcast_to(np.log(expected), (2, positions)).ravel()
        spread = SPREAD * PRIOR_DEVIATION * np.log(np.arange(1.0, positions + 1))
        self._precision = np.tile(np.where(spread > 0, share / np.maximum(spread, 1e-9) ** 2, 0.0), 2)

    def log_examined(self, at: Numbers) -> Numbers:
        """The logarithm of how likely each position is examined, in either state."""
        return np.concatenate([[0.0], -np.logaddexp(0.0, -at[: self._cells - 1])])

    def __call__(self, at: Numbers) -> tuple[float, Numbers]:
        log_examined = self.log_examined(at)
        odds = at[self._cells - 1 :].reshape(self.mixtures, -1)
        log_mixture = odds - _log_sum(odds)
        attracted = np.outer(np.exp(log_examined), GRID)
        joint = self._clicks + (self._patterns.clicked @ log_examined)[:, None]
        joint += self._patterns.passed @ np.log1p(-attracted) + log_mixture[self._groups]
        most = joint.max(axis=1)
        posterior = np.exp(joint - most[:, None])
        total = posterior.sum(axis=1)
        posterior *= (self._weights / total)[:, None]
        apart = log_examined - self._expected
        value = self._weights @ (most + np.log(total)) + SMOOTHING * log_mixture.sum()
        value -= 0.5 * self._precision @ apart**2
        passed = self._patterns.passed.T @ posterior
        of_examined = self._clicked - (passed * attracted / (1.0 - attracted)).sum(axis=1) - self._precision * apart
        sums = self._members @ posterior + SMOOTHING
        of_mixture = sums - np.exp(log_mixture) * sums.sum(axis=1, keepdims=True)
        gradient = np.concatenate([(of_examined * -np.expm1(log_examined))[1:], of_mixture.ravel()])
        return -float(value), -gradient


def _log_sum(logarithms: Numbers) -> Numbers:
    """The logarithm of the sum of each row's exponentials, as a column."""
    most = logarithms.max(axis=1, keepdims=True)
    summed: Numbers = most + np.log(np.exp(logarithms - most).sum(axis=1, keepdims=True))
    return summed


def _steepness(curve: Numbers, positions: NDArray[np.intp]) -> float:
    """The exponent of the power law that is nearest to the curve, of two positions at least; for those beyond it."""
    logs = np.log(positions[1:])
    return float(-(np.log(curve[1:]) @ logs) / (logs @ logs))
