"""The commands for API keys: `ltrr keys add`, `list`, `revoke`."""

from datetime import UTC, datetime
from enum import Enum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ltrr_haystack.cli.options import Home, Store, open_store, told, use_store
from ltrr_haystack.store import LTRRStore

app = typer.Typer(help="Add, list and revoke the keys that open the server.", no_args_is_help=True)


class Scope(Enum):
    """What a key may open."""

    SEARCH = "search"
    FEEDBACK = "feedback"
    INDEX = "index"
    ADMIN = "admin"


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Who or what the key is for, such as web-shop.", show_default=False)],
    scope: Annotated[
        list[Scope],
        typer.Option(help="What it opens; several may be given. admin opens all.", show_default=False),
    ],
    store: Store = None,
    home: Home = None,
) -> None:
    """Make a key and show it, this once."""
    from ltrr_haystack.server.api_keys import new_key

    with told():
        key, record = new_key(name, [each.value for each in scope])
        use_store(store, home)
        LTRRStore().add_api_key(record)
        typer.echo(
            f"The key '{name}' opens {', '.join(record.scopes)}. Keep it: only its digest is stored, and nothing can "
            f"show it again. To take it back: ltrr keys revoke {record.key_id}",
            err=True,
        )
        typer.echo(key)


@app.command("list")
def list_keys(store: Store = None, home: Home = None) -> None:
    """List the keys, without their secrets."""
    with told():
        table = Table("key id", "name", "scopes", "made (UTC)", "revoked (UTC)")
        for key in open_store(store, home).api_keys():
            table.add_row(key.key_id, key.name, ", ".join(key.scopes), _moment(key.created_at), _moment(key.revoked_at))
        Console().print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `ltrr keys list` shows.", show_default=False)],
    store: Store = None,
    home: Home = None,
) -> None:
    """Take a key back; servers that run refuse it within about a second."""
    with told():
        open_store(store, home).revoke_api_key(key_id)
        typer.echo(f"the key {key_id} is revoked")


def _moment(seconds: float | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
