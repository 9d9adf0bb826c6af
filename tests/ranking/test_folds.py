import numpy as np

from ltrr_haystack.ranking.folds import fold_of


class TestFoldOf:
    KEYS = tuple(f"query {number}" for number in range(100))

    def test_parts_queries_about_evenly(self):
        counts = np.bincount([fold_of(key, 4, seed=0) for key in self.KEYS])
        # 100 queries in 4 parts: 25 in each, give or take three times 4.3
        assert len(counts) == 4
        assert all(12 <= count <= 38 for count in counts)

    def test_another_seed_parts_them_otherwise(self):
        first, again, other = ([fold_of(key, 4, seed) for key in self.KEYS] for seed in (0, 0, 1))
        assert first == again
        assert first != other
