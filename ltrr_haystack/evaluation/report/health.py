"""Warnings on the health of the data, each with what it means and what can be done."""

from collections.abc import Iterator, Sequence

from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.values import Finding, Section, percent
from ltrr_haystack.store import Counts, Watermark

FEW_SEARCHES = 200
FEW_CLICKED = 100
LOW_CLICK_RATE = 0.01
LATE = 0.1
FAILING = 0.02
FAILING_BADLY = 0.2
EMPTY = 0.5
EMPTY_PAGES = 0.05
NOT_SHOWN = 0.02
FUTURE = 300.0
"""Seconds by which clocks may differ."""

UNLIKELY = 5.0
"""Standard deviations: with some dozen bins, chance alone does not come to it."""

LEAST_IN_BIN = 50


def health(reading: Reading, counts: Counts, watermark: Watermark, now: float) -> tuple[Finding, ...]:
    """
    Look for what makes the figures doubtful.

    :param reading: The sums over the log.
    :param counts: What the store holds.
    :param watermark: How far learning has come.
    :param now: The time, in seconds since 1970.
    :returns: The findings, the worst first.
    """
    if not reading.read:
        waiting = f"{counts.decisions:,} decisions wait for their reward wait to pass." if counts.decisions else ""
        text = f"There is nothing to report on yet. {waiting} Let people search, and let a learner run (ltrr learn)."
        return (Finding("bad", "No settled decisions", text),)
    found = [
        *_events(reading, counts),
        *_progress(reading, counts, watermark),
        *_support(reading),
        *_arms(reading),
        *_clock(reading, now),
        *_pages(reading),
    ]
    return ordered(found)


def health_section(findings: Sequence[Finding]) -> Section:
    """
    Make the section on what makes the figures doubtful.

    :param findings: The findings, in order.
    :returns: The section.
    """
    return Section(
        "health",
        "Can the figures be trusted?",
        "What was noticed of events, propensities, clocks and arms.",
        findings=tuple(findings),
    )


def ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """
    Put findings into order.

    :param findings: The findings.
    :returns: The worst first; one that says that all is well if there are none.
    """
    worst_first = sorted(findings, key=lambda finding: ("bad", "watch", "good").index(finding.severity))
    return tuple(worst_first) or (
        Finding("good", "Nothing to complain of", "Events, propensities, clocks and arms look as they should."),
    )


def _events(reading: Reading, counts: Counts) -> Iterator[Finding]:
    total = reading.blocks.total()
    searches, clicked = reading.blocks.searches, int(total["clicked"])
    if not counts.events:
        text = "Nothing can be learned. See that the page sends its events, with the query_id that the search gave."
        yield Finding("bad", "No events at all", text)
    elif searches >= FEW_SEARCHES and clicked / searches < LOW_CLICK_RATE:
        text = (
            f"{percent(clicked / searches, 2)} of the searches have a click. Are all events sent, with the right ids?"
        )
        yield Finding("bad", "Hardly any clicks", text)
    elif searches < FEW_SEARCHES or clicked < FEW_CLICKED:
        text = f"{searches:,} settled searches, {clicked:,} with a click: intervals are wide, and gates may stay shut."
        yield Finding("watch", "Few events", text)
    if counts.events and counts.late_events / counts.events > LATE:
        text = (
            f"{percent(counts.late_events / counts.events)} of the events came after their decision was settled: they "
            "go to the memory and not to the policy. A longer reward wait would catch them."
        )
        yield Finding("watch", "Many late events", text)
    if reading.rewarded and reading.not_shown / reading.rewarded > NOT_SHOWN:
        text = (
            f"{percent(reading.not_shown / reading.rewarded)} of the rewarded objects were not on the page that their "
            "event refers to, and nothing is learned from them. See that events carry the ids of the documents."
        )
        yield Finding("bad", "Events on what was not shown", text)


def _progress(reading: Reading, counts: Counts, watermark: Watermark) -> Iterator[Finding]:
    behind = watermark.settled - counts.learned
    if behind > FEW_SEARCHES:
        text = f"{behind:,} settled decisions are not learned from yet. Is a learner running (ltrr learn --follow)?"
        yield Finding("bad" if not watermark.learned else "watch", "Learning is behind", text)
    waiting = counts.decisions - watermark.settled
    if waiting > max(FEW_SEARCHES, watermark.settled):
        text = f"{waiting:,} decisions are not settled. Is a learner running, and the reward wait not too long?"
        yield Finding("watch", "Most decisions are not settled", text)
    blocks = reading.blocks.blocks()
    held = blocks[-1]["safe start"] / blocks[-1].searches if blocks else 0.0
    if held > 0.5:
        text = (
            f"Of the last {blocks[-1].searches:,} searches, {percent(held)} were decided while the policy was held "
            "back, as it is not, or no longer, shown to be worth more than the baseline, which is mostly played."
        )
        yield Finding("watch", "Safe start", text)


def _support(reading: Reading) -> Iterator[Finding]:
    checked, mismatched = reading.reliability, sum(reading.log.skipped.values())
    if mismatched:
        text = (
            f"In {mismatched:,} of {reading.log.read:,} decisions the logged propensity is not the one that the logged "
            "distribution gives: nothing that is computed from them holds."
        )
        yield Finding("bad", "Wrong propensities", text)
    if not checked.chosen:
        modes = ", ".join(f"{mode} {count:,}" for mode, count in reading.modes.items())
        text = (
            f"Nothing was left to chance in any decision (modes: {modes}), so no other policy can be judged by "
            "propensities. mode: live explores, and the safe start holds it to the baseline until it has proved "
            "itself."
        )
        yield Finding("watch", "No exploration", text)
    bins = [*checked.bins(), *checked.levels().values()]
    strange = [one for one in bins if one.count >= LEAST_IN_BIN and abs(one.z) > UNLIKELY]
    if strange:
        worst = max(strange, key=lambda one: abs(one.z))
        text = (
            f"Levels that were said to have a probability of {percent(worst.predicted, 2)} were drawn in "
            f"{percent(worst.observed.value, 2)} of {worst.count:,} cases: the log does not say how decisions were "
            "made."
        )
        yield Finding("bad", "Propensities are not reliable", text)
    if len(reading.action_sets) > 1:
        text = (
            f"Arms, levels, costs, budget or baseline changed during the log: there are {len(reading.action_sets)} "
            "different sets of them. Curves over such a change compare unlike things."
        )
        yield Finding("watch", "The action set changed", text)


def _arms(reading: Reading) -> Iterator[Finding]:
    for arm, runs in reading.arms.items():
        failed = sum(runs.failed.values())
        if runs.asked and failed / runs.asked > FAILING:
            why = ", ".join(f"{reason} {count:,}" for reason, count in runs.failed.most_common(3))
            text = f"It failed in {percent(failed / runs.asked)} of the {runs.asked:,} searches that asked it: {why}."
            yield Finding("bad" if failed / runs.asked > FAILING_BADLY else "watch", f"Arm {arm} fails", text)
        if runs.asked >= FEW_SEARCHES and runs.empty / runs.asked > EMPTY:
            text = (
                f"It brought nothing in {percent(runs.empty / runs.asked)} of the {runs.asked:,} searches that asked "
                "it. For a memory that is young this is to be expected."
            )
            yield Finding("watch", f"Arm {arm} is often empty", text)
        if not runs.asked:
            yield Finding("watch", f"Arm {arm} never ran", "No search asked it, so nothing is known of it.")


def _clock(reading: Reading, now: float) -> Iterator[Finding]:
    if reading.steps_back:
        text = (
            f"{reading.steps_back:,} decisions are more than a second older than the one before them in the log. "
            "Reward waits are then judged wrongly. See that the clocks of all machines are set by the same source."
        )
        yield Finding("watch", "The clock went back", text)
    if reading.newest > now + FUTURE:
        text = f"The youngest decision lies {reading.newest - now:,.0f} s in the future: a clock is wrong."
        yield Finding("bad", "Decisions from the future", text)


def _pages(reading: Reading) -> Iterator[Finding]:
    if reading.empty_pages / reading.read > EMPTY_PAGES:
        empty = percent(reading.empty_pages / reading.read)
        text = f"{empty} of the searches showed nothing. Did arms fail, or filters match nothing?"
        yield Finding("watch", "Empty pages", text)
