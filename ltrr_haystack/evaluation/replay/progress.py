"""A replay's progress for people who wait."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ltrr_haystack.evaluation.replay.running import Watch


@contextmanager
def live_progress(console: Console | None = None) -> Iterator[Watch]:
    """
    Show a bar for each part of a replay.

    ```python
    with live_progress() as watch:
        benchmark(data, out, pipelines=pipelines, home=home, watch=watch)
    ```

    :param console: Where to; standard error by default, so that standard output stays free.
    :returns: A context manager that gives what `benchmark` takes as `watch`.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console or Console(stderr=True)) as progress:

        def watch(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = progress.add_task(label, total=total)
            progress.update(tasks[label], completed=done)

        yield watch
