"""Evidence about (query, document) pairs from settled decisions, corrected for position bias."""

from collections.abc import Mapping

from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.feedback.rewards import bounded
from ltrr_haystack.store import Evidence
from ltrr_haystack.types import SettledDecision


def evidence_of(settled: SettledDecision, curve: ExaminationCurve) -> Mapping[str, Evidence]:
    """
    Turn the impressions of a decision into amounts to add to the memory index.

    An impression counts as one look with the examination probability of its position, whether it was clicked or not:
    if a click counted for more than a pass, a document's success rate would depend on where it was shown (Chuklin,
    Markov and de Rijke, "Click Models for Web Search", 2015, section 3.3, position-based model). Below a click it is
    less likely to have been examined (see `position_bias`). A negative reward counts as so many looks without success.
    Of a choice of which a part counts, the look counts by the same part.

    :param settled: The decision with all its rewards, and with what counts of them.
    :param curve: The examination curve.
    :returns: Object id → exposures and successes, for every impression.
    """
    counted = settled.counted_rewards
    rewards = [bounded(counted.get(impression.object_id, 0.0)) for impression in settled.impressions]
    looks = curve.looks_at(settled)
    return {
        impression.object_id: _evidence(reward, look)
        for impression, reward, look in zip(settled.impressions, rewards, looks.tolist(), strict=True)
    }


def added_evidence(before: float, added: float) -> Evidence:
    """
    Turn a reward that came after its decision was learned from into amounts to add.

    With them the impression has the evidence that it would have had if the reward had come in time, unless a part of it
    is beyond its client's share: looks stay as they were counted, at the impression and at those below it.

    :param before: The impression's reward so far.
    :param added: The reward that came late.
    :returns: Exposures and successes to add.
    """
    then, now = (_evidence(bounded(reward), 0.0) for reward in (before, before + added))
    return Evidence(exposures=now.exposures - then.exposures, successes=now.successes - then.successes)


def _evidence(reward: float, looks: float) -> Evidence:
    return Evidence(exposures=looks + max(-reward, 0.0), successes=max(reward, 0.0))
