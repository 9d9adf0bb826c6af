"""What is known of pages in general: how far people look, and what a document is worth before it was seen."""

import json
import math
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ltrr_haystack.errors import DamagedSnapshotError, SnapshotError
from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.feedback.position_bias import PRIOR_DEVIATION, PRIOR_ETA
from ltrr_haystack.frozen_value import FrozenValue

FORMAT = "ltrr-page/1"

DEFAULT_PRIOR_LOOKS = 10.0
"""Looks that a prior is worth until it is fitted: on the safe side, right where one in five clicks is a mistake."""

FIRST_RATE, RATE_POWER = 0.5, 0.7
"""The default click rate at place m of the model's order is FIRST_RATE / m ** RATE_POWER."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PageModel(FrozenValue):
    """
    What orders a page beside the ranking model: the examination curve, the click rate of each place of the ranking
    model's order, and how many looks that rate is worth against what was seen of a document for a query.

    A document at place m of the ranking model's order has, for a query, the attraction `a ~ Beta(n0·p, n0·(1 − p))`
    before anything was seen of it, where p is the click rate of place m and n0 the prior's looks. After S successes in
    E looks, each look counted with the examination of its position, its expected attraction is

        (n0·p + S) / (n0 + max(E, S))

    (a Beta-binomial model: Gelman et al., "Bayesian Data Analysis", 3rd edition, section 2.4).

    There are two of these priors: a calibrated one that predicts clicks best, and one that orders pages, whose click
    rates follow one law and which is worth more looks (see `page_fitting.CAUTION`).

    :param curve: The examination curve.
    :param click_rates: Click rate of an examined document at each of the first places of the model's order, falling;
        beyond them it falls like 1 / m ** 0.7. Pages are ordered by these.
    :param prior_looks: Looks that they are worth, above 0.
    :param looks: Looks from which the rates were learned.
    :param calibrated_rates: The click rates of the calibrated prior, by what was seen at each place alone. By it chance
        draws, and the ranker's gate, its grades and the gains of allocations count.
    :param calibrated_looks: Looks that these are worth, above 0.
    """

    curve: ExaminationCurve = field(default_factory=lambda: ExaminationCurve(PRIOR_ETA, PRIOR_DEVIATION))
    click_rates: tuple[float, ...] = (FIRST_RATE,)
    prior_looks: float = DEFAULT_PRIOR_LOOKS
    looks: float = 0.0
    calibrated_rates: tuple[float, ...] = (FIRST_RATE,)
    calibrated_looks: float = DEFAULT_PRIOR_LOOKS

    @property
    def calibrated(self) -> Self:
        """The same curve with the calibrated prior in the place of the one that orders pages."""
        return replace(self, click_rates=self.calibrated_rates, prior_looks=self.calibrated_looks)

    def priors(self, places: ArrayLike) -> Numbers:
        """
        Give the expected attraction of documents of which nothing was seen for the query.

        :param places: Places in the model's order, from 1.
        :returns: A probability for each, in (0, 1).
        """
        at = np.asarray(places, dtype=np.float64)
        last = len(self.click_rates)
        known = np.asarray(self.click_rates)[np.minimum(at, last).astype(np.intp) - 1]
        rates: Numbers = np.where(at <= last, known, self.click_rates[-1] * (at / last) ** -RATE_POWER)
        return rates

    def posteriors(self, places: ArrayLike, successes: Numbers, exposures: Numbers) -> tuple[Numbers, Numbers]:
        """
        Give the posterior of each document's attraction.

        :param places: Places in the model's order, from 1.
        :param successes: What the document earned for the query.
        :param exposures: How often it was looked at.
        :returns: Both parameters of a Beta distribution, for each document.
        """
        expected = self.prior_looks * self.priors(places)
        return expected + successes, self.prior_looks - expected + np.maximum(exposures - successes, 0.0)

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
        if found != FORMAT:
            raise SnapshotError(f"the page model has format '{found}', this version reads '{FORMAT}'")
        if checksum != _checksum(content):
            raise DamagedSnapshotError("the page model is damaged: its checksum does not fit")
        # An earlier version had one prior for both.
        alike = {"calibrated_rates": content["click_rates"], "calibrated_looks": content["prior_looks"]}
        return cls.from_dict({**alike, **content})

    def __post_init__(self) -> None:
        for name, rates in (("click_rates", self.click_rates), ("calibrated_rates", self.calibrated_rates)):
            if not rates or not all(0 < rate < 1 for rate in rates):
                raise ValueError(f"{name} must be at least one number between 0 and 1, got {rates}")
        for name, looks in (("prior_looks", self.prior_looks), ("calibrated_looks", self.calibrated_looks)):
            if not 0 < looks < math.inf:
                raise ValueError(f"{name} must be a positive number, got {looks}")


def _checksum(content: object) -> str:
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()
