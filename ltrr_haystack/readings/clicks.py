"""
What the clicks on a page say of the readings of its query.

A click is a choice among what was looked at. If half of the looks went to documents that agree with a reading, half of
the clicks would go there by chance; what goes beyond that speaks for the reading, what falls short against it. Each
page is compared with itself alone: how often its query is searched, how often people click at all and where on the page
they look say nothing of a reading.

The sums are those of Mantel and Haenszel 1959, "Statistical aspects of the analysis of data from retrospective studies
of disease", in the form for rates (Rothman and Boice 1979; Greenland and Robins 1985, "Estimation of a common effect
parameter from sparse follow-up data"), with pages as strata and looks in the place of person-time: of a page on which
the documents that agree have `s` clicks and `n` looks, the others `s'` clicks and `n'` looks, with `n + n' = T`,

    chosen = s · n' / T        passed = s' · n / T

Summed over pages, `chosen / passed` is how many times as often the documents of the reading are chosen as the others.
A page where all documents agree, or none, adds nothing to either, nor does one without a click.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ltrr_haystack.feedback.examination import ExaminationCurve
from ltrr_haystack.feedback.rewards import bounded
from ltrr_haystack.readings.keys import reading_kind
from ltrr_haystack.store import ReadingClicks
from ltrr_haystack.types import Decision, Impression, Interpretation

MOST_MEASURED = 3
"""How many of the best readings the documents of a page are compared with."""


def agreement_feature(place: int) -> str:
    """
    Name the ranking feature that says how far a document agrees with a reading.

    It is logged with each impression, and is what learning reads.

    :param place: The reading's place in the understanding, from 1.
    :returns: The name.
    """
    return f"reading.{place}"


def kinds_of(decision: Decision) -> set[str]:
    """
    Tell of which kinds of readings a search may say something.

    :param decision: The search's decision.
    :returns: The kinds of its best readings, as far as they have slots; none of a filtered search.
    """
    return {reading_kind(each) for each in _measurable(decision) if each.slots}


def _measurable(decision: Decision) -> tuple[Interpretation, ...]:
    """The best readings; none of a filtered search: what a filter lets through says nothing of what people mean."""
    return () if decision.filters else decision.understanding.interpretations[:MOST_MEASURED]


@dataclass(frozen=True, slots=True)
class MeasuredReading:
    """
    A reading with what a page shows of it.

    :param reading: The reading.
    :param agreements: Object id → how far the document agrees, 0 to 1; documents where that is not known are left out.
    :param share: Share of the looks that went to documents which agree, 0 to 1.
    """

    reading: Interpretation
    agreements: Mapping[str, float]
    share: float

    def clicks(self, object_id: str, reward: float) -> ReadingClicks:
        """
        Tell what the reward of one document says.

        A document that agrees in part counts in part on both sides. A dislike says the opposite of a click.

        :param object_id: The document.
        :param reward: All that it earned on this page, in units of a click.
        :returns: What speaks for the reading and what against it, neither of them negative.
        """
        agreement = self.agreements.get(object_id, 0.0)
        weight = abs(bounded(reward)) if object_id in self.agreements else 0.0
        here, elsewhere = weight * agreement * (1.0 - self.share), weight * (1.0 - agreement) * self.share
        return ReadingClicks(here, elsewhere) if reward >= 0 else ReadingClicks(elsewhere, here)


def measured_readings(
    decision: Decision, impressions: Sequence[Impression], curve: ExaminationCurve
) -> list[MeasuredReading]:
    """
    Compare the documents of a page with the best readings of its query.

    :param decision: The decision, with what was understood of the query.
    :param impressions: The page.
    :param curve: The examination curve by which the page was ordered; a document counts as one look with the
        examination probability of its position over all pages: readings are compared on one page, with its clicks.
    :returns: The readings of which the page says something: some documents agree with them, and others do not. None of
        a filtered search.
    """
    readings = _measurable(decision)
    if not readings or not impressions:
        return []
    looks = curve.over([impression.ordinal for impression in impressions]).tolist()
    measured = []
    for place, reading in enumerate(readings, start=1):
        name = agreement_feature(place)
        agreements = {
            impression.object_id: min(1.0, max(0.0, agreement))
            for impression in impressions
            if (agreement := impression.features.get(name)) is not None
        }
        seen = [
            (look, agreements[impression.object_id])
            for impression, look in zip(impressions, looks, strict=True)
            if impression.object_id in agreements
        ]
        total = sum([look for look, _ in seen])
        agreeing = sum([look * agreement for look, agreement in seen])
        if 0.0 < agreeing < total:
            measured.append(MeasuredReading(reading, agreements, agreeing / total))
    return measured
