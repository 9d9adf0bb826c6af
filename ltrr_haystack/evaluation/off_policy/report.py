"""An evaluation as a person reads it."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ltrr_haystack.evaluation.off_policy.intervals import Estimate
from ltrr_haystack.evaluation.off_policy.results import (
    ASSUMPTIONS,
    Comparison,
    Evaluation,
    LogSummary,
    Support,
    TargetResult,
)

LABELS = {
    "ips": "IPS",
    "clipped_ips": "clipped IPS",
    "snips": "SNIPS",
    "dr": "doubly robust",
    "replay": "dominance replay",
}

_STYLES = {"better": "bold green", "worse": "bold red", "not told apart": "bold", "refused": "bold yellow"}


def render(evaluation: Evaluation) -> RenderableType:
    """
    Show an evaluation to a person.

    :param evaluation: The evaluation.
    :returns: Something that Rich prints.
    """
    parts: list[RenderableType] = [_log_table(evaluation.log)]
    parts.extend(_caution(caution) for caution in evaluation.log.cautions)
    for result in evaluation.targets:
        parts.append(Text(""))
        parts.extend(_target_parts(result))
    used = [name for name in LABELS if any(name in result.estimates for result in evaluation.targets)]
    parts.append(Text(""))
    parts.extend(Text(f"{LABELS[name]}: {ASSUMPTIONS[name]}", style="dim") for name in used)
    if "replay" in used:
        slope = evaluation.slope
        source = f", {evaluation.slope_source}" if evaluation.slope_source else ""
        eta = f"η{' about' if slope.learned else ''} {slope.eta:.2f} ± {slope.deviation:.2f}"
        parts.append(Text(f"looks in the replay: {eta}{source}", style="dim"))
    return Group(*parts)


def _log_table(log: LogSummary) -> Table:
    table = Table(title="The log", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("settled decisions", f"{log.read:,}")
    if log.beyond:
        table.add_row("  left out: beyond their client's share", f"{log.beyond:,}")
    for reason, count in log.skipped.items():
        table.add_row(Text(f"  left out: {reason}"), f"{count:,}")
    for mode, count in log.modes.items():
        table.add_row(f"  made in mode {mode}", f"{count:,}")
    table.add_row("  with a reward", f"{log.rewarded:,}")
    if log.waiting:
        table.add_row("not learned from yet, and not read", f"{log.waiting:,}")
    figures = {
        "value a decision": log.value,
        "reward a decision": log.reward,
        "candidates": log.candidates,
        "arm calls": log.arm_calls,
    }
    for label, estimate in figures.items():
        if estimate is not None:
            table.add_row(label, _figure(estimate))
    return table


def _target_parts(result: TargetResult) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if result.estimates:
        parts += [_estimates_table(result), _support_table(result)]
    else:
        parts.append(Text(result.name, style="italic"))
    parts.append(
        Text(f"Asks for {result.candidates.mean:.1f} candidates and {result.arm_calls.mean:.2f} arm calls a decision.")
    )
    parts.append(Text(str(result.comparison), style=_STYLES[result.comparison.outcome]))
    parts.extend(_caution(caution) for caution in result.cautions)
    if any(len(kinds) > 1 for kinds in result.slices.values()):
        parts.append(_slices_table(result))
    return parts


def _estimates_table(result: TargetResult) -> Table:
    table = Table("estimate", "value", "gain", "", title=Text(result.name), title_justify="left")
    for name, estimated in result.estimates.items():
        recommended = result.comparison.estimator == name
        table.add_row(
            LABELS[name],
            _figure(estimated.value),
            "" if estimated.gain is None else _figure(estimated.gain, "+.3f"),
            "recommended" if recommended else ("refused" if estimated.refusal else ""),
            style="bold" if recommended else ("dim" if estimated.refusal else ""),
        )
    return table


def _support_table(result: TargetResult) -> Table:
    table = Table("weights by", "support", "ESS", "greatest", "mean", "by halves")
    for label, support in {"propensity": result.weights, "replay": result.replay}.items():
        if support.decisions:
            table.add_row(label, *_support(support))
    return table


def _support(support: Support) -> tuple[str, ...]:
    first, second = support.halves
    return (
        f"{support.share:.0%}",
        f"{support.effective:,.0f}",
        f"{support.greatest:,.1f}",
        f"{support.mean:.2f}",
        f"{first:.2f} → {second:.2f}",
    )


def _slices_table(result: TargetResult) -> Table:
    table = Table("slice", "decisions", "gain", "")
    for dimension, kinds in result.slices.items():
        for kind, comparison in kinds.items():
            table.add_row(Text(f"{dimension}: {kind}"), *_compared(comparison))
    return table


def _compared(comparison: Comparison) -> tuple[str | Text, ...]:
    gain = "–" if comparison.gain is None else _figure(comparison.gain, "+.3f")
    return f"{comparison.decisions:,}", gain, Text(comparison.outcome, style=_STYLES[comparison.outcome])


def _caution(caution: str) -> Text:
    return Text(caution, style="yellow")


def _figure(estimate: Estimate, form: str = ".3f") -> str:
    return f"{estimate.mean:{form}}  {estimate.low:{form}} … {estimate.high:{form}}"
