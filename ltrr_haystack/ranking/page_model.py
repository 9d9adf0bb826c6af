"""What is known of pages in general: how far people look, and what a document is worth before it was seen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Self

from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.feedback.position_bias import PRIOR_DEVIATION, PRIOR_ETA
from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.ranking.place_prior import PlacePrior

FORMAT = "ltrr-page/2"

_FLAT = "ltrr-page/1"
"""The format before: the numbers of both priors side by side; earlier still there was one prior for both."""


@dataclass(frozen=True, slots=True)
class PageModel(FrozenValue):
    """
    What orders a page beside the ranking model.

    :param curve: How likely each position of a page is examined.
    :param ordering: The prior by which pages are ordered: the click rates of all places follow the law c / m ** b, and
        it is worth more looks than the other (see `place_prior_fitting.CAUTION`).
    :param calibrated: The prior that predicts clicks best: the click rate of each place is what was seen there alone.
        By it chance draws, and the ranker's gate, its grades and the gains of allocations count.
    :param looks: Looks from which curve and priors were learned; a prior that too few of them tell is the default.
    """

    curve: ExaminationCurve = field(default_factory=lambda: ExaminationCurve(PRIOR_ETA, PRIOR_DEVIATION))
    ordering: PlacePrior = field(default_factory=PlacePrior)
    calibrated: PlacePrior = field(default_factory=PlacePrior)
    looks: float = 0.0

    def to_bytes(self) -> bytes:
        """
        Write the model as a snapshot.

        :returns: JSON with format and checksum.
        """
        content = self.to_dict()
        return json.dumps({"format": FORMAT, "checksum": _checksum(content), "model": content}).encode()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Self:
        """
        Read what `to_bytes` wrote.

        :param payload: The bytes.
        :returns: The model.
        :raises DamagedSnapshotError: If they are damaged.
        :raises SnapshotError: If they are no page model of a format that is known here.
        """
        try:
            data = json.loads(payload)
            found, checksum, content = data["format"], data["checksum"], data["model"]
        except (ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"these {len(payload)} bytes are no page model: {error}") from error
        if found not in (FORMAT, _FLAT):
            raise SnapshotError(f"the page model has format '{found}', this version reads '{FORMAT}' and '{_FLAT}'")
        if checksum != _checksum(content):
            raise DamagedSnapshotError("the page model is damaged: its checksum does not fit")
        try:
            return cls.from_dict(_nested(content) if found == _FLAT else content)
        except (ValueError, KeyError) as error:
            raise SnapshotError(f"these {len(payload)} bytes are no page model: {error}") from error


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    ordering = {"rates": flat["click_rates"], "looks": flat["prior_looks"]}
    calibrated = {
        "rates": flat.get("calibrated_rates", ordering["rates"]),
        "looks": flat.get("calibrated_looks", ordering["looks"]),
    }
    return {"curve": flat["curve"], "ordering": ordering, "calibrated": calibrated, "looks": flat["looks"]}


def _checksum(content: object) -> str:
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()
