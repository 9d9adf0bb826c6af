"""
The gate in worlds in which it is known what is better, on pages as they are logged.

Places 4 to 10 are drawn from the other candidates: all alike, or the more often the higher these stand in the union, up
to an order that hardly changes, and one that never does. People read in three ways. The page model is fitted to the log
that the gate judges on, so where no document ever moved it does not know how far people look.
"""

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from factories import judged_query, page, settled
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking.features import compute
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.ranking.gate import by_union, expected_value, judge
from ltrr_haystack.ranking.judged_queries import EvidenceCollector
from ltrr_haystack.ranking.page_fitting import fit_to
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior

QUERIES, DOCUMENTS, SHOWN, KEPT = 150, 16, 10, 3
FIXED = math.inf
STRENGTHS = (0.0, 1.0, 10.0, FIXED)


def position_based(attractions, draw):
    """Place n is looked at with probability 1 / n ** .4, where the prior has it that it is 1 / n ** .7."""
    return [draw.random() < place**-0.4 and draw.random() < of for place, of in enumerate(attractions, start=1)]


def cascade(attractions, draw):
    """From the first on, until a click satisfies or patience ends."""
    clicks, reading = [], True
    for of in attractions:
        clicks.append(reading and draw.random() < of)
        reading = reading and draw.random() < (0.3 if clicks[-1] else 0.9)
    return clicks


def dependent(attractions, draw):
    """Who has clicked already looks at the following places less."""
    clicks = []
    for place, of in enumerate(attractions, start=1):
        clicks.append(draw.random() < place ** (-0.9 if any(clicks) else -0.4) and draw.random() < of)
    return clicks


READERS = (position_based, cascade, dependent)


def orders(strength, count, seed):
    """Orders by -strength · log(1 + place) with Gumbel noise, the first three kept."""
    if strength == FIXED:
        return np.tile(np.arange(DOCUMENTS), (count, 1))
    noise = np.random.default_rng(seed).gumbel(size=(count, DOCUMENTS))
    noise[:, :KEPT] = 1e6 * np.arange(KEPT, 0, -1)
    return np.argsort(strength * np.log1p(np.arange(1, DOCUMENTS + 1)) - noise, axis=1)


@pytest.fixture(scope="module")
def unions(world, schema):
    """For each query its union, the features of its candidates, and what dense knows to be relevant."""
    draw = random.Random(0)
    made = []
    for query in range(QUERIES):
        relevant = {row for row in range(DOCUMENTS) if draw.random() < 0.2}
        union = world.union_of(f"q{query}", relevant, draw, query=f"query {query}")
        rows = schema.mappings(compute(schema, union.candidates, union.reports, union.decision, {}))
        made.append((union, rows, relevant))
    return made


@pytest.fixture(scope="module")
def searched_pages(unions):
    """Has people search each query so many times; gives the settled decisions."""

    def search(attraction, reader, strength, *, seed, times=2):
        draw = random.Random(seed)
        drawn = iter(orders(strength, QUERIES * times, seed))
        found = []
        for union, rows, relevant in unions:
            attractions = [attraction(row, relevant, draw) for row in range(DOCUMENTS)]
            for order in [next(drawn) for _ in range(times)]:
                on, off = order[:SHOWN].tolist(), order[SHOWN:].tolist()
                ranking = page(
                    union,
                    [union.candidates[row].object_id for row in on],
                    [rows[row] for row in on],
                    unshown=tuple(union.candidates[row] for row in off),
                    unshown_features=tuple(rows[row] for row in off),
                )
                clicks = reader([attractions[row] for row in on], draw)
                clicked = [f"d{row}" for row, click in zip(on, clicks, strict=True) if click]
                found.append(settled(ranking, dict.fromkeys(clicked, 1.0)))
        return found

    return search


@pytest.fixture(scope="module")
def evidence(searched):
    """What decisions say of the documents of their queries, by the page model that is fitted to them."""

    def gathered(decisions, model=None):
        collector = EvidenceCollector(searched, model or fit_to(decisions))
        for each in decisions:
            collector.add(each)
        return collector.queries()

    return gathered


@pytest.fixture(scope="module")
def verdict(evidence):
    """Judges scores on settled decisions."""
    return lambda decisions, learned, model=None: judge(evidence(decisions, model), learned, min_queries=20)


@pytest.fixture
def dense(searched):
    """Scores by what dense holds of a document."""
    return lambda each: each.features[:, searched.columns["arm.dense.normalised"]]


def in_order(of_place):
    """Scores by which the document at a place of the union stands at another one."""
    return lambda each: -np.array([of_place(place) for place in each.places.tolist()], dtype=float)


upside_down = in_order(lambda place: -place)
page_upside_down = in_order(lambda place: SHOWN + 1 - place if place <= SHOWN else place)
unseen_first = in_order(lambda place: place - SHOWN if place > SHOWN else place + DOCUMENTS)
unseen_fourth = in_order(
    lambda place: place if place <= KEPT else place - SHOWN + KEPT if place > SHOWN else 100 + place
)
first_and_sixth_exchanged = in_order(lambda place: {1: 6, 6: 1}.get(place, place))
WORSE = {
    "upside down": upside_down,
    "page upside down": page_upside_down,
    "never shown first": unseen_first,
    "never shown from the fourth place on": unseen_fourth,
    "first and sixth exchanged": first_and_sixth_exchanged,
}


def falling(row, relevant, draw):
    """The union's order is right, and not by much: .5 at the first place, .4 at the tenth."""
    return 0.5 * (row + 1) ** -0.1


def worthless_below_the_page(row, relevant, draw):
    return 0.4 * (row + 1) ** -0.3 if row < SHOWN else 0.0


def seldom_clicked(row, relevant, draw):
    return 0.08 * (row + 1) ** -0.3 if row < SHOWN else 0.0


def wanted(row, relevant, draw):
    return 0.6 if row in relevant else 0.1


@pytest.mark.parametrize("attraction", [falling, worthless_below_the_page, seldom_clicked])
@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("reader", READERS)
def test_what_loses_a_tenth_never_passes(searched_pages, evidence, reader, strength, attraction):
    """Upside down, two documents exchanged, or those brought up of which nothing is known: they were never shown."""
    attractions = [attraction(row, set(), None) for row in range(DOCUMENTS)]
    truth = judged_query("", np.empty((DOCUMENTS, 0)), attractions=attractions)
    best = expected_value(by_union(truth), truth)
    for seed in range(2):
        queries = evidence(searched_pages(attraction, reader, strength, seed=seed))
        for name, order in WORSE.items():
            found = judge(queries, order, min_queries=20)
            assert found.look == 1
            lost = 1.0 - expected_value(order(truth), truth) / best
            assert lost > 0
            if lost >= 0.1:
                assert not found.passed, f"{name}, {lost:.1%} worse: {found.reason}"


def test_of_twenty_models_that_learned_from_clicks_without_meaning_none_passes(
    searched_pages, searched, evidence, verdict
):
    """Each learns from half of the queries, whose clicks are dealt out anew, and is judged on the other half."""
    for seed in range(20):
        decisions = searched_pages(falling, position_based, 0.0, seed=seed)
        half = len(decisions) // 2
        draw = np.random.default_rng(seed)
        learned_from = [replace(each, grades=draw.permutation(each.grades)) for each in evidence(decisions[:half])]
        model = fit(learned_from, searched, TrainingSettings(), seed)
        found = verdict(decisions[half:], lambda each, model=model: model.scores(each.features, each.places))
        assert found.look == 1
        assert not found.passed, found.reason


@pytest.mark.parametrize("strength", [0.0, 1.0])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_truly_better_passes(searched_pages, verdict, dense, reader, strength):
    """The union's order knows nothing of relevance; dense does."""
    for seed in range(2):
        found = verdict(searched_pages(wanted, reader, strength, seed=seed, times=8), dense)
        assert found.passed, found.reason


def test_a_wrong_curve_speaks_for_the_order_that_is_served(searched_pages, verdict):
    """Told that low places are hardly looked at, one would take what stands there to be better than it is."""

    def flat(curve):
        return PageModel(curve, calibrated=PlacePrior((0.5,) * DOCUMENTS, 5.0))

    decisions = searched_pages(falling, position_based, 0.0, seed=0, times=6)
    true, too_steep, uncertain = (
        verdict(decisions, page_upside_down, flat(ExaminationCurve(eta, deviation)))
        for eta, deviation in ((0.4, 0.0), (1.2, 0.0), (1.2, 0.4))
    )
    losses = [each.comparisons[0].difference.mean / each.model.mean for each in (true, too_steep, uncertain)]
    assert losses[1] > losses[0] > losses[2]


def test_the_unions_own_order_passes(searched_pages, verdict):
    found = verdict(searched_pages(wanted, position_based, 0.0, seed=0), by_union)
    assert (found.passed, found.comparisons[0].difference.mean) == (True, 0.0)
