"""A simulation as tables for people."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ltrr_haystack.evaluation.replay.metrics import ClickMetrics
from ltrr_haystack.evaluation.replay.simulate import Simulation

TITLES = {"baseline": "baseline", "learning": "learning", "learning_warm": "learning, warm start"}


def simulation_tables(simulation: Simulation) -> RenderableType:
    """
    Show a simulation as far as it has come.

    :param simulation: The simulation.
    :returns: What Rich can print: a table of the systems, one of the arms by kind of query, and the remarks.
    """
    shown = [_systems(simulation), *_arms(simulation)]
    return Group(*shown, *(Text(f"Note: {remark}") for remark in simulation.remarks))


@contextmanager
def live_tables(console: Console | None = None) -> Iterator[Callable[[Simulation], None]]:
    """
    Keep the tables up to date on the screen while a simulation runs.

    ```python
    from ltrr_haystack.evaluation.replay.simulate import Simulation
    from ltrr_haystack.evaluation.replay.tables import live_tables

    with live_tables() as watch:
        watch(Simulation("music", impressions=5000, seed=7))  # simulate(…, watch=watch) calls it
    ```

    :param console: Where to; standard error by default, so that standard output stays free.
    :returns: A context manager that gives what `simulate` takes as `watch`. The tables leave the screen with it.
    """
    with Live(console=console or Console(stderr=True), auto_refresh=False, transient=True) as live:

        def watch(simulation: Simulation) -> None:
            live.update(simulation_tables(simulation), refresh=True)

        yield watch


def _systems(simulation: Simulation) -> Table:
    table = Table(title=f"{simulation.data}: {simulation.impressions:,} searches, seed {simulation.seed}")
    table.add_column("")
    metrics = simulation.metrics
    for name in metrics:
        table.add_column(TITLES[name], justify="right")
    rows: list[tuple[str, Callable[[ClickMetrics], str]]] = [
        ("searches answered", lambda of: f"{of.whole.searches:,}"),
        ("searches with a click", lambda of: _share(of.whole.clicked, of.whole.searches)),
        ("… in the last fifth", lambda of: _share(of.last.clicked, of.last.searches)),
        ("candidates per query", lambda of: _mean(of.whole.candidates, of.whole.searches)),
        ("… in the last fifth", lambda of: _mean(of.last.candidates, of.last.searches)),
        ("arm calls per query", lambda of: _mean(of.whole.runs.total(), of.whole.searches)),
        ("… in the last fifth", lambda of: _mean(of.last.runs.total(), of.last.searches)),
        ("rounds on the safe start", lambda of: f"{of.safe_start_rounds:,}" if of.says_safe_start else "–"),
        ("failed searches", lambda of: f"{of.failed:,}"),
        ("failed arm calls", lambda of: ", ".join(f"{arm} {n:,}" for arm, n in of.missing.items()) or "0"),
    ]
    if any(of.rejected_events for of in metrics.values()):
        rows.append(("rejected events", lambda of: f"{of.rejected_events:,}"))
    for title, cell in rows:
        table.add_row(title, *(cell(of) for of in metrics.values()))
    return table


def _arms(simulation: Simulation) -> list[Table]:
    """For each system that learns; arms stand below each other, since there may be more than fit side by side."""
    tables = []
    baseline = simulation.metrics.get("baseline")
    for name, of in simulation.metrics.items():
        if name == "baseline" or not of.kinds:
            continue
        kinds = sorted(of.kinds.items())
        table = Table(title=f"{TITLES[name]}: share of searches clicked, and in which an arm ran (→ in the last fifth)")
        table.add_column("")
        for kind, _ in kinds:
            table.add_column(kind, justify="right")
        table.add_row("searches", *[f"{counts.searches:,}" for _, counts in kinds])
        table.add_row("clicked", *[_share(counts.clicked, counts.searches) for _, counts in kinds])
        if baseline:
            clicked = [_share(baseline.kinds[kind].clicked, baseline.kinds[kind].searches) for kind, _ in kinds]
            table.add_row("… baseline", *clicked)
        last = {kind: of.last_kinds[kind].arm_shares if kind in of.last_kinds else {} for kind, _ in kinds}
        for arm in sorted(of.whole.runs):
            table.add_row(
                arm, *[_change(counts.arm_shares.get(arm, 0.0), last[kind].get(arm)) for kind, counts in kinds]
            )
        tables.append(table)
    return tables


def _change(share: float, last: float | None) -> str:
    return f"{share:.0%}" if last is None else f"{100 * share:.0f}→{last:.0%}"


def _share(count: int, of: int) -> str:
    return f"{count / of:.1%}" if of else "–"


def _mean(total: int, of: int) -> str:
    return f"{total / of:.1f}" if of else "–"
