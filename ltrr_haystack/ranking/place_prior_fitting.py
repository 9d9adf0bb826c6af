"""Fits the priors of the page model: click rates of places of the ranking model's order, and their worth in looks."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.ranking.place_prior import FIRST_RATE, RATE_POWER, Numbers, PlacePrior

LAST_PLACE = 50
"""Places of the model's order whose click rates are fitted."""

FIRST_LOOKS = 2.0
"""What a prior is worth is told by the first looks at a document: after many of them it hardly matters."""

FEWEST_LOOKS = 100.0
"""Looks at documents of which something was known; with fewer both numbers of prior looks stay the default."""

FEWEST_CLICKS = 100
"""
Clicks on documents of which little was known; with fewer the default click rates and prior looks stay. A few clicks on
many looks would make all places alike, and one more click would then lift a document above all others.
"""

MOST_LOOKS = 200.0
PRIOR_LOOKS = np.geomspace(1.0, MOST_LOOKS, 32)

CAUTION = 4.0
"""
In the order of pages a prior is worth so many times the looks with which clicks are predicted best, up to
`MOST_LOOKS`, and at least `looks_against_a_click`. Most of what these say comes from few documents that are clicked
nearly each time, and those stand first with any number of looks; the order of all others is learned better from pages
that trust the model's order more. How much it changes once all is learned is told by `benchmarks/prior_looks.py`.
"""

LIFTED_FROM = 10
"""
One click on a document at this place of the model's order, on the first page that anybody saw for a query, leaves the
first document first: whatever else the log says of click rates, nobody turns a page over alone.
"""

LEAST_FALL = 1e-6
"""Least difference of two click rates, where both are at the bound of what a rate may be."""

POWERS = (0.1, 2.0)
"""
With which powers click rates may fall from place to place. Were they all alike, whatever was passed over once would
fall below all documents that nobody has seen.
"""

POWER_DEVIATION = 0.35
"""Standard deviation of the power around `RATE_POWER` before anything is known; a hundred clicks outweigh it."""


def fitted_priors(
    pairs: NDArray[np.int_], places: NDArray[np.int_], clicked: Numbers, examined: Numbers, seen: Numbers
) -> tuple[PlacePrior, PlacePrior]:
    """
    Fit both priors to impressions, in the order of the log.

    The rates are told by documents of which less than a look was known for the query, the looks by pairs of query and
    document of which that was so when the log began: of the others the first looks are not among these impressions.

    :param pairs: For each impression, the number of its pair of query and document.
    :param places: Its place in the model's order, from 1; 0 where that is not known.
    :param clicked: Whether it was clicked, 0 or 1.
    :param examined: How likely its position is examined.
    :param seen: How many looks at the document were known for the query before.
    :returns: The prior that orders pages, and the calibrated one; what too few clicks or looks tell is the default.
    """
    unknown = (seen < 1.0) & (places > 0)
    if clicked[unknown].sum() < FEWEST_CLICKS:
        return PlacePrior(), PlacePrior()
    of_unknown = places[unknown], clicked[unknown], examined[unknown]
    ordering = PlacePrior(tuple(falling_rates(*of_unknown).tolist()))
    calibrated = PlacePrior(tuple(calibrated_rates(*of_unknown).tolist()))
    _, first, of_pair = np.unique(pairs, return_index=True, return_inverse=True)
    new = (seen[first] < 1.0)[of_pair]
    expected = calibrated.expected(np.maximum(places, 1))
    looks = fitted_prior_looks(pairs[new], expected[new], clicked[new], examined[new])
    cautious_looks = ordering.looks if looks is None else min(CAUTION * looks, MOST_LOOKS)
    ordering = replace(ordering, looks=max(cautious_looks, looks_against_a_click(ordering)))
    return ordering, calibrated if looks is None else replace(calibrated, looks=looks)


def looks_against_a_click(prior: PlacePrior) -> float:
    """
    Tell how many looks a prior must be worth so that one click leaves the first document of a page first.

    Of the first document nothing was seen but one look without a click, of the one at `LIFTED_FROM` the click. With n
    looks they are worth n · p / (n + 1) and (n · q + 1) / (n + 1) then, with the click rates p and q of their places:
    the first is not below the other from n = 1 / (p − q) on.

    :param prior: The prior, with falling click rates.
    :returns: The number of looks.
    """
    first, low = (float(rate) for rate in prior.expected([1, LIFTED_FROM]))
    return 1.0 / max(first - low, LEAST_FALL)


def falling_rates(places: NDArray[np.int_], clicked: Numbers, examined: Numbers) -> Numbers:
    """
    Estimate the click rate of an examined document at each place of the model's order by one law for all places.
    Pages are ordered by it.

    The rate of place m is first / m ** power, the likeliest where clicks are counts with the mean looks · rate: a
    log-linear Poisson model (McCullagh and Nelder, "Generalized Linear Models", 2nd edition, 1989, chapter 6), with a
    normal prior for the power. With a rate of its own for each place, many places would be alike for want of looks.

    :param places: Place of each impression, from 1.
    :param clicked: Whether it was clicked, 0 or 1.
    :param examined: How likely its position is examined.
    :returns: A rate for each of the first `LAST_PLACE` places, from 0.0001 to 0.99; those of the default `PlacePrior`
        where nothing was clicked there.
    """
    from scipy.optimize import minimize_scalar

    near = places <= LAST_PLACE
    clicks = np.bincount(places[near] - 1, clicked[near], minlength=LAST_PLACE)
    looks = np.bincount(places[near] - 1, examined[near], minlength=LAST_PLACE)
    every = np.arange(1.0, LAST_PLACE + 1)
    if not clicks.any():
        return PlacePrior().expected(every)

    def loss(power: float) -> float:
        """The negative logarithm of the posterior density, the first rate being the likeliest; it is convex."""
        likelihood = clicks.sum() * np.log(looks @ every**-power) + power * (clicks @ np.log(every))
        return float(likelihood + 0.5 * ((power - RATE_POWER) / POWER_DEVIATION) ** 2)

    falling = every ** -minimize_scalar(loss, bounds=POWERS, method="bounded").x
    rates: Numbers = np.clip(falling * clicks.sum() / (looks @ falling), 1e-4, 0.99)
    return rates


def calibrated_rates(places: NDArray[np.int_], clicked: Numbers, examined: Numbers) -> Numbers:
    """
    Estimate the click rate of an examined document at each place of the model's order by what was seen there alone.
    The ranker's gate, the grades that it is trained on and the gains of allocations rest on it.

    The rate is that of a document of which little was seen for the query before: (clicks + prior) / (looks + 1), with
    looks weighted by examination and a prior of one look, so that a place that was never looked at is worth no more
    than before anything was learned. It is made falling by isotonic regression (pool adjacent violators: Barlow,
    Bartholomew, Bremner and Brunk, "Statistical inference under order restrictions", 1972).

    :param places: Place of each impression, from 1.
    :param clicked: Whether it was clicked, 0 or 1.
    :param examined: How likely its position is examined.
    :returns: A rate for each of the first `LAST_PLACE` places.
    """
    near = places <= LAST_PLACE
    clicks = np.bincount(places[near] - 1, clicked[near], minlength=LAST_PLACE)
    looks: Numbers = np.bincount(places[near] - 1, examined[near], minlength=LAST_PLACE) + np.ones(LAST_PLACE)
    rates: Numbers = (clicks + FIRST_RATE / np.arange(1.0, LAST_PLACE + 1) ** RATE_POWER) / looks
    return np.clip(_falling(rates, looks), 1e-4, 0.99)


def fitted_prior_looks(pairs: NDArray[np.int_], priors: Numbers, clicked: Numbers, examined: Numbers) -> float | None:
    """
    Fit how many looks a prior is worth: so many that clicks are predicted best from what was known before each.

    The likelihood of all clicks, each given the ones before (Dawid, "Statistical theory: the prequential approach",
    Journal of the Royal Statistical Society A 147, 1984), over the first `FIRST_LOOKS` looks at each pair. All looks
    together would tell how much attractions differ. That is another question where they are not spread like a Beta
    distribution: with a floor of clicks by mistake, a few documents that are clicked each time ask for a wide one, and
    a single click is then taken for more than it says.

    :param pairs: For each impression, in the order of the log, the number of its pair of query and document.
    :param priors: The click rate of its place.
    :param clicked: Whether it was clicked, 0 or 1.
    :param examined: How likely it was examined.
    :returns: The number of looks, one of `PRIOR_LOOKS`; `None` where too little was known of anything.
    """
    order = np.argsort(pairs, kind="stable")
    successes, exposures = (_before(pairs[order], of[order]) for of in (clicked, examined))
    early = exposures < FIRST_LOOKS
    known, order = early & (exposures > 0.0), order[early]
    if float(examined[order][known[early]].sum()) < FEWEST_LOOKS:
        return None
    successes, exposures = successes[early], np.maximum(exposures, successes)[early]
    likelihoods = []
    for looks in PRIOR_LOOKS:
        means = (looks * priors[order] + successes) / (looks + exposures)
        chances = np.clip(examined[order] * means, 1e-9, 1.0 - 1e-9)
        likelihoods.append(float(np.where(clicked[order] > 0, np.log(chances), np.log1p(-chances)).sum()))
    return float(PRIOR_LOOKS[int(np.argmax(likelihoods))])


def _before(pairs: NDArray[np.int_], values: Numbers) -> Numbers:
    """For each row, of which those of a pair follow each other, the sum of the pair's rows before it."""
    sums = np.cumsum(values) - values
    starts = np.flatnonzero(np.diff(pairs, prepend=-1))
    before: Numbers = sums - np.repeat(sums[starts], np.diff(starts, append=len(pairs)))
    return before


def _falling(values: Numbers, weights: Numbers) -> Numbers:
    """The falling sequence that is nearest by weighted squares."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, size = value, weight, 1
        while blocks and blocks[-1][0] < mean:
            other, more, count = blocks.pop()
            mean, mass, size = (mean * mass + other * more) / (mass + more), mass + more, size + count
        blocks.append((mean, mass, size))
    return np.repeat([mean for mean, _, _ in blocks], [size for _, _, size in blocks])
