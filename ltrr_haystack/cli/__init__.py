"""The command line: `ltrr …`."""

from typing import Annotated

import typer

from ltrr_haystack.__about__ import __version__
from ltrr_haystack.cli import keys
from ltrr_haystack.cli.judging import benchmark, evaluate, export, report, simulate
from ltrr_haystack.cli.learning import activate, learn, models, prune, train_ranker
from ltrr_haystack.cli.serving import demo, serve

app = typer.Typer(
    name="ltrr",
    help="Search that learns to retrieve and to rank from what people do with the results.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ltrr-haystack {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Search that learns to retrieve and to rank from what people do with the results."""


for command in (demo, serve, simulate, learn, models, activate, prune, evaluate, report, export, benchmark):
    app.command()(command)
app.command("train-ranker")(train_ranker)
app.add_typer(keys.app, name="keys")
