"""What a batch of the log adds to memory, history and readings, in amounts that add up to the same sum in any order."""

from collections.abc import Mapping

from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.memory.evidence import added_evidence, evidence_of
from ltrr_haystack.store import Evidence, HistoryDelta, LateReward, ReadingClicks
from ltrr_haystack.types import SettledDecision

Pair = tuple[str, str]
"""A query key with an object id, with an arm, or with the key of a reading."""

STEPS = 2**24
"""Amounts are whole numbers of steps of 1/STEPS: floats add these without rounding as long as sums stay below 2**29."""

LARGEST = 2.0**24
"""What is beyond it is cut, so that no single reward brings a sum to where floats round."""


class Amounts:
    """
    Gathers what is to be added to memory, history and readings, for one transaction of the store.

    Sums of floats depend on how they are grouped, and the learner groups the log by chance: in batches, cut where a
    process ended. Rounded to a fixed step, far below what matters, every amount is added exactly, so any grouping
    comes to the same sum, to the bit.
    """

    def __init__(self) -> None:
        self._memory: dict[Pair, tuple[float, float]] = {}
        self._history: dict[Pair, tuple[float, float, float]] = {}
        self._readings: dict[Pair, tuple[float, float]] = {}

    def add_decision(self, settled: SettledDecision, credit: Mapping[str, float], curve: ExaminationCurve) -> None:
        """
        Add what a settled decision says of its documents and of the arms that ran.

        :param settled: The decision with all its rewards, and with what counts of them.
        :param credit: Arm → its credit at the drawn depth.
        :param curve: The examination curve by which the page was ordered.
        """
        key = settled.decision.evidence_key
        for object_id, evidence in evidence_of(settled, curve).items():
            if evidence.exposures or evidence.successes:
                self._add_evidence((key, object_id), evidence)
        returned = {report.arm: report.returned for report in settled.reports}
        for arm, depth in settled.decision.allocation.items():
            if depth > 0:
                draws, earned, documents = self._history.get((key, arm), (0.0, 0.0, 0.0))
                earned += in_steps(credit.get(arm, 0.0))
                self._history[key, arm] = (draws + 1.0, earned, documents + returned.get(arm, 0))

    def add_late(self, late: LateReward, counted: float) -> None:
        """
        Add what a reward says that came after its decision was settled.

        :param late: The reward.
        :param counted: As much of it as counts.
        """
        pair = late.decision.evidence_key, late.object_id
        self._add_evidence(pair, added_evidence(late.before, counted))

    def add_clicks(self, pair: Pair, clicks: ReadingClicks) -> None:
        """
        Add what clicks say of a reading.

        :param pair: A query key with the key of a reading.
        :param clicks: What they say.
        """
        added = in_steps(clicks.chosen), in_steps(clicks.passed)
        if any(added):
            chosen, passed = self._readings.get(pair, (0.0, 0.0))
            self._readings[pair] = chosen + added[0], passed + added[1]

    def _add_evidence(self, pair: Pair, evidence: Evidence) -> None:
        exposures, successes = self._memory.get(pair, (0.0, 0.0))
        self._memory[pair] = (exposures + in_steps(evidence.exposures), successes + in_steps(evidence.successes))

    @property
    def memory(self) -> dict[Pair, Evidence]:
        """(query key, object id) → evidence to add."""
        return {pair: Evidence(*amounts) for pair, amounts in self._memory.items()}

    @property
    def history(self) -> dict[Pair, HistoryDelta]:
        """(query key, arm) → draws, credit and documents returned, to add."""
        return {pair: HistoryDelta(*amounts) for pair, amounts in self._history.items()}

    @property
    def readings(self) -> dict[Pair, ReadingClicks]:
        """(query key, key of a reading) → clicks for and against it, to add."""
        return {pair: ReadingClicks(*amounts) for pair, amounts in self._readings.items()}


def in_steps(amount: float) -> float:
    """
    Round an amount so that sums of such amounts are exact.

    :param amount: Any finite number.
    :returns: The nearest multiple of 1 / `STEPS` within ±`LARGEST`.
    """
    return round(max(-LARGEST, min(LARGEST, amount)) * STEPS) / STEPS
