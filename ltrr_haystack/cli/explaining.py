"""The command that says why a page is as it is: `explain`."""

import json
import os
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from ltrr_haystack.cli.options import Home, Pipelines, Store, configure_store, report_errors, require_store

HERE = (
    "Searched in this process. A server on this store may decide differently, and so show another page, as ltrr demo "
    "does, which plays memory more often; --url asks it."
)


def explain(
    query: Annotated[str, typer.Argument(help="The query text.")],
    url: Annotated[
        str | None,
        typer.Option(help="URL of a running server to search instead of in this process.", show_default=False),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(help="API key for --url, with the scope search. (default: $LTRR_KEY)", show_default=False),
    ] = None,
    top_k: Annotated[int, typer.Option(help="Number of documents to show.", min=1, max=100)] = 10,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the response of POST /search/run as JSON instead.")
    ] = False,
    pipelines: Pipelines = None,
    store: Store = None,
    home: Home = None,
) -> None:
    """
    Search once, and say how the query is understood, and for each document why it stands where it does.

    The search is not logged, so nobody learns from it.
    """
    from ltrr_haystack.server.bundled import bundled_folder
    from ltrr_haystack.server.environment import disable_telemetry
    from ltrr_haystack.server.explaining import explain_in_process, explain_on_server

    with report_errors():
        if url is not None:
            answer = explain_on_server(url, query, top_k=top_k, api_key=api_key or os.environ.get("LTRR_KEY"))
        else:
            disable_telemetry()
            configure_store(store, home, create=False)
            answer = explain_in_process(
                pipelines or bundled_folder("pipelines"),
                query,
                top_k=top_k,
                check_store=lambda opened: require_store(opened, "set another one with --store or --home"),
            )
        if as_json:
            typer.echo(json.dumps(answer, indent=2))
        else:
            Console().print(_tables(answer))
            if url is None:
                Console().print(HERE)


def _tables(answer: dict[str, Any]) -> RenderableType:
    from ltrr_haystack.cli.explanation_tables import explanation_tables
    from ltrr_haystack.cli.understanding_tables import understanding_tables
    from ltrr_haystack.server.schemas import SearchAnswer, UnderstandingExplained

    if "explanation" in answer:
        return explanation_tables(SearchAnswer.model_validate(answer))
    return understanding_tables(UnderstandingExplained.model_validate(answer))
