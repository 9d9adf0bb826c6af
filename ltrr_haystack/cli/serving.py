"""The commands that serve: `serve`, `demo`."""

from pathlib import Path
from typing import Annotated

import typer

from ltrr_haystack.cli.options import Data, Home, Host, Pipelines, Port, Store, name_store, told


def serve(
    pipelines: Pipelines = None,
    host: Host = "127.0.0.1",
    port: Port = 1416,
    store: Store = None,
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

    with told():
        name_store(store)
        run(
            pipelines or provided("pipelines"),
            host=host,
            port=port,
            home=home,
            learn=learn,
            documents=(lambda: load_beir(documents).documents) if documents else None,
            on_ready=lambda url: typer.echo(f"Serving at {url} (the API: {url}/docs). Ctrl-C ends it."),
        )


def demo(
    data: Data = None, host: Host = "127.0.0.1", port: Port = 1416, store: Store = None, home: Home = None
) -> None:
    """Make or load a catalogue, index it, serve it, and say how to search it and click on what is found."""
    from ltrr_haystack.server.demo import demo as run

    with told():
        name_store(store)
        run(data, home=home, host=host, port=port)
