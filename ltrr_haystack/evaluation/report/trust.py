"""Sections on whether the log can be believed: its propensities, and the alternatives that it can judge."""

from collections.abc import Sequence
from pathlib import Path

from ltrr_haystack.errors import LTRRError
from ltrr_haystack.evaluation.off_policy import (
    BaselineTarget,
    DecisionLog,
    Evaluation,
    Gathered,
    Page,
    StaticTarget,
    Target,
    TargetResult,
    snapshot_target,
)
from ltrr_haystack.evaluation.report.reading import Reading
from ltrr_haystack.evaluation.report.values import (
    Bin,
    Finding,
    Grid,
    IntervalChart,
    ReliabilityChart,
    ReportFigure,
    Section,
    decimal,
    percent,
)
from ltrr_haystack.learning.curves import Curves
from ltrr_haystack.store import POLICY, LTRRStore, newest_decision


def reliability(reading: Reading) -> Section:
    """
    Whether levels were drawn as often as they were said to be.

    :param reading: The sums over the log.
    :returns: The section.
    """
    bins, levels = reading.reliability.bins(), reading.reliability.levels()
    columns = ("logged", "drawn", "95 % interval", "z", "cases")
    return Section(
        "reliability",
        "Was chance as the log says?",
        "What was left to chance, by how likely it was said to be: points belong on the line.",
        (ReliabilityChart("Levels: logged probability and share drawn", bins),) if bins else (),
        (
            Grid("By probability", columns, tuple(_drawn(one) for one in bins)),
            Grid(
                "By arm and depth",
                ("arm and depth", *columns),
                tuple((f"{arm} {depth}", *_drawn(one)) for (arm, depth), one in levels.items()),
            ),
        ),
        more="For every arm and level that was left to chance: how likely it was by the log, with budget, floor and "
        "baseline share in it, against how often it was drawn. Points belong on the diagonal. Estimates for other "
        "policies are right only if they are there.",
    )


def _drawn(one: Bin) -> tuple[str, ...]:
    low, high = one.observed.low or 0.0, one.observed.high or 0.0
    return (
        percent(one.predicted, 2),
        percent(one.observed.value, 2),
        f"{percent(low, 2)} to {percent(high, 2)}",
        decimal(one.z, 1),
        f"{one.count:,}",
    )


class Alternatives:
    """
    Gathers, while the log is read, what other policies would have been worth: the baseline, the active policy, and each
    arm alone.
    """

    def __init__(self, store: LTRRStore, pipelines: Path | None = None) -> None:
        """
        Find the policies.

        :param store: The store with the log.
        :param pipelines: The pipeline, or a folder with it, whose policy settings belong to the snapshots; a `VWPolicy`
            with its defaults if left out.
        """
        self._error: LTRRError | None = None
        self._gathered = Gathered(())
        self._findings: list[Finding] = []
        try:
            targets, self._findings = _targets(store, pipelines)
            self._gathered = Gathered(targets, curves=Curves(store))
        except LTRRError as error:
            self._error = error

    def add(self, page: Page) -> None:
        """
        Take in some decisions.

        :param page: The decisions.
        """
        if self._error is None:
            try:
                self._gathered.add(page)
            except LTRRError as error:
                self._error = error

    def section(self, log: DecisionLog) -> tuple[Section, tuple[Finding, ...]]:
        """
        Say what they would have been worth.

        :param log: What counted the decisions.
        :returns: The section, and what to know of it.
        """
        try:
            if self._error is not None:
                raise self._error
            evaluation = self._gathered.evaluation(log)
        except LTRRError as error:
            return _section((), ()), (Finding("bad", "No off-policy estimates", str(error)),)
        return _of(evaluation), (*self._findings, *_cautions(evaluation))


def _targets(store: LTRRStore, pipelines: Path | None) -> tuple[list[Target], list[Finding]]:
    targets: list[Target] = [BaselineTarget()]
    findings = []
    version = store.active_version(POLICY)
    if version:
        name = f"snapshot:{version}"
        try:
            drawing = snapshot_target(version, store, pipelines=pipelines)
            targets += [drawing, drawing.greedily(f"{name}:greedy")]
        except LTRRError as error:
            findings.append(Finding("watch", f"{name} is not among the off-policy estimates", str(error)))
    newest = newest_decision(store)
    if newest is not None:
        actions = newest.decision.actions
        targets += [
            StaticTarget({arm.name: min(max(arm.levels), actions.budget)}, f"{arm.name} alone")
            for arm in actions.arms
            if len(actions.arms) > 1 and max(arm.levels) > 0
        ]
    return targets, findings


def _of(evaluation: Evaluation) -> Section:
    logged = evaluation.log.value
    estimates = {} if logged is None else {"as it was": ReportFigure(logged.mean, logged.low, logged.high)}
    for result in evaluation.targets:
        value = result.comparison.value
        if value is not None:
            estimates[result.name] = ReportFigure(value.mean, value.low, value.high)
    return _section(
        (IntervalChart("Reward less cost, per search", estimates),) if len(estimates) > 1 else (),
        (
            Grid(
                "What other policies would have been worth",
                ("policy", "outcome", "reward less cost", "gain", "by", "candidates", "effective size"),
                tuple(_row(result) for result in evaluation.targets),
            ),
        ),
    )


def _section(charts: tuple[IntervalChart, ...], grids: tuple[Grid, ...]) -> Section:
    return Section(
        "alternatives",
        "What would other policies have been worth?",
        "Estimates from the log, each with its 95 % interval.",
        charts,
        grids,
        more="What other policies would have been worth on the queries of this log, with 95 % intervals, from the "
        "logged propensities. What the log holds no support for is refused, and nothing is guessed. As it was: the "
        "policies that made this log, one after the other.",
    )


def _row(result: TargetResult) -> tuple[str, ...]:
    told = result.comparison
    used = result.replay if told.estimator == "replay" else result.weights
    if told.value is None or told.gain is None:
        return (result.name, f"refused: {told.refusal}", "–", "–", "–", decimal(result.candidates.mean, 1), "–")
    return (
        result.name,
        told.outcome,
        f"{told.value.mean:.3f} ({told.value.low:.3f} to {told.value.high:.3f})",
        f"{told.gain.mean:+.3f} ({told.gain.low:+.3f} to {told.gain.high:+.3f})",
        told.estimator or "–",
        decimal(result.candidates.mean, 1),
        decimal(used.effective, 0),
    )


def _cautions(evaluation: Evaluation) -> Sequence[Finding]:
    log = evaluation.log
    found = [Finding("watch", "Off-policy estimates", caution) for caution in log.cautions]
    if log.skipped:
        reasons = "; ".join(f"{reason}: {count:,}" for reason, count in log.skipped.items())
        found.append(Finding("bad", "Decisions without usable propensity", f"Left out of all estimates: {reasons}."))
    refused = [result for result in evaluation.targets if result.comparison.refusal is not None]
    if refused and log.used:
        names = ", ".join(result.name for result in refused)
        text = f"The log has no support for: {names}. {refused[0].name}: {refused[0].comparison.refusal}."
        found.append(Finding("watch", "Policies that the log cannot judge", text))
    by_caution: dict[tuple[str, ...], list[str]] = {}
    for result in evaluation.targets:
        if result.cautions and result.comparison.refusal is None:
            by_caution.setdefault(result.cautions, []).append(result.name)
    found += [
        Finding("watch", f"Off-policy estimate of {', '.join(names)}", " ".join(cautions))
        for cautions, names in by_caution.items()
    ]
    return found
