"""The embedded indexes that a command only reads."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from ltrr_haystack.errors import ConfigurationError, MissingExtraError


def require_indexes(parts: Iterable[object]) -> None:
    """
    Check that the embedded indexes on disk from which components read are there. Opening an index creates it.

    :param parts: The components; retrievers within them are looked into.
    :raises ConfigurationError: If an index is not there. The message names its folder.
    """
    with suppress(MissingExtraError):  # without tantivy there is none that could be opened
        from ltrr_haystack.embedded.tantivy import TantivyDocumentStore
        from ltrr_haystack.embedded.tantivy.paths import resolve_folder

        for store in [store for part in parts for store in _document_stores(part)]:
            if not isinstance(store, TantivyDocumentStore) or store.path is None:
                continue
            folder = resolve_folder(store.path)
            if not (folder / "meta.json").is_file():
                raise ConfigurationError(
                    f"there is no index at '{folder}', so no documents either; index them first, or set another folder "
                    "with --home, LTRR_INDEX or the path in the pipeline"
                )


def _document_stores(part: object) -> Iterator[object]:
    yield getattr(part, "document_store", None)
    if (retriever := getattr(part, "retriever", None)) is not None:
        yield from _document_stores(retriever)
