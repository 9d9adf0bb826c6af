"""What came of training a ranker: for people, for JSON, and for the snapshot's card."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.ranking.gate import MeanScore, Verdict


@dataclass(frozen=True, slots=True)
class Trained(FrozenValue):
    """
    What came of one model.

    :param decisions: Rewarded decisions that it was trained and judged on.
    :param queries: Their different queries.
    :param impressions: Their impressions.
    :param gate: Whether the model is better than the union's own order on queries that it has not seen.
    :param importance: Feature → its share of what all splits gained, the most important first.
    """

    decisions: int
    queries: int
    impressions: int
    gate: Verdict
    importance: Mapping[str, float] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class TrainingReport(FrozenValue):
    """
    The result of one training.

    :param decisions: Settled decisions read.
    :param left_out: Why some are left out → how many.
    :param situations: Situation → its model.
    :param features: The pipeline's features.
    :param schema: Fingerprint of the feature schema.
    :param settings: How it was trained.
    :param seed: The seed.
    :param lightgbm: LightGBM's version.
    :param version: The snapshot's version; 0 if nothing was trained.
    :param active: Whether the snapshot went live.
    """

    decisions: int
    left_out: Mapping[str, int]
    situations: Mapping[str, Trained]
    features: tuple[str, ...] = field(repr=False)
    schema: str
    settings: Mapping[str, float]
    seed: int
    lightgbm: str
    version: int = 0
    active: bool = False

    @property
    def passed(self) -> bool:
        """Whether a model passed its gate."""
        return any(trained.gate.passed for trained in self.situations.values())

    @property
    def reason(self) -> str:
        """The reasons of the gates, in a sentence."""
        return "; ".join(
            f"{_pages(situation)}: {trained.gate.reason}" for situation, trained in self.situations.items()
        )

    def card(self) -> dict[str, Any]:
        """
        Describe the models for the store.

        :returns: The report without what the snapshot itself says, with `gate`: whether a model passed, and why.
        """
        said = {name: value for name, value in self.to_dict().items() if name not in {"version", "active"}}
        return {**said, "gate": {"passed": self.passed, "reason": self.reason}}


def render(report: TrainingReport, features: int = 12) -> RenderableType:
    """
    Render a report for a terminal.

    :param report: The report.
    :param features: How many of the most important features to list.
    :returns: Something that Rich prints.
    """
    parts: list[RenderableType] = [_log_table(report)]
    for situation, trained in report.situations.items():
        if trained.gate.difference is not None:
            parts.append(_gate_table(situation, trained.gate))
        if trained.importance:
            parts.append(_importance_table(situation, trained, features))
    parts.append(Text(_outcome(report), style="bold green" if report.passed else "bold yellow"))
    return Group(*parts)


def _log_table(report: TrainingReport) -> Table:
    table = Table(title="Learned from", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("settled decisions", f"{report.decisions:,}")
    for reason, count in report.left_out.items():
        table.add_row(f"  left out: {reason}", f"{count:,}")
    for situation, trained in report.situations.items():
        table.add_row(f"decisions on {_pages(situation)}", f"{trained.decisions:,}")
        table.add_row("  their queries", f"{trained.queries:,}")
        table.add_row("  their impressions", f"{trained.impressions:,}")
    return table


def _gate_table(situation: str, gate: Verdict) -> Table:
    title = f"{_pages(situation).capitalize()}, judged on held-out queries"
    table = Table("order", "debiased DCG", "95 % interval", title=title, title_justify="left")
    rows = {"union": gate.fallback, "model": gate.model, "model − union": gate.difference}
    for name, estimate in rows.items():
        if estimate is not None:
            table.add_row(name, f"{estimate.mean:.4f}", _interval(estimate))
    return table


def _importance_table(situation: str, trained: Trained, features: int) -> Table:
    title = f"Feature importance on {_pages(situation)}"
    table = Table("feature", "share of gain", title=title, title_justify="left")
    for name, share in list(trained.importance.items())[:features]:
        table.add_row(Text(name), f"{share:.1%}")
    return table


def _pages(situation: str) -> str:
    return f"pages {situation.replace('_', ' ')}"


def _interval(estimate: MeanScore) -> str:
    return f"{estimate.low:.4f} … {estimate.high:.4f}"


def _outcome(report: TrainingReport) -> str:
    if not report.version:
        return f"Nothing was trained: {report.reason}."
    if report.active:
        return f"Version {report.version} is live: {report.reason}."
    if report.passed:
        return f"Version {report.version} is kept and may be activated: {report.reason}."
    return f"Version {report.version} is kept but not live: {report.reason}."
