"""Options and helpers that the commands share: finding the store, writing files, reporting errors."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from sqlalchemy import URL

from ltrr_haystack.errors import ConfigurationError, find_cause, with_notes
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.store.database import holds_a_store
from ltrr_haystack.store.engines import parse_url, shown_url

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 for any free port.", min=0, max=65535)]
Home = Annotated[
    Path | None,
    typer.Option(help="Folder of the store and the caches. (default: $LTRR_HOME or .ltrr)", show_default=False),
]
Data = Annotated[
    Path | None, typer.Option(help="A BEIR folder. (default: the fictional music service)", show_default=False)
]
Store = Annotated[
    str | None,
    typer.Option(
        help="URL of the store. (default: $LTRR_STORE_URL, or ltrr.db in the home folder)", show_default=False
    ),
]
Pipelines = Annotated[
    Path | None, typer.Option(help="Folder of pipelines. (default: the embedded ones)", show_default=False)
]
ClientShare = Annotated[
    float | None,
    typer.Option(
        help="Maximum contribution of one client to learning, as a share of the contribution of all others. (default: "
        "$LTRR_CLIENT_SHARE or 0.1)",
        show_default=False,
        min=0,
        max=1,
    ),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="File to write the figures to.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", help="File to write.", show_default=False)]


def set_store_url(store: str | None) -> None:
    """
    Set the environment variable from which pipelines take the URL of the store.

    :param store: The URL; `None` keeps the variable as it is.
    """
    if store is not None:
        os.environ["LTRR_STORE_URL"] = store


def set_client_share(share: float | None) -> None:
    """
    Set the environment variable from which a learner takes the share of one client.

    :param share: The share; `None` keeps the variable as it is.
    """
    if share is not None:
        os.environ["LTRR_CLIENT_SHARE"] = str(share)


def configure_store(store: str | None, home: Path | None, *, create: bool = True) -> None:
    """
    Prepare the environment for a store.

    :param store: Its URL, if given.
    :param home: The home folder, if given.
    :param create: Whether to create the folder.
    """
    from ltrr_haystack.server.environment import prepare_environment

    set_store_url(store)
    prepare_environment(home, create=create)


def open_store(store: str | None, home: Path | None) -> LTRRStore:
    """
    Open an existing store.

    :param store: Its URL, if given.
    :param home: The home folder, if given.
    :returns: The store.
    :raises ConfigurationError: If it does not exist. It is not created.
    :raises StoreUnavailableError: If its database cannot be read.
    """
    configure_store(store, home, create=False)
    opened = LTRRStore()
    require_store(opened, "set another one with --store or --home")
    return opened


def require_store(store: LTRRStore, hint: str) -> None:
    """
    Check that a store exists: that there is a database, and that it has the tables of a store.

    Opening a store creates what is missing, also in the database of another application whose URL was given by mistake.

    :param store: The store, which is not opened.
    :param hint: What to do if it does not exist.
    :raises ConfigurationError: If it does not exist, its folder cannot be looked into, or the store has no URL.
    :raises StoreUnavailableError: If its database cannot be read.
    """
    try:
        text = store.url.resolve_value()
    except ValueError as error:
        raise ConfigurationError(f"the store has no URL: {error}") from error
    url = parse_url(str(text))
    place = _place(url)
    if stat.S_ISDIR(_mode(url)):
        raise ConfigurationError(f"the store cannot be at '{place}', which is a folder: name a file in it; {hint}")
    if _is_missing(url):
        raise ConfigurationError(f"there is no store at '{place}'; {hint}")
    if not holds_a_store(url):
        raise ConfigurationError(
            f"there is no store in the database '{place}': it has no table 'ltrr_schema', and may belong to another "
            f"application; {hint}"
        )


def named_store(store: LTRRStore) -> str:
    """
    Say which store a command is about to write to, for people to notice a wrong one.

    :param store: The store, which has a URL and is not opened.
    :returns: Where it is, and whether it will be created.
    :raises StoreUnavailableError: If its database cannot be read.
    """
    url = parse_url(str(store.url.resolve_value()))
    new = _is_missing(url) or not holds_a_store(url)
    return f"{'new store' if new else 'store'} at '{_place(url)}'"


def _place(url: URL) -> str:
    return str(url.database) if url.get_backend_name() == "sqlite" else shown_url(url)


def _is_missing(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and not stat.S_ISREG(_mode(url))


def _mode(url: URL) -> int:
    """What is at the path of a SQLite database, as `os.stat` tells it; 0 if nothing is, or the store is another one."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return 0
    try:
        return Path(url.database).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise ConfigurationError(f"the store at '{_place(url)}' cannot be read: {error.strerror}") from error


def require_folder(path: Path) -> None:
    """
    Create a folder for results, before the work that fills it.

    :param path: The folder.
    :raises ConfigurationError: If it cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the folder --out '{path}' cannot be created: {error.strerror}") from error


def require_file(path: Path) -> None:
    """
    Check that a path may be that of a file, before the work whose result goes into it.

    :param path: The path that was given with `--out`.
    :raises ConfigurationError: If it is a folder.
    """
    if path.is_dir():
        raise ConfigurationError(f"--out '{path}' is a folder; name a file in it")


def require_writable(path: Path | None) -> None:
    """
    Check that a file can be written, before the work whose figures go into it.

    :param path: The file, if one was given.
    :raises ConfigurationError: If its folder does not exist, or the path is a folder.
    """
    if path is not None and (path.is_dir() or not path.resolve().parent.is_dir()):
        raise ConfigurationError(f"the figures cannot be written to '{path}': choose a file in an existing folder")


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """
    Write figures to a file.

    :param path: The file.
    :param figures: Plain JSON types.
    :raises ConfigurationError: If the file cannot be written.
    """
    try:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the figures cannot be written to '{path}': {error}") from error


@contextmanager
def report_errors() -> Iterator[None]:
    """Print an expected error without a traceback and exit with status 1; exit with 130 after Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        expected = find_cause(error)
        if expected is None:
            raise
        Console(stderr=True).print(
            f"Error: {with_notes(expected)}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        raise typer.Exit(1) from error


def utc(seconds: float) -> str:
    """
    Write a time for people to read.

    :param seconds: Seconds since 1970.
    :returns: Date and time in UTC.
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
