"""The commands for evaluation: `simulate`, `benchmark`, `evaluate`, `report`, `export`."""

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
    report_errors,
    require_file,
    require_folder,
    require_writable,
    write_json,
)


def simulate(
    impressions: Annotated[int, typer.Option(help="Number of searches for each system.", min=1)] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 7,
    data: Data = None,
    url: Annotated[
        str | None,
        typer.Option(help="URL of a running server to search instead of in this process.", show_default=False),
    ] = None,
    warm_start: Annotated[
        int,
        typer.Option(help="Labelled queries for a system with warm start; 0 leaves that system out.", min=0),
    ] = 300,
    faulty: Annotated[
        bool, typer.Option("--faulty", help="Add an arm that always fails and an arm that exceeds its time limit.")
    ] = False,
    pipelines: Pipelines = None,
    home: Home = None,
    json_file: JsonFile = None,
) -> None:
    """Let the same simulated users search and click with the baseline and with the learning system."""
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
    from ltrr_haystack.server.bundled import bundled_folder, music
    from ltrr_haystack.server.environment import disable_telemetry, prepare_environment
    from ltrr_haystack.server.explaining import require_server_url

    with report_errors():
        require_writable(json_file)
        if url is not None:
            require_server_url(url)
        disable_telemetry()
        folder = prepare_environment(home)
        data_set = load_beir(data or music(folder))
        if url is not None:
            with live_tables() as watch:
                result = simulate_server(data_set, url, impressions=impressions, seed=seed, watch=watch)
        else:
            with live_progress() as progress:
                watch_arms = partial(progress, "arms")
                precomputed = precompute(data_set, pipelines or bundled_folder("pipelines"), folder, watch=watch_arms)
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
    """Click models of the simulated users."""

    POSITION = "position"
    CASCADE = "cascade"
    DEPENDENT = "dependent"
    MIXED = "mixed"
    HARD = "hard"


def benchmark(
    out: Annotated[
        Path,
        typer.Option("--out", help="Folder for the results and report.html. An interrupted run continues from there."),
    ],
    data: Data = None,
    config: Annotated[
        list[Path] | None,
        typer.Option(help="YAML file of a search pipeline; the first one is called `ours`.", show_default=False),
    ] = None,
    impressions: Annotated[int, typer.Option(help="Number of searches for each system and seed.", min=1)] = 20_000,
    seeds: Annotated[int, typer.Option(help="Number of seeds.", min=1)] = 3,
    clicks: Annotated[
        Clicks,
        typer.Option(
            help="Click model of the simulated users; hard mixes all three, with trust bias, abandonment and habits "
            "that are drawn for each seed."
        ),
    ] = Clicks.MIXED,
    noise: Annotated[
        float | None,
        typer.Option(
            help="Probability of a click on an examined document that answers nothing: at least 0, and below 1. "
            "(default: 0.2 for hard, 0.05 otherwise)",
            show_default=False,
            min=0,
            max=1,
        ),
    ] = None,
    systems: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Learning systems that take part, separated by commas and ours among them, such as ours,ours-memory. "
            "(default: all)",
            show_default=False,
        ),
    ] = "",
    drift: Annotated[bool, typer.Option("--drift", help="Change which queries are popular half-way.")] = False,
    late_documents: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the documents that are added half-way.", min=0)
    ] = 0.0,
    processes: Annotated[int, typer.Option(help="Number of processes.", min=1)] = 2,
    pipelines: Annotated[
        Path | None, typer.Option(help="Folder of pipelines. (default: benchmarks/hybrid)", show_default=False)
    ] = None,
    home: Home = None,
) -> None:
    """Replay a pipeline with simulated users, and compare it with fusion, single arms, ablations and an oracle."""
    from ltrr_haystack.evaluation.datasets import load_beir
    from ltrr_haystack.evaluation.replay import Settings, live_progress, markdown
    from ltrr_haystack.evaluation.replay import benchmark as run
    from ltrr_haystack.evaluation.report.benchmark import benchmark_report
    from ltrr_haystack.server.bundled import bundled_folder, music
    from ltrr_haystack.server.environment import disable_telemetry, prepare_environment

    with report_errors():
        disable_telemetry()
        folder = prepare_environment(home)
        require_folder(out)
        settings = Settings(
            impressions=impressions,
            seeds=tuple(range(seeds)),
            click_model=clicks.value,
            noise=noise,
            drift=drift,
            late_documents=late_documents,
        )
        with live_progress() as watch:
            figures = run(
                load_beir(data or music(folder)),
                out,
                pipelines=pipelines or bundled_folder("benchmarks/hybrid"),
                home=folder,
                settings=settings,
                configs=config or (),
                systems=[name.strip() for name in systems.split(",") if name.strip()],
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
            help="A policy: baseline, static:bm25=50,dense=10, snapshot:12, snapshot:12:greedy or config:search.yml. "
            "Can be repeated.",
            show_default=False,
        ),
    ],
    store: Store = None,
    after: Annotated[
        int, typer.Option(help="Use only decisions after this number in the log.", min=0, max=2**63 - 1)
    ] = 0,
    eta: Annotated[
        float | None,
        typer.Option(
            help="Examination of a position is 1 / position^eta. (default: as the page model learned it, or estimated)",
            show_default=False,
            min=0,
        ),
    ] = None,
    home: Home = None,
    pipelines: Pipelines = None,
    json_file: JsonFile = None,
) -> None:
    """Estimate from the log what other policies would have been worth."""
    from ltrr_haystack.evaluation.off_policy import evaluate as run
    from ltrr_haystack.evaluation.off_policy import parse_target, render
    from ltrr_haystack.server.environment import limit_blas_threads

    with report_errors():
        require_writable(json_file)
        limit_blas_threads()
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
    per: Annotated[
        str, typer.Option(help="For trec-run: whether a topic is a query (with its last page) or a search.")
    ] = "query",
    estimator: Annotated[str, typer.Option(help="For qrels: debiased, coec or clicks.")] = "debiased",
    least_examined: Annotated[
        float, typer.Option(help="For qrels: expected examinations from which a document counts as judged.")
    ] = 5.0,
) -> None:
    """Export the settled decisions of the log in a format of other tools."""
    from ltrr_haystack.evaluation.interchange import Estimator, Format, Per
    from ltrr_haystack.evaluation.interchange import export as run

    with report_errors():
        require_file(out)
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
    """Write a report on the system as one HTML file that works offline."""
    from ltrr_haystack.evaluation.report import report as run
    from ltrr_haystack.server.environment import limit_blas_threads

    with report_errors():
        require_file(out)
        limit_blas_threads()
        run(open_store(store, home), out, pipelines=pipelines)
        typer.echo(f"The report: {out}")
