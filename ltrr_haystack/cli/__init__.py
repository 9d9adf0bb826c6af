"""The command line: `ltrr …`."""

from typing import Annotated

import typer

from ltrr_haystack.__about__ import __version__
from ltrr_haystack.cli import catalogue, keys
from ltrr_haystack.cli.explaining import explain
from ltrr_haystack.cli.judging import benchmark, evaluate, export, report, simulate
from ltrr_haystack.cli.learning import activate, learn, models, prune, train_ranker
from ltrr_haystack.cli.serving import demo, serve
from ltrr_haystack.cli.understanding import train_understanding

app = typer.Typer(
    name="ltrr",
    help="Serve, train and evaluate search pipelines that learn to retrieve and to rank from feedback.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"ltrr-haystack {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Serve, train and evaluate search pipelines that learn to retrieve and to rank from feedback."""


for command in (demo, serve, explain, simulate, learn, models, activate, prune, evaluate, report, export, benchmark):
    app.command()(command)
app.command("train-ranker")(train_ranker)
app.command("train-understanding")(train_understanding)
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(keys.app, name="keys")
