"""The commands for what is known of all documents together: `ltrr catalogue build`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ltrr_haystack.catalogue import LexiconCollector, LexiconFields, StatisticsCollector, publish
from ltrr_haystack.catalogue import build as read_all
from ltrr_haystack.catalogue.analysis import DEFAULT_LANGUAGE
from ltrr_haystack.catalogue.fields import DEFAULT_FIELDS
from ltrr_haystack.catalogue.snapshots import odd_text
from ltrr_haystack.cli.options import Home, Store, configure_store, report_errors
from ltrr_haystack.components.catalogue_writer import CatalogueWriter
from ltrr_haystack.errors import ConfigurationError
from ltrr_haystack.store import CATALOGUE, LEXICON, LTRRStore

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Count the words and the metadata's values of all documents, for the ranker and for understanding queries."""


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
            "CatalogueWriter has it, or content and meta.title)",
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
    lexicon_field: Annotated[
        list[str] | None,
        typer.Option(
            help="A field of the lexicon, such as meta.artist; can be repeated. (default: as the pipeline's "
            "CatalogueWriter has the lexicon, or none)",
            show_default=False,
        ),
    ] = None,
    lexicon_category: Annotated[
        str | None,
        typer.Option(help="With --lexicon-field: the field with a document's categories, such as meta.genre."),
    ] = None,
    lexicon_popularity: Annotated[
        str | None,
        typer.Option(help="With --lexicon-field: the field with a document's popularity."),
    ] = None,
    lexicon_aliases: Annotated[
        list[str] | None,
        typer.Option(
            help="With --lexicon-field: a field, = and the field with other names of its value, such as "
            "meta.artist=meta.aliases; can be repeated.",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    home: Home = None,
) -> None:
    """
    Count the words and the metadata's values of all documents anew, in one pass over the document store.

    Servers take them up at once.
    """
    from ltrr_haystack.routers import load_pipeline
    from ltrr_haystack.server.bundled import bundled_folder
    from ltrr_haystack.server.indexes import require_indexes

    with report_errors():
        configure_store(store, home)
        file = pipeline or bundled_folder("pipelines") / "indexing" / "indexing.yml"
        indexing = load_pipeline(file)
        parts = [indexing.get_component(name) for name in indexing.graph.nodes]
        writer = next((part for part in parts if isinstance(part, CatalogueWriter)), None)
        fields, stemmed = (DEFAULT_FIELDS, DEFAULT_LANGUAGE) if writer is None else (writer.fields, writer.language)
        if language is not None:
            stemmed = None if language == "none" else language
        declared = _declared(lexicon_field, lexicon_category, lexicon_popularity, lexicon_aliases)
        if declared is None and writer is not None:
            declared = writer.lexicon
        words = StatisticsCollector(field or fields, stemmed)
        values = None if declared is None else LexiconCollector(declared)
        documents = _document_store(parts, file)
        require_indexes(parts)
        with Console(stderr=True).status("Reading documents …") as status:
            read = read_all(
                documents,
                [words] if values is None else [words, values],
                lambda read: status.update(f"{read:,} documents read …"),
            )
        if not read:
            raise ConfigurationError(f"the document store of '{file}' has no documents; index them first")
        opened = LTRRStore() if store is not None or writer is None else writer.store
        versions = publish(opened, words.statistics(), *([] if values is None else [values.counts()]))
        for name, each in words.statistics().fields.items():
            typer.echo(
                f"{name}: {each.documents:,} documents, {each.mean_words:,.1f} words in the mean, "
                f"{len(each.frequencies):,} stems"
            )
        for name, of_field in ({} if values is None else values.counts().fields).items():
            typer.echo(f"{name}: {of_field.documents:,} documents, {len(of_field.values):,} values in the lexicon")
            if odd := odd_text(name, of_field):
                typer.echo(f"{odd} that few other documents have there; filters do not find them")
        active = " and ".join(
            f"{kind} {version}" for kind, version in zip((CATALOGUE, LEXICON), versions, strict=False)
        )
        typer.echo(f"{read:,} documents counted; {active} {'is' if values is None else 'are'} active")


def _declared(
    fields: list[str] | None, category: str | None, popularity: str | None, aliases: list[str] | None
) -> LexiconFields | None:
    if fields:
        return LexiconFields(fields, category, popularity, dict(map(_pair, aliases or [])))
    if category or popularity or aliases:
        raise ConfigurationError("--lexicon-category, -popularity and -aliases need --lexicon-field beside them")
    return None


def _pair(text: str) -> tuple[str, str]:
    field, sign, where = text.partition("=")
    if not sign:
        raise ConfigurationError(f"--lexicon-aliases must be such as meta.artist=meta.aliases, got '{text}'")
    return field, where


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
