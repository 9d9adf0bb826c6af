import numpy as np
import pytest

from ltrr_haystack.evaluation.replay.statistics import Clusters


def split(queries=40, seeds=3, each=5):
    """Query and seed of each search: `each` searches for every query under every seed."""
    pairs = [(f"q{query}", seed) for seed in range(seeds) for query in range(queries) for _ in range(each)]
    return [query for query, _ in pairs], [seed for _, seed in pairs]


class TestInterval:
    def test_is_the_mean_alone_where_nothing_varies(self):
        interval = Clusters(*split()).interval(np.full(600, 0.25))
        assert (interval.mean, interval.low, interval.high) == pytest.approx((0.25, 0.25, 0.25))

    def test_searches_for_one_query_are_one_piece_of_evidence(self):
        queries, seeds = split(queries=50, seeds=1, each=20)
        by_query = np.random.default_rng(1).normal(0.5, 0.2, 50)
        values = np.array([by_query[int(query[1:])] for query in queries])
        interval = Clusters(queries, seeds).interval(values)
        # 1.96 standard errors of 50 queries, not of 1,000 searches
        expected = 2 * 1.96 * by_query.std() / np.sqrt(50)
        assert interval.high - interval.low == pytest.approx(expected, rel=0.1)

    def test_what_differs_between_seeds_widens_it(self):
        queries, seeds = split()
        alike = np.random.default_rng(2).normal(0.5, 0.1, len(queries))
        apart = alike + 0.1 * np.array(seeds)
        clusters = Clusters(queries, seeds)
        one, other = clusters.interval(alike), clusters.interval(apart)
        assert other.high - other.low > 2 * (one.high - one.low)

    def test_covers_the_truth_about_as_often_as_it_says(self):
        generator = np.random.default_rng(3)
        queries, seeds = split(queries=40, seeds=1, each=3)
        clusters = Clusters(queries, seeds)
        covered = 0
        for _ in range(200):
            values = np.repeat(generator.normal(0.3, 0.2, 40), 3) + generator.normal(0, 0.1, 120)
            interval = clusters.interval(values)
            covered += interval.low <= 0.3 <= interval.high
        assert 0.89 <= covered / 200 <= 0.99

    def test_queries_that_came_under_one_seed_only_are_counted_there(self):
        interval = Clusters(["a", "b"], [0, 1]).interval(np.array([0.0, 1.0]))
        assert (interval.mean, interval.low, interval.high) == (0.5, 0.0, 1.0)


class TestCompare:
    def test_finds_a_difference_that_is_the_same_for_every_query(self):
        queries, seeds = split(queries=20, seeds=1, each=1)
        base = np.random.default_rng(4).random(20)
        comparison = Clusters(queries, seeds).compare(base + 0.1, base)
        assert comparison.difference.mean == pytest.approx(0.1)
        assert comparison.difference.low == pytest.approx(0.1)
        # 2 of 2**20 swaps are as large
        assert comparison.p < 0.001

    def test_is_exact_for_few_queries(self):
        # differences 1, 1, 1: of the 8 ways to swap, 2 are as large
        comparison = Clusters(["a", "b", "c"], [0, 0, 0]).compare(np.ones(3), np.zeros(3))
        assert comparison.p == pytest.approx(0.25, abs=0.02)

    def test_alike_is_no_difference(self):
        queries, seeds = split(queries=20)
        values = np.random.default_rng(5).random(len(queries))
        assert Clusters(queries, seeds).compare(values, values).p == 1.0

    def test_one_loud_query_does_not_make_a_difference(self):
        queries, seeds = ["head"] * 1000 + [f"q{number}" for number in range(20)], [0] * 1020
        others = np.zeros(1020)
        values = np.array([0.5] * 1000 + [0.0] * 20)
        assert Clusters(queries, seeds).compare(values, others).p == 1.0
