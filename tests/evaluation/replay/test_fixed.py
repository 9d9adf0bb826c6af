import pytest

from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.evaluation.replay.fixed import answers, depths_of, equal_depths, fixed_names


def answer(precomputed, system, depths=None, top_k=10):
    query = precomputed.data.queries[0]
    return answers(precomputed, system, depths or depths_of(precomputed, system), [query], top_k)["q0"]


class TestDepths:
    def test_there_is_one_system_for_each_arm_that_is_no_memory(self, precomputed):
        assert fixed_names(precomputed) == ["rrf_full", "arm:good", "arm:bad", "oracle"]

    def test_an_arm_alone_has_the_candidates_of_all(self, precomputed):
        assert depths_of(precomputed, "rrf_full") == depths_of(precomputed, "oracle") == {"good": 4, "bad": 4}
        assert depths_of(precomputed, "arm:bad") == {"good": 0, "bad": 8}

    def test_refuses_what_is_unknown(self, precomputed):
        with pytest.raises(ConfigurationError, match="system 'arm:memory' is unknown; there are rrf_full, arm:good"):
            depths_of(precomputed, "arm:memory")

    def test_what_ours_spent_on_memory_goes_to_the_other_arms(self, precomputed):
        # 3 + 1 candidates are searched, 2 remembered: each arm gets half as much again
        assert equal_depths(precomputed, {"good": 3.0, "bad": 1.0, "memory": 2.0}) == {"good": 4, "bad": 2}

    def test_somebody_always_searches(self, precomputed):
        assert equal_depths(precomputed, {"good": 0.3, "bad": 0.1}) == {"good": 1, "bad": 0}
        assert equal_depths(precomputed, {"good": 0.0, "bad": 0.0, "memory": 2.0}) == {"good": 1, "bad": 0}


class TestAnswers:
    def test_reciprocal_rank_fusion_puts_what_both_found_first(self, precomputed):
        # x: ranks 1 and 4. Then u, then a and v at rank 2 (ties keep the arms' order), y and w, b.
        shown = answer(precomputed, "rrf_full")
        assert shown.page == ("q0-x", "q0-u", "q0-a", "q0-v", "q0-y", "q0-w", "q0-b")
        assert set(shown.candidates) == set(shown.page)

    def test_an_arm_alone_keeps_its_order(self, precomputed):
        assert answer(precomputed, "arm:good").page == ("q0-x", "q0-a", "q0-y", "q0-b")

    def test_the_oracle_has_the_best_grades_first(self, precomputed):
        assert answer(precomputed, "oracle", top_k=3).page == ("q0-a", "q0-b", "q0-x")

    def test_less_depth_is_fewer_candidates(self, precomputed):
        assert answer(precomputed, "rrf_equal", {"good": 2, "bad": 0}).candidates == ("q0-x", "q0-a")
        assert answer(precomputed, "rrf_equal", {"good": 0, "bad": 0}).page == ()
