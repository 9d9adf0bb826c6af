"""
What a page whose order was drawn by chance says of its documents, whatever they stood next to and wherever they stood.

A click says as much about where a document was shown as about the document. Weighting clicks by an assumed examination
of the place is no way out: where the assumption is too steep, whatever stands low is held to be better than it is, and
a page turned upside down seems an improvement. What can be trusted is chance: where documents could have been at each
other's places, and the probabilities are known, they can be weighted as if all had been at each place equally often.

Let p(d, k) be the probability that document d, given that it was shown, was shown at place k. A reward of a document
that was shown at k is weighted by

    w(d, k) = q(k) / p(d, k)   with   1 / q(k) = Σ_d 1 / p(d, k)

so that its expectation is attraction(d) · Σ_k q(k) · examination(k): the same multiple of the attraction for each
document of the page, whatever the examination is. These are the overlap weights (Li and Li, "Propensity score weighting
for causal inference with multiple treatments", Annals of Applied Statistics 13, 2019): of all weights that put the
documents on a par they have about the least variance, none is above 1, and where the documents hardly overlap they are
near 0.

The curve of examination only sets the unit: divided by the mean examination of the places that were drawn, the weighted
reward estimates an attraction. A wrong curve scales all documents of a page alike, and so reverses no comparison.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.ranking.examples import clipped, searched_ones
from ltrr_haystack.ranking.features import PLACE, FeatureSchema, Matrix
from ltrr_haystack.types import Impression, SettledDecision

Numbers = NDArray[np.float64]

SMOOTHING = 0.002
"""Added to the probability of each place: probabilities are counted over some hundred draws, and none is certain."""


@dataclass(frozen=True, slots=True)
class ExploredPage:
    """
    The documents of a page whose places were drawn among them.

    :param query_key: The key of the query's evidence.
    :param features: One row per document, as it was logged.
    :param places: The place of each in the order of the union without memory, from 1.
    :param attractions: For each its weighted reward, an estimate of its attraction times the page's overlap, 0 to 1.
    """

    query_key: str
    features: Matrix = field(repr=False)
    places: NDArray[np.int32]
    attractions: Numbers


def explored_block(settled: SettledDecision) -> list[Impression]:
    """
    Find the documents of a page whose places were drawn among them.

    :param settled: The decision.
    :returns: What was shown and could have been shown at another place, what only a memory arm brought left out; empty
        where it is less than two documents, or is logged without its place in the union.
    """
    drawn = [each for each in searched_ones(settled, settled.impressions) if np.count_nonzero(each.propensities) > 1]
    return drawn if len(drawn) > 1 and all(PLACE in each.features for each in drawn) else []


def explored_page(
    settled: SettledDecision, block: list[Impression], schema: FeatureSchema, curve: ExaminationCurve
) -> ExploredPage:
    """
    Turn the explored documents of a page into arrays.

    :param settled: The decision with its rewards.
    :param block: What `explored_block` gave for it, at least two documents.
    :param schema: The features wanted.
    :param curve: The examination of the page's places.
    :returns: The page.
    """
    earned = settled.counted_rewards
    return ExploredPage(
        query_key=settled.decision.evidence_key,
        features=schema.matrix([each.features for each in block]),
        places=np.array([each.features[PLACE] for each in block], dtype=np.int32),
        attractions=weighted_rewards(
            clipped([earned.get(each.object_id, 0.0) for each in block]),
            np.array([each.ordinal for each in block]),
            np.array([each.propensities for each in block]),
            curve,
        ),
    )


def weighted_rewards(
    rewards: Numbers, ordinals: NDArray[np.int_], propensities: Numbers, curve: ExaminationCurve
) -> Numbers:
    """
    Weight the rewards of documents as if each had been at each place equally often.

    :param rewards: Reward of each document.
    :param ordinals: The place at which each was shown, from 1.
    :param propensities: One row per document: the probability of each place of the page. A row may add up to less than
        1, where the document might not have been shown at all.
    :param curve: The examination of the places, for the unit alone.
    :returns: For each document an estimate of its attraction times the page's overlap: 1 where all documents are at
        each place with the same probability, near 0 where chance could hardly have exchanged them.
    """
    drawn = np.union1d(np.flatnonzero(propensities.sum(axis=0)), ordinals - 1)
    given_shown = propensities[:, drawn] + SMOOTHING
    given_shown /= given_shown.sum(axis=1, keepdims=True)
    overlap = 1.0 / (1.0 / given_shown).sum(axis=0)
    columns = np.searchsorted(drawn, ordinals - 1)
    weights = overlap[columns] / given_shown[np.arange(len(rewards)), columns]
    examination = curve.over(drawn + 1).mean()
    weighted: Numbers = rewards * weights * len(rewards) / examination
    return weighted
