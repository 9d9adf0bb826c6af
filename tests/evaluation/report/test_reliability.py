import random

import pytest

from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.policy.joint import JointDistribution

EVEN = {"bm25": (0.5, 0.5), "memory": (0.5, 0.5)}


def test_levels_fall_into_the_bin_of_their_probability(log):
    """P(10) = .2 + .8 · .5 = .6 for both arms, P(0) = .4."""
    both, alone = {"bm25": 10, "memory": 10}, {"bm25": 10, "memory": 0}
    reading = Reading.of(
        log.settled(number, allocation=allocation, marginals=EVEN, floor=0.0)
        for number, allocation in enumerate((both, alone), start=1)
    )
    reliability = reading.reliability
    low, high = reliability.bins()
    assert (low.count, low.predicted, low.observed.value) == (4, pytest.approx(0.4), 0.25)
    assert (high.count, high.predicted, high.observed.value) == (4, pytest.approx(0.6), 0.75)
    assert high.z == pytest.approx((3 - 2.4) / (4 * 0.24) ** 0.5)
    memory = reliability.levels()["memory", 10]
    assert (memory.count, memory.predicted, memory.observed.value) == (2, pytest.approx(0.6), 0.5)
    assert (reading.log.read, reliability.chosen, reading.log.skipped) == (2, 2, {})


def test_what_was_certain_says_nothing(log):
    reading = Reading.of([log.settled(mode="baseline", marginals={})])
    assert reading.reliability.bins() == ()
    assert (reading.reliability.chosen, reading.log.skipped) == (0, {})


def test_a_log_that_was_drawn_as_it_says_is_reliable(log):
    """And one whose arms were drawn the other way round is not."""
    rng = random.Random(7)
    honest, swapped = [], []
    for number in range(1500):
        p = rng.random()
        marginals = {"bm25": (p, 1 - p), "memory": (1 - p, p)}
        drawn = JointDistribution.of(log.decision(number, marginals=marginals)).sample(rng)
        honest.append(log.settled(number, marginals=marginals, allocation=drawn))
        other = {"bm25": drawn["memory"], "memory": drawn["bm25"]}
        swapped.append(log.settled(number, marginals=marginals, allocation=other))
    assert max(abs(one.z) for one in Reading.of(honest).reliability.bins()) < 4
    assert max(abs(one.z) for one in Reading.of(swapped).reliability.bins()) > 10


def test_arms_that_are_drawn_together_are_no_evidence_against_the_log(log):
    """
    In a hundred decisions the baseline has a chance of one in a hundred, and is played three times.

    Both arms are drawn each time, so of 200 cases with a probability of .01 six are: by as many independent draws that
    would be 2.8 standard deviations above 2. What one decision drew adds 2 · .99² for each of the three, and 2 · .01²
    for each other.
    """
    rare = {"marginals": {"bm25": (1.0, 0.0), "memory": (1.0, 0.0)}, "floor": 0.0, "baseline_share": 0.01}
    reading = Reading.of(
        log.settled(number, allocation=dict.fromkeys(("bm25", "memory"), 10 if number < 3 else 0), **rare)
        for number in range(100)
    )
    rare, _ = reading.reliability.bins()
    assert (rare.count, rare.observed.value) == (200, 0.03)
    assert rare.z == pytest.approx((6 - 2) / (200 * 0.01 * 0.99 + 3 * 2 * 0.99**2 + 97 * 2 * 0.01**2) ** 0.5)
    memory = reading.reliability.levels()["memory", 10]
    assert memory.z == pytest.approx((3 - 1) / (100 * 0.01 * 0.99) ** 0.5), "by itself an arm is drawn independently"


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
    reading = Reading.of([log.settled(1, **wrong)])
    assert (sum(reading.log.skipped.values()), reading.reliability.bins()) == (1, ())
