"""The command line: `ltrr serve`, `demo`, `simulate`, `learn`, `train-ranker`, `models`, `activate`, `prune`."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ltrr_haystack.errors import ConfigurationError, LTRRError

app = typer.Typer(
    name="ltrr",
    help="Search that learns to retrieve and to rank from what people do with the results.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes any that is free.", min=0, max=65535)]
Home = Annotated[
    Path | None,
    typer.Option(help="Folder of the store and the caches. [default: $LTRR_HOME or .ltrr]", show_default=False),
]
Data = Annotated[
    Path | None, typer.Option(help="A BEIR folder. [default: the fictional music service]", show_default=False)
]
Store = Annotated[
    str | None,
    typer.Option(
        help="URL of the store. [default: $LTRR_STORE_URL, or ltrr.db in the home folder]", show_default=False
    ),
]
Pipelines = Annotated[
    Path | None, typer.Option(help="Folder of pipelines. [default: the embedded ones]", show_default=False)
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="File to write the figures to.", show_default=False)]


@app.command()
def serve(
    pipelines: Pipelines = None,
    host: Host = "127.0.0.1",
    port: Port = 1416,
    home: Home = None,
    documents: Annotated[
        Path | None, typer.Option(help="A BEIR folder whose documents are indexed first.", show_default=False)
    ] = None,
    learn: Annotated[bool, typer.Option(help="Whether a thread of the server learns from feedback.")] = True,
) -> None:
    """Serve the pipelines of a folder with Hayhooks, and learn from the feedback."""
    from ltrr_haystack.evaluation.datasets import load_beir
    from ltrr_haystack.server.bundled import provided
    from ltrr_haystack.server.serving import serve as run

    with _told():
        run(
            pipelines or provided("pipelines"),
            host=host,
            port=port,
            home=home,
            learn=learn,
            documents=(lambda: load_beir(documents).documents) if documents else None,
            on_ready=lambda url: typer.echo(f"Serving at {url} (the API: {url}/docs). Ctrl-C ends it."),
        )


@app.command()
def demo(data: Data = None, host: Host = "127.0.0.1", port: Port = 1416, home: Home = None) -> None:
    """Make or load a catalogue, index it, serve it, and say how to search it and click on what is found."""
    from ltrr_haystack.server.demo import demo as run

    with _told():
        run(data, home=home, host=host, port=port)


@app.command()
def simulate(
    impressions: Annotated[int, typer.Option(help="Searches that each system meets.", min=1)] = 5000,
    seed: Annotated[int, typer.Option(help="Where chance comes from.")] = 7,
    data: Data = None,
    url: Annotated[
        str | None,
        typer.Option(help="Search through this running server instead of in this process.", show_default=False),
    ] = None,
    warm_start: Annotated[
        int, typer.Option(help="Labelled queries that a warm-started system learns from first; 0 leaves it out.", min=0)
    ] = 300,
    faulty: Annotated[bool, typer.Option("--faulty", help="Add an arm that raises and one that sleeps.")] = False,
    pipelines: Pipelines = None,
    home: Home = None,
    json_file: JsonFile = None,
) -> None:
    """Let simulated people search and click: the same people meet the baseline and the learning system."""
    from ltrr_haystack.evaluation.datasets import load_beir
    from ltrr_haystack.evaluation.laboratory import Laboratory
    from ltrr_haystack.evaluation.simulate import simulate as run
    from ltrr_haystack.evaluation.simulate import simulate_server
    from ltrr_haystack.evaluation.tables import live_tables, simulation_tables
    from ltrr_haystack.server.bundled import music, provided
    from ltrr_haystack.server.environment import disable_telemetry, prepare_environment

    with _told():
        disable_telemetry()
        folder = prepare_environment(home)
        data_set = load_beir(data or music(folder))
        if url is not None:
            with live_tables() as watch:
                result = simulate_server(data_set, url, impressions=impressions, seed=seed, watch=watch)
        else:
            laboratory = Laboratory(
                data_set,
                pipelines or provided("pipelines"),
                folder,
                seed=seed,
                warm_queries=warm_start,
                faulty=faulty,
            )
            with live_tables() as watch:
                result = run(
                    data_set,
                    laboratory.make_system,
                    impressions=impressions,
                    seed=seed,
                    warm=laboratory.warm_queries > 0,
                    train_ranker_at=[impressions * fifth // 5 for fifth in range(1, 5)],
                    watch=watch,
                )
        Console().print(simulation_tables(result))
        if json_file is not None:
            _write(json_file, result.to_dict())


@app.command()
def learn(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until told to stop.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between two passes.", min=0.05)] = 2.0,
    reward_wait: Annotated[
        float | None,
        typer.Option(
            help="Seconds that a decision waits for feedback. [default: $LTRR_REWARD_WAIT or 1800]", show_default=False
        ),
    ] = None,
    pipelines: Pipelines = None,
    store: Store = None,
    home: Home = None,
) -> None:
    """Turn settled decisions into a better policy and a better memory."""
    from ltrr_haystack.learning import follow as run
    from ltrr_haystack.server.bundled import provided
    from ltrr_haystack.server.learners import learner_of

    with _told():
        _store_url(store, home)
        learner = learner_of(pipelines or provided("pipelines"), reward_wait=reward_wait)
        if follow:
            run(learner, interval, Event())
        else:
            typer.echo(str(learner.run_once()))


@app.command("train-ranker")
def train_ranker(
    store: Store = None,
    home: Home = None,
    min_decisions: Annotated[int, typer.Option(help="With fewer rewarded decisions nothing is trained.", min=1)] = 200,
    activate: Annotated[bool, typer.Option(help="Whether a model that passes the gate goes live.")] = True,
    seed: Annotated[int, typer.Option(help="Draws the held-out sessions.")] = 0,
    json_file: JsonFile = None,
) -> None:
    """Train the ranker on the log, judge it on held-out sessions, and activate it if it is better."""
    from ltrr_haystack.ranking.report import render
    from ltrr_haystack.ranking.training import train_ranker as run

    with _told():
        report = run(_open(store, home), min_decisions=min_decisions, activate_if_passed=activate, seed=seed)
        Console().print(render(report))
        if json_file is not None:
            _write(json_file, report.to_dict())


@app.command()
def models(store: Store = None, home: Home = None) -> None:
    """List the snapshots of policies and rankers, which are active, and what is known of them."""
    with _told():
        opened = _open(store, home)
        table = Table("kind", "version", "active", "made (UTC)", "card")
        for kind in ("policy", "ranker"):
            active = opened.active_version(kind)
            for info in opened.snapshots(kind):
                mark = "active" if info.version == active else ""
                table.add_row(kind, str(info.version), mark, _moment(info.created_at), _told_by(info.card))
        Console().print(table)


@app.command()
def activate(
    kind: Annotated[str, typer.Argument(help="policy or ranker")],
    version: Annotated[int, typer.Argument(help="A version that `ltrr models` lists.")],
    store: Store = None,
    home: Home = None,
) -> None:
    """Make a snapshot the active one: the way back to an earlier model."""
    with _told():
        _open(store, home).activate(kind, version)
        typer.echo(f"{kind} {version} is active")


@app.command()
def prune(
    older_than: Annotated[float, typer.Option("--older-than", help="Days.", min=0)] = 90.0,
    store: Store = None,
    home: Home = None,
) -> None:
    """Remove old searches with their events from the log; what was learned from them stays."""
    with _told():
        removed = _open(store, home).prune(time.time() - older_than * 86_400)
        typer.echo(f"{removed:,} searches removed; those that nothing was learned from yet are kept")


def _store_url(store: str | None, home: Path | None) -> None:
    from ltrr_haystack.server.environment import prepare_environment

    if store is not None:
        os.environ["LTRR_STORE_URL"] = store
    prepare_environment(home)


def _open(store: str | None, home: Path | None) -> Any:
    from ltrr_haystack.store import LTRRStore

    _store_url(store, home)
    return LTRRStore()


def _moment(seconds: float) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _told_by(card: Mapping[str, Any]) -> str:
    """The plain figures of a card; what is nested stands in `ltrr train-ranker --json`."""
    plain = {key: value for key, value in card.items() if isinstance(value, str | int | float)}
    verdict = card.get("gate")
    if isinstance(verdict, Mapping):
        plain["gate"] = "passed" if verdict.get("passed") else "not passed"
    return ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in plain.items()
    )


def _write(path: Path, figures: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the figures cannot be written to '{path}': {error}") from error


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except LTRRError as error:
        Console(stderr=True).print(f"[bold red]Error:[/] {error}", highlight=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
