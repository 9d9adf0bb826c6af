"""
The gate in worlds in which it is known what is better, on pages as they are logged.

Places 4 to 10 are drawn from the other candidates: all alike, or the more often the higher these stand in the union, up
to an order that hardly changes. People read in three ways, none of them as the curve has it that the gate is told.
"""

import random

import numpy as np
import pytest

from factories import page, settled
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking.examples import Example, example_of
from ltrr_haystack.ranking.features import compute
from ltrr_haystack.ranking.fitting import TrainingSettings, fit
from ltrr_haystack.ranking.gate import by_union, judge
from ltrr_haystack.ranking.judged_queries import EvidenceCollector
from ltrr_haystack.ranking.page_model import PageModel

QUERIES, DOCUMENTS, SHOWN, KEPT = 150, 16, 10, 3
STRENGTHS = (0.0, 1.0, 10.0)


def position_based(attractions, draw):
    """Place n is looked at with probability 1 / n ** .4, where the gate is told 1 / n."""
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
    noise = np.random.default_rng(seed).gumbel(size=(count, DOCUMENTS))
    noise[:, :KEPT] = 1e6 * np.arange(KEPT, 0, -1)
    return np.argsort(strength * np.log1p(np.arange(1, DOCUMENTS + 1)) - noise, axis=1)


@pytest.fixture(scope="module")
def chances():
    """Strength → for each candidate the probability of each place, counted over many orders."""
    counted = {}
    for strength in STRENGTHS:
        drawn = orders(strength, 20_000, seed=0)
        counted[strength] = np.array([(drawn[:, :SHOWN] == row).mean(axis=0) for row in range(DOCUMENTS)])
    return counted


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


@pytest.fixture
def searched_pages(unions, chances):
    """Has people search each query so many times; gives the settled decisions."""

    def search(attraction, reader, strength, *, seed, times=2, queries=QUERIES):
        draw = random.Random(seed)
        drawn = iter(orders(strength, queries * times, seed))
        found = []
        for union, rows, relevant in unions[:queries]:
            attractions = [attraction(row, relevant, draw) for row in range(DOCUMENTS)]
            for order in [next(drawn) for _ in range(times)]:
                on, off = order[:SHOWN].tolist(), order[SHOWN:].tolist()
                ranking = page(
                    union,
                    [union.candidates[row].object_id for row in on],
                    [rows[row] for row in on],
                    propensities=tuple(tuple(chances[strength][row]) for row in on),
                    unshown=tuple(union.candidates[row] for row in off),
                    unshown_features=tuple(rows[row] for row in off),
                )
                clicks = reader([attractions[row] for row in on], draw)
                clicked = [f"d{row}" for row, click in zip(on, clicks, strict=True) if click]
                found.append(settled(ranking, dict.fromkeys(clicked, 1.0)))
        return found

    return search


@pytest.fixture
def verdict(searched):
    """Judges scores on settled decisions."""

    def judged(decisions, learned, model=None):
        evidence = EvidenceCollector(searched, model or PageModel())
        for each in decisions:
            evidence.add(each)
        return judge(evidence.queries(), learned, min_queries=20)

    return judged


@pytest.fixture
def dense(searched):
    """Scores by what dense holds of a document."""
    return lambda each: each.features[:, searched.columns["arm.dense.normalised"]]


def upside_down(each):
    return each.places.astype(float)


def alike(row, relevant, draw):
    return 0.5


def falling(row, relevant, draw):
    """The union's order is right, and not by much: .5 at the first place, .4 at the tenth."""
    return 0.5 * (row + 1) ** -0.1


def wanted(row, relevant, draw):
    return 0.6 if row in relevant else 0.1


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("reader", READERS)
def test_the_page_upside_down_never_passes(searched_pages, verdict, reader, strength):
    for seed in range(5):
        found = verdict(searched_pages(falling, reader, strength, seed=seed), upside_down)
        assert found.look == 1
        assert not found.passed, found.reason


def test_of_twenty_models_that_learned_from_clicks_without_meaning_none_passes(searched_pages, searched, verdict):
    """Each learns from half of the queries and is judged on the other half."""
    settings = TrainingSettings()
    for seed in range(20):
        decisions = searched_pages(lambda row, relevant, draw: draw.random() * 0.5, position_based, 0.0, seed=seed)
        examples = [example_of(each, searched) for each in decisions[: len(decisions) // 2]]
        model = fit([each for each in examples if isinstance(each, Example)], searched, settings, seed)
        judged_on = decisions[len(decisions) // 2 :]
        found = verdict(judged_on, lambda each, model=model: model.scores(each.features, each.places))
        assert found.look == 1
        assert not found.passed, found.reason


@pytest.mark.parametrize("strength", [0.0, 1.0])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_truly_better_passes(searched_pages, verdict, dense, reader, strength):
    """The union's order knows nothing of relevance, so all of its places are worth the same."""
    for seed in range(2):
        decisions = searched_pages(wanted, reader, strength, seed=seed, times=6)
        found = verdict(decisions, dense, PageModel(click_rates=(0.2,) * DOCUMENTS))
        assert found.passed, found.reason
        assert found.comparisons[0].difference.low > 0


def test_a_wrong_curve_speaks_for_the_order_that_is_served(searched_pages, verdict):
    """Told that low places are hardly looked at, one would take what stands there to be better than it is."""
    decisions = searched_pages(falling, position_based, 0.0, seed=0, times=6)
    told = [PageModel(ExaminationCurve(eta, deviation)) for eta, deviation in ((0.4, 0.0), (0.7, 0.35), (0.0, 0.0))]
    losses = [verdict(decisions, upside_down, model).comparisons[0].difference.mean for model in told]
    assert all(loss < 0 for loss in losses)
    assert losses[1] == pytest.approx(losses[2])


def test_the_unions_own_order_passes(searched_pages, verdict):
    found = verdict(searched_pages(wanted, position_based, 0.0, seed=0), by_union)
    assert (found.passed, found.comparisons[0].difference.mean) == (True, 0.0)
