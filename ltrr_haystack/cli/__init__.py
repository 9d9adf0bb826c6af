"""The command line: `ltrr …`."""

import typer

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
for command in (demo, serve, simulate, learn, models, activate, prune, evaluate, report, export, benchmark):
    app.command()(command)
app.command("train-ranker")(train_ranker)
app.add_typer(keys.app, name="keys")
