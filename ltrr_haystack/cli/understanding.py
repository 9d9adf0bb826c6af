"""The command that trains what is understood of queries: `ltrr train-understanding`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from haystack import Pipeline
from rich.console import Console

from ltrr_haystack.catalogue import active_lexicon
from ltrr_haystack.cli.options import (
    Home,
    JsonFile,
    Pipelines,
    Store,
    open_store,
    report_errors,
    require_writable,
    write_json,
)
from ltrr_haystack.components.memory_index_retriever import MemoryIndexRetriever
from ltrr_haystack.components.query_understanding import QueryUnderstanding
from ltrr_haystack.components.retrieval_arm import RetrievalArm
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.intents import QueryIntents
from ltrr_haystack.memory.fetch import DocumentFetcher
from ltrr_haystack.store import LTRRStore


def train_understanding(
    labels: Annotated[
        Path | None,
        typer.Option(
            help="File of labelled queries to train on: lines of query<TAB>category, or JSON objects with query and "
            "category.",
            show_default=False,
        ),
    ] = None,
    field: Annotated[
        str | None,
        typer.Option(
            help="Metadata field with a document's category, such as meta.type: train on what people clicked. "
            "(default: the category field of the lexicon, if --labels is not given)",
            show_default=False,
        ),
    ] = None,
    pipelines: Pipelines = None,
    store: Store = None,
    home: Home = None,
    min_queries: Annotated[int, typer.Option(help="Minimum number of labelled queries to train on.", min=1)] = 100,
    activate: Annotated[bool, typer.Option(help="Whether to activate a classifier that passes the gate.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of the split into training and held-out queries.")] = 0,
    json_file: JsonFile = None,
) -> None:
    """Train a classifier of what queries are after, and activate it if it is better than none and than what is live."""
    from ltrr_haystack.intents import labels_from_clicks, read_labels
    from ltrr_haystack.intents import train_understanding as train
    from ltrr_haystack.intents.report import render
    from ltrr_haystack.routers import load_search_pipeline
    from ltrr_haystack.server.bundled import bundled_folder

    with report_errors():
        if labels is not None and field is not None:
            raise ConfigurationError(
                "give either a file of labelled queries (--labels), or the metadata field with the category of what "
                "people clicked (--field), and not both"
            )
        require_writable(json_file)
        labelled = None if labels is None else read_labels(labels)
        opened = open_store(store, home)
        search = load_search_pipeline(pipelines or bundled_folder("pipelines"))
        if labelled is None:
            with Console(stderr=True).status("Reading what was clicked …"):
                labelled = labels_from_clicks(opened, _fetcher(search), field or _category_field(opened))
        with Console(stderr=True).status("Training …"):
            report = train(
                opened,
                labelled,
                embedder=_embedder(search),
                min_queries=min_queries,
                activate_if_passed=activate,
                seed=seed,
            )
        Console().print(render(report))
        if json_file is not None:
            write_json(json_file, report.to_dict())


def _parts(pipeline: Pipeline) -> Iterator[Any]:
    return (pipeline.get_component(name) for name in pipeline.graph.nodes)


def _category_field(store: LTRRStore) -> str:
    lexicon, _ = active_lexicon(store).current()
    if lexicon is None or lexicon.category is None:
        raise ConfigurationError(
            "give a file of labelled queries (--labels queries.tsv), or the metadata field with the category of what "
            "people clicked (--field meta.type); the store has no lexicon with a category field, which would be taken"
        )
    return f"meta.{lexicon.category}"


def _embedder(pipeline: Pipeline) -> Any:
    """The embedder with which the pipeline will serve the classifier; `None` where it has none."""
    understandings = [part for part in _parts(pipeline) if isinstance(part, QueryUnderstanding)]
    annotators = [each for part in understandings for each in part.annotators or ()]
    return next((each.embedder for each in annotators if isinstance(each, QueryIntents)), None)


def _fetcher(pipeline: Pipeline) -> DocumentFetcher:
    """Brings documents by what feedback knows them by, as the memory arm does."""
    from ltrr_haystack.server.indexes import require_indexes

    retrievers = [part.retriever for part in _parts(pipeline) if isinstance(part, RetrievalArm)]
    memory = next((each for each in retrievers if isinstance(each, MemoryIndexRetriever)), None)
    if memory is None:
        raise ConfigurationError(
            "the search pipeline has no arm with a MemoryIndexRetriever, which says where the documents are that were "
            "clicked; add one, or train on labels (--labels)"
        )
    require_indexes([memory])
    return DocumentFetcher(memory.document_store, memory.key)
