"""The commands that judge: `simulate`, `benchmark`, `evaluate`, `report`, `export`."""

from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console

from ltrr_haystack.cli.options import (
    Data,
    Home,
    JsonFile,
    Out,
    Pipelines,
    Store,
    open_store,
    require_folder,
    require_place,
    told,
    write_json,
)


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
    from ltrr_haystack.evaluation.replay import (
        live_progress,
        live_tables,
        precompute,
        simulate_pipeline,
        simulate_server,
        simulation_tables,
        with_faults,
    )
    from ltrr_haystack.server.bundled import music, provided
    from ltrr_haystack.server.environment import disable_telemetry, prepare_environment

    with told():
        require_place(json_file)
        disable_telemetry()
        folder = prepare_environment(home)
        data_set = load_beir(data or music(folder))
        if url is not None:
            with live_tables() as watch:
                result = simulate_server(data_set, url, impressions=impressions, seed=seed, watch=watch)
        else:
            with live_progress() as progress:
                watch_arms = partial(progress, "arms")
                precomputed = precompute(data_set, pipelines or provided("pipelines"), folder, watch=watch_arms)
            with live_tables() as watch:
                result = simulate_pipeline(
                    with_faults(precomputed) if faulty else precomputed,
                    folder / "simulations",
                    impressions=impressions,
                    seed=seed,
                    warm_queries=warm_start,
                    watch=watch,
                )
        Console().print(simulation_tables(result))
        if json_file is not None:
            write_json(json_file, result.to_dict())


class Clicks(Enum):
    """How simulated people click."""

    POSITION = "position"
    CASCADE = "cascade"
    DEPENDENT = "dependent"
    MIXED = "mixed"


def benchmark(
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the results, with report.html; a run goes on where it stopped.")
    ],
    data: Data = None,
    config: Annotated[
        list[Path] | None, typer.Option(help="A search pipeline; the first is ours.", show_default=False)
    ] = None,
    impressions: Annotated[int, typer.Option(help="Searches that each system meets for each seed.", min=1)] = 20_000,
    seeds: Annotated[int, typer.Option(help="How many seeds.", min=1)] = 3,
    clicks: Annotated[Clicks, typer.Option(help="How people click.")] = Clicks.MIXED,
    drift: Annotated[bool, typer.Option("--drift", help="What is popular changes half way.")] = False,
    late_documents: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the documents that appear half way.", min=0)
    ] = 0.0,
    processes: Annotated[int, typer.Option(help="How many processes.", min=1)] = 2,
    pipelines: Annotated[
        Path | None, typer.Option(help="Folder of pipelines. (default: benchmarks/hybrid)", show_default=False)
    ] = None,
    home: Home = None,
) -> None:
    """Replay a pipeline before simulated people, beside fusion, single arms, its own ablations and the oracle."""
    from ltrr_haystack.evaluation.datasets import load_beir
    from ltrr_haystack.evaluation.replay import Settings, live_progress, markdown
    from ltrr_haystack.evaluation.replay import benchmark as run
    from ltrr_haystack.evaluation.report.benchmark import benchmark_report
    from ltrr_haystack.evaluation.report.page import plotly_script
    from ltrr_haystack.server.bundled import music, provided
    from ltrr_haystack.server.environment import disable_telemetry, prepare_environment

    with told():
        disable_telemetry()
        folder = prepare_environment(home)
        require_folder(out)
        plotly_script()
        settings = Settings(
            impressions=impressions,
            seeds=tuple(range(seeds)),
            click_model=clicks.value,
            drift=drift,
            late_documents=late_documents,
        )
        with live_progress() as watch:
            figures = run(
                load_beir(data or music(folder)),
                out,
                pipelines=pipelines or provided("benchmarks/hybrid"),
                home=folder,
                settings=settings,
                configs=config or (),
                processes=processes,
                watch=watch,
            )
        benchmark_report(figures, out / "report.html")
        typer.echo(markdown(figures))
        typer.echo(f"The report: {out / 'report.html'}")


def evaluate(
    policy: Annotated[
        list[str],
        typer.Option(
            help="baseline, static:bm25=50,dense=10, snapshot:12, snapshot:12:greedy, config:search.yml; several may "
            "be given.",
            show_default=False,
        ),
    ],
    store: Store = None,
    after: Annotated[
        int, typer.Option(help="Use only decisions after this place in the log.", min=0, max=2**63 - 1)
    ] = 0,
    eta: Annotated[
        float | None,
        typer.Option(
            help="How steeply looks thin out down the page, 1 / ordinal^eta. (default: found out from the log)",
            show_default=False,
            min=0,
        ),
    ] = None,
    home: Home = None,
    pipelines: Pipelines = None,
    json_file: JsonFile = None,
) -> None:
    """Ask the log what other policies would have been worth."""
    from ltrr_haystack.evaluation.off_policy import evaluate as run
    from ltrr_haystack.evaluation.off_policy import parse_target, render
    from ltrr_haystack.server.environment import undivided_queries

    with told():
        require_place(json_file)
        undivided_queries()
        opened = open_store(store, home)
        targets = [parse_target(spec, opened, pipelines=pipelines) for spec in policy]
        evaluation = run(opened, targets, after=after, eta=eta)
        Console().print(render(evaluation))
        if json_file is not None:
            write_json(json_file, evaluation.to_dict())


def export(
    form: Annotated[str, typer.Option("--format", help="dsjson, obp, trec-run or qrels.", show_default=False)],
    out: Out,
    store: Store = None,
    home: Home = None,
    per: Annotated[str, typer.Option(help="For trec-run: query (its last page) or search is a topic.")] = "query",
    estimator: Annotated[str, typer.Option(help="For qrels: debiased, coec or clicks.")] = "debiased",
    least_examined: Annotated[float, typer.Option(help="For qrels: looks that make a document judged.")] = 5.0,
) -> None:
    """Write the settled log in a format that others read."""
    from ltrr_haystack.evaluation.interchange import Estimator, Format, Per
    from ltrr_haystack.evaluation.interchange import export as run

    with told():
        typer.echo(
            run(
                open_store(store, home),
                cast(Format, form),
                out,
                per=cast(Per, per),
                estimator=cast(Estimator, estimator),
                least_examined=least_examined,
            )
        )


def report(out: Out, store: Store = None, home: Home = None, pipelines: Pipelines = None) -> None:
    """Write a report on the running system as one HTML file."""
    from ltrr_haystack.evaluation.report import report as run
    from ltrr_haystack.server.environment import undivided_queries

    with told():
        undivided_queries()
        run(open_store(store, home), out, pipelines=pipelines)
        typer.echo(f"The report: {out}")
