"""What came of training a ranker: for people, for JSON, and for the snapshot's card."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.ranking.gate import MeanScore, Verdict

_NOT_ON_THE_CARD = {"version", "active", "superseded"}
"""Fields that the snapshot itself knows, or that are known only once it is kept."""


@dataclass(frozen=True, slots=True)
class TrainingReport(FrozenValue):
    """
    The result of one training.

    :param until: Place of the newest settled decision in the log; 0 if there is none.
    :param decisions: Settled decisions read.
    :param left_out: Why some are left out → how many.
    :param rewarded: Rewarded decisions among the others.
    :param queries: The queries that the model was trained on: those with a reward.
    :param shown: Their documents that were shown.
    :param unshown: Their documents that were ranked and never shown.
    :param gate: Whether the model is not worse than what is live on queries that it has not seen.
    :param looks: How many models of this store were tested by now.
    :param features: The model's features.
    :param schema: Fingerprint of the feature schema.
    :param settings: How it was trained.
    :param seed: The seed.
    :param lightgbm: LightGBM's version.
    :param importance: Feature → its share of what all splits gained, the most important first.
    :param version: The snapshot's version; 0 if nothing was trained.
    :param active: Whether the snapshot went live.
    :param superseded: Whether it passed and did not go live, since what is in use was changed while it was trained.
    """

    until: int
    decisions: int
    left_out: Mapping[str, int]
    rewarded: int
    queries: int
    shown: int
    unshown: int
    gate: Verdict
    looks: int
    features: tuple[str, ...] = field(repr=False)
    schema: str
    settings: Mapping[str, float]
    seed: int
    lightgbm: str
    importance: Mapping[str, float] = field(default_factory=dict, repr=False)
    version: int = 0
    active: bool = False
    superseded: bool = False

    @property
    def passed(self) -> bool:
        """Whether the model passed the gate."""
        return self.gate.passed

    @property
    def reason(self) -> str:
        """What the gate says, in a sentence."""
        return self.gate.reason

    def card(self) -> dict[str, Any]:
        """
        Describe the model for the store.

        :returns: The report without what the snapshot itself says.
        """
        return {name: value for name, value in self.to_dict().items() if name not in _NOT_ON_THE_CARD}


def render(report: TrainingReport, features: int = 12) -> RenderableType:
    """
    Render a report for a terminal.

    :param report: The report.
    :param features: How many of the most important features to list.
    :returns: Something that Rich prints.
    """
    parts: list[RenderableType] = [_log_table(report)]
    if report.gate.model is not None:
        parts.append(_gate_table(report.gate))
    if report.importance:
        parts.append(_importance_table(report.importance, features))
    parts.append(
        Text(_outcome(report), style="bold green" if report.passed and not report.superseded else "bold yellow")
    )
    return Group(*parts)


def _log_table(report: TrainingReport) -> Table:
    table = Table(title="Learned from", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("settled decisions", f"{report.decisions:,}")
    for reason, count in report.left_out.items():
        table.add_row(f"  left out: {reason}", f"{count:,}")
    table.add_row("rewarded decisions", f"{report.rewarded:,}")
    table.add_row("queries with a reward", f"{report.queries:,}")
    table.add_row("  their documents shown", f"{report.shown:,}")
    table.add_row("  their documents never shown", f"{report.unshown:,}")
    table.add_row("queries that it is judged on", f"{report.gate.queries:,}")
    return table


def _gate_table(gate: Verdict) -> Table:
    title = f"Judged on held-out queries, look {gate.look}"
    table = Table("order", "expected value", f"bounds at level {gate.level:.2g}", title=title, title_justify="left")
    rows = {"model": gate.model}
    for each in gate.comparisons:
        rows |= {each.name: each.other, f"model - {each.name}": each.difference}
    for name, estimate in rows.items():
        if estimate is not None:
            table.add_row(name, f"{estimate.mean:.4f}", _interval(estimate))
    return table


def _importance_table(importance: Mapping[str, float], features: int) -> Table:
    table = Table("feature", "share of gain", title="Feature importance", title_justify="left")
    for name, share in list(importance.items())[:features]:
        table.add_row(Text(name), f"{share:.1%}")
    return table


def _interval(estimate: MeanScore) -> str:
    return f"{estimate.low:.4f} … {estimate.high:.4f}"


def _outcome(report: TrainingReport) -> str:
    if not report.version:
        return f"No ranker was trained: {report.reason}."
    if report.active:
        return f"Version {report.version} is live: {report.reason}."
    if report.superseded:
        changed = "what is in use was changed while it was trained"
        return f"Version {report.version} passed ({report.reason}), but {changed}, so it is kept and not in use."
    if report.passed:
        return f"Version {report.version} is kept and may be activated: {report.reason}."
    return f"Version {report.version} is kept but not live: {report.reason}."
