"""What a settled decision says about its (query, document) pairs, with the position taken out of it."""

from collections.abc import Mapping

from ltrr_haystack.feedback.examination import examination
from ltrr_haystack.feedback.rewards import bounded
from ltrr_haystack.store import Evidence, LateReward
from ltrr_haystack.types import SettledDecision


def evidence_of(settled: SettledDecision) -> Mapping[str, Evidence]:
    """
    Turn the impressions of a decision into amounts to add to the memory index.

    A document that was passed over low on the page may never have been looked at: it counts as exposed only as far as
    its position is likely to be examined. One that somebody acted upon was certainly seen. (Weighting non-clicks by
    examination: Chuklin, Markov and de Rijke, "Click Models for Web Search", 2015, section 3.3, position-based model.)

    :param settled: The decision with what came of it.
    :returns: Object id → exposures and successes, for every impression.
    """
    return {
        impression.object_id: _evidence(bounded(settled.rewards.get(impression.object_id, 0.0)), impression.ordinal)
        for impression in settled.impressions
    }


def late_evidence(late: LateReward) -> Evidence:
    """
    Turn a reward that came after its decision was learned from into amounts to add.

    It counts as trials of its own: its impression has its exposure already.

    :param late: The reward that came late.
    :returns: Exposures and successes to add.
    """
    reward = bounded(late.reward)
    return _rewarded(reward) if reward else Evidence(exposures=0.0, successes=0.0)


def _evidence(reward: float, ordinal: int) -> Evidence:
    if reward == 0.0:
        return Evidence(exposures=examination(ordinal), successes=0.0)
    if reward < 0.0:
        return Evidence(exposures=1.0 - reward, successes=0.0)
    return _rewarded(reward)


def _rewarded(reward: float) -> Evidence:
    """`reward` successes in at least one trial; below 0 as many failures."""
    if reward < 0.0:
        return Evidence(exposures=-reward, successes=0.0)
    return Evidence(exposures=max(reward, 1.0), successes=reward)
