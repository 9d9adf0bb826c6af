import numpy as np
import pytest

from ltrr_haystack.evaluation.off_policy.positions import Kept, Replayed
from ltrr_haystack.feedback.examination import ExaminationCurve


def kept(rewarded, stay=None, shown=None):
    """Of each page the rewarded documents that stay: their reward, and from which place they move to the first."""
    each = np.array([(row, *pair) for row, page in enumerate(rewarded) for pair in page]).reshape(-1, 3)
    counts = [np.array(of or [0] * len(rewarded)) for of in (stay, shown)]
    ordinals = each[:, 2].astype(int)
    return Kept(each[:, 0].astype(int), each[:, 1], ordinals, np.ones_like(ordinals), *counts)


class TestReplayed:
    def test_a_reward_is_worth_more_where_it_moves_up(self):
        replayed = Replayed()
        replayed.add(np.ones(2), kept([[(1.0, 2.0), (3.0, 1.0)], []]))
        replayed.add(np.ones(1), kept([[(1.0, 4.0)]]))
        assert replayed.rewards(ExaminationCurve(0.0)).tolist() == [4, 0, 1]
        assert replayed.rewards(ExaminationCurve(1.0)).tolist() == [5, 0, 4]
        assert replayed.rewards(ExaminationCurve(0.5)).tolist() == pytest.approx([2**0.5 + 3, 0, 2])
        learned = ExaminationCurve(1.0, learned=(1.0, 0.4, 0.3, 0.2))
        assert replayed.rewards(learned).tolist() == pytest.approx([1 / 0.4 + 3, 0, 1 / 0.2])

    def test_places_become_free_only_on_a_page_that_was_full(self):
        replayed = Replayed()
        replayed.add(np.ones(3), kept([[], [], []], stay=[2, 2, 4], shown=[4, 3, 4]))
        assert replayed.emptied(ExaminationCurve(1.0), full=4).tolist() == pytest.approx([1 / 3 + 1 / 4, 0, 0])
        assert replayed.emptied(ExaminationCurve(0.0), full=4).tolist() == [2, 0, 0]
        learned = ExaminationCurve(1.0, learned=(1.0, 0.4, 0.3, 0.2))
        assert replayed.emptied(learned, full=4).tolist() == pytest.approx([0.3 + 0.2, 0, 0])

    def test_estimates_the_curve_with_which_the_replays_earn_what_was_logged(self):
        replayed = Replayed()
        replayed.add(np.ones(400), kept([[(1.0, 2.0)], []] * 200))
        assert replayed.estimated_curve(np.array([2.0, 0.0] * 200)).eta == pytest.approx(1.0, abs=0.05)
        assert replayed.estimated_curve(np.array([1.0, 0.0] * 200)).eta < 0.2
