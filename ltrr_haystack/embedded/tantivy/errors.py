"""Converts exceptions of tantivy into errors of a document store."""

from collections.abc import Iterator
from contextlib import contextmanager

from haystack.document_stores.errors import DocumentStoreError


@contextmanager
def convert_panics(message: str) -> Iterator[None]:
    """
    Convert a panic of tantivy's Rust code, which is a BaseException and would not be caught as an error.

    :param message: Beginning of the error's message.
    :raises DocumentStoreError: In place of the panic.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DocumentStoreError(f"{message}: {error}") from error


@contextmanager
def convert_errors(message: str) -> Iterator[None]:
    """
    Convert errors and panics of tantivy. It raises a plain ValueError for any failure.

    :param message: Beginning of the error's message: what cannot be done.
    :raises DocumentStoreError: In place of the ValueError or the panic.
    """
    try:
        with convert_panics(message):
            yield
    except Exception as error:
        # Subclasses of ValueError are raised by this package and by Haystack, not by tantivy.
        if type(error) is not ValueError:
            raise
        raise DocumentStoreError(f"{message}: {error}") from error
