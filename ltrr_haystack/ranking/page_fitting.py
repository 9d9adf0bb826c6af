"""Fits the page model to the log: the examination curve, and what places of the ranking model's order are worth."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ltrr_haystack.feedback.examination import below_click, chosen, counted_shares
from ltrr_haystack.feedback.position_bias import Looks, learn_curve
from ltrr_haystack.ranking.features import EXPOSURES
from ltrr_haystack.ranking.going_live import go_live
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior_fitting import fitted_priors
from ltrr_haystack.store import PAGE, LTRRStore, read_log
from ltrr_haystack.types import SettledDecision

LAST_POSITION = 20
"""Positions beyond it follow the power law of the curve."""


@dataclass
class _Log:
    """The impressions of a part of the log, in its order, one entry for each."""

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
    Fit the page model and keep it, if the log has anything to fit it to.

    :param store: The store with the log.
    :param max_decisions: The most decisions to go back.
    :param activate: Whether it goes live, unless another version was activated meanwhile.
    :param seed: Seed of the curve's bootstrap.
    :returns: The model.
    """
    live = store.active_version(PAGE)
    model = fit_page_model(store, max_decisions=max_decisions, seed=seed)
    if not model.looks:
        return model
    card = {
        "examination": [round(probability, 4) for probability in model.curve.learned],
        "deviations": [round(deviation, 4) for deviation in model.curve.deviations],
        "eta": round(model.curve.eta, 4),
        "click_rates": [round(rate, 4) for rate in model.ordering.rates[:10]],
        "prior_looks": round(model.ordering.looks, 2),
        "calibrated_rates": [round(rate, 4) for rate in model.calibrated.rates[:10]],
        "calibrated_looks": round(model.calibrated.looks, 2),
        "looks": round(model.looks, 1),
    }
    version = store.add_snapshot(PAGE, model.to_bytes(), card, activate=False)
    if activate:
        go_live(store, PAGE, version, replaces=live)
    return model


def _read(log: Iterable[SettledDecision]) -> _Log:
    """
    Gather the impressions whose rewards count.

    On a page of today, which no model orders, a document's place is that in the union. A click of which a part counts
    is taken whole, unlike elsewhere: passes of the same client are, and with less of its clicks than of its passes,
    places where much is clicked would seem to be looked at less than they are.
    """
    read = _Log()
    pairs: dict[tuple[str, str], int] = {}
    queries: dict[str, int] = {}
    for settled in log:
        if not settled.counted:
            continue
        key = settled.decision.evidence_key
        query = queries.setdefault(key, len(queries))
        clicked, shares = chosen(settled), counted_shares(settled).tolist()
        below = below_click([impression.ordinal for impression in settled.impressions], clicked).tolist()
        for impression, is_below, click, share in zip(settled.impressions, below, clicked, shares, strict=True):
            if not share:
                continue
            read.clicked.append(float(click))
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
    ordering, calibrated = fitted_priors(pair, place, clicked, examined, np.array(read.seen))
    return PageModel(curve, ordering, calibrated, looks=float(examined.sum()))
