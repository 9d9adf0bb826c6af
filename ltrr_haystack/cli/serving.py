"""The commands that serve: `serve`, `demo`."""

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
    name_client_share,
    told,
    use_store,
)


class Address(Enum):
    """Which address stands for a client."""

    NONE = "none"
    PEER = "peer"
    FORWARDED = "forwarded"


Open = Annotated[
    bool, typer.Option("--open", help="Let everybody in who can reach the server, where there are no API keys.")
]
SafeStart = Annotated[
    bool, typer.Option(help="Play the baseline until the log shows that what was learned is worth more.")
]


def serve(
    pipelines: Pipelines = None,
    host: Host = "127.0.0.1",
    port: Port = 1416,
    store: Store = None,
    home: Home = None,
    documents: Annotated[
        Path | None,
        typer.Option(help="A BEIR folder whose documents (corpus.jsonl) are indexed first.", show_default=False),
    ] = None,
    learn: Annotated[bool, typer.Option(help="Whether a thread of the server learns from feedback.")] = True,
    reward_wait: Annotated[
        float | None,
        typer.Option(
            help="Seconds after a search at which its clicks count. (default: $LTRR_REWARD_WAIT or 1800)",
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
            help="Which address stands for a client: none; peer, the other end of the connection; or forwarded, the "
            "last entry of X-Forwarded-For, behind a proxy that writes it. (default: $LTRR_CLIENT_ADDRESS or none)",
            show_default=False,
        ),
    ] = None,
    key_rate: Annotated[
        float | None,
        typer.Option(
            help="Requests a second for one key, 0 for any number. (default: $LTRR_KEY_RATE or 100)",
            show_default=False,
            min=0,
        ),
    ] = None,
    address_rate: Annotated[
        float | None,
        typer.Option(
            help="The same for one address. (default: $LTRR_ADDRESS_RATE or 50, any number without keys on loopback)",
            show_default=False,
            min=0,
        ),
    ] = None,
    searches_at_once: Annotated[
        int | None,
        typer.Option(
            help="Searches at work at once; a few more wait. (default: $LTRR_SEARCHES_AT_ONCE, or 2 for each processor "
            "and at most 8)",
            show_default=False,
            min=1,
        ),
    ] = None,
) -> None:
    """
    Serve the pipelines of a folder with Hayhooks, and learn from the feedback.

    Without API keys (`ltrr keys add`, or $LTRR_API_KEYS) it listens on this machine alone.
    """
    from ltrr_haystack.evaluation.datasets import load_corpus
    from ltrr_haystack.server.bundled import provided
    from ltrr_haystack.server.serving import serve as run
    from ltrr_haystack.server.settings import ServerSettings

    with told():
        use_store(store, home)
        name_client_share(client_share)
        run(
            pipelines or provided("pipelines"),
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
    safe_start: SafeStart = False,
    open_: Open = False,
) -> None:
    """Make or load a catalogue, index it, serve it, and say how to search it and click on what is found."""
    from ltrr_haystack.server.demo import demo as run

    with told():
        use_store(store, home)
        run(data, home=home, host=host, port=port, everybody=open_, safe_start=safe_start)
