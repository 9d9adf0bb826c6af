"""What came of training an intent classifier: for people, for JSON, and for the snapshot's card."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ltrr_haystack.frozen_value import FrozenValue
from ltrr_haystack.intents.calibration import CalibrationBin
from ltrr_haystack.intents.gate import IntentVerdict
from ltrr_haystack.ranking.gate import MeanScore

MOST_SHOWN = 12
"""Categories of the confusion that are shown in a terminal."""

_NOT_ON_THE_CARD = {"version", "active", "superseded", "confusion"}
"""Fields that the snapshot itself knows, or that are known only once it is kept; and the confusion, which is large."""


@dataclass(frozen=True, slots=True)
class IntentReport(FrozenValue):
    """
    The result of one training.

    :param source: Whether it was trained on `labels` or on `clicks`.
    :param decisions: Settled decisions read; 0 for labels.
    :param until: Place of the newest of them in the log.
    :param left_out: Why something was left out → how much.
    :param queries: The different queries with labels.
    :param trained: How many of them it was trained on; the others are held out.
    :param categories: Category → its share among the training queries, the largest first.
    :param embeddings: Dimensions of the sentence embeddings that it reads; 0 for none.
    :param ngrams: N-grams that have weights.
    :param temperature: By which its probabilities were calibrated.
    :param gate: Whether it may go live, judged on the held-out queries.
    :param calibration_error: Expected calibration error of the likeliest category on them, 0 to 1.
    :param bins: What this is computed from.
    :param confusion: Category that queries are after → category that was held to be likeliest → how many held-out
        queries. One that is after several counts for each by its share.
    :param looks: How many classifiers of this store were tested by now.
    :param seed: The seed, which tells the held-out queries.
    :param scikit_learn: scikit-learn's version.
    :param version: The snapshot's version; 0 if nothing was trained.
    :param active: Whether the snapshot went live.
    :param superseded: Whether it passed and did not go live, since what is in use was changed while it was trained.
    """

    source: str
    decisions: int
    until: int
    left_out: Mapping[str, int]
    queries: int
    gate: IntentVerdict
    looks: int
    seed: int
    trained: int = 0
    categories: Mapping[str, float] = field(default_factory=dict)
    embeddings: int = 0
    ngrams: int = 0
    temperature: float = 1.0
    calibration_error: float = 0.0
    bins: tuple[CalibrationBin, ...] = field(default=(), repr=False)
    confusion: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    scikit_learn: str = ""
    version: int = 0
    active: bool = False
    superseded: bool = False

    @property
    def passed(self) -> bool:
        """Whether the classifier passed the gate."""
        return self.gate.passed

    @property
    def reason(self) -> str:
        """What the gate says, in a sentence."""
        return self.gate.reason

    def card(self) -> dict[str, Any]:
        """
        Describe the classifier for the store.

        :returns: The report without the confusion and what the snapshot itself says.
        """
        return {name: value for name, value in self.to_dict().items() if name not in _NOT_ON_THE_CARD}


def render(report: IntentReport) -> RenderableType:
    """
    Render a report for a terminal.

    :param report: The report.
    :returns: Something that Rich prints.
    """
    parts: list[RenderableType] = [_sources(report)]
    if report.gate.loss is not None:
        parts += [_judgement(report.gate), _calibration(report), _confusion(report)]
    parts.append(
        Text(_outcome(report), style="bold green" if report.passed and not report.superseded else "bold yellow")
    )
    return Group(*parts)


def _sources(report: IntentReport) -> Table:
    table = Table(title=f"Learned from {report.source}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    if report.source == "clicks":
        table.add_row("settled decisions", f"{report.decisions:,}")
    for reason, count in report.left_out.items():
        table.add_row(f"  left out: {reason}", f"{count:,}")
    table.add_row("queries", f"{report.queries:,}")
    table.add_row("  trained on", f"{report.trained:,}")
    table.add_row("  held out", f"{report.gate.queries:,}")
    table.add_row("categories", f"{len(report.categories):,}")
    table.add_row("n-grams", f"{report.ngrams:,}")
    table.add_row("dimensions of the embedding", f"{report.embeddings:,}" if report.embeddings else "none")
    return table


def _judgement(gate: IntentVerdict) -> Table:
    title = f"Judged on held-out queries, look {gate.look}"
    table = Table("", "log loss", "accuracy", f"bounds of the loss at level {gate.level:.2g}", title=title)
    table.title_justify = "left"
    rows: dict[str, tuple[MeanScore | None, MeanScore | None]] = {"classifier": (gate.loss, gate.accuracy)}
    for each in gate.comparisons:
        rows |= {each.name: (each.loss, each.accuracy), f"classifier - {each.name}": (each.difference, None)}
    for name, (loss, accuracy) in rows.items():
        if loss is not None:
            share = f"{accuracy.mean:.1%}" if accuracy is not None else ""
            table.add_row(name, f"{loss.mean:.4f}", share, f"{loss.low:.4f} … {loss.high:.4f}")
    return table


def _calibration(report: IntentReport) -> Table:
    title = f"Expected calibration error {report.calibration_error:.3f}, temperature {report.temperature:.2f}"
    table = Table("probability of the likeliest", "queries", "mean", "accuracy", title=title, title_justify="left")
    for each in report.bins:
        bounds = f"{each.low:.1f} … {each.high:.1f}"
        table.add_row(bounds, f"{each.queries:,}", f"{each.confidence:.1%}", f"{each.accuracy:.1%}")
    return table


def _confusion(report: IntentReport) -> Table:
    names = list(report.categories)[:MOST_SHOWN]
    title = "Held-out queries by what they are after, and what was held to be likeliest"
    if len(names) < len(report.categories):
        title += f" (the {MOST_SHOWN} largest of {len(report.categories)} categories)"
    table = Table("", *map(escape, names), title=title, title_justify="left")
    for after in names:
        row = report.confusion.get(after, {})
        table.add_row(Text(after), *(f"{row[name]:.4g}" if name in row else "" for name in names))
    return table


def _outcome(report: IntentReport) -> str:
    if not report.version:
        more = " Each query that people click on gives a label; labels may also be given in a file (--labels)."
        return f"Nothing was trained: {report.reason}.{more if report.source == 'clicks' else ''}"
    if report.active:
        return f"Version {report.version} is live: {report.reason}."
    if report.superseded:
        changed = "what is in use was changed while it was trained"
        return f"Version {report.version} passed ({report.reason}), but {changed}, so it is kept and not in use."
    if report.passed:
        return f"Version {report.version} is kept and may be activated: {report.reason}."
    return f"Version {report.version} is kept but not live: {report.reason}."
