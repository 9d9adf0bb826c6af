"""A replay's progress for people who wait."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ltrr_haystack.evaluation.replay.running import Watch

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def live_progress(console: Console | None = None) -> Iterator[Watch]:
    """
    Show a bar for each part of a replay; where no terminal can show one, as in a log file, write a line now and then.

    ```python
    from ltrr_haystack.evaluation.replay.progress import live_progress

    with live_progress() as watch:
        watch("ours", 500, 20_000)  # benchmark(…, watch=watch) calls it
    ```

    :param console: Where to; standard error by default, so that standard output stays free.
    :returns: A context manager that gives what `benchmark` takes as `watch`.
    """
    shown = console or Console(stderr=True)
    if not shown.is_terminal:
        yield _lines(shown)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=shown) as progress:

        def watch(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = progress.add_task(label, total=total)
            progress.update(tasks[label], completed=done)

        yield watch


def _lines(console: Console) -> Watch:
    """Each part is told of when it begins, every few seconds, and when it is done."""
    told: dict[str, float] = {}
    started = time.monotonic()

    def watch(label: str, done: int, total: int) -> None:
        now = time.monotonic()
        if label in told and done < total and now - told[label] < SECONDS_BETWEEN_LINES:
            return
        told[label] = now
        console.print(f"{now - started:7.0f} s  {label}: {done:,} of {total:,}", markup=False, highlight=False)

    return watch
