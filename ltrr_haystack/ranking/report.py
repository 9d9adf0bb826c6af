"""What came of training a ranker: for people, for JSON, and for the snapshot's card."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ltrr_haystack.ranking.gate import Estimate, Verdict
from ltrr_haystack.types import Travelling


@dataclass(frozen=True, slots=True)
class LearnedFrom(Travelling):
    """
    The part of the log that a ranker was trained and judged on.

    :param decisions: Settled decisions read.
    :param rewarded: Those that say something about the order.
    :param training: Those of them that were learned from.
    :param held_out: Those of them that the model was judged on.
    :param impressions: Impressions learned from.
    :param sessions: Sessions learned from.
    :param left_out: Why the other decisions say nothing → how many.
    """

    decisions: int
    rewarded: int
    training: int
    held_out: int
    impressions: int
    sessions: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TrainingReport(Travelling):
    """
    What came of one training.

    :param learned_from: The part of the log that was used.
    :param gate: Whether the model is better than the union's own order.
    :param features: The model's features.
    :param schema: Fingerprint of the feature schema.
    :param settings: How it was trained.
    :param seed: The seed.
    :param lightgbm: LightGBM's version.
    :param importance: Feature → its share of what all splits gained, the most important first.
    :param version: The snapshot's version; 0 if nothing was trained.
    :param active: Whether the snapshot went live.
    """

    learned_from: LearnedFrom
    gate: Verdict
    features: tuple[str, ...] = field(repr=False)
    schema: str
    settings: Mapping[str, float]
    seed: int
    lightgbm: str
    importance: Mapping[str, float] = field(default_factory=dict, repr=False)
    version: int = 0
    active: bool = False

    def card(self) -> dict[str, Any]:
        """
        Describe the model for the store.

        :returns: The report without what the snapshot itself says.
        """
        return {name: value for name, value in self.to_dict().items() if name not in {"version", "active"}}


def render(report: TrainingReport, features: int = 12) -> RenderableType:
    """
    Show a report to a person.

    :param report: The report.
    :param features: How many of the most important features to list.
    :returns: Something that Rich prints.
    """
    parts: list[RenderableType] = [_log_table(report)]
    if report.gate.difference is not None:
        parts.append(_gate_table(report.gate))
    if report.importance:
        parts.append(_importance_table(report, features))
    parts.append(Text(_outcome(report), style="bold green" if report.gate.passed else "bold yellow"))
    return Group(*parts)


def _log_table(report: TrainingReport) -> Table:
    source = report.learned_from
    table = Table(title="Learned from", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("settled decisions", f"{source.decisions:,}")
    for reason, count in source.left_out.items():
        table.add_row(f"  left out: {reason}", f"{count:,}")
    table.add_row("decisions learned from", f"{source.training:,}")
    table.add_row("  their impressions", f"{source.impressions:,}")
    table.add_row("  their sessions", f"{source.sessions:,}")
    table.add_row("decisions held out", f"{source.held_out:,}")
    return table


def _gate_table(gate: Verdict) -> Table:
    table = Table("order", "debiased DCG", "95 % interval", title="Held-out sessions", title_justify="left")
    rows = {"union": gate.fallback, "model": gate.model, "model − union": gate.difference}
    for name, estimate in rows.items():
        if estimate is not None:
            table.add_row(name, f"{estimate.mean:.4f}", _interval(estimate))
    return table


def _importance_table(report: TrainingReport, features: int) -> Table:
    table = Table("feature", "share of gain", title="What the model looks at", title_justify="left")
    for name, share in list(report.importance.items())[:features]:
        table.add_row(Text(name), f"{share:.1%}")
    return table


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.4f} … {estimate.high:.4f}"


def _outcome(report: TrainingReport) -> str:
    if not report.version:
        return f"Nothing was trained: {report.gate.reason}."
    if report.active:
        return f"Version {report.version} is live: {report.gate.reason}."
    if report.gate.passed:
        return f"Version {report.version} is kept and may be activated: {report.gate.reason}."
    return f"Version {report.version} is kept but not live: {report.gate.reason}."
