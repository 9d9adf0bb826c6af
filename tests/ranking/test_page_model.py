import json
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking.page_model import PageModel

LEARNED = PageModel(
    ExaminationCurve(0.8, 0.1, (1.0, 0.6), (0.0, 0.05)), (0.4, 0.2, 0.2, 0.1), 5.0, 1234.5, (0.4, 0.1), 2.0
)


class TestPriors:
    def test_are_the_rates_of_the_places_and_fall_beyond_them(self):
        assert LEARNED.priors([1, 2, 4]).tolist() == [0.4, 0.2, 0.1]
        assert LEARNED.priors([8])[0] == pytest.approx(0.1 * 2**-0.7)

    def test_before_anything_was_learned(self):
        assert PageModel().priors([1, 4]).tolist() == pytest.approx([0.5, 0.5 * 4**-0.7])


def test_other_orders_are_judged_by_rates_and_looks_of_their_own():
    calibrated = LEARNED.calibrated
    assert calibrated.curve == LEARNED.curve
    assert calibrated.priors([1, 2]).tolist() == [0.4, 0.1]
    alpha, beta = calibrated.posteriors([2], np.array([1.0]), np.array([2.0]))
    assert (alpha[0], beta[0]) == pytest.approx((1.2, 2.8))


class TestPosteriors:
    def test_by_hand(self):
        """Place 2, five looks of prior at .2: 1 of 5. Two successes in three looks come to 3 of 8."""
        alpha, beta = LEARNED.posteriors([2], np.array([2.0]), np.array([3.0]))
        assert (alpha[0], beta[0]) == pytest.approx((3.0, 5.0))

    def test_more_successes_than_looks_count_as_many_looks(self):
        alpha, beta = LEARNED.posteriors([2], np.array([2.0]), np.array([0.5]))
        assert (alpha[0], beta[0]) == pytest.approx((3.0, 4.0))

    @given(st.integers(1, 300), st.floats(0, 100), st.floats(0, 100))
    def test_a_success_raises_the_mean_and_a_pass_lowers_it(self, place, successes, exposures):
        def mean(more_successes=0.0, more_looks=0.0):
            alpha, beta = LEARNED.posteriors(
                [place], np.array([successes + more_successes]), np.array([exposures + more_looks])
            )
            return float(alpha[0] / (alpha[0] + beta[0]))

        assert 0.0 < mean() < 1.0
        assert mean(1.0, 1.0) > mean() >= mean(0.0, 1.0)


class TestBytes:
    def test_come_back(self):
        assert PageModel.from_bytes(LEARNED.to_bytes()) == LEARNED

    def test_those_of_a_version_that_knew_nothing_of_clicks_above_are_read(self):
        content = LEARNED.to_dict()
        for later in ("before_click", "after_click"):
            content["curve"].pop(later)
        checksum = blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()
        payload = json.dumps({"format": "ltrr-page/1", "checksum": checksum, "model": content}).encode()
        assert PageModel.from_bytes(payload) == LEARNED

    def test_those_of_a_version_with_one_prior_are_judged_by_it(self):
        content = LEARNED.to_dict()
        for later in ("calibrated_rates", "calibrated_looks"):
            content.pop(later)
        checksum = blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()
        payload = json.dumps({"format": "ltrr-page/1", "checksum": checksum, "model": content}).encode()
        read = PageModel.from_bytes(payload)
        assert (read.click_rates, read.prior_looks) == (LEARNED.click_rates, LEARNED.prior_looks)
        assert read.calibrated == read

    def test_damage_is_seen(self):
        with pytest.raises(DamagedSnapshotError, match="checksum"):
            PageModel.from_bytes(LEARNED.to_bytes().replace(b"0.4", b"0.5"))

    @pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff"])
    def test_something_else_is_refused(self, payload):
        with pytest.raises(SnapshotError, match="no page model"):
            PageModel.from_bytes(payload)

    def test_a_later_format_is_named(self):
        with pytest.raises(SnapshotError, match="has format 'ltrr-page/9', this version reads 'ltrr-page/1'"):
            PageModel.from_bytes(LEARNED.to_bytes().replace(b"page/1", b"page/9"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"click_rates": ()},
        {"click_rates": (1.0,)},
        {"prior_looks": 0.0},
        {"calibrated_rates": (0.0,)},
        {"calibrated_looks": float("inf")},
    ],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PageModel(**wrong)
