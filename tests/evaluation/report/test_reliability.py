import random

import pytest

from ltrr_haystack.evaluation.report.reliability import Reliability
from ltrr_haystack.policy.joint import JointDistribution

EVEN = {"bm25": (0.5, 0.5), "memory": (0.5, 0.5)}


def test_levels_fall_into_the_bin_of_their_probability(log):
    """P(10) = .2 + .8 · .5 = .6 for both arms, P(0) = .4."""
    reliability = Reliability()
    reliability.add(log.decision(1, allocation={"bm25": 10, "memory": 10}, marginals=EVEN, floor=0.0))
    reliability.add(log.decision(2, allocation={"bm25": 10, "memory": 0}, marginals=EVEN, floor=0.0))

    low, high = reliability.bins()

    assert (low.count, low.predicted, low.observed.value) == (4, pytest.approx(0.4), 0.25)
    assert (high.count, high.predicted, high.observed.value) == (4, pytest.approx(0.6), 0.75)
    assert high.z == pytest.approx((3 - 2.4) / (4 * 0.24) ** 0.5)
    memory = reliability.levels()["memory", 10]
    assert (memory.count, memory.predicted, memory.observed.value) == (2, pytest.approx(0.6), 0.5)
    assert (reliability.decisions, reliability.chosen, reliability.mismatched) == (2, 2, 0)


def test_what_was_certain_says_nothing(log):
    reliability = Reliability()
    reliability.add(log.decision(mode="baseline", marginals={}))

    assert reliability.bins() == ()
    assert (reliability.chosen, reliability.mismatched) == (0, 0)


def test_a_log_that_was_drawn_as_it_says_is_reliable(log):
    """And one whose arms were drawn the other way round is not."""
    rng = random.Random(7)
    honest, swapped = Reliability(), Reliability()
    for number in range(1500):
        p = rng.random()
        marginals = {"bm25": (p, 1 - p), "memory": (1 - p, p)}
        drawn = JointDistribution.of(log.decision(number, marginals=marginals)).sample(rng)
        honest.add(log.decision(number, marginals=marginals, allocation=drawn))
        other = {"bm25": drawn["memory"], "memory": drawn["bm25"]}
        swapped.add(log.decision(number, marginals=marginals, allocation=other))

    assert max(abs(one.z) for one in honest.bins()) < 4
    assert max(abs(one.z) for one in swapped.bins()) > 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"propensity": 0.5},
        {"marginals": {"bm25": (1.0,), "memory": (0.5, 0.5)}, "propensity": 0.1},
        {"allocation": {"bm25": 5, "memory": 0}, "propensity": 0.1},
    ],
    ids=["another propensity", "marginals that do not fit", "an impossible allocation"],
)
def test_wrong_propensities_are_counted(log, wrong):
    reliability = Reliability()
    reliability.add(log.decision(1, **wrong))

    assert (reliability.mismatched, reliability.bins()) == (1, ())
