"""Evidence about (query, document) pairs from settled decisions, corrected for position bias."""

from collections.abc import Mapping

from ltrr_haystack.feedback.examination import PAGE
from ltrr_haystack.feedback.rewards import bounded
from ltrr_haystack.store import Evidence
from ltrr_haystack.types import SettledDecision


def evidence_of(settled: SettledDecision) -> Mapping[str, Evidence]:
    """
    Turn the impressions of a decision into amounts to add to the memory index.

    A document that was not clicked counts as exposed with the examination probability of its position, since it may not
    have been examined. One that was acted upon was certainly examined. (Weighting non-clicks by
    examination: Chuklin, Markov and de Rijke, "Click Models for Web Search", 2015, section 3.3, position-based model.)

    :param settled: The decision with its rewards.
    :returns: Object id → exposures and successes, for every impression.
    """
    return {
        impression.object_id: _evidence(bounded(settled.rewards.get(impression.object_id, 0.0)), impression.ordinal)
        for impression in settled.impressions
    }


def added_evidence(before: float, added: float, ordinal: int) -> Evidence:
    """
    Turn a reward that came after its decision was learned from into amounts to add.

    With them the impression has the evidence that it would have had if the reward had come in time.

    :param before: The impression's reward so far.
    :param added: The reward that came late.
    :param ordinal: The position it was shown at, from 1.
    :returns: Exposures and successes to add.
    """
    then, now = (_evidence(bounded(reward), ordinal) for reward in (before, before + added))
    return Evidence(exposures=now.exposures - then.exposures, successes=now.successes - then.successes)


def _evidence(reward: float, ordinal: int) -> Evidence:
    if reward == 0.0:
        return Evidence(exposures=PAGE.at(ordinal), successes=0.0)
    if reward < 0.0:
        return Evidence(exposures=1.0 - reward, successes=0.0)
    return Evidence(exposures=max(reward, 1.0), successes=reward)
