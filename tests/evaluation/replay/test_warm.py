from ltrr_haystack.evaluation.replay.warm import warm_start_from
from ltrr_haystack.policy.vw import VWPolicy


def test_the_memory_is_left_to_live_learning(precomputed):
    policy = VWPolicy()
    assert warm_start_from(precomputed, policy, size=300, seed=1) == 12
    assert policy.n == 12
