"""What the commands share: their options, how they find the store, and how they tell of errors."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ltrr_haystack.errors import ConfigurationError, find_cause, with_notes
from ltrr_haystack.store import LTRRStore
from ltrr_haystack.store.engines import parse_url

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes any that is free.", min=0, max=65535)]
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
        help="Most that one client may add to what is learned, as a share of what all others add. (default: "
        "$LTRR_CLIENT_SHARE or 0.1)",
        show_default=False,
        min=0,
        max=1,
    ),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="File to write the figures to.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", help="What to write.", show_default=False)]


def name_store(store: str | None) -> None:
    """
    Let whatever is loaded from here on find the store that is meant.

    :param store: Its URL, if it was given.
    """
    if store is not None:
        os.environ["LTRR_STORE_URL"] = store


def name_client_share(share: float | None) -> None:
    """
    Let the learner that is made from here on know what one client may add.

    :param share: The share, if it was given.
    """
    if share is not None:
        os.environ["LTRR_CLIENT_SHARE"] = str(share)


def use_store(store: str | None, home: Path | None) -> None:
    """
    Settle which store is meant.

    :param store: Its URL, if it was given.
    :param home: The home folder, if it was given.
    """
    from ltrr_haystack.server.environment import prepare_environment

    name_store(store)
    prepare_environment(home)


def open_store(store: str | None, home: Path | None) -> LTRRStore:
    """
    Give the store that is meant.

    :param store: Its URL, if it was given.
    :param home: The home folder, if it was given.
    :returns: The store.
    :raises ConfigurationError: If there is none: nothing is made where something was to be read.
    """
    use_store(store, home)
    opened = LTRRStore()
    require_store(opened, "name the one you mean with --store or --home")
    return opened


def require_store(store: LTRRStore, hint: str) -> None:
    """
    Make sure that the file of a store is there. Whether a database server is, is found out when it is first asked.

    :param store: The store.
    :param hint: What to do if it is not.
    :raises ConfigurationError: If it is not, or the store's url is none.
    """
    try:
        text = store.url.resolve_value()
    except ValueError as error:
        raise ConfigurationError(f"the store has no url: {error}") from error
    url = parse_url(str(text))
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise ConfigurationError(f"there is no store at '{url.database}'; {hint}")


def require_folder(path: Path) -> None:
    """
    Make sure that a folder is there to be written into, before the work that fills it.

    :param path: The folder; made if it is missing.
    :raises ConfigurationError: If it cannot be one.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--out '{path}' cannot be a folder to write into: {error.strerror}") from error


def require_place(path: Path | None) -> None:
    """
    Make sure that figures can be written, before the work that gives them.

    :param path: The file, if one was given.
    :raises ConfigurationError: If its folder is not there, or it is a folder itself.
    """
    if path is not None and (path.is_dir() or not path.resolve().parent.is_dir()):
        raise ConfigurationError(f"the figures cannot be written to '{path}': name a file in a folder that is there")


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
def told() -> Iterator[None]:
    """Tell of a foreseen error in one line, and end with exit status 1; 130 where a person broke it off."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Exception as error:
        foreseen = find_cause(error)
        if foreseen is None:
            raise
        Console(stderr=True).print(f"Error: {with_notes(foreseen)}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error
