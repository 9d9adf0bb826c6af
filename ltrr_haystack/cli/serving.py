"""The commands for serving: `serve`, `demo`."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ltrr_haystack.cli.options import (
    ClientShare,
    Data,
    Home,
    Host,
    Pipelines,
    Port,
    Store,
    configure_store,
    report_errors,
    set_client_share,
)


class Address(Enum):
    """Which network address identifies a client."""

    NONE = "none"
    PEER = "peer"
    FORWARDED = "forwarded"


Open = Annotated[
    bool, typer.Option("--open", help="Accept callers from other machines as long as there are no API keys.")
]
SafeStart = Annotated[
    bool, typer.Option(help="Play the baseline until the log shows that the learned policy is worth more.")
]


def serve(
    pipelines: Pipelines = None,
    host: Host = "127.0.0.1",
    port: Port = 1416,
    store: Store = None,
    home: Home = None,
    documents: Annotated[
        Path | None,
        typer.Option(help="A BEIR folder whose documents (corpus.jsonl) to index first.", show_default=False),
    ] = None,
    learn: Annotated[bool, typer.Option(help="Whether a thread of the server learns from feedback.")] = True,
    reward_wait: Annotated[
        float | None,
        typer.Option(
            help="Seconds that a decision waits for feedback. (default: $LTRR_REWARD_WAIT or 1800)",
            show_default=False,
            min=0,
        ),
    ] = None,
    safe_start: SafeStart = True,
    client_share: ClientShare = None,
    open_: Open = False,
    client_address: Annotated[
        Address | None,
        typer.Option(
            help="Which address identifies a client: none; peer, the other end of the connection; or forwarded, the "
            "last entry of X-Forwarded-For, behind a proxy that sets it. (default: $LTRR_CLIENT_ADDRESS or none)",
            show_default=False,
        ),
    ] = None,
    key_rate: Annotated[
        float | None,
        typer.Option(
            help="Requests per second for one API key, 0 for no limit. (default: $LTRR_KEY_RATE or 100)",
            show_default=False,
            min=0,
        ),
    ] = None,
    address_rate: Annotated[
        float | None,
        typer.Option(
            help="Requests per second for one address, 0 for no limit. (default: $LTRR_ADDRESS_RATE or 50; no limit "
            "without API keys on this machine only)",
            show_default=False,
            min=0,
        ),
    ] = None,
    searches_at_once: Annotated[
        int | None,
        typer.Option(
            help="Searches that run at once; a few more wait. (default: $LTRR_SEARCHES_AT_ONCE, or 2 per processor and "
            "at most 8)",
            show_default=False,
            min=1,
        ),
    ] = None,
) -> None:
    """
    Serve the pipelines of a folder with Hayhooks, and learn from feedback.

    Without API keys (`ltrr keys add`, or $LTRR_API_KEYS) only this machine has access.
    """
    from ltrr_haystack.evaluation.datasets import load_corpus
    from ltrr_haystack.server.bundled import bundled_folder
    from ltrr_haystack.server.serving import serve as run
    from ltrr_haystack.server.settings import ServerSettings

    with report_errors():
        configure_store(store, home)
        set_client_share(client_share)
        run(
            pipelines or bundled_folder("pipelines"),
            host=host,
            port=port,
            home=home,
            settings=ServerSettings.from_environment(
                everybody=open_,
                client_address=client_address and client_address.value,
                key_rate=key_rate,
                address_rate=address_rate,
                searches_at_once=searches_at_once,
            ),
            learn=learn,
            reward_wait=reward_wait,
            safe_start=safe_start,
            documents=(lambda: load_corpus(documents)) if documents else None,
            on_ready=lambda serving: typer.echo("\n".join(serving.lines())),
        )


def demo(
    data: Data = None,
    host: Host = "127.0.0.1",
    port: Port = 1416,
    store: Store = None,
    home: Home = None,
    safe_start: SafeStart = True,
    open_: Open = False,
) -> None:
    """Generate or load a catalogue, index it, serve it, and print commands to try it."""
    from ltrr_haystack.server.demo import demo as run

    with report_errors():
        configure_store(store, home)
        run(data, home=home, host=host, port=port, everybody=open_, safe_start=safe_start)
