import json
from hashlib import blake2b

import pytest

from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking.page_model import PageModel
from ltrr_haystack.ranking.place_prior import PlacePrior

LEARNED = PageModel(
    ExaminationCurve(0.8, 0.1, (1.0, 0.6), (0.0, 0.05)),
    PlacePrior((0.4, 0.2, 0.2, 0.1), 5.0),
    PlacePrior((0.4, 0.1), 2.0),
    1234.5,
)


def snapshot(version, content):
    checksum = blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()
    return json.dumps({"format": version, "checksum": checksum, "model": content}).encode()


@pytest.fixture
def flat():
    """The content of a snapshot of the format before."""
    return {
        "curve": LEARNED.curve.to_dict(),
        "click_rates": [0.4, 0.2, 0.2, 0.1],
        "prior_looks": 5.0,
        "looks": 1234.5,
        "calibrated_rates": [0.4, 0.1],
        "calibrated_looks": 2.0,
    }


class TestBytes:
    def test_come_back(self):
        assert PageModel.from_bytes(LEARNED.to_bytes()) == LEARNED

    def test_those_of_the_format_before_are_read(self, flat):
        assert PageModel.from_bytes(snapshot("ltrr-page/1", flat)) == LEARNED

    def test_those_of_a_version_that_knew_nothing_of_clicks_above_are_read(self, flat):
        for later in ("before_click", "after_click"):
            flat["curve"].pop(later)
        assert PageModel.from_bytes(snapshot("ltrr-page/1", flat)) == LEARNED

    def test_in_those_of_a_version_with_one_prior_it_serves_for_both(self, flat):
        for later in ("calibrated_rates", "calibrated_looks"):
            flat.pop(later)
        read = PageModel.from_bytes(snapshot("ltrr-page/1", flat))
        assert read.ordering == read.calibrated == LEARNED.ordering

    def test_damage_is_seen(self):
        with pytest.raises(DamagedSnapshotError, match="checksum"):
            PageModel.from_bytes(LEARNED.to_bytes().replace(b"0.4", b"0.5"))

    @pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff"])
    def test_something_else_is_refused(self, payload):
        with pytest.raises(SnapshotError, match="no page model"):
            PageModel.from_bytes(payload)

    @pytest.mark.parametrize("rates", [[], [1.0]])
    def test_an_impossible_rate_is_refused(self, flat, rates):
        with pytest.raises(SnapshotError, match=r"(?s)no page model: .*at least one number between 0 and 1"):
            PageModel.from_bytes(snapshot("ltrr-page/1", flat | {"click_rates": rates}))
        content = LEARNED.to_dict()
        content["calibrated"]["rates"] = rates
        with pytest.raises(SnapshotError, match=r"(?s)no page model: .*at least one number between 0 and 1"):
            PageModel.from_bytes(snapshot("ltrr-page/2", content))

    def test_a_missing_part_is_named(self, flat):
        flat.pop("prior_looks")
        with pytest.raises(SnapshotError, match="no page model: 'prior_looks'"):
            PageModel.from_bytes(snapshot("ltrr-page/1", flat))

    def test_a_later_format_is_named(self):
        with pytest.raises(
            SnapshotError, match="has format 'ltrr-page/9', this version reads 'ltrr-page/2' and 'ltrr-page/1'"
        ):
            PageModel.from_bytes(LEARNED.to_bytes().replace(b"page/2", b"page/9"))
