"""The commands for API keys: `ltrr keys add`, `list` and `revoke`."""

from enum import Enum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ltrr_haystack.cli.options import Home, Store, configure_store, named_store, open_store, report_errors, utc
from ltrr_haystack.store import LTRRStore

app = typer.Typer(help="Add, list and revoke the API keys of a server.", no_args_is_help=True)


class Scope(Enum):
    """What an API key gives access to."""

    SEARCH = "search"
    FEEDBACK = "feedback"
    INDEX = "index"
    ADMIN = "admin"


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Who or what the key is for, such as web-shop.", show_default=False)],
    scope: Annotated[
        list[Scope],
        typer.Option(help="What it gives access to; admin means everything. Can be repeated.", show_default=False),
    ],
    store: Store = None,
    home: Home = None,
) -> None:
    """Add a key and print it. It cannot be printed again."""
    from ltrr_haystack.server.api_keys import new_key

    with report_errors():
        key, record = new_key(name, [each.value for each in scope])
        configure_store(store, home)
        opened = LTRRStore()
        place = named_store(opened)
        opened.add_api_key(record)
        typer.echo(
            f"The key '{name}' of the {place} gives access to {', '.join(record.scopes)}. Keep it: only its digest is "
            f"stored, so it cannot be shown again. To revoke it: ltrr keys revoke {record.key_id}",
            err=True,
        )
        typer.echo(key)


@app.command("list")
def list_keys(store: Store = None, home: Home = None) -> None:
    """List the keys, without their secrets."""
    with report_errors():
        table = Table("key id", "name", "scopes", "created (UTC)", "revoked (UTC)")
        for key in open_store(store, home).api_keys():
            revoked = "" if key.revoked_at is None else utc(key.revoked_at)
            table.add_row(key.key_id, key.name, ", ".join(key.scopes), utc(key.created_at), revoked)
        Console().print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `ltrr keys list` shows.", show_default=False)],
    store: Store = None,
    home: Home = None,
) -> None:
    """Revoke a key. Running servers refuse it within about a second."""
    with report_errors():
        opened = open_store(store, home)
        opened.revoke_api_key(key_id)
        typer.echo(f"The key {key_id} is revoked.")
        if all(key.revoked_at is not None for key in opened.api_keys()):
            typer.echo(
                "No key is left in this store. Unless LTRR_API_KEYS gives others, running servers refuse all requests "
                "within about a second. Those that are started later need no key, and serve this machine only, or "
                "everybody with --open. To add a key: ltrr keys add NAME --scope admin",
                err=True,
            )
