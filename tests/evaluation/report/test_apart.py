import random

import pytest

from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.policy.joint import JointDistribution

BOTH, ONLY_BM25 = {"bm25": 10, "memory": 10}, {"bm25": 10, "memory": 0}


def apart(settled):
    return Reading.of(settled).apart.section()


def rows(section, place=0):
    return {row[0]: row[1:] for row in section.grids[place].rows}


def number(cell):
    """The figure of a cell, without its interval."""
    return float(cell.split(" ")[0].rstrip("%"))


@pytest.fixture
def four(log):
    """
    Two queries, each searched twice, once as the baseline has it and once with bm25 alone.

    The baseline had a chance of .2 + .8 · (.1 / 4 + .9 / 4) = .4, half of which was due to the baseline share.
    """
    made = []
    for place, (query, rewards) in enumerate({"sad": (1.0, 0.0), "glad": (3.0, 2.0)}.items()):
        for which, (allocation, reward) in enumerate(zip((BOTH, ONLY_BM25), rewards, strict=True)):
            earned = {"a": reward} if reward else {}
            made.append(log.settled(2 * place + which + 1, earned, query=query, allocation=allocation))
    return made


class TestAsTheyWerePlayed:
    def test_what_may_have_been_either_counts_for_both(self, four):
        """The baseline has half of two searches, the policy the other halves and the two others."""
        played = rows(apart(four))
        assert [row[0] for row in played.values()] == ["3", "1"]
        policy, baseline = played["live, the policy's draw"], played["live, the baseline"]
        assert number(baseline[1]) == pytest.approx((0.5 * 1 + 0.5 * 3) / 1)
        assert number(policy[1]) == pytest.approx((0.5 * 1 + 0.5 * 3 + 0 + 2) / 3, abs=1e-3)
        assert (number(policy[2]), number(baseline[2])) == (pytest.approx(100 * 2 / 3, abs=0.1), 100.0)
        assert number(policy[3]) == pytest.approx((20 + 2 * 10) / 3, abs=0.01)
        assert (number(policy[4]), number(baseline[4])) == (pytest.approx(4 / 3, abs=0.01), 2.0)

    def test_the_interval_goes_by_queries(self, four):
        """
        Of the baseline: a mean of 2 over one search, of which each query has half, at 1 and at 3. The errors are ±.5,
        and with two queries the variance is 2 / 1 · (.25 + .25) = 1; the interval is 1 times Student's t with the five
        degrees of freedom that are assumed at least, 2.57.
        """
        cell = rows(apart(four))["live, the baseline"][1]
        assert cell == "2.000 (-0.570 to 4.570)"

    def test_of_one_query_there_is_no_interval(self, four):
        assert rows(apart(four[:2]))["live, the baseline"][1] == "1.000"

    def test_nor_is_there_one_of_a_difference_from_one_query(self, log, four):
        other = [log.settled(number, query=f"other {number}", allocation=ONLY_BM25) for number in range(5, 15)]
        compared = rows(apart([*four[:2], *other]), 1)["reward per search"]
        assert "(" in compared[0]
        assert "(" not in compared[1] + compared[2]

    def test_modes_stand_for_themselves(self, log):
        section = apart(
            [
                log.settled(1, {"a": 1.0}, mode="apprentice", query="x"),
                log.settled(2, {"a": 1.0}, mode="apprentice", query="y"),
                log.settled(3, mode="baseline", marginals={}, query="z"),
            ]
        )
        assert {name: row[0] for name, row in rows(section).items()} == {"mode apprentice": "2", "mode baseline": "1"}
        assert len(section.grids) == 1
        assert "nothing here is a randomised comparison" in section.more

    def test_a_click_rate_stays_a_share(self, four):
        assert rows(apart(four))["live, the policy's draw"][2].endswith("to 100.0%)")

    def test_each_side_has_its_bar(self, four):
        (chart,) = apart(four).charts
        assert list(chart.estimates) == ["live, the policy's draw", "live, the baseline"]

    def test_an_empty_log_has_nothing_to_show(self):
        section = apart([])
        assert (section.charts, section.grids[0].rows) == ((), ())


class TestAtRandom:
    def test_both_sides_stand_for_the_same_searches(self, log):
        """
        Easy queries are left to the policy and hard ones held to the baseline; what is played makes no difference. As
        they were played, the policy seems to earn far more; at random, as much.
        """
        rng = random.Random(7)
        settled = []
        for count in range(6000):
            easy = rng.random() < 0.5
            logged = {
                "query": f"q{rng.randrange(200)}",
                "baseline_share": 0.1 if easy else 0.9,
                "floor": 0.0,
                "marginals": {"bm25": (0.0, 1.0), "memory": (0.5, 0.5)},
            }
            drawn = JointDistribution.of(log.decision(count, **logged)).sample(rng)
            earned = {"a": 1.0} if rng.random() < (0.8 if easy else 0.2) else {}
            settled.append(log.settled(count, earned, allocation=drawn, **logged))
        section = apart(settled)
        played, compared = rows(section), rows(section, 1)
        seeming = number(played["live, the policy's draw"][1]) - number(played["live, the baseline"][1])
        assert seeming > 0.3
        difference = compared["reward per search"][2]
        assert abs(number(difference)) < 0.05
        low, high = (float(end) for end in difference.split("(")[1].rstrip(")").split(" to "))
        assert low < 0 < high
        assert "that comparison is randomised" in section.more

    def test_without_a_share_of_the_baseline_there_is_none(self, log):
        section = apart([log.settled(1, baseline_share=0.0), log.settled(2, mode="apprentice")])
        assert len(section.grids) == 1
