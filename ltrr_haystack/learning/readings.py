"""What the pages of searches say of the readings of their queries, as far as it counts."""

from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.learning.amounts import Amounts
from ltrr_haystack.learning.clients import ClientCounts
from ltrr_haystack.readings.clicks import measured_readings
from ltrr_haystack.readings.keys import KINDS, reading_key, reading_kind
from ltrr_haystack.store import LateReward, ReadingClicks
from ltrr_haystack.types import Decision, Interpretation, SettledDecision


def add_readings(amounts: Amounts, settled: SettledDecision, curve: ExaminationCurve, clients: ClientCounts) -> None:
    """
    Add what a settled decision says of the readings of its query.

    :param amounts: What it is added to.
    :param settled: The decision with the rewards that count.
    :param curve: The examination curve by which the page was ordered.
    :param clients: Says how much of it counts for kinds of readings.
    """
    for measured in measured_readings(settled.decision, settled.impressions, curve) if settled.rewards else ():
        for object_id, reward in settled.rewards.items():
            clicks = measured.clicks(object_id, reward)
            _add(amounts, settled.decision, measured.reading, clicks, clients, late=False)


def add_late_readings(
    amounts: Amounts, late: LateReward, counted: float, curve: ExaminationCurve, clients: ClientCounts
) -> None:
    """
    Add what a reward that came after its decision was settled says of the readings of its query.

    :param amounts: What it is added to.
    :param late: The reward.
    :param counted: As much of it as counts.
    :param curve: The examination curve by which the page was ordered.
    :param clients: Says how much of it counts for kinds of readings.
    """
    for measured in measured_readings(late.decision, late.impressions, curve) if counted else ():
        then = measured.clicks(late.object_id, late.before)
        now = measured.clicks(late.object_id, late.before + counted)
        clicks = ReadingClicks(now.chosen - then.chosen, now.passed - then.passed)
        _add(amounts, late.decision, measured.reading, clicks, clients, late=True)


def _add(
    amounts: Amounts,
    decision: Decision,
    reading: Interpretation,
    clicks: ReadingClicks,
    clients: ClientCounts,
    *,
    late: bool,
) -> None:
    amounts.add_clicks((decision.understanding.normal_form, reading_key(reading)), clicks)
    kind = reading_kind(reading)
    amounts.add_clicks((KINDS, kind), clients.count_kind(decision, kind, clicks, late=late))
