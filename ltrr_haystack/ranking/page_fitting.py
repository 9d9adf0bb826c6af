"""Fits the page model to the log: examination curve, click rates of places, and what a prior look is worth."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import below_click, chosen, chosen_in_vain
from ltrr_haystack.feedback.position_bias import Looks, learn_curve
from ltrr_haystack.ranking.features import EXPOSURES
from ltrr_haystack.ranking.page_model import FIRST_RATE, RATE_POWER, Numbers, PageModel
from ltrr_haystack.store import PAGE, LTRRStore, read_log
from ltrr_haystack.types import SettledDecision

LAST_POSITION = 20
"""Positions beyond it follow the power law of the curve."""

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
`MOST_LOOKS`. Most of what these say comes from few documents that are clicked nearly each time, and those stand first
with any number of looks; the order of all others is learned better from pages that trust the model's order more. How
much it changes once all is learned is told by `benchmarks/prior_looks.py`.
"""

POWERS = (0.1, 2.0)
"""
With which powers click rates may fall from place to place. Were they all alike, whatever was passed over once would
fall below all documents that nobody has seen.
"""

POWER_DEVIATION = 0.35
"""Standard deviation of the power around `RATE_POWER` before anything is known; a hundred clicks outweigh it."""


@dataclass
class _Log:
    """The impressions of a part of the log, in its order, one entry for each."""

    decisions: int = 0
    pair: list[int] = field(default_factory=list)
    ordinal: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    clicked: list[float] = field(default_factory=list)
    below: list[bool] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    query: list[int] = field(default_factory=list)


def fit_page_model(store: LTRRStore, *, max_decisions: int = 20_000, seed: int = 0) -> PageModel:
    """
    Fit the page model to the newest part of the log that a learner has been through.

    :param store: The store with the log.
    :param max_decisions: The most decisions to go back.
    :param seed: Seed of the curve's bootstrap.
    :returns: The model; what the log does not tell is as in the default one.
    """
    last = store.watermark().learned
    return fit_to(read_log(store, last, after=max(0, last - max_decisions), learned=True), seed)


def fit_to(decisions: Iterable[SettledDecision], seed: int = 0) -> PageModel:
    """
    Fit the page model to decisions.

    :param decisions: Settled decisions, in the order of the log; those that do not count are passed over.
    :param seed: Seed of the curve's bootstrap.
    :returns: The model; what they do not tell is as in the default one.
    """
    return _fitted(_read(decisions), seed)


def keep_page_model(
    store: LTRRStore, *, max_decisions: int = 20_000, activate: bool = True, seed: int = 0
) -> PageModel:
    """
    Fit the page model and keep it.

    :param store: The store with the log.
    :param max_decisions: The most decisions to go back.
    :param activate: Whether it goes live.
    :param seed: Seed of the curve's bootstrap.
    :returns: The model.
    """
    model = fit_page_model(store, max_decisions=max_decisions, seed=seed)
    card = {
        "examination": [round(probability, 4) for probability in model.curve.learned],
        "deviations": [round(deviation, 4) for deviation in model.curve.deviations],
        "eta": round(model.curve.eta, 4),
        "click_rates": [round(rate, 4) for rate in model.click_rates[:10]],
        "prior_looks": round(model.prior_looks, 2),
        "calibrated_rates": [round(rate, 4) for rate in model.calibrated_rates[:10]],
        "calibrated_looks": round(model.calibrated_looks, 2),
        "looks": round(model.looks, 1),
    }
    store.add_snapshot(PAGE, model.to_bytes(), card, activate=activate)
    return model


def _read(log: Iterable[SettledDecision]) -> _Log:
    """Gather the impressions whose rewards count."""
    read = _Log()
    pairs: dict[tuple[str, str], int] = {}
    queries: dict[str, int] = {}
    for settled in log:
        if not settled.counted:
            continue
        read.decisions += 1
        key = settled.decision.evidence_key
        query = queries.setdefault(key, len(queries))
        rewards = settled.counted_rewards
        below = below_click([impression.ordinal for impression in settled.impressions], chosen(settled)).tolist()
        for impression, is_below, in_vain in zip(settled.impressions, below, chosen_in_vain(settled), strict=True):
            if in_vain:
                continue
            read.clicked.append(float(rewards.get(impression.object_id, 0.0) > 0))
            read.below.append(is_below)
            read.pair.append(pairs.setdefault((key, impression.object_id), len(pairs)))
            read.query.append(query)
            read.ordinal.append(impression.ordinal)
            read.place.append(impression.model_place or impression.place)
            read.seen.append(impression.features.get(EXPOSURES, 0.0))
    return read


def _fitted(read: _Log, seed: int) -> PageModel:
    if not read.pair:
        return PageModel()
    pair, ordinal = np.array(read.pair), np.array(read.ordinal)
    place, clicked, below = np.array(read.place), np.array(read.clicked), np.array(read.below)
    number = int(pair.max()) + 1
    _, first = np.unique(pair, return_index=True)
    positions = int(min(ordinal.max(), LAST_POSITION))
    near = ordinal <= positions
    shown, hits = np.zeros((number, 2, positions)), np.zeros((number, 2, positions))
    cells = pair[near], below[near].astype(np.intp), ordinal[near] - 1
    np.add.at(shown, cells, 1.0)
    np.add.at(hits, cells, clicked[near])
    begun = np.minimum(ordinal[first], positions).astype(np.intp)
    curve = learn_curve(Looks(shown, hits, begun, np.array(read.query)[first]), seed)
    examined = curve.examined(ordinal, below)
    unknown = (np.array(read.seen) < 1.0) & (place > 0)
    model = PageModel(curve, looks=float(examined.sum()))
    if clicked[unknown].sum() < FEWEST_CLICKS:
        return model
    of_unknown = place[unknown], clicked[unknown], examined[unknown]
    model = replace(
        model,
        click_rates=tuple(falling_rates(*of_unknown).tolist()),
        calibrated_rates=tuple(calibrated_rates(*of_unknown).tolist()),
    )
    # What was seen before the log begins has no first looks in it.
    new = (np.array(read.seen)[first] < 1.0)[pair]
    priors = model.calibrated.priors(np.maximum(place, 1))
    looks = fitted_prior_looks(pair[new], priors[new], clicked[new], examined[new])
    return (
        model if looks is None else replace(model, prior_looks=min(CAUTION * looks, MOST_LOOKS), calibrated_looks=looks)
    )


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
    :returns: A rate for each of the first `LAST_PLACE` places, from 0.0001 to 0.99; those of the default page model
        where nothing was clicked there.
    """
    from scipy.optimize import minimize_scalar

    near = places <= LAST_PLACE
    clicks = np.bincount(places[near] - 1, clicked[near], minlength=LAST_PLACE)
    looks = np.bincount(places[near] - 1, examined[near], minlength=LAST_PLACE)
    every = np.arange(1.0, LAST_PLACE + 1)
    if not clicks.any():
        return PageModel().priors(every)

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
