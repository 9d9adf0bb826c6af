"""The commands for what is known of all documents together: `ltrr catalogue build`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ltrr_haystack.catalogue import StatisticsCollector, publish
from ltrr_haystack.catalogue import build as read_all
from ltrr_haystack.cli.options import Home, Store, configure_store, report_errors
from ltrr_haystack.components.catalogue_writer import CatalogueWriter
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store import LTRRStore

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Count the words of all documents, for the ranker's text features."""


@app.command()
def build(
    pipeline: Annotated[
        Path | None,
        typer.Option(
            help="YAML file of the pipeline that writes the documents. (default: the embedded one)", show_default=False
        ),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            help="A field to count in, such as meta.title; can be repeated. (default: as the pipeline's "
            "CatalogueWriter has it, or content)",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            help="ISO 639-1 code of the language to stem in, or none. (default: as the pipeline's CatalogueWriter has "
            "it, or en)",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    home: Home = None,
) -> None:
    """Count the words of all documents anew, in one pass over the document store. Servers take them up at once."""
    from ltrr_haystack.routers import load_pipeline
    from ltrr_haystack.server.bundled import bundled_folder

    with report_errors():
        configure_store(store, home)
        file = pipeline or bundled_folder("pipelines") / "indexing" / "indexing.yml"
        indexing = load_pipeline(file)
        parts = [indexing.get_component(name) for name in indexing.graph.nodes]
        writer = next((part for part in parts if isinstance(part, CatalogueWriter)), None)
        fields, stemmed = (["content"], "en") if writer is None else (writer.fields, writer.language)
        if language is not None:
            stemmed = None if language == "none" else language
        collector = StatisticsCollector(field or fields, stemmed)
        with Console(stderr=True).status("Reading documents …") as status:
            read = read_all(
                _document_store(parts, file), [collector], lambda read: status.update(f"{read:,} documents read …")
            )
        if not read:
            raise ConfigurationError(f"the document store of '{file}' has no documents; index them first")
        opened = LTRRStore() if store is not None or writer is None else writer.store
        [version] = publish(opened, collector.statistics())
        for name, each in collector.statistics().fields.items():
            typer.echo(
                f"{name}: {each.documents:,} documents, {each.mean_words:,.1f} words in the mean, "
                f"{len(each.frequencies):,} stems"
            )
        typer.echo(f"{read:,} documents counted; catalogue {version} is active")


def _document_store(parts: Iterable[Any], file: Path) -> Any:
    found = [part.document_store for part in parts if getattr(part, "document_store", None) is not None]
    different = [
        each for number, each in enumerate(found) if each.to_dict() not in [of.to_dict() for of in found[:number]]
    ]
    if len(different) != 1:
        raise ConfigurationError(
            f"the components of '{file}' have {len(different)} document stores, and one is needed; name the pipeline "
            "that writes the documents with --pipeline"
        )
    return different[0]
